"""The slots of a connection table that hold a living connection, taken apart.

Layout: bpf/types.h (struct slot). What is being born is not LIVE yet, and of what died between
two words at least one is zero, so nothing half of one and half of another is taken. Large tables
go by numpy where it is installed; both ways give the same.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from elvs.dataplane.layout import Bucket, ConnLife, Tails
from elvs.dataplane.port import Tables
from elvs.director.settings import STATES, TICKS_PER_SECOND

Entry = tuple[int, int, bytes, int, bytes, int, int]
"""Word w1 without its place, virtual port as loaded, client address and port, full VIP (empty for
IPv4, where w1 has it), protocol * STATES + state, seconds until it expires."""
Take = Callable[[bytes, bytes], Iterator[Entry]]
"""From some buckets and their tails (none for IPv4)."""

WORDS = Bucket.SIZE // 8
SLOTS = Bucket.slot.count
CHUNK = 8192
"""Buckets that are copied at once, 1 MB."""
LARGE = 65536
"""Buckets from which on importing numpy (0.1 s) is less than it saves."""
LOW = 0xFFFFFFFF
SHARED_W1 = ~(15 << 5) & (1 << 64) - 1
"""All of w1 but in which alternate bucket the slot lies."""
ADDRESS = 16
TAIL = Tails.SIZE // SLOTS


def living(tables: Tables, name: str, timeouts: Sequence[int], now: int) -> Iterator[Entry]:
    """The living connections of the map `name`; `timeouts` and `now` in ticks."""
    large = tables.rows(name) >= LARGE and find_spec("numpy") is not None
    take = by_numpy(import_module("numpy"), timeouts, now) if large else plainly(timeouts, now)
    memory = tables.memory(name)
    tails = tables.memory("tails") if name == "conn6" else memory[:0]
    for first in range(0, tables.rows(name), CHUNK):
        last = first + CHUNK
        raw = bytes(memory[first * Bucket.SIZE : last * Bucket.SIZE])
        yield from take(raw, bytes(tails[first * Tails.SIZE : last * Tails.SIZE]))


def swapped(port: int) -> int:
    """A port of the packet's byte order that was loaded as a little-endian number."""
    return port >> 8 | (port & 0xFF) << 8


def plainly(timeouts: Sequence[int], now: int) -> Take:
    """With Python's own integers."""

    def take(raw: bytes, tails: bytes) -> Iterator[Entry]:
        words = memoryview(raw).cast("Q")
        empty = bytes(Bucket.SIZE)
        for bucket in range(len(words) // WORDS):
            if raw[bucket * Bucket.SIZE : (bucket + 1) * Bucket.SIZE] == empty:
                continue
            for index in range(SLOTS):
                at = bucket * WORDS + 1 + index * 3
                w0, w1, w2 = words[at], words[at + 1], words[at + 2]
                if w2 >> 32 & 7 != ConnLife.LIVE or not w0 or not w1:
                    continue
                state = (w1 >> 3 & 3) * STATES + (w2 >> 35 & STATES - 1)
                idle = now - w2 & LOW
                left = timeouts[state] - (idle if idle < 1 << 31 else 0)
                client, virtual = (w0 >> 32).to_bytes(4, "little"), b""
                if tails:
                    client, virtual = ends(tails, bucket * SLOTS + index)
                yield (
                    w1 & SHARED_W1,
                    w0 & 0xFFFF,
                    client,
                    swapped(w0 >> 16 & 0xFFFF),
                    virtual,
                    state,
                    left // TICKS_PER_SECOND if left > 0 else 0,
                )

    return take


def ends(tails: bytes, number: int) -> tuple[bytes, bytes]:
    """The full IPv6 addresses of client and VIP of a slot."""
    start = number * TAIL
    middle = start + ADDRESS
    return tails[start:middle], tails[middle : start + TAIL]


def by_numpy(np: Any, timeouts: Sequence[int], now: int) -> Take:
    """With numpy: only what is listed ever becomes Python's integers."""
    limits = np.array(timeouts, dtype=np.int64)

    def take(raw: bytes, tails: bytes) -> Iterator[Entry]:
        words = np.frombuffer(raw, dtype="<u8").reshape(-1, WORDS)
        slots = words[:, 1:].reshape(-1, 3)
        alive = np.flatnonzero(
            (slots[:, 2] >> 32 & 7 == ConnLife.LIVE) & (slots[:, 0] != 0) & (slots[:, 1] != 0)
        )
        w0, w1, w2 = slots[alive].T
        state = ((w1 >> 3 & 3) * STATES + (w2 >> 35 & (STATES - 1))).astype(np.int64)
        idle = ((now - (w2 & LOW).astype(np.int64)) & LOW).astype("<u4").astype("<i4")
        left = limits[state] - np.maximum(idle, 0)
        port = (w0 >> 16 & 0xFFFF).astype("<u2").byteswap()
        numbers = alive.tolist()
        if tails:
            pairs = [ends(tails, number) for number in numbers]
            clients, virtuals = [c for c, _ in pairs], [v for _, v in pairs]
        else:
            packed = (w0 >> 32).astype("<u4").tobytes()
            clients = [packed[at : at + 4] for at in range(0, len(packed), 4)]
            virtuals = [b""] * len(numbers)
        return zip(
            (w1 & SHARED_W1).tolist(),
            (w0 & 0xFFFF).tolist(),
            clients,
            port.tolist(),
            virtuals,
            state.tolist(),
            (np.maximum(left, 0) // TICKS_PER_SECOND).tolist(),
            strict=True,
        )

    return take
