"""No server can take it: ICMP port unreachable in the VIP's name, never a RST (ip_vs_leave)."""

import pytest

from elvs.dataplane.layout import Method, Scheduler, Verdict
from tests.dataplane.walk.test_ttl import answer
from tests.kit.connections import living
from tests.kit.packets import IPV4, IPV6, UNREACHABLE, Net, l3, same, tcp, udp
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import REDIRECT, World

QUOTE = {"IPv4": 548, "IPv6": 1232}


def code(net: Net) -> int:
    return 4 if net.v6 else 3


@pytest.mark.parametrize("scheduler", list(Scheduler))
@pytest.mark.parametrize("weights", [(), (0,), (0, 0, 0)], ids=["empty", "one of 0", "all 0"])
@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
def test_port_unreachable(
    world: World,
    rules: Rules,
    net: Net,
    scheduler: Scheduler,
    weights: tuple[int, ...],
    protocol: int,
) -> None:
    reals = [Real(net.rip(i + 1), 80, Method.NAT, weight) for i, weight in enumerate(weights)]
    rules.service(net.vip, 80, protocol, *reals, scheduler=scheduler)
    packet = net.frame(tcp() if protocol == TCP else udp(dport=80), payload=b"first words")
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (Verdict.TX_PORT_UNREACHABLE, REDIRECT)
    same(seen.frame, answer(net, seen.frame, UNREACHABLE, code(net), l3(packet)))
    assert not living(world, net.v6)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 519, 520, 521, 700, 1203, 1204, 1205, 1400])
def test_quotes_what_the_kernel_would(world: World, rules: Rules, net: Net, length: int) -> None:
    """Whole up to 548 (IPv6: 1232) bytes, cut there beyond; sums over odd lengths."""
    rules.service(net.vip, 53, UDP)
    packet = net.frame(udp(), payload=(b"0123456789abcdefg" * 90)[:length])
    seen = world.run(packet)
    quote = l3(packet)[: QUOTE[net.name]]
    same(seen.frame, answer(net, seen.frame, UNREACHABLE, code(net), quote))


def test_padding_is_not_quoted(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 53, UDP)
    packet = net.frame(udp(), payload=b"q")
    seen = world.run(packet + bytes(17))
    same(seen.frame, answer(net, seen.frame, UNREACHABLE, code(net), l3(packet)))


def test_no_way_to_the_server(world: World, rules: Rules, net: Net) -> None:
    """Host unreachable, as dst_link_failure does; the connection stands."""
    nowhere = "fd99::1" if net.v6 else "10.99.0.1"
    rules.service(net.vip, 80, TCP, Real(nowhere, 80))
    packet = net.frame(tcp())
    seen = world.run(packet)
    assert seen.verdict is Verdict.TX_HOST_UNREACHABLE
    same(seen.frame, answer(net, seen.frame, UNREACHABLE, 3 if net.v6 else 1, l3(packet)))
    assert len(living(world, net.v6)) == 1


@pytest.mark.parametrize(
    ("net", "source"),
    [
        (IPV4, "0.0.0.0"),
        (IPV4, "127.0.0.1"),
        (IPV4, "224.0.0.5"),
        (IPV4, "255.255.255.255"),
        (IPV6, "::"),
        (IPV6, "::1"),
        (IPV6, "ff02::1"),
    ],
    ids=str,
)
def test_sources_that_nobody_can_have(world: World, rules: Rules, net: Net, source: str) -> None:
    """The stack would drop them before IPVS saw them: never answered, never forwarded."""
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))
    packet = net.frame(udp(), src=source)
    seen = world.run(packet)
    assert seen.verdict is Verdict.PASS_MALFORMED
    same(seen.frame, packet)


def test_frames_for_everybody_are_the_stacks(world: World, rules: Rules) -> None:
    """Not PACKET_HOST: IPVS leaves it alone."""
    rules.service(IPV4.vip, 53, UDP)
    for mac in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"):
        packet = IPV4.frame(udp(), macs=("02:00:00:00:01:fe", mac))
        seen = world.run(packet)
        assert seen.verdict is Verdict.PASS_NOT_OURS
        same(seen.frame, packet)
