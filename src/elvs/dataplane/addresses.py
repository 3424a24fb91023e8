"""Addresses of interfaces, by rtnetlink(7), in the namespace of the calling thread."""

import errno
import socket
import struct
from dataclasses import dataclass

from elvs.dataplane.netlink import CREATE, DUMP, EXCLUSIVE, Netlink, attribute, attributes
from elvs.model.address import Address, Family
from elvs.model.errors import PlatformError

HEADER = struct.Struct("=BBBBI")
"""struct ifaddrmsg: family, prefix length, flags, scope, index."""
NEW, DELETE, GET = 20, 21, 22
ADDRESS, LOCAL, FLAGS = 1, 2, 8
NO_DAD = 0x02
"""IFA_F_NODAD: a VIP moves between directors, and must serve at once."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """An address with its prefix length on an interface."""

    address: Address
    prefix: int
    index: int


def assigned() -> list[Assigned]:
    """All addresses of all interfaces."""
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        answers = netlink.ask(GET, HEADER.pack(0, 0, 0, 0, 0), DUMP)
    return [parse(body) for body in answers]


def parse(body: bytes) -> Assigned:
    """One RTM_NEWADDR body. On a point-to-point link IFA_ADDRESS is the peer's."""
    _, prefix, _, _, index = HEADER.unpack_from(body)
    found = attributes(body[HEADER.size :])
    return Assigned(Address(found[LOCAL] if LOCAL in found else found[ADDRESS]), prefix, index)


def add(address: Address, index: int) -> None:
    """Assign an address with the whole prefix length, without duplicate address detection."""
    body = _body(address, index)
    if address.family is Family.IPV6:
        body += attribute(FLAGS, struct.pack("=I", NO_DAD))
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        try:
            netlink.ask(NEW, body, CREATE | EXCLUSIVE)
        except OSError as error:
            raise _refused(f"cannot add {address}", error, index) from None


def remove(address: Address, index: int) -> None:
    """Take such an address away; one that is not there is no error."""
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        try:
            netlink.ask(DELETE, _body(address, index))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV):
                raise _refused(f"cannot remove {address}", error, index) from None


def _body(address: Address, index: int) -> bytes:
    packed = address.packed
    head = HEADER.pack(address.family, len(packed) * 8, 0, 0, index)
    return head + attribute(LOCAL, packed) + attribute(ADDRESS, packed)


def _refused(what: str, error: OSError, index: int) -> PlatformError:
    mend = ""
    if error.errno == errno.EPERM:
        mend = "run it with sudo"
    if error.errno == errno.EACCES:
        mend = f"sysctl -w net.ipv6.conf.{socket.if_indextoname(index)}.disable_ipv6=0"
    return PlatformError(f"{what}: {error.strerror}", mend)
