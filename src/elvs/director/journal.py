"""The journal: what a transaction is about to write, so that a death half-way is mended.

The file comes into being by a rename, whole or not at all. While it names ops, they may be half
done; the next holder of the lock does all of them again. What died before the rename has written
nothing to the maps. It lives on a tmpfs: like the maps it outlives the process, not the machine.

When the ops are done, the file keeps (or goes, if there are none) the areas of the pool that were
given up so lately that a running program may still read them.
"""

# ruff: noqa: PTH104, PTH108, PTH123

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress

from elvs.director.ops import Area, Op, Put, Remove, Store
from elvs.director.unfinished import HEADER, MAGIC, unfinished
from elvs.model.errors import ElvsError, PlatformError
from elvs.model.value import dataclass

TYPE_CHECKING = False  # typing and pathlib take 7 ms, which a command does not have
if TYPE_CHECKING:
    from os import PathLike

AREA = struct.Struct("<III")
"""Offset, length, tick (0 when released)."""
OP = struct.Struct("<B15sQQ")
"""Kind, map, offset (Store) or number of entries (Put), bytes that follow."""
ENTRY = struct.Struct("<HH")
STORE, PUT, REMOVE = range(3)


class JournalDamaged(ElvsError):
    """The journal is there and cannot be read: nobody knows what is half done."""


@dataclass(frozen=True, slots=True)
class Resting:
    """An area of the pool that was given up at `tick`."""

    area: Area
    tick: int


@dataclass(frozen=True, slots=True)
class Record:
    """What the file says: ops that may be half done, what they release, and resting areas."""

    ops: Sequence[Op] = ()
    released: Sequence[Area] = ()
    resting: Sequence[Resting] = ()


class Journal:
    """The journal of one director. The caller holds the director's lock for all but `is_open`."""

    def __init__(self, directory: "str | PathLike[str]") -> None:
        self._directory = os.fspath(directory)
        self.path = f"{self._directory}/journal"

    def is_open(self) -> bool:
        """Whether a transaction is under way or was left half done; needs no lock."""
        return unfinished(self._directory)

    def read(self) -> Record:
        """The record, empty where there is no file; raises JournalDamaged."""
        try:
            with open(self.path, "rb") as file:
                raw = file.read()
        except FileNotFoundError:
            return Record()
        record = decode(raw)
        if record is None:
            raise JournalDamaged(
                f"{self.path} is damaged", "remove it, then look at the services with elvs-ipvsadm"
            )
        return record

    def write(self, record: Record) -> None:
        """Put `record` in the place of the former one; an empty one removes the file."""
        try:
            if not record.ops and not record.resting:
                with suppress(FileNotFoundError):
                    os.unlink(self.path)
                return
            fresh = f"{self.path}.new"
            with open(fresh, "wb") as file:
                file.write(encode(record))
            os.rename(fresh, self.path)
        except OSError as error:
            raise PlatformError(
                f"cannot write {self.path}: {error.strerror}", "look at the room in /run"
            ) from None


def encode(record: Record) -> bytes:
    parts = [AREA.pack(area.offset, area.length, 0) for area in record.released]
    parts += [AREA.pack(r.area.offset, r.area.length, r.tick) for r in record.resting]
    for op in record.ops:
        parts += encode_op(op)
    body = b"".join(parts)
    counts = len(record.ops), len(record.released), len(record.resting)
    return HEADER.pack(MAGIC, zlib.crc32(body), len(body), *counts) + body


def encode_op(op: Op) -> tuple[bytes, bytes]:
    name = op.map.encode()
    if isinstance(op, Store):
        return OP.pack(STORE, name, op.offset, len(op.data)), op.data
    if isinstance(op, Put):
        body = b"".join(ENTRY.pack(len(k), len(v)) + k + v for k, v in op.entries)
        return OP.pack(PUT, name, len(op.entries), len(body)), body
    return OP.pack(REMOVE, name, 0, len(op.key)), op.key


def decode(raw: bytes) -> Record | None:
    """The record in `raw`, or None when it is not whole."""
    if len(raw) < HEADER.size:
        return None
    magic, checksum, length, ops, released, resting = HEADER.unpack_from(raw)
    body = raw[HEADER.size :]
    if magic != MAGIC or len(body) != length or zlib.crc32(body) != checksum:
        return None
    start = (released + resting) * AREA.size
    areas = [Resting(Area(o, n), t) for o, n, t in AREA.iter_unpack(body[:start])]
    return Record(
        tuple(decode_ops(body, start, ops)),
        tuple(item.area for item in areas[:released]),
        tuple(areas[released:]),
    )


def decode_ops(body: bytes, at: int, count: int) -> Iterator[Op]:
    for _ in range(count):
        kind, name, number, length = OP.unpack_from(body, at)
        at += OP.size
        data, table = body[at : at + length], name.rstrip(b"\0").decode()
        at += length
        if kind == STORE:
            yield Store(table, number, data)
        elif kind == PUT:
            yield Put(table, tuple(decode_entries(data)))
        else:
            yield Remove(table, data)


def decode_entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        key, value = ENTRY.unpack_from(data, at)
        at += ENTRY.size
        yield data[at : at + key], data[at + key : at + key + value]
        at += key + value
