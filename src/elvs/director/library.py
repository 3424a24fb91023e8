"""The library: what every client of a director calls, over the maps and their lock.

A change takes one walk: read, validate, plan (plan.py, pure), journal, write. Whoever takes the
lock first finishes what a dead predecessor left in the journal.
"""

import time
from collections.abc import Iterable, Sequence
from types import TracebackType

from elvs.dataplane import layout
from elvs.dataplane.port import Tables
from elvs.director import settings
from elvs.director.apply import carry_out
from elvs.director.bulk import uncollected
from elvs.director.connections import read_connections
from elvs.director.emit import PoolFull
from elvs.director.ids import TICKS_OF_REST, Clock
from elvs.director.journal import Journal, Record, Resting
from elvs.director.ops import Area, Plan
from elvs.director.plan import addresses_in, plan
from elvs.director.read import read_services
from elvs.director.site import Here, Site
from elvs.model.change import Change
from elvs.model.errors import NoSuchService
from elvs.model.figures import Connection, ServiceView
from elvs.model.service import ServiceKey

REST_SECONDS = 0.01 * (TICKS_OF_REST + 2)
SLOTS_PER_CONNECTION = 2


class Director:
    """A director's tables in one network namespace. Use it in a `with`, or close it.

    Safe to use from several processes at once: changes wait for each other, and listings for
    changes. Not safe for threads that share one object.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    @classmethod
    def here(cls) -> "Director":
        """The director of the caller's network namespace; nothing is opened or created yet."""
        return cls(Here())

    def __enter__(self) -> "Director":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what was opened; the object can be used again."""
        self._site.close()

    def services(self, key: ServiceKey | None = None) -> Sequence[ServiceView]:
        """All services, newest first; with `key` that one alone. Raises NoSuchService."""
        tables = self._site.tables()
        if tables is None:
            if key is None:
                return ()
            raise NoSuchService(f"there is no service {key}", "add it first")
        with self._site.locked(), uncollected():
            self._recover(tables)
            return read_services(tables, key)

    def connections(self) -> Iterable[Connection]:
        """The living connections, in table order (not stable); read while they change."""
        tables = self._site.tables()
        return () if tables is None else read_connections(tables, clock_of(tables))

    def timeouts(self) -> tuple[int, int, int]:
        """Seconds: TCP established, TCP FIN_WAIT, UDP."""
        tables = self._site.tables()
        size = settings.TIMEOUTS.size
        ticks: Sequence[int] = ()
        if tables is not None:
            ticks = settings.TIMEOUTS.unpack(bytes(tables.memory("settings")[:size]))
        if not any(ticks):
            ticks = settings.default_timeouts()
        tcp, tcp_fin, udp = (
            ticks[place] // settings.TICKS_PER_SECOND
            for place in (settings.TCP_ESTABLISHED, settings.TCP_FIN_WAIT, settings.UDP_NORMAL)
        )
        return tcp, tcp_fin, udp

    def connection_limit(self) -> int:
        """How many IPv4 connections the table is made for; the default size where there is none."""
        tables = self._site.tables()
        if tables is None:
            return self._site.default_limit()
        return tables.rows("conn4") * layout.Bucket.slot.count // SLOTS_PER_CONNECTION

    def apply(self, changes: Sequence[Change]) -> Sequence[str]:
        """Carry the changes out as one transaction, all or none; returns warnings, a line each.

        Raises the error of the first change that cannot be done, TableFull or InvalidValue and
        changes nothing. Makes the tables if there are none.
        """
        around = self._site.surroundings(addresses_in(changes))
        with self._site.locked(), uncollected():
            tables = self._site.tables()
            if tables is None:
                plan(blank(), Clock(), changes, around)  # what is refused makes no tables
                tables = self._site.create()
            resting = self._recover(tables)
            try:
                made = plan(tables, clock_of(tables), changes, around, resting)
            except PoolFull:
                if not resting:
                    raise
                time.sleep(REST_SECONDS)
                made = plan(tables, clock_of(tables), changes, around, resting)
            self._write(tables, made, resting)
        return made.warnings

    def plan(self, changes: Sequence[Change]) -> Plan:
        """What `apply` would write now; printable. Raises what `apply` would raise."""
        around = self._site.surroundings(addresses_in(changes))
        with self._site.locked():
            tables = self._site.tables()
            if tables is None:
                return plan(blank(), Clock(), changes, around)
            return plan(tables, clock_of(tables), changes, around, self._recover(tables))

    def _write(self, tables: Tables, made: Plan, resting: Sequence[Resting]) -> None:
        """Journal, maps, journal. A death in between is for the next holder of the lock."""
        if not made.ops:
            return
        journal = Journal(self._site.directory)
        clock = clock_of(tables)
        resting = [item for item in resting if not clock.rested(item.tick)]
        journal.write(Record(made.ops, made.released, resting))
        carry_out(tables, made.ops)
        self._finish(tables, journal, made.released, resting)

    def _recover(self, tables: Tables) -> Sequence[Resting]:
        """Finish what a dead predecessor began; returns the areas that rest."""
        journal = Journal(self._site.directory)
        record = journal.read()
        if not record.ops:
            return record.resting
        carry_out(tables, record.ops)
        return self._finish(tables, journal, record.released, record.resting)

    def _finish(
        self, tables: Tables, journal: Journal, released: Iterable[Area], resting: Sequence[Resting]
    ) -> Sequence[Resting]:
        tick = clock_of(tables).tick
        rest = [*resting, *(Resting(area, tick) for area in released)]
        journal.write(Record(resting=rest))
        return rest


def blank() -> Tables:
    """Tables as they would be made, but for the connections."""
    from elvs.dataplane.fake import FakeTables  # a first change pays for it, nobody else
    from elvs.dataplane.sizes import Sizes

    return FakeTables(Sizes(connections=1))


def clock_of(tables: Tables) -> Clock:
    memory = tables.memory("clock")
    return Clock.read(layout.Clock.tick.get(memory), layout.Clock.ns.get(memory))
