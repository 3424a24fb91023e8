"""Offloads of an interface, set through ioctl(SIOCETHTOOL) (linux/ethtool.h, linux/sockios.h).

Native XDP loses the note that a checksum is still to be filled in (CHECKSUM_PARTIAL), so in a
lab nobody may leave that work to the receiver; and a veth takes redirected frames only while its
peer has GRO or a program of its own.
"""

import array
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
SET_TX_CHECKSUM = 0x17
SET_GRO = 0x2C


def send_whole_packets(control: socket.socket, interface: str) -> None:
    """Checksums are computed and segments cut before a packet leaves (`ethtool -K IF tx off`)."""
    _set(control, interface, SET_TX_CHECKSUM, 0)


def merge_received(control: socket.socket, interface: str) -> None:
    """`ethtool -K IF gro on`."""
    _set(control, interface, SET_GRO, 1)


def _set(control: socket.socket, interface: str, command: int, value: int) -> None:
    """`control` is any socket of the interface's namespace."""
    argument = array.array("I", (command, value))
    pointer, _ = argument.buffer_info()
    fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", interface.encode(), pointer))
