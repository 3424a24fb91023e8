"""The schedulers' picks: IPVS's own sequences, and those of the reference in Python."""

import random

import pytest

from elvs.dataplane.layout import Load, Method, Scheduler, ServiceState, Verdict
from elvs.schedulers import SCHEDULERS
from elvs.schedulers.base import Candidate, Cursor, Weights
from elvs.schedulers.base import Scheduler as Reference
from tests.kit.connections import living
from tests.kit.packets import IPV4, tcp, udp
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import World

WEIGHTS = {"3,2,1": (3, 2, 1), "4,2,2": (4, 2, 2), "1,1,1": (1, 1, 1)}
VECTORS = {
    "rr": ("CBACBACBACBACBACBA", "CBACBACBACBACBACBA", "CBACBACBACBACBACBA"),
    "wrr": ("CBAABACBAABACBAABA", "CBAACBAACBAACBAACB", "CBACBACBACBACBACBA"),
    "lc": ("CBACBACBACBACBACBA", "CBACBACBACBACBACBA", "CBACBACBACBACBACBA"),
    "wlc": ("CBAABACBAABACBAABA", "CBAACBAACBAACBAACB", "CBACBACBACBACBACBA"),
}
"""18 SYNs measured on IPVS (ipvs-behaviour.md section 16); A, B, C were added in this order."""
WRR_START = {"3,2,1": 1, "4,2,2": 1, "1,1,1": 1}
"""wrr's current weight after the servers came in one by one: see ip_vs_wrr.c, done_svc."""


def picks(world: World, count: int, first: int = 40000) -> list[int | None]:
    """The server's row that each of `count` new clients got."""
    chosen: list[int | None] = []
    for sport in range(first, first + count):
        verdict = world.run(IPV4.frame(tcp(sport=sport))).verdict
        found = [c.server for c in living(world) if c.client_port == sport]
        assert (verdict is Verdict.TX_PORT_UNREACHABLE) is (not found)
        chosen.append(found[0] if found else None)
    return chosen


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("scheduler", VECTORS)
def test_as_measured_on_ipvs(world: World, rules: Rules, scheduler: str, weights: str) -> None:
    a, b, c = WEIGHTS[weights]
    reals = [Real(IPV4.rip(n), 80, weight=w) for n, w in ((3, c), (2, b), (1, a))]
    service = rules.service(IPV4.vip, 80, TCP, *reals, scheduler=Scheduler[scheduler])
    if scheduler == "wrr":
        states = world.tables.memory("states")
        ServiceState.cursor.set(states, service, WRR_START[weights] << 32)
    names = "".join("CBA"[server or 0] for server in picks(world, 18))
    assert names == VECTORS[scheduler][list(WEIGHTS).index(weights)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda s: str(s.name))
def test_as_the_reference(world: World, rules: Rules, scheduler: Reference, seed: int) -> None:
    """Random pools, loads and cursors; weights change and connections end on the way."""
    rng = random.Random(seed)
    size = rng.choice((1, 2, 3, 7, 20, 32))
    weights = [rng.choice((0, 1, 1, 2, 3, 5, 10, 100, 65535)) for _ in range(size)]
    reals = [Real(IPV4.rip(i + 1), 80, weight=w) for i, w in enumerate(weights)]
    service = rules.service(IPV4.vip, 80, TCP, *reals, scheduler=Scheduler(scheduler.number))
    states, loads = world.tables.memory("states"), world.tables.memory("loads")
    cursor = scheduler.bound(Weights.of(weights))
    ServiceState.cursor.set(states, service, cursor.word)
    for i in range(size):
        Load.active.set(loads, i, rng.randrange(50))
        Load.inactive.set(loads, i, rng.randrange(300))
    for sport in range(40000, 40040):
        pool = [
            Candidate(weight, Load.active.get(loads, i), Load.inactive.get(loads, i))
            for i, weight in enumerate(weights)
        ]
        want, cursor = scheduler.select(pool, cursor)
        assert picks(world, 1, sport) == [want]
        now = Cursor.unpack(ServiceState.cursor.get(states, service))
        if want is not None:
            assert now == cursor
        cursor = now


@pytest.mark.parametrize("scheduler", list(Scheduler), ids=lambda s: str(s.name))
def test_weight_0_gets_nothing(world: World, rules: Rules, scheduler: Scheduler) -> None:
    reals = [Real(IPV4.rip(i + 1), 80, weight=i % 2) for i in range(6)]
    rules.service(IPV4.vip, 80, TCP, *reals, scheduler=scheduler)
    assert set(picks(world, 12)) == {1, 3, 5}


def test_rr_starts_at_the_head_again_when_the_list_has_shrunk(world: World, rules: Rules) -> None:
    reals = [Real(IPV4.rip(i + 1), 80) for i in range(3)]
    service = rules.service(IPV4.vip, 80, TCP, *reals)
    assert picks(world, 3) == [0, 1, 2]
    rules.list(service, (Real(IPV4.rip(9), 80),))
    ServiceState.cursor.set(world.tables.memory("states"), service, 3)
    assert picks(world, 2, 41000) == [3, 3]


def test_lc_and_wlc_see_udp_as_inactive(world: World, rules: Rules) -> None:
    """257 datagrams' connections weigh as much as one active connection."""
    reals = [Real(IPV4.rip(i + 1), 0, Method.NAT) for i in range(2)]
    rules.service(IPV4.vip, 53, UDP, *reals, scheduler=Scheduler.lc)
    loads = world.tables.memory("loads")
    Load.active.set(loads, 0, 1)
    for sport in range(1000, 1257):
        world.run(IPV4.frame(udp(sport)))
    assert (world.load(0), world.load(1)) == ((1, 0), (0, 257))
    world.run(IPV4.frame(udp(2000)))
    assert (world.load(0), world.load(1)) == ((1, 1), (0, 257))


def test_a_pool_of_many(world: World, rules: Rules) -> None:
    """All the servers that the tables hold, the last one the only one."""
    reals = [Real(IPV4.rip(i + 1), 80, weight=int(i == 63)) for i in range(64)]
    rules.service(IPV4.vip, 80, TCP, *reals, scheduler=Scheduler.wlc)
    assert picks(world, 3) == [63, 63, 63]
