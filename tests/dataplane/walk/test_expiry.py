"""Idle connections end, on the test's clock: the product's sweep, called tick by tick."""

import time

import pytest

from elvs.dataplane import testrun
from elvs.dataplane.layout import (
    Clock,
    ConnFlags,
    ConnLife,
    Rates,
    Settings,
    TcpState,
    Verdict,
)
from tests.kit.connections import force, lives, living, only
from tests.kit.packets import IPV4, Net, tcp, udp
from tests.kit.rules import DEFAULT_TIMEOUTS, TCP, UDP, Real, Rules
from tests.kit.world import World

SECOND = 100
ROUND = 100
"""Ticks in which the sweep sees every bucket once."""
LATE = SECOND + ROUND
"""A last use may look a second older than it is, so that much is added; then comes the sweep."""


def wait(world: World, ticks: int) -> None:
    """Let the clock jump, then sweep the whole table once."""
    world.tick += max(ticks - ROUND, 0)
    world.sweep(min(ticks, ROUND))


@pytest.mark.parametrize("state", list(TcpState)[:11], ids=lambda state: str(state.name))
def test_each_tcp_state_has_its_time(world: World, rules: Rules, net: Net, state: TcpState) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    world.run(net.frame(tcp()))
    active = state in (1, 2, 3, 10)
    force(world, only(world, net.v6), net.v6, state, 0 if active else ConnFlags.INACTIVE)
    timeout = DEFAULT_TIMEOUTS[0][state] * SECOND
    wait(world, timeout)
    assert len(living(world, net.v6)) == 1
    wait(world, LATE)
    assert not living(world, net.v6)
    assert world.born(int(net.v6)) == 0
    assert Clock.used.get(world.tables.memory("clock"), 0, int(net.v6)) == 0


def test_counts_go_with_it(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    for sport in range(40000, 40010):
        world.run(net.frame(tcp(sport=sport)))
        if sport % 2:
            world.run(net.frame(tcp("R", sport=sport)))
            world.run(net.frame(tcp("A", sport=sport)))
            world.run(net.frame(tcp("R", sport=sport)))
    assert world.load(0) == (5, 5)
    wait(world, 10 * SECOND + LATE)
    assert world.load(0) == (5, 0)
    wait(world, 60 * SECOND + LATE)
    assert world.load(0) == (0, 0)
    assert world.traffic(0)[0] == 10, "what was counted stays"


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
def test_a_packet_renews_it(world: World, rules: Rules, net: Net, protocol: int) -> None:
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 80))
    packet = net.frame(tcp() if protocol == TCP else udp(dport=80))
    world.run(packet)
    timeout = (60 if protocol == TCP else 300) * SECOND
    for _ in range(4):
        wait(world, timeout * 3 // 4)
        assert len(living(world, net.v6)) == 1
        world.run(packet)
    wait(world, timeout + LATE)
    assert not living(world, net.v6)


def test_a_time_that_an_operator_set(world: World, rules: Rules, net: Net) -> None:
    """Of connections that are there already, too."""
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    world.run(net.frame(udp()))
    Settings.timeout.set(world.tables.memory("settings"), 0, 2 * SECOND, 16)
    wait(world, 2 * SECOND + LATE)
    assert not living(world, net.v6)


def test_the_clock_may_wrap(world: World, rules: Rules, net: Net) -> None:
    world.tick = 2**32 - 500
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    Settings.timeout.set(world.tables.memory("settings"), 0, 10 * SECOND, 16)
    world.run(net.frame(udp()))
    world.tick = 100
    world.sweep(ROUND)
    assert len(living(world, net.v6)) == 1
    world.tick = 1000
    world.sweep(ROUND)
    assert not living(world, net.v6)


def test_removed_servers_connections_expire_too(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    world.run(net.frame(tcp()))
    rules.remove(0)
    world.tick += 30 * SECOND
    assert world.run(net.frame(tcp("A"))).verdict is Verdict.DROP_SERVER_GONE
    wait(world, 30 * SECOND + LATE)
    assert not living(world, net.v6), "a dropped packet renews nothing"
    assert world.load(0) == (0, 0)


def test_an_expired_slot_is_free_again(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    for sport in range(1000, 1600):
        world.run(net.frame(udp(sport)))
    wait(world, 300 * SECOND + LATE)
    world.sweep(ROUND + 3)
    found = lives(world, net.v6)
    assert found[ConnLife.FREE] == world.buckets * 5
    world.run(net.frame(udp(1000)))
    assert only(world, net.v6).client_port == 1000


def test_every_bucket_is_seen_once_in_a_round(world: World, rules: Rules) -> None:
    """The slices cover the table: no connection outlives its time by more than a round."""
    rules.service(IPV4.vip, 53, UDP, Real(IPV4.rip(1), 53))
    for sport in range(1000, 1400):
        world.run(IPV4.frame(udp(sport)))
    world.tick += 301 * SECOND + 1
    world.sweep(ROUND - 1)
    left = len(living(world))
    world.sweep(1)
    assert left < 40
    assert not living(world)


def test_rates(world: World, rules: Rules, net: Net) -> None:
    """ip_vs_est.c: every two seconds a quarter of the way to what was seen, scaled."""
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    packet = net.frame(udp(), payload=bytes(1))
    estimates = world.tables.memory("estimates")
    world.sweep(200)
    for sport in range(6):
        world.run(net.frame(udp(40000 + sport), payload=bytes(1)))
    world.sweep(200)
    size = 6 * (len(packet) - 14)
    assert Rates.connections.get(estimates, 0) == (6 << 9) // 4
    assert Rates.in_packets.get(estimates, 0) == (6 << 9) // 4
    assert Rates.in_bytes.get(estimates, 0) == (size << 4) // 4
    world.sweep(200)
    once = (6 << 9) // 4
    assert Rates.connections.get(estimates, 0) == once + (-once >> 2)


def test_the_real_timer(another_world: World) -> None:
    """Ten milliseconds a tick, with no process: a connection of a fifth of a second ends.

    The timer ends with its map, so this has tables of its own.
    """
    world, rules = another_world, Rules(another_world.tables)
    rules.service(IPV4.vip, 53, UDP, Real(IPV4.rip(1), 53))
    Settings.timeout.set(world.tables.memory("settings"), 0, 20, 16)
    assert testrun.run_syscall(world.programs["tick_start"], bytes(4)).context == bytes(4)
    clock = world.tables.memory("clock")
    time.sleep(0.05)
    world.run(IPV4.frame(udp()))
    before, ticks = time.monotonic_ns(), Clock.ticks.get(clock)
    time.sleep(0.5)
    passed = (time.monotonic_ns() - before) / 1e7
    assert 0.5 * passed < Clock.ticks.get(clock) - ticks <= passed + 2
    assert abs(Clock.tick.get(clock) - time.monotonic_ns() // 10_000_000) < 20
    assert len(living(world)) == 1, "a second of grace: see LATE"
    deadline = time.monotonic() + 10
    while living(world) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not living(world)
    assert Clock.used.get(clock) == 0
