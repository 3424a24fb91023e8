"""What a plan must know of the machine around the tables."""

from collections.abc import Mapping
from types import MappingProxyType

from elvs.director.route import NOWHERE, Kind, Route
from elvs.model.address import Address
from elvs.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Routes to all addresses that the changes name, attached interfaces, VIPs put up by us."""

    routes: Mapping[Address, Route] = MappingProxyType({})
    attached: frozenset[int] = frozenset()
    """Indices of the interfaces that forward."""
    interfaces: Mapping[int, str] = MappingProxyType({})
    """Index and name of all interfaces."""
    vips: frozenset[Address] = frozenset()
    """Addresses that stand on an interface here only for being VIPs."""

    def route(self, address: Address) -> Route:
        return self.routes.get(address, NOWHERE)

    def is_own(self, address: Address) -> bool:
        """Whether this is an address that the director itself is reached by."""
        return self.route(address).kind is Kind.LOCAL and address not in self.vips

    def unattached(self, address: Address) -> str | None:
        """The interface that packets to `address` leave by, if others forward and it does not."""
        route = self.route(address)
        if not self.attached or route.kind is not Kind.UNICAST or route.interface in self.attached:
            return None
        return self.interfaces.get(route.interface, f"interface {route.interface}")
