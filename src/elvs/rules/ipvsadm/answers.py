"""What ipvsadm says when the kernel refuses (libipvs.c, ipvs_strerror), by our errors."""

from elvs.model.change import AddServer, Change, DeleteServer, EditServer
from elvs.model.errors import (
    ElvsError,
    InvalidValue,
    NoSuchRealServer,
    NoSuchService,
    RealServerExists,
    SchedulerNotFound,
    ServiceExists,
)

TEXTS: dict[type[ElvsError], str] = {
    ServiceExists: "Service already exists",
    SchedulerNotFound: "Scheduler or persistence engine not found",
    RealServerExists: "Destination already exists",
    NoSuchRealServer: "No such destination",
}


def refusal(error: ElvsError, change: Change | None = None) -> str:
    """One line; what ipvsadm has no words for is said in ours."""
    if isinstance(error, NoSuchService):
        of_server = isinstance(change, AddServer | EditServer | DeleteServer)
        return "Service not defined" if of_server else "No such service"
    if isinstance(error, InvalidValue) and error.out_of_range:
        return "Numerical result out of range"
    return TEXTS.get(type(error), str(error))
