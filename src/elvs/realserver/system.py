"""The kernel as the agent sees it, in the network namespace of the calling thread."""

import socket
import struct
from pathlib import Path

from elvs.dataplane.netlink import DUMP, Netlink, attributes
from elvs.model.address import Address, Family
from elvs.model.errors import PlatformError
from elvs.realserver import decap, filters, rtnetlink
from elvs.realserver.conditions.nat import TABLE
from elvs.realserver.facts import Decapsulator, Facts, Interface, InterfaceAddress, Rule
from elvs.realserver.route import MAIN, Route

SYSCTL = Path("/proc/sys")
ETHERNET = 1
"""ARPHRD_ETHER."""
NO_ARP = 0x80
"""IFF_NOARP."""


class Kernel:
    """`elvs.realserver.port.System` on Linux."""

    def facts(self) -> Facts:
        interfaces = _interfaces()
        names = {one.index: one.name for one in interfaces}
        routes = [route for family in Family for route in rtnetlink.routes(family)]
        there = decap.attached()
        return Facts(
            interfaces,
            all_arp_ignore=_conf("all", "arp_ignore"),
            all_arp_announce=_conf("all", "arp_announce"),
            all_rp_filter=_conf("all", "rp_filter"),
            defaults=tuple(one for one in routes if one.table == MAIN and one.is_default),
            ours=tuple(one for one in routes if one.table == TABLE),
            rules=tuple(rule for family in Family for rule in rtnetlink.rules(family)),
            clsact=frozenset(names[index] for index in filters.clsacts() if index in names),
            decapsulator=decap.describe(there, names),
        )

    def sysctl(self, name: str) -> str | None:
        try:
            return (SYSCTL / name).read_text().strip()
        except FileNotFoundError:
            return None

    def set_sysctl(self, name: str, value: str) -> None:
        try:
            (SYSCTL / name).write_text(value)
        except PermissionError:
            raise PlatformError(f"cannot set {name.replace('/', '.')}", "run as root") from None
        except OSError as error:
            raise PlatformError(
                f"cannot set {name.replace('/', '.')} to {value}: {error.strerror}"
            ) from None

    def set_up(self, interface: str, up: bool) -> None:
        rtnetlink.set_up(_index(interface), interface, up)

    def add_address(self, address: Address, interface: str) -> None:
        rtnetlink.add_silent(address, _index(interface))

    def remove_address(self, address: Address, interface: str) -> None:
        rtnetlink.remove_address(address, _index(interface))

    def add_tunnel(self, name: str, kind: str) -> bool:
        return rtnetlink.add_link(name, kind)

    def remove_tunnel(self, name: str) -> None:
        self.set_up(name, False)
        # of the device that its module made the kernel takes this for done and keeps it
        rtnetlink.remove_link(_index(name), name)

    def replace_route(self, route: Route) -> None:
        rtnetlink.replace_route(route)

    def add_route(self, route: Route) -> None:
        rtnetlink.add_route(route)

    def remove_route(self, route: Route) -> None:
        rtnetlink.remove_route(route)

    def add_rule(self, rule: Rule) -> None:
        rtnetlink.add_rule(rule)

    def remove_rule(self, rule: Rule) -> None:
        rtnetlink.remove_rule(rule)

    def add_clsact(self, interface: str) -> None:
        filters.add_clsact(_index(interface))

    def remove_clsact(self, interface: str) -> bool:
        return filters.remove_clsact(_index(interface))

    def decapsulate(self, wanted: Decapsulator | None) -> None:
        there = decap.attached()
        if wanted is None:
            decap.take(there)
            return
        present = decap.describe(there, {})
        current = present is not None and present.current
        decap.put(wanted, there, {_index(name) for name in wanted.interfaces}, current)

    def unpacked(self) -> dict[str, int]:
        return decap.counts(decap.attached())


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        raise PlatformError(f"there is no interface {name}") from None


def _conf(interface: str, key: str) -> int:
    return int((SYSCTL / "net/ipv4/conf" / interface / key).read_text())


def _interfaces() -> tuple[Interface, ...]:
    held: dict[int, list[InterfaceAddress]] = {}
    for index, address in rtnetlink.addresses():
        held.setdefault(index, []).append(address)
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        head = rtnetlink.LINK.pack(0, 0, 0, 0, 0)
        answers = netlink.ask(rtnetlink.GET_LINK, head, DUMP)
    return tuple(_interface(body, held) for body in answers)


def _interface(body: bytes, held: dict[int, list[InterfaceAddress]]) -> Interface:
    _, kind, index, flags, _ = struct.unpack_from("=BxHiII", body)
    found = attributes(body[rtnetlink.LINK.size :])
    name = found[rtnetlink.IFLA_NAME].rstrip(b"\0").decode()
    info = attributes(found.get(rtnetlink.IFLA_INFO, b""))
    return Interface(
        index,
        name,
        up=bool(flags & 1),
        loopback=bool(flags & 8),
        ethernet=kind == ETHERNET,
        arp=not flags & NO_ARP,
        kind=info.get(rtnetlink.INFO_KIND, b"").rstrip(b"\0").decode(),
        mtu=rtnetlink.number(found.get(rtnetlink.IFLA_MTU)),
        addresses=tuple(held.get(index, ())),
        arp_ignore=_conf(name, "arp_ignore"),
        arp_announce=_conf(name, "arp_announce"),
        rp_filter=_conf(name, "rp_filter"),
    )
