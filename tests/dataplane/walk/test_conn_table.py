"""The connection table: full buckets, far places, quarantine, colliding IPv6 addresses."""

import random
from collections import Counter
from typing import Any

import numpy as np

from elvs.dataplane.layout import ConnLife, Settings, Verdict
from elvs.model.address import Address
from tests.kit.connections import Conn, head, lives, living, only
from tests.kit.packets import (
    IPV6,
    TO_CLIENT,
    Net,
    from_server,
    same,
    tcp,
    to_server,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.table import PLACES, fold, homes, places
from tests.kit.world import DROP, World

SLOTS = 5
FITS = SLOTS * PLACES


def neighbours(world: World, net: Net, count: int) -> list[int]:
    """Client ports whose connections all have one home."""
    ports = list(range(1024, 65536))
    found = homes(net.client, ports, 1, world.buckets)
    (home, _), *_ = Counter(found).most_common(1)
    alike = [port for port, where in zip(ports, found, strict=True) if where == home]
    assert len(alike) > count
    return alike[:count]


def test_a_connection_stands_at_its_home(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    for sport in (1025, 40000, 65535):
        for protocol, packet in ((0, tcp(sport=sport)), (1, udp(sport))):
            world.run(net.frame(packet))
            (found,) = [
                c for c in living(world, net.v6) if (c.client_port, c.protocol) == (sport, protocol)
            ]
            assert [found.bucket] == homes(net.client, [sport], protocol, world.buckets)
            assert found.place == 0


def consistent(world: World, net: Net) -> list[Conn]:
    """Heads, places, counts and births agree with what stands in the slots."""
    found = living(world, net.v6)
    away: Counter[int] = Counter()
    for conn in found:
        (home,) = homes(net.client, [conn.client_port], conn.protocol, world.buckets)
        assert places(home, world.buckets)[conn.place] == conn.bucket
        far, _ = head(world, home, net.v6)
        assert far >= conn.place
        away[home] += bool(conn.place)
    for bucket in range(world.buckets):
        assert head(world, bucket, net.v6)[1] == away[bucket]
    assert world.born(int(net.v6)) == len(found)
    assert len({(c.client, c.client_port, c.protocol) for c in found}) == len(found)
    return found


def test_more_than_a_bucket_holds(world: World, rules: Rules, net: Net) -> None:
    """80 of one home fit, in 16 places; each is found again, both ways; the 81st is refused."""
    rules.service(net.vip, 53, UDP, *(Real(net.rip(i), 5353) for i in range(1, 9)))
    ports = neighbours(world, net, FITS + 1)
    for port in ports[:FITS]:
        assert world.run(net.frame(udp(port))).verdict is Verdict.TX_NAT
    found = consistent(world, net)
    assert len(found) == FITS
    assert Counter(c.place for c in found) == dict.fromkeys(range(PLACES), SLOTS)

    seen = world.run(net.frame(udp(ports[FITS])))
    assert (seen.verdict, seen.action) == (Verdict.DROP_BUCKETS_FULL, DROP)
    owner = {c.client_port: c.server + 1 for c in found}
    for port in ports[:FITS]:
        number = owner[port]
        seen = world.run(net.frame(udp(port)))
        want = net.frame(udp(port, 5353), dst=net.rip(number), ttl=63, macs=to_server(number))
        same(seen.frame, want)
        seen = world.run(
            net.frame(
                udp(5353, port), src=net.rip(number), dst=net.client, macs=from_server(number)
            )
        )
        want = net.frame(udp(53, port), src=net.vip, dst=net.client, ttl=63, macs=TO_CLIENT)
        same(seen.frame, want)
    assert len(consistent(world, net)) == FITS


def test_ends_and_quarantine(world: World, rules: Rules, net: Net) -> None:
    """A dead slot may be taken after two ticks; a head forgets who stood far away."""
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    ports = neighbours(world, net, FITS + 1)
    for port in ports[:FITS]:
        world.run(net.frame(udp(port)))
    Settings.timeout.set(world.tables.memory("settings"), 0, 100, 16)
    world.tick += 100
    for port in ports[10:FITS]:
        world.run(net.frame(udp(port)))
    world.tick += 99
    world.sweep(100)
    consistent(world, net)
    assert {c.client_port for c in living(world, net.v6)} == set(ports[10:FITS])
    assert lives(world, net.v6)[ConnLife.DEAD] + lives(world, net.v6)[ConnLife.FREE] == (
        world.buckets * SLOTS - FITS + 10
    )
    world.sweep(100)
    assert not consistent(world, net)
    world.run(net.frame(udp(ports[FITS])))
    assert only(world, net.v6).client_port == ports[FITS]


def test_a_dead_slot_is_not_taken_within_two_ticks(world: World, rules: Rules, net: Net) -> None:
    """A program that still holds its number must not meet a stranger there."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    world.run(net.frame(tcp()))
    world.run(net.frame(tcp("A")))
    first = only(world, net.v6)
    world.run(net.frame(tcp("R")))
    world.run(net.frame(tcp("S")))
    second = only(world, net.v6)
    assert (second.bucket, second.slot) != (first.bucket, first.slot)
    world.tick += 2
    world.run(net.frame(tcp("A")))
    world.run(net.frame(tcp("R")))
    world.run(net.frame(tcp("S")))
    third = only(world, net.v6)
    assert (third.bucket, third.slot) == (first.bucket, first.slot)


def test_ipv6_clients_with_one_fold(world: World, rules: Rules) -> None:
    """Two addresses that hash alike in 32 bits, under a key that only this test knows."""
    prefix = Address.parse("fd09::").packed[:8]
    count = 1 << 18
    halves = np.empty((count, 2), np.uint64)
    halves[:, 0] = np.frombuffer(prefix, "<u8")[0]
    halves[:, 1] = np.arange(1, count + 1, dtype=np.uint64) << np.uint64(32)
    folds = fold(halves)
    order = np.argsort(folds)
    twins = np.flatnonzero(folds[order][1:] == folds[order][:-1])
    assert len(twins), "2^18 addresses, some 8 pairs"
    one, two = (str(Address(halves[order[twins[0] + i]].tobytes())) for i in (0, 1))
    rules.service(IPV6.vip, 80, TCP, Real(IPV6.rip(1), 8080), Real(IPV6.rip(2), 8080))
    for number, client in ((1, one), (2, two)):
        for flags in ("S", "A"):
            seen = world.run(IPV6.frame(tcp(flags), src=client))
            want = IPV6.frame(
                tcp(flags, dport=8080),
                src=client,
                dst=IPV6.rip(number),
                ttl=63,
                macs=to_server(number),
            )
            same(seen.frame, want)
    assert {c.client for c in living(world, True)} == {
        Address.parse(one).packed,
        Address.parse(two).packed,
    }
    for number, client in ((1, one), (2, two)):
        back: dict[str, Any] = {"dst": client, "macs": from_server(number)}
        seen = world.run(IPV6.frame(tcp("SA", 8080, 40000), src=IPV6.rip(number), **back))
        assert seen.verdict is Verdict.TX_NAT_REPLY
        wrong = world.run(IPV6.frame(tcp("SA", 8080, 40000), src=IPV6.rip(3 - number), **back))
        assert wrong.verdict is Verdict.PASS_NO_CONNECTION


def test_ipv6_vips_with_one_fold(world: World, rules: Rules) -> None:
    """The same words in another order: equal when all are XORed."""
    vips = ("2001:db8:aa:1::1", "2001:db8:aa:1:0:1::")
    for number, vip in enumerate(vips, 1):
        rules.service(vip, 80, TCP, Real(IPV6.rip(number), 80))
    for _ in range(2):
        for number, vip in enumerate(vips, 1):
            seen = world.run(IPV6.frame(tcp(), dst=vip))
            want = IPV6.frame(tcp(), dst=IPV6.rip(number), ttl=63, macs=to_server(number))
            same(seen.frame, want)
    for number, vip in enumerate(vips, 1):
        seen = world.run(
            IPV6.frame(
                tcp("SA", 80, 40000),
                src=IPV6.rip(number),
                dst=IPV6.client,
                macs=from_server(number),
            )
        )
        same(
            seen.frame,
            IPV6.frame(tcp("SA", 80, 40000), src=vip, dst=IPV6.client, ttl=63, macs=TO_CLIENT),
        )
    assert len(living(world, True)) == 2


def test_coming_and_going_at_random(world: World, rules: Rules, net: Net) -> None:
    """400 steps against a dictionary: who was opened and has not ended is found, nobody else."""
    rng = random.Random(7)
    rules.service(net.vip, 53, UDP, *(Real(net.rip(i), 53) for i in range(1, 5)))
    Settings.timeout.set(world.tables.memory("settings"), 0, 300, 16)
    ports = neighbours(world, net, 60)
    last: dict[int, int] = {}
    for _ in range(400):
        if rng.random() < 0.1:
            world.sweep(120)
            limit = world.tick - 300 - 100
            gone = {port for port, used in last.items() if used < limit - 220}
            there = {c.client_port for c in living(world, net.v6)}
            assert not gone & there
            assert {port for port, used in last.items() if used > limit} <= there
            last = {port: used for port, used in last.items() if port in there}
            continue
        port = rng.choice(ports)
        verdict = world.run(net.frame(udp(port))).verdict
        assert verdict in (Verdict.TX_NAT, Verdict.SLOW_NEIGHBOUR)
        last[port] = world.tick
    assert {c.client_port for c in consistent(world, net)} == set(last)
