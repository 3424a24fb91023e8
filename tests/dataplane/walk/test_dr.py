"""DR: the packet as it came but for MACs and TTL; the servers' answers are none of ours."""

import pytest

from elvs.dataplane.layout import ConnFlags, Method, Verdict
from tests.kit.connections import only
from tests.kit.packets import Net, from_server, same, tcp, to_server, udp
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import PASS, REDIRECT, World


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
@pytest.mark.parametrize("length", [0, 1, 700])
def test_only_macs_and_ttl(
    world: World, rules: Rules, net: Net, protocol: int, length: int
) -> None:
    rules.service(net.vip, 80, protocol, Real(net.rip(3), 80, Method.DR))
    packet = tcp("S", 40000, 80) if protocol == TCP else udp(40000, 80)
    payload = b"z" * length
    seen = world.run(net.frame(packet, payload=payload))
    assert (seen.verdict, seen.action) == (Verdict.TX_DR, REDIRECT)
    same(seen.frame, net.frame(packet, ttl=63, macs=to_server(3), payload=payload))


def test_server_behind_a_router_is_reached_by_the_routers_mac(
    world: World, rules: Rules, net: Net
) -> None:
    rules.service(net.vip, 80, TCP, Real(f"{net.far}9", 80, Method.DR))
    seen = world.run(net.frame(tcp()))
    assert seen.verdict is Verdict.TX_DR
    same(seen.frame, net.frame(tcp(), ttl=63, macs=to_server(0xFE)))


def test_an_answer_by_way_of_the_director_passes_and_is_noticed(
    world: World, rules: Rules, net: Net
) -> None:
    """ip_vs_core.c, handle_response: accounting and state, no change."""
    rules.service(net.vip, 80, TCP, Real(net.rip(3), 80, Method.DR))
    world.run(net.frame(tcp()))
    assert only(world, net.v6).flags & ConnFlags.NOOUTPUT
    answer = net.frame(tcp("SA", 80, 40000), src=net.vip, dst=net.client, macs=from_server(3))
    seen = world.run(answer)
    assert (seen.verdict, seen.action) == (Verdict.PASS_DIRECT_REPLY, PASS)
    same(seen.frame, answer)
    assert not only(world, net.v6).flags & ConnFlags.NOOUTPUT
    assert world.traffic(0)[3:] == (1, len(answer) - 14)
