"""How the kernel would route to an address: a raw RTM_GETROUTE, since ipvsadm must start fast.

See rtnetlink(7). Many addresses are asked in one message; only the standard library is used.
"""

import _socket  # socket itself makes enums of hundreds of constants
import errno
import os
import struct
from _socket import AF_NETLINK, NETLINK_ROUTE, SOCK_RAW
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from enum import IntEnum

from elvs.model.address import Address, Family
from elvs.model.errors import PlatformError
from elvs.model.value import dataclass

HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
ROUTE = struct.Struct("=BBBBBBBBI")
"""struct rtmsg: family, destination and source length, TOS, table, protocol, scope, type, flags."""
ATTRIBUTE = struct.Struct("=HH")
INTERFACE = struct.Struct("=I")
GETROUTE, NEWROUTE, ERROR = 26, 24, 2
REQUEST = 1
DESTINATION, OUTPUT, PREFERRED_SOURCE = 1, 4, 7
AT_ONCE = 64
"""Questions in one message: their answers fit a socket's default buffer many times over."""


class Kind(IntEnum):
    """What a route does, numbered as RTN_*; NONE: there is none, or it refuses."""

    NONE = 0
    UNICAST = 1
    LOCAL = 2
    BROADCAST = 3
    ANYCAST = 4
    MULTICAST = 5


@dataclass(frozen=True, slots=True)
class Route:
    """The kernel's answer: output interface and source address (None where there is none)."""

    kind: Kind
    interface: int = 0
    source: Address | None = None


NOWHERE = Route(Kind.NONE)


def look_up(addresses: Iterable[Address]) -> Mapping[Address, Route]:
    """The routes to `addresses` in the caller's network namespace."""
    wanted = list(dict.fromkeys(addresses))
    found: dict[Address, Route] = {}
    if not wanted:
        return found
    try:
        with closing(_socket.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)) as netlink:
            netlink.bind((0, 0))
            for start in range(0, len(wanted), AT_ONCE):
                some = wanted[start : start + AT_ONCE]
                netlink.send(b"".join(question(a, n) for n, a in enumerate(some)))
                for number, route in answers(netlink, len(some)):
                    found[some[number]] = route
    except OSError as error:
        raise PlatformError(f"cannot ask the kernel for routes: {error.strerror}") from None
    return found


def question(address: Address, number: int) -> bytes:
    packed = address.packed
    attribute = ATTRIBUTE.pack(ATTRIBUTE.size + len(packed), DESTINATION) + packed
    body = ROUTE.pack(address.family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute
    return HEADER.pack(HEADER.size + len(body), GETROUTE, REQUEST, number, 0) + body


def answers(netlink: _socket.socket, count: int) -> Iterator[tuple[int, Route]]:
    """`count` answers with the numbers of their questions."""
    while count > 0:
        data = netlink.recv(1 << 17)
        at = 0
        while at < len(data):
            length, kind, _, number, _ = HEADER.unpack_from(data, at)
            if kind == NEWROUTE:
                yield number, parse(data[at + HEADER.size : at + length])
            elif kind == ERROR:
                yield number, refused(data[at + HEADER.size : at + length])
            count -= 1
            at += length + 3 & ~3


NO_ROUTE_ERRORS = {
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EACCES,
    errno.EINVAL,
    errno.EAGAIN,
}
"""How no route, unreachable, prohibit, blackhole and throw routes answer."""


def refused(body: bytes) -> Route:
    code = -int.from_bytes(body[:4], "little", signed=True)
    if code in NO_ROUTE_ERRORS:
        return NOWHERE
    raise OSError(code, os.strerror(code))


def parse(body: bytes) -> Route:
    """The route in an RTM_NEWROUTE message."""
    family, _, _, _, _, _, _, kind, _ = ROUTE.unpack_from(body)
    interface, source, at = 0, None, ROUTE.size
    while at + ATTRIBUTE.size <= len(body):
        length, name = ATTRIBUTE.unpack_from(body, at)
        value = body[at + ATTRIBUTE.size : at + length]
        if name == OUTPUT:
            (interface,) = INTERFACE.unpack(value)
        elif name == PREFERRED_SOURCE:
            source = Address.unpad(value, Family(family))
        at += length + 3 & ~3
    if kind not in Kind.__members__.values():
        return NOWHERE
    return Route(Kind(kind), interface, source)
