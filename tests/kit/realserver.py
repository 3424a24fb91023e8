"""A real server in memory: `elvs.realserver.port.System` whose kernel can be told to refuse."""

from dataclasses import replace

from elvs.model.address import Address
from elvs.model.errors import PlatformError
from elvs.realserver.facts import Decapsulator, Facts, Interface, InterfaceAddress, Rule
from elvs.realserver.route import MAIN, Route, default_by

RIP = Address.parse("10.0.0.2")
RIP6 = Address.parse("fd00::2")
ROUTER = Address.parse("10.0.0.254")
ROUTER6 = Address.parse("fd00::fe")
KEYS = ("arp_ignore", "arp_announce", "rp_filter")


def machine(**changes: object) -> Facts:
    """A server with lo and eth0 (10.0.0.2/24, fd00::2/64), a default route of each family."""
    lo = Interface(1, "lo", loopback=True, ethernet=False, mtu=65536)
    eth0 = Interface(2, "eth0", addresses=(InterfaceAddress(RIP, 24), InterfaceAddress(RIP6, 64)))
    facts = Facts((lo, eth0), defaults=(default_by(ROUTER, 2, MAIN), default_by(ROUTER6, 2, MAIN)))
    return replace(facts, **changes)  # type: ignore[arg-type]


class Fake:
    """Changes are carried out on `now`; number `refuse` of them (from 0) is refused."""

    def __init__(self, now: Facts, tunnels: bool = False, refuse: int | None = None) -> None:
        self.now = now
        self.tunnels = tunnels
        self.refuse = refuse
        self.changes = 0

    def facts(self) -> Facts:
        return self.now

    def sysctl(self, name: str) -> str | None:
        *_, interface, key = name.split("/")
        if interface == "all":
            return str(getattr(self.now, f"all_{key}"))
        one = self.now.interface(interface)
        return str(getattr(one, key)) if one else None

    def set_sysctl(self, name: str, value: str) -> None:
        *_, interface, key = name.split("/")
        if interface == "all":
            self._change(**{f"all_{key}": int(value)})
        else:
            self._change_interface(interface, **{key: int(value)})

    def set_up(self, interface: str, up: bool) -> None:
        self._change_interface(interface, up=up)

    def add_address(self, address: Address, interface: str) -> None:
        held = InterfaceAddress(address, len(address.packed) * 8, host_scope=True)
        self._change_interface(interface, addresses=(*self._held(interface), held))

    def remove_address(self, address: Address, interface: str) -> None:
        left = tuple(held for held in self._held(interface) if held.address != address)
        self._change_interface(interface, addresses=left)

    def add_tunnel(self, name: str, kind: str) -> bool:
        if self.tunnels and self.now.interface(name) is None:
            device = Interface(9, name, up=False, ethernet=False, arp=False, kind=kind)
            self._change(interfaces=(*self.now.interfaces, device))
        return self.tunnels

    def remove_tunnel(self, name: str) -> None:
        self._change(interfaces=tuple(one for one in self.now.interfaces if one.name != name))

    def replace_route(self, route: Route) -> None:
        self._change(
            defaults=tuple(route if one.leads_as(route) else one for one in self.now.defaults)
        )

    def add_route(self, route: Route) -> None:
        self._change(ours=(*self.now.ours, route))

    def remove_route(self, route: Route) -> None:
        self._change(ours=tuple(one for one in self.now.ours if one != route))

    def add_rule(self, rule: Rule) -> None:
        self._change(rules=(*self.now.rules, rule))

    def remove_rule(self, rule: Rule) -> None:
        self._change(rules=tuple(one for one in self.now.rules if one != rule))

    def add_clsact(self, interface: str) -> None:
        self._change(clsact=self.now.clsact | {interface})

    def remove_clsact(self, interface: str) -> bool:
        self._change(clsact=self.now.clsact - {interface})
        return True

    def decapsulate(self, wanted: Decapsulator | None) -> None:
        self._change(decapsulator=wanted)

    def unpacked(self) -> dict[str, int]:
        return {}

    def _held(self, interface: str) -> tuple[InterfaceAddress, ...]:
        device = self.now.interface(interface)
        assert device
        return device.addresses

    def _change(self, **changes: object) -> None:
        if self.changes == self.refuse:
            self.refuse = None
            raise PlatformError("the kernel refuses")
        self.changes += 1
        self.now = replace(self.now, **changes)  # type: ignore[arg-type]

    def _change_interface(self, name: str, **changes: object) -> None:
        self._change(
            interfaces=tuple(
                replace(one, **changes) if one.name == name else one  # type: ignore[arg-type]
                for one in self.now.interfaces
            )
        )
