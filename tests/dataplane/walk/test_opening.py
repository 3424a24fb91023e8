"""Which packets of no known connection may open one; what stops them; removed servers."""

import pytest

from elvs.dataplane.layout import Clock, Verdict
from tests.kit.connections import living
from tests.kit.packets import Net, same, tcp, to_server, udp
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import DROP, PASS, World


@pytest.mark.parametrize("flags", ["S", "SA", "SF", "SEC", "SPU"])
def test_a_syn_opens_whatever_else_is_set(world: World, rules: Rules, net: Net, flags: str) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    assert world.run(net.frame(tcp(flags))).verdict is Verdict.TX_NAT
    assert len(living(world, net.v6)) == 1


@pytest.mark.parametrize("flags", ["A", "PA", "F", "FA", "R", "RA", "SR", "U", ""])
def test_nothing_else_does(world: World, rules: Rules, net: Net, flags: str) -> None:
    """Mid-stream segments go to the stack, which answers with RST."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    packet = net.frame(tcp(flags), payload=b"x")
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (Verdict.PASS_NOT_OPENING, PASS)
    same(seen.frame, packet)
    assert not living(world, net.v6)


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
def test_source_port_20_never_does(world: World, rules: Rules, net: Net, protocol: int) -> None:
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 80))
    packet = tcp(sport=20) if protocol == TCP else udp(20, 80)
    assert world.run(net.frame(packet)).verdict is Verdict.PASS_NOT_OPENING


def test_udp_opens_with_any_packet(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    for sport in (1, 40000, 65535):
        assert world.run(net.frame(udp(sport))).verdict is Verdict.TX_NAT
    assert len(living(world, net.v6)) == 3


def test_a_full_table_refuses_and_known_ones_go_on(world: World, rules: Rules, net: Net) -> None:
    """The limit counts per family; a place that becomes free is taken at once."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    assert world.run(net.frame(tcp())).verdict is Verdict.TX_NAT
    clock = world.tables.memory("clock")
    limit = world.buckets * 5 // 2
    Clock.used.set(clock, 0, limit, int(net.v6))
    seen = world.run(net.frame(tcp(sport=40001)))
    assert (seen.verdict, seen.action) == (Verdict.DROP_TABLE_FULL, DROP)
    assert world.run(net.frame(tcp("A"))).verdict is Verdict.TX_NAT
    assert world.traffic(0)[0] == 1
    Clock.used.set(clock, 0, limit - 1, int(net.v6))
    Clock.used.set(clock, 0, limit, 1 - int(net.v6))
    assert world.run(net.frame(tcp(sport=40001))).verdict is Verdict.TX_NAT


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
def test_connections_of_a_removed_server_are_dropped(
    world: World, rules: Rules, net: Net, protocol: int
) -> None:
    """expire_nodest_conn 0: silently, until they expire; back again, they go on."""
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 80))
    packet = net.frame(tcp() if protocol == TCP else udp(dport=80))
    world.run(packet)
    counted = world.traffic(0)
    rules.remove(0)
    seen = world.run(net.frame(tcp("A") if protocol == TCP else udp(dport=80)))
    assert (seen.verdict, seen.action) == (Verdict.DROP_SERVER_GONE, DROP)
    assert world.traffic(0) == counted
    assert len(living(world, net.v6)) == 1


def test_weight_0_keeps_what_it_has(world: World, rules: Rules, net: Net) -> None:
    service = rules.service(net.vip, 80, TCP, Real(net.rip(1), 80), Real(net.rip(2), 80))
    world.run(net.frame(tcp()))
    rules.weigh(service, 0, 1)
    seen = world.run(net.frame(tcp("A")))
    same(seen.frame, net.frame(tcp("A"), dst=net.rip(1), ttl=63, macs=to_server(1)))
    for sport in (40001, 40002, 40003):
        seen = world.run(net.frame(tcp(sport=sport)))
        want = net.frame(tcp(sport=sport), dst=net.rip(2), ttl=63, macs=to_server(2))
        same(seen.frame, want)
