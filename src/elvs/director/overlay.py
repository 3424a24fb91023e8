"""The tables as a transaction sees them: the maps, and over them the rows that it changes.

Nothing is written here. Rows are read when they are asked for, so that one change among ten
thousand services reads what belongs to it and no more.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

from elvs.dataplane.port import Tables
from elvs.director import traffic
from elvs.director.filters import AddressFilter
from elvs.director.ids import Clock, FreeRows
from elvs.director.rows import (
    COUNTERS,
    ID,
    LOAD,
    POOL_ENTRY,
    SERVER,
    SERVER_AVAILABLE,
    SERVER_FLAGS,
    SERVER_LIVE,
    SERVICE,
    SERVICE_FLAGS,
    SERVICE_GENERATION,
    SERVICE_LIVE,
    SERVICE_POOL,
)
from elvs.model.address import Family

REMOVED = bytes(flags & (SERVER_LIVE | SERVER_AVAILABLE) == SERVER_LIVE for flags in range(256))
"""Flags byte -> 1 for a row that is in use by a server that has left its service."""
LIVE_SERVICE = bytes(flags & SERVICE_LIVE for flags in range(256))


class Overlay:
    """Reads through what a transaction has changed so far down to the maps."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self.tables = tables
        self.clock = clock
        self.services: dict[int, bytes] = {}
        self.servers: dict[int, bytes] = {}
        self.cursors: dict[int, int] = {}
        self.ids: dict[bytes, int | None] = {}
        self.ids_before: dict[bytes, int | None] = {}
        self.departed: dict[int, traffic.Row] = {}
        self.baselines: dict[int, traffic.Row] = {}
        self.rates_reset: set[int] = set()
        self.timeouts: dict[int, int] = {}
        """Index into settings.timeout -> ticks."""
        self.service_counts = [0, 0]
        """How many more (or fewer) services of IPv4 and IPv6 there are."""
        self.targets = AddressFilter("targets", tables.memory("targets"))
        self.sources = AddressFilter("sources", tables.memory("sources"))

    def count_service(self, family: Family, by: int) -> None:
        self.service_counts[family is Family.IPV6] += by

    def read(self, name: str, row: int, size: int) -> bytes:
        """A row as the maps have it."""
        return bytes(self.tables.memory(name)[row * size : (row + 1) * size])

    def service(self, number: int) -> bytes:
        found = self.services.get(number)
        return self.read("services", number, SERVICE.size) if found is None else found

    def server(self, number: int) -> bytes:
        found = self.servers.get(number)
        return self.read("servers", number, SERVER.size) if found is None else found

    def cursor(self, service: int) -> int:
        found = self.cursors.get(service)
        if found is None:
            return int.from_bytes(self.read("states", service, 8), "little")
        return found

    def service_id(self, key: bytes) -> int | None:
        """The id of a living service."""
        if key not in self.ids:
            raw = self.tables.get("service_ids", key)
            self.ids[key] = self.ids_before[key] = None if raw is None else ID.unpack(raw)[0]
        return self.ids[key]

    def set_service_id(self, key: bytes, number: int | None) -> None:
        """Make a service known by its key, or unknown."""
        self.service_id(key)
        self.ids[key] = number

    def living_services(self) -> Iterator[int]:
        """Ids of all services that the maps hold."""
        flags = self.flags("services", SERVICE.size, SERVICE_FLAGS).translate(LIVE_SERVICE)
        return positions(flags)

    def removed_servers(self) -> Iterator[int]:
        """Ids of the rows in the maps that are kept for connections of servers that have left."""
        return positions(self._server_flags.translate(REMOVED))

    def pool(self, word: int) -> Iterator[tuple[int, int]]:
        """Server id and weight of the entries of an area, newest first."""
        start, length = (word & 0xFFFFFFFF) * POOL_ENTRY.size, word >> 32
        raw = bytes(self.tables.memory("pool")[start : start + length * POOL_ENTRY.size])
        return POOL_ENTRY.iter_unpack(raw)

    def areas(self) -> list[int]:
        """Offset | length << 32 of the areas of all services in the maps, 0 for none."""
        words = self.tables.memory("services").cast("Q")
        areas: list[int] = words[SERVICE_POOL // 8 :: SERVICE.size // 8].tolist()
        return areas

    def newest_serial(self) -> int:
        words = self.tables.memory("services").cast("I")
        serials: list[int] = words[SERVICE_GENERATION // 4 :: SERVICE.size // 4].tolist()
        return max(serials)

    def free_servers(self) -> FreeRows:
        return FreeRows(self._server_flags)

    def free_services(self, held: set[int]) -> FreeRows:
        return FreeRows(self.flags("services", SERVICE.size, SERVICE_FLAGS), held)

    @cached_property
    def _server_flags(self) -> bytes:
        return self.flags("servers", SERVER.size, SERVER_FLAGS)

    def flags(self, name: str, size: int, offset: int) -> bytes:
        """One byte of each row of a map, row by row."""
        return self.tables.memory(name)[offset::size].tobytes()

    def idle(self, server: int) -> bool:
        """Whether no connection and no template refers to a server."""
        return not any(self.load(server))

    def load(self, server: int) -> tuple[int, int, int]:
        """Active and inactive connections and templates that refer to a server."""
        row = LOAD.unpack_from(self.tables.memory("loads"), server * LOAD.size)
        return row[0], row[1], row[2]

    def since_baseline(self, servers: Iterable[int]) -> dict[int, traffic.Row]:
        """What the servers count since they were last zeroed, by id."""
        wanted = list(servers)
        counted = traffic.counted(self.tables, wanted)
        since: dict[int, traffic.Row] = {}
        for number in wanted:
            row, baseline = counted[number], self.baseline(number)
            since[number] = row if baseline == traffic.NOTHING else traffic.minus(row, baseline)
        return since

    def baseline(self, server: int) -> traffic.Row:
        if server in self.baselines:
            return self.baselines[server]
        memory = self.tables.memory("baselines")
        return COUNTERS.unpack_from(memory, server * COUNTERS.size)

    def departed_of(self, service: int) -> traffic.Row:
        if service in self.departed:
            return self.departed[service]
        return COUNTERS.unpack(self.read("departed", service, COUNTERS.size))


def positions(marks: bytes) -> Iterator[int]:
    """Where `marks` has a 1."""
    at = marks.find(1)
    while at >= 0:
        yield at
        at = marks.find(1, at + 1)
