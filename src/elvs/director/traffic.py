"""What the data plane has counted, read in runs of rows: one call a run, not one a server."""

from collections.abc import Iterable, Iterator, Mapping

from elvs.dataplane.port import Tables
from elvs.director.rows import COUNTERS

Row = tuple[int, ...]
"""Five counts in the order of `struct counters`."""

NOTHING: Row = (0, 0, 0, 0, 0)
MODULUS = 1 << 64
GAP = 32
"""Rows that nobody asked for are read along rather than starting another run."""


def counted(tables: Tables, ids: Iterable[int]) -> Mapping[int, Row]:
    """The counters of servers, summed over CPUs, by id."""
    found: dict[int, Row] = {}
    zero = bytes(COUNTERS.size)
    for first, last in runs(ids):
        rows = tables.per_cpu("traffic", first, last - first + 1)
        for number, cpus in enumerate(rows, first):
            some = [COUNTERS.unpack(raw) for raw in cpus if raw != zero]
            found[number] = plus(*some) if some else NOTHING
    return found


def runs(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last number of each run of `ids`, small gaps bridged."""
    first = last = -1
    for number in sorted(ids):
        if first >= 0 and number - last <= GAP:
            last = number
            continue
        if first >= 0:
            yield first, last
        first = last = number
    if first >= 0:
        yield first, last


def plus(*rows: Row) -> Row:
    return tuple(sum(column) % MODULUS for column in zip(*rows, strict=True))


def minus(one: Row, other: Row) -> Row:
    return tuple((a - b) % MODULUS for a, b in zip(one, other, strict=True))
