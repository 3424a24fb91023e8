"""Picks of the reference models against measured ones, and upkeep against a linked list."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elvs.dataplane import layout
from elvs.model.errors import SchedulerNotFound
from elvs.schedulers import BY_NAME, SCHEDULERS, scheduler_named
from elvs.schedulers.base import START, Candidate, Cursor, Weights

MEASURED = {
    ("rr", (3, 2, 1)): "CBACBACBACBACBACBA",
    ("rr", (4, 2, 2)): "CBACBACBACBACBACBA",
    ("wrr", (3, 2, 1)): "CBAABACBAABACBAABA",
    ("wrr", (4, 2, 2)): "CBAACBAACBAACBAACB",
    ("wrr", (1, 1, 1)): "CBACBACBACBACBACBA",
    ("lc", (3, 2, 1)): "CBACBACBACBACBACBA",
    ("wlc", (3, 2, 1)): "CBAABACBAABACBAABA",
    ("wlc", (4, 2, 2)): "CBAACBAACBAACBAACB",
    ("wlc", (1, 1, 1)): "CBACBACBACBACBACBA",
}
"""Servers A, B, C added in this order with these weights; every connection stays active."""


def picks(name: str, weights: Sequence[int], count: int) -> str:
    """The next servers that a service built one by one takes, by letter."""
    scheduler = BY_NAME[name]
    known = Weights()
    cursor = scheduler.bound(known)
    for weight in weights:
        known = known.joined(weight)
        cursor = scheduler.inserted(cursor, known)
    active = [0] * len(weights)
    taken = ""
    for _ in range(count):
        pool = [Candidate(w, a) for w, a in zip(reversed(weights), reversed(active), strict=True)]
        index, cursor = scheduler.select(pool, cursor)
        if index is None:
            return taken + "-"
        server = len(weights) - 1 - index
        active[server] += 1
        taken += "ABCDEFG"[server]
    return taken


@pytest.mark.parametrize(("case", "wanted"), MEASURED.items())
def test_picks_are_those_of_ipvs(case: tuple[str, tuple[int, ...]], wanted: str) -> None:
    name, weights = case
    assert picks(name, weights, len(wanted)) == wanted


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_server_of_weight_0_gets_nothing(name: str) -> None:
    assert set(picks(name, (2, 0, 1), 12)) == {"A", "C"}
    assert picks(name, (0, 0), 1) == "-"
    assert picks(name, (), 1) == "-"


@pytest.mark.parametrize("name", list(BY_NAME))
def test_an_overloaded_server_gets_nothing(name: str) -> None:
    pool = [Candidate(5, overloaded=True), Candidate(1)]
    cursor = BY_NAME[name].bound(Weights.of([5, 1]))
    assert BY_NAME[name].select(pool, cursor)[0] == 1
    assert BY_NAME[name].select(pool[:1], cursor)[0] is None


def test_numbers_are_those_of_the_data_plane() -> None:
    assert {s.name: s.number for s in SCHEDULERS} == {
        s.name: int(s) for s in layout.Scheduler.__members__.values()
    }
    assert [s.number for s in SCHEDULERS] == list(range(len(SCHEDULERS)))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SchedulerNotFound, match="rr, wrr, lc, wlc"):
        scheduler_named("round")


@given(st.lists(st.tuples(st.sampled_from("iiiru"), st.integers(0, 5)), max_size=30))
def test_rr_stays_where_a_pointer_into_the_list_would(steps: list[tuple[str, int]]) -> None:
    """i: insert at the head, r: remove one, u: the data plane uses one."""
    servers: list[int] = []
    used: int | None = None
    cursor = START
    for number, (step, index) in enumerate(steps):
        if step == "i":
            servers.insert(0, number)
            cursor = BY_NAME["rr"].inserted(cursor, Weights())
        elif index < len(servers):
            if step == "u":
                used, cursor = servers[index], Cursor(index + 1)
                continue
            if servers[index] == used:
                used = servers[index - 1] if index else None
            del servers[index]
            cursor = BY_NAME["rr"].removed(cursor, index, Weights())
        assert cursor.position == (0 if used is None else servers.index(used) + 1)


@given(st.lists(st.integers(0, 100), min_size=1))
def test_weights_joined_one_by_one_are_those_of_the_list(weights: list[int]) -> None:
    joined = Weights()
    for weight in weights:
        joined = joined.joined(weight)
    assert joined == Weights.of(weights)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_wrr_gives_each_its_share(weights: list[int]) -> None:
    """Over one round of the current weight each server is taken weight / gcd times."""
    known = Weights.of(weights)
    round_length = sum(weights) // known.step
    taken = [0] * len(weights)
    pool = [Candidate(weight) for weight in weights]
    cursor = BY_NAME["wrr"].bound(known)
    for _ in range(round_length):
        index, cursor = BY_NAME["wrr"].select(pool, cursor)
        assert index is not None
        taken[index] += 1
    assert taken == [weight // known.step for weight in weights]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**31 - 1))
def test_a_cursor_is_one_word(position: int, current: int) -> None:
    cursor = Cursor(position, current)
    assert Cursor.unpack(cursor.word) == cursor
