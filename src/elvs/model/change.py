"""What can be asked of a director. `Director.apply` takes a list of these, in order."""

from elvs.model.service import RealServer, RealServerKey, Service, ServiceKey
from elvs.model.value import dataclass


@dataclass(frozen=True, slots=True)
class AddService:
    """Add a virtual service; its `servers` are added with it, the last of the tuple first."""

    service: Service


@dataclass(frozen=True, slots=True)
class EditService:
    """Replace scheduler, flags, persistence of a service; `servers` is ignored."""

    service: Service


@dataclass(frozen=True, slots=True)
class DeleteService:
    key: ServiceKey


@dataclass(frozen=True, slots=True)
class AddServer:
    """Add a real server at the head of the service's list, as IPVS does."""

    service: ServiceKey
    server: RealServer


@dataclass(frozen=True, slots=True)
class EditServer:
    """Replace method, weight, thresholds and tunnel of a server, in its place."""

    service: ServiceKey
    server: RealServer


@dataclass(frozen=True, slots=True)
class DeleteServer:
    service: ServiceKey
    server: RealServerKey


@dataclass(frozen=True, slots=True)
class Clear:
    """Delete every virtual service."""


@dataclass(frozen=True, slots=True)
class Zero:
    """Start the counters of one service, or of all (`key` None), at zero again."""

    key: ServiceKey | None = None


@dataclass(frozen=True, slots=True)
class SetTimeouts:
    """Timeouts in seconds of TCP established, TCP FIN_WAIT and UDP; 0 leaves one as it is."""

    tcp: int = 0
    tcp_fin: int = 0
    udp: int = 0


Change = (
    AddService
    | EditService
    | DeleteService
    | AddServer
    | EditServer
    | DeleteServer
    | Clear
    | Zero
    | SetTimeouts
)
