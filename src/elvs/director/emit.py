"""What an overlay differs in from the maps, as writes in a safe order.

What is referred to is written before what refers to it; what goes is hidden before it is changed.
The commit of a service is one word, its place in the pool; of a new one, its entry in service_ids.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from struct import pack

from elvs.director import settings
from elvs.director.draft import Draft
from elvs.director.filters import words
from elvs.director.ids import FreeAreas
from elvs.director.journal import Resting
from elvs.director.ops import Area, Op, Put, Remove, Store
from elvs.director.overlay import Overlay
from elvs.director.rows import (
    COUNTERS,
    ID,
    POOL_ENTRY,
    RATES,
    RATES_AVERAGES,
    SERVER,
    SERVER_AVAILABLE,
    SERVER_FLAGS,
    SERVER_ROUTE,
    SERVICE,
    SERVICE_LIVE,
    SERVICE_OWN_ADDRESS,
    SERVICE_POOL,
    service_pool,
    service_row,
    service_wrr_max,
)
from elvs.model.errors import TableFull

NO_AVERAGES = bytes(RATES.size - RATES_AVERAGES)


def emit(
    overlay: Overlay, drafts: Iterable[Draft], resting: Sequence[Resting]
) -> tuple[list[Op], list[Area]]:
    """The ops of a plan, and the areas of the pool that they give up."""
    touched = [draft for draft in drafts if draft.touched]
    pools = Pools(overlay, resting)
    for draft in touched:
        pools.place(draft)
    rows = {draft.id: row_of(draft, pools.words[draft.id]) for draft in touched}
    fresh = [draft for draft in touched if draft.fresh and not draft.revived]
    known = [draft for draft in touched if not draft.fresh or draft.revived]
    coming, going = servers(overlay)
    targets_before, targets_after = overlay.targets.stores()
    sources_before, sources_after = overlay.sources.stores()
    ops: list[Op] = [*targets_before, *sources_before, *timeouts(overlay), *coming]
    ops += blocks("pool", POOL_ENTRY.size, pools.contents)
    ops += blocks("services", SERVICE.size, {draft.id: rows[draft.id] for draft in fresh})
    for draft in fresh:
        ops += cursor(overlay, draft)
    for draft in known:
        ops += commit(overlay, draft, rows[draft.id], pools.edits(draft))
    ops += service_ids(overlay)
    for number, row in overlay.services.items():
        old = overlay.read("services", number, SERVICE.size)
        ops += words("services", number * SERVICE.size, old, row)
    ops += going
    ops += [*figures(overlay), *service_counts(overlay), *targets_after, *sources_after]
    return ops, released(overlay, rows | overlay.services)


def row_of(draft: Draft, pool: int) -> bytes:
    flags = SERVICE_LIVE | (SERVICE_OWN_ADDRESS if draft.own_address else 0)
    return service_row(draft.service, pool, flags, draft.weights, draft.serial)


class Pools:
    """The lists of servers: new ones in free areas, other weights in their place."""

    def __init__(self, overlay: Overlay, resting: Sequence[Resting]) -> None:
        self._overlay = overlay
        self._resting = resting
        self._free: FreeAreas | None = None
        self.words: dict[int, int] = {}
        """Service id -> what its `pool` is to be."""
        self.contents: dict[int, bytes] = {}
        """First entry -> the entries of a new area."""

    def place(self, draft: Draft) -> None:
        if not draft.relisted and not draft.fresh:
            self.words[draft.id] = service_pool(self._overlay.service(draft.id))
            return
        length = len(draft.servers)
        offset = self._take(length) if length else 0
        self.words[draft.id] = length << 32 | offset
        if length:
            flat = chain.from_iterable(draft.newest_first())
            self.contents[offset] = pack(f"<{2 * length}I", *flat)

    def _take(self, length: int) -> int:
        rows = self._overlay.tables.rows("pool")
        if self._free is None:
            rest = [
                item.area.offset | item.area.length << 32
                for item in self._resting
                if not self._overlay.clock.rested(item.tick)
            ]
            self._free = FreeAreas(rows, chain(self._overlay.areas(), rest))
        offset = self._free.take(length)
        if offset is None:
            raise PoolFull(
                f"the pool of {rows} entries has no room for a list of {length} real servers",
                "attach with --servers N for a larger one",
            )
        return offset

    def edits(self, draft: Draft) -> Iterator[Store]:
        """Entries with another weight, each a word that commits itself."""
        if not draft.reweighed or draft.relisted or draft.fresh:
            return
        first = (self.words[draft.id] & 0xFFFFFFFF) + len(draft.servers) - 1
        for index, (key, entry) in enumerate(draft.servers.items()):
            if key in draft.reweighed:
                yield Store("pool", (first - index) * POOL_ENTRY.size, POOL_ENTRY.pack(*entry))


class PoolFull(TableFull):
    """No room for a list; a moment later areas that rest now may be free."""


def blocks(name: str, size: int, rows: Mapping[int, bytes]) -> Iterator[Store]:
    """Rows that nobody can see yet; neighbours become one write. A value may be several rows."""
    run: list[bytes] = []
    start = end = -1
    for number in sorted(rows):
        if number != end and run:
            yield Store(name, start * size, b"".join(run))
            run = []
        if not run:
            start = number
        run.append(rows[number])
        end = number + len(rows[number]) // size
    if run:
        yield Store(name, start * size, b"".join(run))


def servers(overlay: Overlay) -> tuple[list[Store], list[Store]]:
    """Rows that are there for new connections, and rows that go."""
    unseen: dict[int, bytes] = {}
    coming: list[Store] = []
    going: list[Store] = []
    memory = overlay.tables.memory("servers")
    for number, row in overlay.servers.items():
        start = number * SERVER.size
        if not memory[start + SERVER_FLAGS]:
            unseen[number] = row
            continue
        old = bytes(memory[start : start + SERVER.size])
        skip = SERVER_ROUTE if old[:16] == row[:16] else -1
        stores = going if not row[SERVER_FLAGS] & SERVER_AVAILABLE else coming
        stores += words("servers", start, old, row, skip)
    return [*blocks("servers", SERVER.size, unseen), *coming], going


def cursor(overlay: Overlay, draft: Draft) -> Iterator[Store]:
    word = draft.cursor.word
    if word != (draft.cursor_before if not draft.fresh else overlay.cursor(draft.id)):
        yield Store("states", draft.id * 8, word.to_bytes(8, "little"))


def commit(overlay: Overlay, draft: Draft, row: bytes, edits: Iterable[Store]) -> Iterator[Store]:
    """A service that may be in use goes over to its new list.

    While list and limits disagree, wrr must not look for a weight that no server has: the limits
    grow after the list and shrink before it.
    """
    start = draft.id * SERVICE.size
    old = overlay.read("services", draft.id, SERVICE.size)
    limits = [*words("services", start, old, row, SERVICE_POOL), *cursor(overlay, draft)]
    lists = list(edits)
    if service_pool(old) != service_pool(row):
        place = slice(SERVICE_POOL, SERVICE_POOL + 8)
        lists.append(Store("services", start + SERVICE_POOL, row[place]))
    if service_wrr_max(row) > service_wrr_max(old):
        yield from lists
        yield from limits
    else:
        yield from limits
        yield from lists


def service_ids(overlay: Overlay) -> Iterator[Op]:
    """Services become visible, or are to be found no more."""
    changed = [key for key, number in overlay.ids.items() if overlay.ids_before[key] != number]
    gone = [key for key in changed if overlay.ids[key] is None]
    new = tuple((k, ID.pack(n)) for k in changed if (n := overlay.ids[k]) is not None)
    if new:
        yield Put("service_ids", new)
    for key in gone:
        yield Remove("service_ids", key)


def figures(overlay: Overlay) -> Iterator[Store]:
    """Counters that begin at zero again, and what removed servers had counted."""
    for name, rows in (("departed", overlay.departed), ("baselines", overlay.baselines)):
        for number, row in rows.items():
            old = overlay.read(name, number, COUNTERS.size)
            yield from words(name, number * COUNTERS.size, old, COUNTERS.pack(*row))
    for number in overlay.rates_reset:
        yield Store("estimates", number * RATES.size + RATES_AVERAGES, NO_AVERAGES)


def timeouts(overlay: Overlay) -> Iterator[Store]:
    """The changed timeouts; in new tables all, and the protected ports."""
    memory = overlay.tables.memory("settings")
    old = bytes(memory[: settings.TIMEOUTS.size])
    ticks = list(settings.TIMEOUTS.unpack(old))
    if not any(ticks):
        ticks = settings.default_timeouts()
        end = settings.PORTS_OFFSET + settings.PORTS.size
        ports = bytes(memory[settings.PORTS_OFFSET : end])
        if not any(ports):
            yield from words("settings", settings.PORTS_OFFSET, ports, settings.default_ports())
    for place, value in overlay.timeouts.items():
        ticks[place] = value
    yield from words("settings", 0, old, settings.TIMEOUTS.pack(*ticks))


def service_counts(overlay: Overlay) -> Iterator[Store]:
    memory = overlay.tables.memory("settings")
    end = settings.COUNTS_OFFSET + settings.COUNTS.size
    old = bytes(memory[settings.COUNTS_OFFSET : end])
    counts = settings.COUNTS.unpack(old)
    new = (max(n + by, 0) for n, by in zip(counts, overlay.service_counts, strict=True))
    yield from words("settings", settings.COUNTS_OFFSET, old, settings.COUNTS.pack(*new))


def released(overlay: Overlay, rows: Mapping[int, bytes]) -> list[Area]:
    """The areas that services had and have no more."""
    areas = []
    for number, row in rows.items():
        old = service_pool(overlay.read("services", number, SERVICE.size))
        if old >> 32 and old != service_pool(row):
            areas.append(Area(old & 0xFFFFFFFF, old >> 32))
    return areas
