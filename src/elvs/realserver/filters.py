"""Our program in a device's clsact qdisc: found, put, taken by its handle and priority alone.

By rtnetlink(7) and not by libbpf, whose detaching can take the qdisc with everybody's filters.
"""

import socket
import struct

from elvs.dataplane.netlink import CREATE, DUMP, EXCLUSIVE, REPLACE, Netlink, attribute, attributes
from elvs.model.errors import PlatformError

TC = struct.Struct("=BxxxiIII")
"""struct tcmsg: family, interface, handle, parent, info."""
NEW_QDISC, DELETE_QDISC, GET_QDISC = 36, 37, 38
NEW_FILTER, DELETE_FILTER, GET_FILTER = 44, 45, 46
KIND, OPTIONS = 1, 2
BPF_FD, BPF_NAME, BPF_FLAGS, BPF_ID = 6, 7, 8, 11
DIRECT_ACTION = 1
CLSACT_PARENT, CLSACT = 0xFFFFFFF1, 0xFFFF0000
INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
HANDLE, PRIORITY = 2, 0xE1
"""Handle 1 of this priority is the director's slow path."""
INFO = PRIORITY << 16 | socket.htons(0x0003)
"""Priority and ETH_P_ALL."""


def _ask(what: str, kind: int, body: bytes, flags: int = 0) -> list[bytes]:
    try:
        with Netlink(socket.NETLINK_ROUTE) as netlink:
            return netlink.ask(kind, body, flags)
    except PermissionError:
        raise PlatformError(f"cannot {what}", "run as root") from None
    except OSError as error:
        raise PlatformError(f"cannot {what}: {error.strerror}") from None


def clsacts() -> set[int]:
    """Interface indexes that have the qdisc."""
    answers = _ask("list qdiscs", GET_QDISC, TC.pack(0, 0, 0, 0, 0), DUMP)
    return {
        TC.unpack_from(body)[1]
        for body in answers
        if attributes(body[TC.size :]).get(KIND) == b"clsact\0"
    }


def add_clsact(index: int) -> None:
    body = TC.pack(0, index, CLSACT, CLSACT_PARENT, 0) + attribute(KIND, b"clsact\0")
    _ask("add a clsact qdisc", NEW_QDISC, body, CREATE | EXCLUSIVE)


def remove_clsact(index: int) -> bool:
    """Take an empty qdisc away; False where filters stand in it."""
    if any(_filters(index, parent) for parent in (INGRESS, EGRESS)):
        return False
    body = TC.pack(0, index, CLSACT, CLSACT_PARENT, 0) + attribute(KIND, b"clsact\0")
    _ask("remove a clsact qdisc", DELETE_QDISC, body)
    return True


def attached(index: int) -> int | None:
    """The id of our program at the ingress of a device that has the qdisc."""
    for body in _filters(index, INGRESS):
        _, _, handle, _, info = TC.unpack_from(body)
        options = attributes(attributes(body[TC.size :]).get(OPTIONS, b""))
        if handle == HANDLE and info >> 16 == PRIORITY and BPF_ID in options:
            return int.from_bytes(options[BPF_ID], "little")
    return None


def attach(index: int, program: int) -> None:
    """Put the program of a descriptor there, in the place of ours if one is there."""
    options = attribute(BPF_FD, struct.pack("=I", program))
    options += attribute(BPF_NAME, b"elvs_realserver\0")
    options += attribute(BPF_FLAGS, struct.pack("=I", DIRECT_ACTION))
    body = TC.pack(0, index, HANDLE, INGRESS, INFO)
    body += attribute(KIND, b"bpf\0") + attribute(OPTIONS, options)
    _ask("attach the program that unpacks", NEW_FILTER, body, CREATE | REPLACE)


def detach(index: int) -> None:
    body = TC.pack(0, index, HANDLE, INGRESS, INFO) + attribute(KIND, b"bpf\0")
    _ask("detach the program that unpacks", DELETE_FILTER, body)


def _filters(index: int, parent: int) -> list[bytes]:
    return _ask("list filters", GET_FILTER, TC.pack(0, index, 0, parent, 0), DUMP)
