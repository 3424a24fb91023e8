"""A netlink socket and its attributes, nothing else: no message of any family is known here.

See netlink(7). The kernel's own words about a refused request (extended ack, 4.12) become part of
the error. The standard library is enough and costs no start-up time.
"""

import os
import socket
import struct
from collections.abc import Iterator

HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port."""
ATTRIBUTE = struct.Struct("=HH")
CODE = struct.Struct("=i")
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400
"""NLM_F_*."""
ERROR, DONE = 2, 3
CAPPED, ACK_HAS_ATTRIBUTES = 0x100, 0x200
ACK_MESSAGE = 1
SOL_NETLINK, CAP_ACK, EXT_ACK = 270, 10, 11
TYPE_MASK = 0x3FFF
"""Without NLA_F_NESTED and NLA_F_NET_BYTEORDER."""
BUFFER = 1 << 17


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute, padded."""
    length = ATTRIBUTE.size + len(data)
    return ATTRIBUTE.pack(length, kind) + data + bytes(-length % 4)


def attributes(body: bytes) -> dict[int, bytes]:
    """Attributes by kind; of several of one kind the last."""
    found: dict[int, bytes] = {}
    at = 0
    while at + ATTRIBUTE.size <= len(body):
        length, kind = ATTRIBUTE.unpack_from(body, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & TYPE_MASK] = body[at + ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return found


class Netlink:
    """A socket in the network namespace of the calling thread; use it in a `with`."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.setsockopt(SOL_NETLINK, CAP_ACK, 1)
        self._socket.setsockopt(SOL_NETLINK, EXT_ACK, 1)
        self._socket.bind((0, 0))
        self._sequence = 0

    def ask(self, kind: int, body: bytes, flags: int = 0) -> list[bytes]:
        """Send a request and wait for its end; the bodies of all answers.

        Raises OSError with the kernel's errno and, where it has some, its words.
        """
        self._sequence += 1
        flags |= REQUEST if flags & DUMP == DUMP else REQUEST | ACK
        head = HEADER.pack(HEADER.size + len(body), kind, flags, self._sequence, 0)
        self._socket.send(head + body)
        return list(self._answers())

    def _answers(self) -> Iterator[bytes]:
        while True:
            data = self._socket.recv(BUFFER)
            at = 0
            while at + HEADER.size <= len(data):
                length, kind, flags, sequence, _ = HEADER.unpack_from(data, at)
                body = data[at + HEADER.size : at + length]
                at += length + 3 & ~3
                if sequence != self._sequence:  # what is left of a request that was given up
                    continue
                if kind in (ERROR, DONE):
                    _check(body, flags, kind)
                    return
                yield body

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check(body: bytes, flags: int, kind: int) -> None:
    """Raise what the end of an answer says, if it says an error."""
    (code,) = CODE.unpack_from(body) if len(body) >= CODE.size else (0,)
    if code >= 0:
        return
    words = os.strerror(-code)
    if flags & ACK_HAS_ATTRIBUTES:
        at = CODE.size + (HEADER.size if kind == ERROR else 0)
        said = attributes(body[at:]).get(ACK_MESSAGE)
        if said:
            words = said.rstrip(b"\0").decode(errors="replace")
    raise OSError(-code, words)
