"""Free rows, free areas, and the clock by which they rest."""

import time

from hypothesis import given
from hypothesis import strategies as st

from elvs.director.ids import Clock, FreeAreas, FreeRows


def test_free_rows_come_lowest_first() -> None:
    rows = FreeRows(bytes([3, 0, 1, 0, 0]), held={3})
    assert [rows.take() for _ in range(3)] == [1, 4, None]
    rows.give(2)
    assert [rows.take(), rows.take()] == [2, None]


@given(st.lists(st.integers(1, 9), max_size=8), st.lists(st.integers(1, 12), max_size=20))
def test_areas_never_overlap(gaps: list[int], lengths: list[int]) -> None:
    """The pool is used and free by turns in pieces of the lengths in `gaps`."""
    used: list[int] = []
    taken: set[int] = set()
    end = 0
    for index, length in enumerate(gaps):
        if index % 2:
            used.append(end | length << 32)
            taken.update(range(end, end + length))
        end += length
    free = FreeAreas(end, [0, *reversed(used)])
    for length in lengths:
        offset = free.take(length)
        if offset is None:
            continue
        area = set(range(offset, offset + length))
        assert not area & taken and max(area) < end
        taken |= area


@given(st.integers(1, 200), st.integers(0, 10))
def test_one_list_that_grows_always_fits_thrice_its_room(servers: int, start: int) -> None:
    """A list is written anew beside the old one; the pool has three entries a server."""
    rows, area = servers * 3, (0, 0)
    for length in range(1, servers + 1):
        offset = FreeAreas(rows, [area[0] | area[1] << 32]).take(length)
        assert offset is not None
        area = (offset, length)


def test_a_running_clock_is_the_data_planes() -> None:
    clock = Clock.read(500, time.monotonic_ns())
    assert clock == Clock(500, True)
    assert (clock.age(497), clock.rested(497), clock.rested(498)) == (3, True, False)
    assert clock.age(501) == 0
    assert Clock(1, True).age(2**32 - 2) == 3


def test_a_standing_clock_lets_everything_rest() -> None:
    for ns in (0, time.monotonic_ns() - 2 * 10**9):
        clock = Clock.read(500, ns)
        assert not clock.running
        assert clock.rested(clock.tick)
        assert abs(clock.tick - time.monotonic_ns() // 10**7 % 2**32) < 1000
