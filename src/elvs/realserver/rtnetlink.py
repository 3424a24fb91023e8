"""Addresses, routes and rules by rtnetlink(7), as a real server needs them.

Nothing is decided here. Every refusal is a PlatformError with the kernel's words.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from elvs.dataplane.netlink import (
    CREATE,
    DUMP,
    EXCLUSIVE,
    REPLACE,
    Netlink,
    attribute,
    attributes,
)
from elvs.model.address import Address, Family
from elvs.model.errors import PlatformError
from elvs.realserver.facts import InterfaceAddress, Rule
from elvs.realserver.route import HEADER as ROUTE_HEADER
from elvs.realserver.route import UNICAST, Route

LINK = struct.Struct("=BxHiII")
NEW_LINK, DELETE_LINK, GET_LINK = 16, 17, 18
IFLA_NAME, IFLA_MTU, IFLA_INFO, INFO_KIND = 3, 4, 18, 1
UP = 1

ADDRESS = struct.Struct("=BBBBI")
"""struct ifaddrmsg: family, prefix length, flags, scope, index."""
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 6, 8
NO_DAD = 2
SCOPE_HOST = 254
DEPRECATED = struct.pack("=IIII", 0, 0xFFFFFFFF, 0, 0)
"""struct ifa_cacheinfo: never preferred as a source, valid for ever."""

NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26

RULE = struct.Struct("=BBBBBBBBI")
"""struct fib_rule_hdr: family, dst_len, src_len, tos, table, two reserved, action, flags."""
NEW_RULE, DELETE_RULE, GET_RULE = 32, 33, 34
FRA_SRC, FRA_PRIORITY, FRA_SUPPRESS, FRA_TABLE, FRA_PROTO, FRA_SPORT = 2, 6, 14, 15, 22, 23
TO_TABLE = 1
TABLE_ELSEWHERE = 252
"""RT_TABLE_COMPAT: the number is in the attribute."""
NO_SUPPRESSION = 0xFFFFFFFF


@contextmanager
def _asking(what: str) -> Iterator[Netlink]:
    try:
        with Netlink(socket.NETLINK_ROUTE) as netlink:
            yield netlink
    except PermissionError:
        raise PlatformError(f"cannot {what}", "run as root") from None
    except OSError as error:
        raise PlatformError(f"cannot {what}: {error.strerror}") from None


def number(raw: bytes | None) -> int:
    return int.from_bytes(raw or b"", "little")


def word(value: int) -> bytes:
    return struct.pack("=I", value)


def set_up(index: int, name: str, up: bool) -> None:
    with _asking(f"set {name} {'up' if up else 'down'}") as netlink:
        netlink.ask(NEW_LINK, LINK.pack(0, 0, index, UP if up else 0, UP))


def add_link(name: str, kind: str) -> bool:
    """Make a device; False where the kernel has no such kind. One that is there is no error."""
    body = LINK.pack(0, 0, 0, 0, 0) + attribute(IFLA_NAME, name.encode() + b"\0")
    body += attribute(IFLA_INFO, attribute(INFO_KIND, kind.encode()))
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        try:
            netlink.ask(NEW_LINK, body, CREATE | EXCLUSIVE)
        except FileExistsError:  # loading the module has made it
            return True
        except PermissionError:
            raise PlatformError(f"cannot make {name}", "run as root") from None
        except OSError:  # EOPNOTSUPP; the words differ by kernel and say no more
            return False
    return True


def remove_link(index: int, name: str) -> None:
    with _asking(f"remove {name}") as netlink:
        netlink.ask(DELETE_LINK, LINK.pack(0, 0, index, 0, 0))


def addresses() -> list[tuple[int, InterfaceAddress]]:
    """(interface index, address) of this namespace."""
    with _asking("list addresses") as netlink:
        answers = netlink.ask(GET_ADDRESS, ADDRESS.pack(0, 0, 0, 0, 0), DUMP)
    found = []
    for body in answers:
        _, prefix, _, scope, index = ADDRESS.unpack_from(body)
        parts = attributes(body[ADDRESS.size :])
        address = Address(parts[IFA_LOCAL] if IFA_LOCAL in parts else parts[IFA_ADDRESS])
        found.append((index, InterfaceAddress(address, prefix, scope == SCOPE_HOST)))
    return found


def add_silent(address: Address, index: int) -> None:
    """Put a VIP on a device so that the kernel never chooses it as a source by itself.

    IPv4 by scope host, IPv6 as a deprecated address (RFC 6724, rule 3).
    """
    body = _address(address, index)
    if address.family is Family.IPV6:
        body += attribute(IFA_FLAGS, word(NO_DAD)) + attribute(IFA_CACHEINFO, DEPRECATED)
    with _asking(f"add {address}") as netlink:
        netlink.ask(NEW_ADDRESS, body, CREATE | EXCLUSIVE)


def remove_address(address: Address, index: int) -> None:
    with _asking(f"remove {address}") as netlink:
        netlink.ask(DELETE_ADDRESS, _address(address, index))


def _address(address: Address, index: int) -> bytes:
    packed = address.packed
    scope = SCOPE_HOST if address.family is Family.IPV4 else 0
    head = ADDRESS.pack(address.family, len(packed) * 8, 0, scope, index)
    return head + attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)


def routes(family: Family) -> list[Route]:
    """All unicast routes of a family, of every table."""
    with _asking("list routes") as netlink:
        answers = netlink.ask(GET_ROUTE, ROUTE_HEADER.pack(family, *[0] * 8), DUMP)
    found = [Route.decode(body) for body in answers]
    return [route for route in found if route.head[-1] == UNICAST]


def replace_route(route: Route) -> None:
    """Put `route` where one with the same destination, metric and table is."""
    with _asking("change a route") as netlink:
        netlink.ask(NEW_ROUTE, route.encode(), CREATE | REPLACE)


def add_route(route: Route) -> None:
    with _asking("add a route") as netlink:
        netlink.ask(NEW_ROUTE, route.encode(), CREATE | EXCLUSIVE)


def remove_route(route: Route) -> None:
    with _asking("remove a route") as netlink:
        netlink.ask(DELETE_ROUTE, route.encode())


def rules(family: Family) -> list[Rule]:
    """Rules by source address, as far as a `Rule` can tell them."""
    with _asking("list rules") as netlink:
        answers = netlink.ask(GET_RULE, RULE.pack(family, *[0] * 8), DUMP)
    return [rule for body in answers if (rule := _rule(body))]


def _rule(body: bytes) -> Rule | None:
    _, _, bits, _, table, _, _, action, flags = RULE.unpack_from(body)
    found = attributes(body[RULE.size :])
    source = found.get(FRA_SRC)
    if source is None or bits != len(source) * 8 or action != TO_TABLE or flags:
        return None
    first, last = struct.unpack("=HH", found.get(FRA_SPORT, bytes(4)))
    if first != last:
        return None
    return Rule(
        number(found.get(FRA_PRIORITY)),
        Address(source),
        number(found.get(FRA_TABLE)) or table,
        number(found.get(FRA_PROTO)),
        first,
        number(found.get(FRA_SUPPRESS, word(NO_SUPPRESSION))) == 0,
    )


def add_rule(rule: Rule) -> None:
    with _asking("add a rule") as netlink:
        netlink.ask(NEW_RULE, _rule_body(rule), CREATE | EXCLUSIVE)


def remove_rule(rule: Rule) -> None:
    with _asking("remove a rule") as netlink:
        netlink.ask(DELETE_RULE, _rule_body(rule))


def _rule_body(rule: Rule) -> bytes:
    source = rule.source.packed
    table = rule.table if rule.table < 256 else TABLE_ELSEWHERE
    body = RULE.pack(rule.source.family, 0, len(source) * 8, 0, table, 0, 0, TO_TABLE, 0)
    body += attribute(FRA_SRC, source) + attribute(FRA_PRIORITY, word(rule.priority))
    body += attribute(FRA_TABLE, word(rule.table))
    if rule.specific:
        body += attribute(FRA_SUPPRESS, word(0))
    if rule.protocol:
        body += attribute(FRA_PROTO, bytes([rule.protocol]))
    if rule.port:
        body += attribute(FRA_SPORT, struct.pack("=HH", rule.port, rule.port))
    return body
