"""Live figures: what the data plane counts. Never part of what an operator declares."""

from elvs.model.service import Method, Protocol, RealServer, RealServerKey, Service, ServiceKey
from elvs.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """Connections scheduled, packets and bytes (IP total length) by direction.

    `in` is client to server, `out` the answers that pass the director.
    """

    connections: int = 0
    in_packets: int = 0
    out_packets: int = 0
    in_bytes: int = 0
    out_bytes: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(
            self.connections + other.connections,
            self.in_packets + other.in_packets,
            self.out_packets + other.out_packets,
            self.in_bytes + other.in_bytes,
            self.out_bytes + other.out_bytes,
        )

    def __sub__(self, other: "Counters") -> "Counters":
        return Counters(
            self.connections - other.connections,
            self.in_packets - other.in_packets,
            self.out_packets - other.out_packets,
            self.in_bytes - other.in_bytes,
            self.out_bytes - other.out_bytes,
        )


@dataclass(frozen=True, slots=True)
class RealServerView:
    """A real server with its figures; `rates` are per second, averaged as IPVS's estimator does."""

    server: RealServer
    active: int
    inactive: int
    persistent: int
    counters: Counters
    rates: Counters


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A virtual service with its figures; `servers` newest first."""

    service: Service
    counters: Counters
    rates: Counters
    servers: tuple[RealServerView, ...]


@dataclass(frozen=True, slots=True)
class Connection:
    """One entry of the connection table."""

    protocol: Protocol
    client: RealServerKey
    """Address and port of the client (CIP)."""
    virtual: RealServerKey
    """Address and port that the client talks to (VIP)."""
    real: RealServerKey
    """Address and port that the real server gets."""
    method: Method
    state: str
    """Name as ipvsadm prints it, for example ESTABLISHED."""
    expires: int
    """Seconds until the entry is dropped if nothing more comes."""
    service: ServiceKey | None
    """None when the service has been removed meanwhile."""
