"""The connection table as it stands in the maps, read (and poked) from bpf/types.h's layout."""

from collections.abc import Iterator
from dataclasses import dataclass

from elvs.dataplane.layout import Bucket, ConnFlags, ConnLife, Slot, Tail, Tails
from tests.kit.world import World

SLOTS = 5
STATE_SHIFT, LIFE_SHIFT, FLAGS_SHIFT, HOP_SHIFT = 35, 32, 40, 52


@dataclass(frozen=True, slots=True)
class Conn:
    """One living slot. `place` is how many places from home it stands (0: at home)."""

    bucket: int
    slot: int
    server: int
    method: int
    place: int
    protocol: int
    state: int
    flags: ConnFlags
    hop: int
    tick: int
    client_port: int
    virtual_port: int
    client: bytes = b""
    """Full IPv6 address; empty for IPv4."""


def living(world: World, v6: bool = False) -> list[Conn]:
    """All connections of a family."""
    return list(_walk(world, v6))


def only(world: World, v6: bool = False) -> Conn:
    """The one connection there is."""
    (conn,) = _walk(world, v6)
    return conn


def force(world: World, conn: Conn, v6: bool, state: int, flags: int) -> None:
    """Put a connection into a state, with flags, as if a packet had done it just now."""
    word = conn.hop << HOP_SHIFT | flags << FLAGS_SHIFT | state << STATE_SHIFT
    word |= ConnLife.LIVE << LIFE_SHIFT | world.tick
    memory = world.tables.memory("conn6" if v6 else "conn4")
    at = conn.bucket * Bucket.SIZE + 8 + conn.slot * Slot.SIZE + Slot.w2.offset
    memory[at : at + 8] = word.to_bytes(8, "little")


def lives(world: World, v6: bool = False) -> dict[ConnLife, int]:
    """How many slots are in each stage of life."""
    memory = world.tables.memory("conn6" if v6 else "conn4")
    found = dict.fromkeys(ConnLife, 0)
    for bucket in range(world.buckets):
        for i in range(SLOTS):
            word = Slot.w2.get(Bucket.slot.get(memory, bucket, i))
            found[ConnLife(word >> LIFE_SHIFT & 7)] += 1
    return found


def head(world: World, bucket: int, v6: bool = False) -> tuple[int, int]:
    """How far to look from this bucket, and how many of its connections stand elsewhere."""
    word = Bucket.head.get(world.tables.memory("conn6" if v6 else "conn4"), bucket)
    return word & 15, word >> 8 & 0xFFFF


def _walk(world: World, v6: bool) -> Iterator[Conn]:
    memory = world.tables.memory("conn6" if v6 else "conn4")
    for bucket in range(world.buckets):
        row = Bucket.slot
        if not any(memory[bucket * Bucket.SIZE + 8 : (bucket + 1) * Bucket.SIZE]):
            continue
        for i in range(SLOTS):
            w0, w1, w2 = Slot.ROW.unpack(row.get(memory, bucket, i))
            if w2 >> LIFE_SHIFT & 7 != ConnLife.LIVE:
                continue
            client = b""
            if v6:
                tail = Tails.tail.get(world.tables.memory("tails"), bucket, i)
                client = Tail.client.get(tail)
            yield Conn(
                bucket=bucket,
                slot=i,
                server=w1 >> 12 & 0xFFFFF,
                method=w1 >> 9 & 7,
                place=w1 >> 5 & 15,
                protocol=w1 >> 3 & 3,
                state=w2 >> STATE_SHIFT & 31,
                flags=ConnFlags(w2 >> FLAGS_SHIFT & 31),
                hop=w2 >> HOP_SHIFT,
                tick=w2 & 0xFFFFFFFF,
                client_port=_host(w0 >> 16),
                virtual_port=_host(w0),
                client=client,
            )


def _host(port: int) -> int:
    return int.from_bytes((port & 0xFFFF).to_bytes(2, "little"), "big")
