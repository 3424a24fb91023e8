"""What the kernel says of a network interface: kind, driver, XDP features, XDP program on it.

Interfaces come from rtnetlink(7); features from the generic netlink family `netdev` (kernel 6.3).
All of it is about the network namespace of the calling thread.
"""

import array
import errno
import fcntl
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from elvs.dataplane.netlink import DUMP, Netlink, attribute, attributes
from elvs.model.errors import ElvsError

GENERIC = 16
"""NETLINK_GENERIC."""
CONTROL, GET_FAMILY, FAMILY_ID, FAMILY_NAME = 16, 3, 1, 2
"""nlctrl, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME."""
DEV_GET, DEV_IFINDEX, DEV_XDP_FEATURES = 1, 1, 3
"""NETDEV_CMD_DEV_GET, NETDEV_A_DEV_*."""
GENERIC_HEADER = struct.Struct("=BBH")
LINK = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, type, index, flags, change."""
NEW_LINK, GET_LINK = 16, 18
NAME, MTU, PARENT, MASTER, LINK_INFO, XDP = 3, 4, 5, 10, 18, 43
"""IFLA_*; PARENT is IFLA_LINK."""
INFO_KIND = 1
XDP_ATTACHED, XDP_PROG_ID, XDP_DRV_PROG_ID, XDP_SKB_PROG_ID = 2, 4, 5, 6
UP = 1
SIOCETHTOOL, DRIVER_INFO = 0x8946, 3


class NoSuchInterface(ElvsError):
    """This network namespace has no interface of that name."""


class XdpFeature(IntFlag):
    """enum netdev_xdp_act: what a driver's native XDP can do."""

    BASIC = 1
    REDIRECT = 2
    NDO_XMIT = 4
    """Takes frames that others redirect to it. On veth only while the peer has XDP or GRO."""
    ZEROCOPY = 8
    HW_OFFLOAD = 16
    RX_SG = 32
    NDO_XMIT_SG = 64


class Attached(IntEnum):
    """enum of IFLA_XDP_ATTACHED: how a program stands on an interface."""

    NONE = 0
    NATIVE = 1
    GENERIC = 2
    HARDWARE = 3
    SEVERAL = 4


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface as RTM_GETLINK shows it."""

    name: str
    index: int
    kind: str
    """`veth`, `vlan`, `bond`...; empty for hardware."""
    mtu: int
    up: bool
    loopback: bool
    parent: int
    """ifindex below a VLAN device; of a veth the peer's; 0 = none."""
    attached: Attached
    programs: tuple[int, ...]
    """Ids of the XDP programs on it."""


def interfaces() -> list[Interface]:
    """All interfaces of this namespace, by index."""
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        answers = netlink.ask(GET_LINK, LINK.pack(0, 0, 0, 0, 0), DUMP)
    return sorted((parse_link(each) for each in answers), key=lambda found: found.index)


def interface(name: str) -> Interface:
    """The interface called `name`. Raises NoSuchInterface."""
    there = interfaces()
    for found in there:
        if found.name == name:
            return found
    names = ", ".join(each.name for each in there)
    raise NoSuchInterface(f"there is no interface {name} here", f"it has {names}")


def parse_link(body: bytes) -> Interface:
    """One RTM_NEWLINK body."""
    _, _, index, flags, _ = LINK.unpack_from(body)
    found = attributes(body[LINK.size :])
    xdp = attributes(found.get(XDP, b""))
    ids = (xdp.get(kind) for kind in (XDP_PROG_ID, XDP_DRV_PROG_ID, XDP_SKB_PROG_ID))
    return Interface(
        name=_text(found[NAME]),
        index=index,
        kind=_text(attributes(found.get(LINK_INFO, b"")).get(INFO_KIND, b"")),
        mtu=_number(found.get(MTU)),
        up=bool(flags & UP),
        loopback=bool(flags & 8),
        parent=_number(found.get(PARENT)),
        attached=Attached(xdp.get(XDP_ATTACHED, b"\0")[0]),
        programs=tuple(dict.fromkeys(_number(each) for each in ids if each)),
    )


def has_vlans(of: Interface) -> bool:
    """Whether VLAN devices stand on this interface."""
    return any(each.kind == "vlan" and each.parent == of.index for each in interfaces())


def xdp_features(index: int) -> XdpFeature | None:
    """What native XDP can do there; None where the kernel cannot say (before 6.3)."""
    with Netlink(GENERIC) as netlink:
        try:
            ask = GENERIC_HEADER.pack(GET_FAMILY, 1, 0) + attribute(FAMILY_NAME, b"netdev\0")
            (family,) = netlink.ask(CONTROL, ask)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        number = _short(attributes(family[GENERIC_HEADER.size :])[FAMILY_ID])
        ask = GENERIC_HEADER.pack(DEV_GET, 1, 0) + attribute(DEV_IFINDEX, struct.pack("=I", index))
        (device,) = netlink.ask(number, ask)
    (bits,) = struct.unpack("=Q", attributes(device[GENERIC_HEADER.size :])[DEV_XDP_FEATURES])
    return XdpFeature(bits)


def driver(name: str) -> str:
    """The name of the driver, as `ethtool -i` has it; empty where there is none (lo)."""
    buffer = array.array("B", struct.pack("=I192x", DRIVER_INFO))
    pointer, _ = buffer.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), pointer))
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                return ""
            raise
    return _text(buffer.tobytes()[4:36])


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode()


def _number(raw: bytes | None) -> int:
    return int.from_bytes(raw[:4], "little") if raw else 0


def _short(raw: bytes) -> int:
    return int.from_bytes(raw[:2], "little")
