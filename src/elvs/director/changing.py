"""How a transaction comes into the maps: plan, journal, writes. The caller holds the lock."""

import time
from collections.abc import Iterable, Sequence

from elvs.dataplane import layout
from elvs.dataplane.port import Tables
from elvs.director.apply import carry_out
from elvs.director.emit import PoolFull
from elvs.director.ids import TICKS_OF_REST, Clock
from elvs.director.journal import Journal, Record, Resting
from elvs.director.ops import Area, Plan
from elvs.director.plan import plan
from elvs.director.site import Site
from elvs.director.surroundings import Surroundings
from elvs.model.change import Change

REST_SECONDS = 0.01 * (TICKS_OF_REST + 2)


def clock_of(tables: Tables) -> Clock:
    memory = tables.memory("clock")
    return Clock.read(layout.Clock.tick.get(memory), layout.Clock.ns.get(memory))


def change(site: Site, changes: Sequence[Change], around: Surroundings) -> Sequence[str]:
    """Carry `changes` out, all or none; returns warnings. Makes the tables if need be."""
    tables = site.tables()
    if tables is None:
        plan(blank(), Clock(), changes, around)  # what is refused makes no tables
        tables = site.create()
    resting = recover(site, tables)
    try:
        made = plan(tables, clock_of(tables), changes, around, resting)
    except PoolFull:
        if not resting:
            raise
        time.sleep(REST_SECONDS)
        made = plan(tables, clock_of(tables), changes, around, resting)
    write(site, tables, made, resting)
    return made.warnings


def preview(site: Site, changes: Sequence[Change], around: Surroundings) -> Plan:
    """What `change` would write."""
    tables = site.tables()
    if tables is None:
        return plan(blank(), Clock(), changes, around)
    return plan(tables, clock_of(tables), changes, around, recover(site, tables))


def blank() -> Tables:
    """Tables as they would be made, but for the connections."""
    from elvs.dataplane.fake import FakeTables  # a first change pays for it, nobody else
    from elvs.dataplane.sizes import Sizes

    return FakeTables(Sizes(connections=1))


def write(site: Site, tables: Tables, made: Plan, resting: Sequence[Resting]) -> None:
    """Journal, maps, journal. A death in between is for the next holder of the lock."""
    if not made.ops:
        return
    journal, clock = Journal(site.directory), clock_of(tables)
    resting = [item for item in resting if not clock.rested(item.tick)]
    journal.write(Record(made.ops, made.released, resting))
    carry_out(tables, made.ops)
    finish(tables, journal, made.released, resting)


def recover(site: Site, tables: Tables) -> Sequence[Resting]:
    """Finish what a dead predecessor began; returns the areas that rest."""
    journal = Journal(site.directory)
    record = journal.read()
    if not record.ops:
        return record.resting
    carry_out(tables, record.ops)
    return finish(tables, journal, record.released, record.resting)


def finish(
    tables: Tables, journal: Journal, released: Iterable[Area], resting: Sequence[Resting]
) -> Sequence[Resting]:
    tick = clock_of(tables).tick
    rest = [*resting, *(Resting(area, tick) for area in released)]
    journal.write(Record(resting=rest))
    return rest
