"""The connection tables as Connections, read from mapped memory while they change.

Layout: bpf/types.h (struct slot). What is being born is not LIVE yet, and of what died between
two words at least one is zero, so nothing half of one and half of another is listed.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from elvs.dataplane.layout import Bucket, ConnLife, ConnProtocol, Tails, TcpState
from elvs.dataplane.port import Tables
from elvs.director.ids import Clock
from elvs.director.overlay import Overlay
from elvs.director.rows import (
    SERVICE_FLAGS,
    SERVICE_KEY,
    SERVICE_LIVE,
    parse_server,
    parse_service_key,
    server_service,
)
from elvs.director.settings import STATES, TICKS_PER_SECOND, TIMEOUTS
from elvs.model.address import Address, Family
from elvs.model.figures import Connection
from elvs.model.service import Method, Protocol, RealServerKey, ServiceKey

WORDS = Bucket.SIZE // 8
SLOT_WORDS = 3
SLOTS = Bucket.slot.count
CHUNK = 8192
"""Buckets that are copied at once, 1 MB."""
LARGE = 65536
"""Buckets from which on importing numpy (0.1 s) is less than it saves."""

Place = tuple[int, int, int, int]
"""Number of a slot (bucket * SLOTS + index) and its three words."""

PROTOCOLS = {ConnProtocol.TCP: Protocol.TCP, ConnProtocol.UDP: Protocol.UDP}
TCP_STATES = {int(state): state.name for state in TcpState}


def read_connections(tables: Tables, clock: Clock) -> Iterator[Connection]:
    """The living connections of both families, in table order."""
    reader = Reader(tables, clock)
    for place in living(tables, "conn4"):
        yield reader.connection(place, Family.IPV4)
    for place in living(tables, "conn6"):
        yield reader.connection(place, Family.IPV6)


def living(tables: Tables, name: str) -> Iterator[Place]:
    """The slots of a table that hold a living connection."""
    large = tables.rows(name) >= LARGE and find_spec("numpy") is not None
    chunk_places = bulk_places(import_module("numpy")) if large else places
    memory = tables.memory(name)
    for first in range(0, tables.rows(name), CHUNK):
        raw = bytes(memory[first * Bucket.SIZE : (first + CHUNK) * Bucket.SIZE])
        for number, w0, w1, w2 in chunk_places(raw):
            yield first * SLOTS + number, w0, w1, w2


def places(raw: bytes) -> Iterator[Place]:
    """The living slots of some buckets."""
    words = memoryview(raw).cast("Q")
    empty = bytes(Bucket.SIZE)
    for bucket in range(len(words) // WORDS):
        if raw[bucket * Bucket.SIZE : (bucket + 1) * Bucket.SIZE] == empty:
            continue
        at = bucket * WORDS + 1
        for index in range(SLOTS):
            w0, w1, w2 = words[at : at + SLOT_WORDS]
            at += SLOT_WORDS
            if w2 >> 32 & 7 == ConnLife.LIVE and w0 and w1:
                yield bucket * SLOTS + index, w0, w1, w2


def bulk_places(numpy: Any) -> Any:
    """`places` by numpy: only living slots ever become Python's integers."""

    def find(raw: bytes) -> Iterator[Place]:
        words = numpy.frombuffer(raw, dtype="<u8").reshape(-1, WORDS)
        slots = words[:, 1:].reshape(-1, SLOT_WORDS)
        w0, w1, w2 = slots[:, 0], slots[:, 1], slots[:, 2]
        alive = numpy.flatnonzero((w2 >> 32 & 7 == ConnLife.LIVE) & (w0 != 0) & (w1 != 0))
        found = (column[alive].tolist() for column in (w0, w1, w2))
        return zip(alive.tolist(), *found, strict=True)

    return find


Shared = tuple[Protocol, RealServerKey, RealServerKey, Method, ServiceKey | None]


class Reader:
    """Turns slots into Connections; what many connections share is made once."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._overlay = Overlay(tables, clock)
        self._now = clock.tick
        self._tails = tables.memory("tails")
        size = TIMEOUTS.size
        self._timeouts = TIMEOUTS.unpack(bytes(tables.memory("settings")[:size]))
        self._shared: dict[tuple[int, int, Address | None], Shared] = {}
        self._servers: dict[int, tuple[RealServerKey, ServiceKey | None]] = {}

    def connection(self, place: Place, family: Family) -> Connection:
        number, w0, w1, w2 = place
        if family is Family.IPV4:
            client = Address((w0 >> 32).to_bytes(4, "little"))
            virtual = None
        else:
            client, virtual = self._addresses(number)
        kind, state = w1 >> 3 & 3, w2 >> 35 & 31
        key = (w0 & 0xFFFF, w1, virtual)
        shared = self._shared.get(key) or self._share(key)
        protocol, at, real, method, service = shared
        return Connection(
            protocol,
            RealServerKey(client, swapped(w0 >> 16 & 0xFFFF)),
            at,
            real,
            method,
            TCP_STATES.get(state, "NONE") if kind == 0 else protocol.name,
            self._expires(kind * STATES + (state & STATES - 1), w2 & 0xFFFFFFFF),
            service,
        )

    def _share(self, key: tuple[int, int, Address | None]) -> Shared:
        """What the word w1 and the virtual port say."""
        port, w1, virtual = key
        address = virtual or Address((w1 >> 32).to_bytes(4, "little"))
        at = RealServerKey(address, swapped(port))
        number = w1 >> 12 & 0xFFFFF
        server, service = self._servers.get(number) or self._server(number)
        real = server if server.port else RealServerKey(server.address, at.port)
        protocol = PROTOCOLS.get(ConnProtocol(w1 >> 3 & 3), Protocol.SCTP)
        made = (protocol, at, real, Method(w1 >> 9 & 7), service)
        self._shared[key] = made
        return made

    def _server(self, number: int) -> tuple[RealServerKey, ServiceKey | None]:
        row = self._overlay.server(number)
        owner = self._overlay.service(server_service(row))
        living = owner[SERVICE_FLAGS] & SERVICE_LIVE
        service = parse_service_key(owner[: SERVICE_KEY.size]) if living else None
        found = self._servers[number] = (parse_server(row).key, service)
        return found

    def _expires(self, timeout: int, used: int) -> int:
        idle = self._now - used & 0xFFFFFFFF
        left = self._timeouts[timeout] - (idle if idle < 1 << 31 else 0)
        return left // TICKS_PER_SECOND if left > 0 else 0

    def _addresses(self, number: int) -> tuple[Address, Address]:
        """The full addresses of an IPv6 connection."""
        row = number // SLOTS
        tail = Tails.tail.get(self._tails, row, number % SLOTS)
        return Address(tail[:16]), Address(tail[16:])


def swapped(port: int) -> int:
    """A port of the packet's byte order that was loaded as a little-endian number."""
    return port >> 8 | (port & 0xFF) << 8
