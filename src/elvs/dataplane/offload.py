"""Offloads that hide packets from XDP, read and set by ioctl(SIOCETHTOOL) (linux/ethtool.h).

Generic XDP would see many segments merged into one packet (GRO, LRO), and a network card that
strips VLAN tags shows a VLAN's packet as one without.
"""

import array
import errno
import fcntl
import socket
import struct
from collections.abc import Mapping

from elvs.model.errors import PlatformError

SIOCETHTOOL = 0x8946
GET_FLAGS, SET_FLAGS, GET_GRO, SET_GRO = 0x25, 0x26, 0x2B, 0x2C
FLAGS = {"lro": 1 << 15, "rx-vlan": 1 << 8}
"""ETH_FLAG_*; named as `ethtool -K` does."""
MERGING = ("gro", "lro")
TAG_STRIPPING = ("rx-vlan",)


def read(interface: str, names: tuple[str, ...]) -> dict[str, bool]:
    """Which of the offloads are on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return {
            name: bool(_get(control, interface, GET_GRO))
            if name == "gro"
            else bool(_get(control, interface, GET_FLAGS) & FLAGS[name])
            for name in names
        }


def write(interface: str, wanted: Mapping[str, bool]) -> None:
    """Turn offloads on and off; raises PlatformError where the driver will not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for name, on in wanted.items():
            try:
                if name == "gro":
                    _call(control, interface, SET_GRO, int(on))
                else:
                    before = _get(control, interface, GET_FLAGS)
                    after = before | FLAGS[name] if on else before & ~FLAGS[name]
                    _call(control, interface, SET_FLAGS, after)
            except OSError as error:
                word = "on" if on else "off"
                raise PlatformError(
                    f"cannot turn {name} {word} on {interface}: {error.strerror}",
                    f"try ethtool -K {interface} {name} {word}",
                ) from None


def _get(control: socket.socket, interface: str, command: int) -> int:
    try:
        return _call(control, interface, command, 0)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return 0
        raise


def _call(control: socket.socket, interface: str, command: int, value: int) -> int:
    argument = array.array("I", (command, value))
    pointer, _ = argument.buffer_info()
    fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", interface.encode(), pointer))
    return argument[1]
