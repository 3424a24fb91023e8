"""The maps read row by row: what is there, by id.

Rows are read when they are asked for, so that one service among ten thousand costs what belongs
to it and no more.
"""

from collections.abc import Iterable, Iterator

from elvs.dataplane.port import Tables
from elvs.director import traffic
from elvs.director.rows import (
    COUNTERS,
    ID,
    LOAD,
    POOL_ENTRY,
    RATES,
    SERVER,
    SERVER_AVAILABLE,
    SERVER_FLAGS,
    SERVER_LIVE,
    SERVICE,
    SERVICE_FLAGS,
    SERVICE_LIVE,
)

REMOVED = bytes(flags & (SERVER_LIVE | SERVER_AVAILABLE) == SERVER_LIVE for flags in range(256))
"""Flags byte -> 1 for a row that is in use by a server that has left its service."""
LIVE_SERVICE = bytes(flags & SERVICE_LIVE for flags in range(256))


class View:
    """The tables as they are."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def read(self, name: str, row: int, size: int) -> bytes:
        """A row as the maps have it."""
        return bytes(self.tables.memory(name)[row * size : (row + 1) * size])

    def service(self, number: int) -> bytes:
        return self.read("services", number, SERVICE.size)

    def server(self, number: int) -> bytes:
        return self.read("servers", number, SERVER.size)

    def service_id(self, key: bytes) -> int | None:
        """The id of a living service."""
        raw = self.tables.get("service_ids", key)
        return None if raw is None else int(ID.unpack(raw)[0])

    def living_services(self) -> Iterator[int]:
        """Ids of all services that the maps hold."""
        flags = self.flags("services", SERVICE.size, SERVICE_FLAGS).translate(LIVE_SERVICE)
        return positions(flags)

    def removed_servers(self) -> Iterator[int]:
        """Ids of the rows in the maps that are kept for connections of servers that have left."""
        return positions(self.flags("servers", SERVER.size, SERVER_FLAGS).translate(REMOVED))

    def pool(self, word: int) -> Iterator[tuple[int, int]]:
        """Server id and weight of the entries of an area, newest first."""
        start, length = (word & 0xFFFFFFFF) * POOL_ENTRY.size, word >> 32
        raw = bytes(self.tables.memory("pool")[start : start + length * POOL_ENTRY.size])
        return POOL_ENTRY.iter_unpack(raw)

    def load(self, server: int) -> tuple[int, int, int]:
        """Active and inactive connections and templates that refer to a server."""
        row = LOAD.unpack_from(self.tables.memory("loads"), server * LOAD.size)
        return row[0], row[1], row[2]

    def averages(self, server: int) -> traffic.Row:
        """The estimator's averages, in fixed point."""
        memory = self.tables.memory("estimates")
        return RATES.unpack_from(memory, server * RATES.size)[1:]

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
        memory = self.tables.memory("baselines")
        return COUNTERS.unpack_from(memory, server * COUNTERS.size)

    def departed_of(self, service: int) -> traffic.Row:
        """What servers had counted that the service had once."""
        return COUNTERS.unpack_from(self.tables.memory("departed"), service * COUNTERS.size)

    def flags(self, name: str, size: int, offset: int) -> bytes:
        """One byte of each row of a map, row by row."""
        return self.tables.memory(name)[offset::size].tobytes()


def positions(marks: bytes) -> Iterator[int]:
    """Where `marks` has a 1."""
    at = marks.find(1)
    while at >= 0:
        yield at
        at = marks.find(1, at + 1)
