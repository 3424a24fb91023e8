"""Traffic per server: IP lengths, both directions, one connection per scheduled packet."""

import pytest

from elvs.dataplane.layout import Method, Verdict
from tests.kit.packets import Net, from_server, tcp, udp
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import World


@pytest.mark.parametrize("method", [Method.NAT, Method.DR, Method.TUN])
@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
def test_requests(world: World, rules: Rules, net: Net, method: Method, protocol: int) -> None:
    """A tunnel's own header and Ethernet's padding are not the client's bytes."""
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 80, method, tunnel_source=net.director))
    transport = tcp() if protocol == TCP else udp(dport=80)
    first, more = net.frame(transport), net.frame(transport, payload=b"p" * 333)
    world.run(first + bytes(20))
    world.run(more)
    assert world.traffic(0) == (1, 2, len(first) + len(more) - 28, 0, 0)


def test_answers(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    request = net.frame(tcp())
    world.run(request)
    answer = net.frame(
        tcp("SA", 80, 40000),
        src=net.rip(1),
        dst=net.client,
        macs=from_server(1),
        payload=b"a" * 99,
    )
    for _ in range(3):
        world.run(answer)
    size = len(answer) - 14
    assert world.traffic(0) == (1, 1, len(request) - 14, 3, 3 * size)
    rules.remove(0)
    assert world.run(answer).verdict is Verdict.TX_NAT_REPLY
    assert world.traffic(0)[3:] == (3, 3 * size), "of a removed server nothing is counted"


def test_each_server_its_own(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, *(Real(net.rip(i), 80) for i in (1, 2, 3)))
    for sport in range(40000, 40007):
        world.run(net.frame(tcp(sport=sport)))
    assert [world.traffic(i)[0] for i in range(3)] == [3, 2, 2]
    assert [sum(world.load(i)) for i in range(3)] == [3, 2, 2]
    assert world.born(int(net.v6)) == 7
    assert world.born(1 - int(net.v6)) == 0


def test_what_cannot_be_sent_is_counted_all_the_same(world: World, rules: Rules, net: Net) -> None:
    """As IPVS: the connection is made and counted before the packet is transmitted."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    packet = net.frame(tcp(), ttl=1)
    assert world.run(packet).verdict is Verdict.TX_TIME_EXCEEDED
    assert world.traffic(0) == (1, 1, len(packet) - 14, 0, 0)
