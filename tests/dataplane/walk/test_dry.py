"""`explain` walks the same way and leaves no trace: no byte of any map, none of the frame."""

from collections.abc import Callable

import pytest

from elvs.dataplane.layout import Explanation, Method, TcpState, Verdict
from tests.kit.connections import force, only
from tests.kit.packets import (
    UNREACHABLE,
    Net,
    from_server,
    l3,
    same,
    tcp,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import PASS, World

Case = Callable[[Net], bytes]

CASES: dict[str, tuple[Case, Verdict]] = {
    "a known connection": (lambda net: net.frame(tcp("A")), Verdict.TX_NAT),
    "its end": (lambda net: net.frame(tcp("F")), Verdict.TX_NAT),
    "a new one": (lambda net: net.frame(tcp("S", 40001)), Verdict.TX_NAT),
    "a new one of UDP": (lambda net: net.frame(udp()), Verdict.TX_DR),
    "no TTL": (lambda net: net.frame(tcp("A"), ttl=1), Verdict.TX_TIME_EXCEEDED),
    "through a tunnel": (lambda net: net.frame(udp(dport=54)), Verdict.TX_TUN),
    "too big": (lambda net: net.frame(udp(dport=54), payload=bytes(1465)), Verdict.TX_TOO_BIG),
    "no server": (lambda net: net.frame(udp(dport=55)), Verdict.TX_PORT_UNREACHABLE),
    "no service": (lambda net: net.frame(udp(dport=56)), Verdict.PASS_NO_SERVICE),
    "no connection": (lambda net: net.frame(tcp("A", 1)), Verdict.PASS_NOT_OPENING),
    "an answer": (
        lambda net: net.frame(
            tcp("A", 8080, 40000), src=net.rip(1), dst=net.client, macs=from_server(1)
        ),
        Verdict.TX_NAT_REPLY,
    ),
    "an ICMP error": (
        lambda net: net.frame(
            net.error(
                UNREACHABLE, 1, l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
            )
        ),
        Verdict.TX_ICMP_RELATED,
    ),
    "not ours": (lambda net: net.frame(tcp(), dst=net.other_vip), Verdict.PASS_NOT_OURS),
}


def build(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 8080))
    rules.service(net.vip, 53, UDP, Real(net.rip(2), 53, Method.DR))
    rules.service(net.vip, 54, UDP, Real(net.rip(3), 54, Method.TUN, tunnel_source=net.director))
    rules.service(net.vip, 55, UDP)
    world.run(net.frame(tcp()))


@pytest.mark.parametrize("later", [0, 60, 7000], ids=lambda n: f"{n} ticks later")
@pytest.mark.parametrize("case", CASES)
def test_same_verdict_and_no_trace(
    world: World, rules: Rules, net: Net, case: str, later: int
) -> None:
    """Also when cached ways are stale and must be looked up again."""
    build(world, rules, net)
    world.tick += later
    make, verdict = CASES[case]
    packet, before = make(net), world.snapshot()

    seen = world.explain(packet)
    assert (seen.verdict, seen.action) == (verdict, PASS)
    same(seen.frame, packet)
    after = world.snapshot()
    assert [name for name in before if before[name] != after[name]] == []

    really = world.run(packet).verdict
    assert really in (verdict, Verdict.SLOW_NEIGHBOUR)


def test_reuse_of_a_port_ends_nothing(world: World, rules: Rules, net: Net) -> None:
    build(world, rules, net)
    force(world, only(world, net.v6), net.v6, TcpState.TIME_WAIT, 1)
    before = world.snapshot()
    assert world.explain(net.frame(tcp())).verdict is Verdict.TX_NAT
    assert world.snapshot() == before


def test_what_it_says(world: World, rules: Rules, net: Net) -> None:
    build(world, rules, net)
    memory = world.tables.memory("explained")
    world.explain(net.frame(tcp("A")))
    assert Explanation.ROW.unpack(memory) == (Verdict.TX_NAT, 1, 1, 1)
    world.explain(net.frame(udp()))
    assert Explanation.ROW.unpack(memory) == (Verdict.TX_DR, 2, 2, 0)
    world.explain(net.frame(udp(dport=55)))
    assert Explanation.ROW.unpack(memory) == (Verdict.TX_PORT_UNREACHABLE, 4, 0, 0)
