"""Errors that a user can meet. Each carries data; the edge (CLI, API) makes the text.

Subclass per kind of fault, next to the code that raises it when nobody else needs to tell
it apart, here when several rooms do.
"""


class ElvsError(Exception):
    """Something that the user asked for cannot be done.

    `what` names the thing and the fault, `mend` says how to put it right (may be empty).
    Both are one line without a full stop at the end.
    """

    exit_status = 1

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.what}; {self.mend}" if self.mend else self.what


class PlatformError(ElvsError):
    """The machine lacks what is needed: privilege, kernel feature, library, compiled object."""


class ServiceExists(ElvsError):
    """A virtual service with this key is there already."""


class NoSuchService(ElvsError):
    """No virtual service has this key."""


class RealServerExists(ElvsError):
    """The virtual service has this real server already."""


class NoSuchRealServer(ElvsError):
    """The virtual service has no such real server."""


class SchedulerNotFound(ElvsError):
    """No scheduler has this name."""


class InvalidValue(ElvsError):
    """A value is out of its range (the kernel's ERANGE) or makes no sense (EINVAL)."""

    def __init__(self, what: str, mend: str = "", *, out_of_range: bool = False) -> None:
        super().__init__(what, mend)
        self.out_of_range = out_of_range


class TableFull(ElvsError):
    """A table of the data plane has no room for what was asked."""
