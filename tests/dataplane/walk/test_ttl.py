"""A used-up TTL is answered from the VIP; the connection has been made by then, as in IPVS."""

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from elvs.dataplane.layout import Method, Verdict
from tests.kit.connections import living
from tests.kit.packets import (
    TIME_EXCEEDED,
    TO_CLIENT,
    Net,
    from_server,
    l3,
    same,
    tcp,
    to_server,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import REDIRECT, World

METHODS = pytest.mark.parametrize("method", [Method.NAT, Method.DR, Method.TUN])


def answer(net: Net, got: bytes, kind: str, code: int, quote: bytes, **more: int) -> bytes:
    """The ICMP that must come, with the identification that did."""
    fields = {} if net.v6 else {"tos": 0xC0, "id": Ether(got)[IP].id, "flags": 0}
    return net.frame(
        net.error(kind, code, quote, **more),
        src=net.vip,
        dst=net.client,
        macs=TO_CLIENT,
        **fields,
    )


@METHODS
@pytest.mark.parametrize("ttl", [0, 1])
@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
def test_exceeded(
    world: World, rules: Rules, net: Net, method: Method, ttl: int, protocol: int
) -> None:
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 80, method, tunnel_source=net.director))
    packet = net.frame(tcp() if protocol == TCP else udp(dport=80), ttl=ttl, payload=b"abc")
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (Verdict.TX_TIME_EXCEEDED, REDIRECT)
    same(seen.frame, answer(net, seen.frame, TIME_EXCEEDED, 0, l3(packet)))
    assert len(living(world, net.v6)) == 1
    assert world.traffic(0)[:2] == (1, 1)


@METHODS
def test_two_is_enough(world: World, rules: Rules, net: Net, method: Method) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80, method, tunnel_source=net.director))
    seen = world.run(net.frame(tcp(), ttl=2))
    assert seen.verdict in (Verdict.TX_NAT, Verdict.TX_DR, Verdict.TX_TUN)
    dst = net.rip(1) if method is Method.NAT else net.vip
    want = net.frame(tcp(), ttl=1, macs=to_server(1), dst=dst)
    same(seen.frame[-len(l3(want)) :] if method is Method.TUN else l3(seen.frame), l3(want))


def test_of_an_answer(world: World, rules: Rules, net: Net) -> None:
    """The server hears it from the VIP: never from the client's address, which is not ours."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 8080))
    world.run(net.frame(tcp()))
    packet = net.frame(
        tcp("SA", 8080, 40000), src=net.rip(1), dst=net.client, ttl=1, macs=from_server(1)
    )
    seen = world.run(packet)
    assert seen.verdict is Verdict.TX_TIME_EXCEEDED
    fields = {} if net.v6 else {"tos": 0xC0, "id": Ether(seen.frame)[IP].id, "flags": 0}
    want = net.frame(
        net.error(TIME_EXCEEDED, 0, l3(packet)),
        src=net.vip,
        dst=net.rip(1),
        macs=to_server(1),
        **fields,
    )
    same(seen.frame, want)
