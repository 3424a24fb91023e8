"""What does not fit the way is answered with the MTU that does (RFC 1191, RFC 8201)."""

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from elvs.dataplane.layout import Method, Verdict
from tests.dataplane.walk.test_ttl import answer
from tests.kit.packets import (
    IPV4,
    TOO_BIG,
    UNREACHABLE,
    Net,
    from_server,
    l3,
    same,
    tcp,
    to_server,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import DROP, World

QUOTE = {"IPv4": 548, "IPv6": 1232}
"""576 less 28, 1280 less 48: what the kernel quotes at most."""


def filled(net: Net, length: int, **more: object) -> bytes:
    """A TCP segment whose IP packet has `length` bytes."""
    room = length - net.header - 20
    return net.frame(tcp("A"), payload=(b"0123456789" * 200)[:room], **more)  # type: ignore[arg-type]


def opened(world: World, rules: Rules, net: Net, method: Method, address: str) -> None:
    rules.service(net.vip, 80, TCP, Real(address, 80, method, tunnel_source=net.director))
    world.run(net.frame(tcp()))


@pytest.mark.parametrize(
    ("method", "server", "mtu"),
    [
        (Method.NAT, "near", 1500),
        (Method.DR, "near", 1500),
        (Method.TUN, "near", 1500),
        (Method.NAT, "narrow", 1400),
        (Method.TUN, "narrow", 1400),
    ],
)
def test_answered(
    world: World, rules: Rules, net: Net, method: Method, server: str, mtu: int
) -> None:
    """One byte too long is answered, the longest that fits goes."""
    address = net.rip(1) if server == "near" else f"{net.narrow}1"
    opened(world, rules, net, method, address)
    fits = mtu - (net.header if method is Method.TUN else 0)

    assert world.run(filled(net, fits)).verdict in (Verdict.TX_NAT, Verdict.TX_DR, Verdict.TX_TUN)
    packet = filled(net, fits + 1)
    seen = world.run(packet)
    assert seen.verdict is Verdict.TX_TOO_BIG
    kind, code = (TOO_BIG, 0) if net.v6 else (UNREACHABLE, 4)
    quote = l3(packet)[: QUOTE[net.name]]
    same(seen.frame, answer(net, seen.frame, kind, code, quote, mtu=fits))


@pytest.mark.parametrize("method", [Method.NAT, Method.DR, Method.TUN])
def test_without_df_it_is_dropped(world: World, rules: Rules, method: Method) -> None:
    """IPVS's stack would fragment it; eLVS does not yet, and counts what it drops."""
    opened(world, rules, IPV4, method, IPV4.rip(1))
    seen = world.run(filled(IPV4, 1501, flags=0))
    assert (seen.verdict, seen.action) == (Verdict.DROP_TOO_BIG, DROP)


def test_an_answer_that_is_too_big(world: World, rules: Rules, net: Net) -> None:
    """The server hears from the VIP what fits the way to the client."""
    opened(world, rules, net, Method.NAT, net.rip(1))
    packet = net.frame(
        tcp("A", 80, 40000),
        src=net.rip(1),
        dst=net.client,
        macs=from_server(1),
        payload=bytes(1501 - net.header - 20),
    )
    seen = world.run(packet)
    assert seen.verdict is Verdict.TX_TOO_BIG
    kind, code = (TOO_BIG, 0) if net.v6 else (UNREACHABLE, 4)
    fields = {} if net.v6 else {"tos": 0xC0, "id": Ether(seen.frame)[IP].id, "flags": 0}
    want = net.frame(
        net.error(kind, code, l3(packet)[: QUOTE[net.name]], mtu=1500),
        src=net.vip,
        dst=net.rip(1),
        macs=to_server(1),
        **fields,
    )
    same(seen.frame, want)


def test_two_mtus_behind_one_router(world: World, rules: Rules, net: Net) -> None:
    """The way to 10.3 has 1400 bytes, the way to 10.2 by the same router 1500."""
    for vip, address in ((net.vip, f"{net.far}1"), (net.other_vip, f"{net.narrow}1")):
        rules.service(vip, 80, UDP, Real(address, 80, Method.TUN, tunnel_source=net.director))
    room = bytes(1500 - 2 * net.header - 8)
    wide = net.frame(udp(dport=80), payload=room)
    narrow = net.frame(udp(dport=80), dst=net.other_vip, payload=room)
    for _ in range(2):
        assert world.run(wide).verdict is Verdict.TX_TUN
        assert world.run(narrow).verdict is Verdict.TX_TOO_BIG
