"""Two CPUs at once on the same keys: no twins, and every count exact afterwards."""

import struct
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from elvs.dataplane import testrun
from elvs.dataplane.layout import ConnFlags, ConnLife, Method, Verdict
from tests.kit.connections import head, lives, living
from tests.kit.packets import Net, tcp
from tests.kit.rules import TCP, Real, Rules
from tests.kit.world import World

SECONDS = 2.0
CONTEXT = struct.Struct("<9I")


def together(work: Callable[[int], None], workers: int = 2) -> None:
    """`work` in threads of this namespace, begun at the same moment; failures come back."""
    failed: list[BaseException] = []
    gate = threading.Barrier(workers)

    def run(number: int) -> None:
        try:
            gate.wait()
            work(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def exact(world: World, net: Net) -> int:
    """Loads, births and heads recounted from the slots; returns how many live."""
    found = living(world, net.v6)
    twins = Counter((c.client, c.client_port, c.protocol, c.virtual_port) for c in found)
    assert set(twins.values()) <= {1}, "twins"
    inactive = Counter(c.server for c in found if c.flags & ConnFlags.INACTIVE)
    active = Counter(c.server for c in found if not c.flags & ConnFlags.INACTIVE)
    for server in range(8):
        assert world.load(server) == (active[server], inactive[server])
    assert world.born(int(net.v6)) == len(found)
    stages = lives(world, net.v6)
    assert stages[ConnLife.CLAIM] == stages[ConnLife.KILLED] == stages[ConnLife.DYING] == 0
    far = sum(head(world, bucket, net.v6)[1] for bucket in range(world.buckets))
    assert far == sum(bool(c.place) for c in found)
    return len(found)


@pytest.mark.parametrize("keys", [1, 7, 63], ids=lambda n: f"{n} clients")
def test_births_moves_and_deaths(world: World, net: Net, keys: int) -> None:
    """Thousands of rounds through conn.h; within one the clock stands, so that nothing held by
    one CPU is given to another, as in the product, where a run is far shorter than two ticks."""
    did, lock = Counter[str](), threading.Lock()
    times = min(60 * keys, 2000)

    def work(number: int) -> None:
        given = CONTEXT.pack(
            10 if net.v6 else 2, keys, times, 1 + number + rounds * 2, 0, 0, 0, 0, 0
        )
        ran = testrun.run_syscall(world.programs["stress"], given)
        assert ran.retval == 0
        names = ("born", "ended", "moved", "races", "full")
        with lock:
            did.update(dict(zip(names, CONTEXT.unpack(ran.context)[4:], strict=True)))

    rounds, deadline = 0, time.monotonic() + SECONDS / 2
    while time.monotonic() < deadline:
        together(work)
        rounds += 1
        world.tick += 2
        if rounds % 16 == 0:
            assert exact(world, net) == did["born"] - did["ended"]
    assert exact(world, net) == did["born"] - did["ended"]
    assert did["born"] > 100 and did["ended"] > 100 and did["moved"] > 100


def test_whole_walk(world: World, rules: Rules, net: Net) -> None:
    """The same handshakes and ends through the director, from two threads."""
    rules.service(net.vip, 80, TCP, *(Real(net.rip(i), 80, Method.DR) for i in range(1, 5)))
    frames = [
        [net.frame(tcp(flags, sport=sport)) for flags in ("S", "A", "FA", "A", "R")]
        for sport in range(40000, 40016)
    ]
    before, sent = world.outcomes(), [0, 0]

    def work(number: int) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for steps in frames:
                for frame in steps:
                    testrun.run_xdp(world.programs["director"], frame, ifindex=world.ingress)
                    sent[number] += 1

    def clock(stop: threading.Event) -> None:
        while not stop.wait(0.02):
            world.tick += 1

    stop = threading.Event()
    ticking = threading.Thread(target=clock, args=(stop,))
    ticking.start()
    try:
        together(work)
    finally:
        stop.set()
        ticking.join()
    exact(world, net)
    after = world.outcomes()
    got = {v: after[v] - n for v, n in before.items() if after[v] != n}
    assert sum(got.values()) == sum(sent)
    lost = {Verdict.DROP_RACE, Verdict.DROP_BUCKETS_FULL, Verdict.PASS_NOT_OPENING}
    assert set(got) <= {Verdict.TX_DR, Verdict.SLOW_NEIGHBOUR} | lost
    forwarded = sum(n for v, n in got.items() if v not in lost)
    assert sum(world.traffic(i)[1] for i in range(4)) == forwarded
    opened = sum(world.traffic(i)[0] for i in range(4))
    assert opened >= len(frames)
    assert len(living(world, net.v6)) <= len(frames)
