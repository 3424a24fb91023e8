"""TUN: the packet in another IP packet; tos, ECN, DF and TTL as IPVS sets them."""

from typing import Any

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from elvs.dataplane.layout import Method, Verdict
from tests.kit.packets import (
    IPV4,
    IPV6,
    Net,
    ethernet,
    l3,
    same,
    tcp,
    to_server,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import REDIRECT, World


def tunnel(rules: Rules, net: Net, protocol: int = TCP, address: str | None = None) -> None:
    real = Real(address or net.rip(4), 80, Method.TUN, tunnel_source=net.director)
    rules.service(net.vip, 80, protocol, real)


def wrapped(
    net: Net, inner: bytes, ttl: int, dst: str, macs: tuple[str, str], **outer: Any
) -> bytes:
    """`inner` (from its IP header on) as it must leave."""
    header: Packet
    if net.v6:
        header = IPv6(src=net.director, dst=dst, hlim=ttl, nh=41, **outer)
    else:
        header = IP(src=net.director, dst=dst, ttl=ttl, proto=4, **outer)
    return ethernet(header / Raw(inner), macs)


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
@pytest.mark.parametrize("length", [0, 1, 800])
def test_inside_another(world: World, rules: Rules, net: Net, protocol: int, length: int) -> None:
    tunnel(rules, net, protocol)
    packet = tcp("S", 40000, 80) if protocol == TCP else udp(40000, 80)
    seen = world.run(net.frame(packet, payload=b"p" * length))
    assert (seen.verdict, seen.action) == (Verdict.TX_TUN, REDIRECT)
    inner = l3(net.frame(packet, ttl=63, payload=b"p" * length))
    outer = {} if net.v6 else {"flags": "DF", "id": 0}
    same(seen.frame, wrapped(net, inner, 63, net.rip(4), to_server(4), **outer))


@pytest.mark.parametrize(
    ("inner", "outer"),
    [(0x00, 0x00), (0xB8, 0xB8), (0x01, 0x01), (0x02, 0x02), (0x03, 0x02), (0xFF, 0xFE)],
)
def test_tos_is_copied_and_a_mark_becomes_ect0(
    world: World, rules: Rules, net: Net, inner: int, outer: int
) -> None:
    tunnel(rules, net)
    field = "tc" if net.v6 else "tos"
    inside: dict[str, Any] = {field: inner}
    outside: dict[str, Any] = {field: outer} | ({} if net.v6 else {"flags": "DF", "id": 0})
    seen = world.run(net.frame(tcp(), **inside))
    packet = l3(net.frame(tcp(), ttl=63, **inside))
    same(seen.frame, wrapped(net, packet, 63, net.rip(4), to_server(4), **outside))


def test_without_df_inside_there_is_none_outside(world: World, rules: Rules) -> None:
    """The outer identification is then any; the rest is compared with that which came."""
    tunnel(rules, IPV4)
    seen = world.run(IPV4.frame(tcp(), flags=0))
    inner = l3(IPV4.frame(tcp(), ttl=63, flags=0))
    number = Ether(seen.frame)[IP].id
    same(seen.frame, wrapped(IPV4, inner, 63, IPV4.rip(4), to_server(4), flags=0, id=number))


def test_flow_label_stays_inside(world: World, rules: Rules) -> None:
    tunnel(rules, IPV6)
    seen = world.run(IPV6.frame(tcp(), fl=0xABCDE))
    inner = l3(IPV6.frame(tcp(), ttl=63, fl=0xABCDE))
    same(seen.frame, wrapped(IPV6, inner, 63, IPV6.rip(4), to_server(4), fl=0))


def test_padding_is_not_part_of_the_inner_packet(world: World, rules: Rules, net: Net) -> None:
    tunnel(rules, net)
    seen = world.run(net.frame(tcp()) + bytes(9))
    inner = l3(net.frame(tcp(), ttl=63))
    outer = {} if net.v6 else {"flags": "DF", "id": 0}
    same(seen.frame, wrapped(net, inner, 63, net.rip(4), to_server(4), **outer) + bytes(9))


def test_server_behind_a_router(world: World, rules: Rules, net: Net) -> None:
    tunnel(rules, net, address=f"{net.far}9")
    seen = world.run(net.frame(tcp()))
    assert seen.verdict is Verdict.TX_TUN
    outer = {} if net.v6 else {"flags": "DF", "id": 0}
    inner = l3(net.frame(tcp(), ttl=63))
    same(seen.frame, wrapped(net, inner, 63, f"{net.far}9", to_server(0xFE), **outer))
