"""What a lab is made of, as frozen values: hosts, the links between them, addresses, routes.

Pure. It says what is to be there; `plan` says how.
"""

from dataclasses import dataclass
from enum import Enum

from elvs.model.address import Family
from elvs.model.service import Method


class Role(Enum):
    """What a host does in its lab."""

    CLIENT = "client"
    ROUTER = "router"
    SWITCH = "switch"
    DIRECTOR = "director"
    SERVER = "real server"


@dataclass(frozen=True, slots=True)
class Segment:
    """A network of both families: a /24 and a /64 in which hosts carry the same number."""

    v4: str
    """The first three bytes, as `198.51.100`."""
    v6: str
    """The prefix without its `::`, as `2001:db8:100`."""

    def address(self, number: int, family: Family) -> str:
        """The address of a host; its IPv6 form shows the decimal digits of `number`."""
        return f"{self.v4}.{number}" if family is Family.IPV4 else f"{self.v6}::{number}"

    def network(self, family: Family) -> str:
        return f"{self.v4}.0/24" if family is Family.IPV4 else f"{self.v6}::/64"


@dataclass(frozen=True, slots=True)
class Place:
    """A number, or several, in a segment: the addresses of one interface."""

    segment: Segment
    numbers: tuple[int, ...]

    def addresses(self, family: Family) -> tuple[str, ...]:
        return tuple(self.segment.address(number, family) for number in self.numbers)


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a link. A switch's ports have no place; they are joined by its bridge."""

    host: str
    name: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A veth pair."""

    a: Port
    b: Port


@dataclass(frozen=True, slots=True)
class Route:
    """A route of both families; no destination means the default route."""

    via: Place
    to: Segment | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """A network namespace."""

    name: str
    role: Role
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """A network around one director, made for one forwarding method."""

    name: str
    summary: str
    method: Method
    hosts: tuple[Host, ...]
    links: tuple[Link, ...]
    vip: Place
    """Where the virtual address belongs; it is not configured by the lab."""
    gateway: Place | None
    """The director's address that real servers answer through; None where answers bypass it."""

    def host(self, name: str) -> Host:
        """Raises KeyError for a name that is not there."""
        return {host.name: host for host in self.hosts}[name]

    def of_role(self, role: Role) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.role is role)

    def ports(self, host: str) -> tuple[Port, ...]:
        """The interfaces of a host, first link first."""
        return tuple(port for link in self.links for port in (link.a, link.b) if port.host == host)

    def addresses(self, host: str, family: Family) -> tuple[str, ...]:
        """All addresses of a host, first interface first."""
        return tuple(
            address
            for port in self.ports(host)
            if port.place is not None
            for address in port.place.addresses(family)
        )
