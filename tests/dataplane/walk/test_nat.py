"""NAT: addresses and ports changed both ways, every checksum right."""

from typing import Any

import pytest
from scapy.layers.inet import UDP as ScapyUDP
from scapy.layers.inet import IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from elvs.dataplane.layout import Verdict
from tests.kit.packets import (
    IPV4,
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
from tests.kit.world import REDIRECT, World

PROTOCOLS = pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])


def transport(protocol: int, sport: int, dport: int, flags: str = "S") -> Packet:
    return tcp(flags, sport, dport) if protocol == TCP else udp(sport, dport)


def translated(world: World, packet: bytes, want: bytes, verdict: Verdict) -> None:
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (verdict, REDIRECT)
    same(seen.frame, want)


@PROTOCOLS
@pytest.mark.parametrize("length", [0, 1, 2, 7, 536, 1301])
def test_request_and_reply(
    world: World, rules: Rules, net: Net, protocol: int, length: int
) -> None:
    """Port 80 of the VIP is port 8080 of the server; payloads of odd and even length."""
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 8080))
    payload = (bytes(range(256)) * 8)[3 : 3 + length]
    translated(
        world,
        net.frame(transport(protocol, 40000, 80), payload=payload),
        net.frame(
            transport(protocol, 40000, 8080),
            dst=net.rip(1),
            ttl=63,
            macs=to_server(1),
            payload=payload,
        ),
        Verdict.TX_NAT,
    )
    back: dict[str, Any] = {"dst": net.client, "payload": payload}
    translated(
        world,
        net.frame(
            transport(protocol, 8080, 40000, "SA"), src=net.rip(1), macs=from_server(1), **back
        ),
        net.frame(
            transport(protocol, 80, 40000, "SA"), src=net.vip, ttl=63, macs=TO_CLIENT, **back
        ),
        Verdict.TX_NAT_REPLY,
    )


@PROTOCOLS
def test_server_without_port_keeps_the_packets(
    world: World, rules: Rules, net: Net, protocol: int
) -> None:
    rules.service(net.vip, 80, protocol, Real(net.rip(2), 0))
    translated(
        world,
        net.frame(transport(protocol, 40000, 80)),
        net.frame(transport(protocol, 40000, 80), dst=net.rip(2), ttl=63, macs=to_server(2)),
        Verdict.TX_NAT,
    )


def test_udp_without_checksum_stays_so(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 5353))
    translated(
        world,
        net.frame(udp(chksum=0), payload=b"query"),
        net.frame(
            udp(dport=5353, chksum=0),
            dst=net.rip(1),
            ttl=63,
            macs=to_server(1),
            payload=b"query",
        ),
        Verdict.TX_NAT,
    )


def test_udp_checksum_that_comes_out_as_zero_is_sent_as_ones(
    world: World, rules: Rules, net: Net
) -> None:
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 5353))
    out: dict[str, Any] = {"dst": net.rip(1), "ttl": 63, "macs": to_server(1)}
    plain = Ether(net.frame(udp(dport=5353), payload=bytes(2), **out))
    payload = plain[ScapyUDP].chksum.to_bytes(2, "big")
    want = net.frame(udp(dport=5353), payload=payload, **out)
    assert Ether(want)[ScapyUDP].chksum == 0xFFFF
    translated(world, net.frame(udp(), payload=payload), want, Verdict.TX_NAT)


@PROTOCOLS
@pytest.mark.parametrize("seed", range(40))
def test_checksums_over_many_contents(
    world: World, rules: Rules, net: Net, protocol: int, seed: int
) -> None:
    """Carries fall in every place: ports and payload by a small generator."""
    word = (seed * 2654435761 + 12345) & 0xFFFFFFFF
    rules.service(net.vip, 80, protocol, Real(net.rip(1 + seed % 32), 1 + word % 65535))
    sport = 1024 + (word >> 7) % 60000
    payload = word.to_bytes(4, "big") * (seed % 9) + bytes(seed % 2)
    translated(
        world,
        net.frame(transport(protocol, sport, 80), payload=payload, ttl=2 + seed),
        net.frame(
            transport(protocol, sport, 1 + word % 65535),
            dst=net.rip(1 + seed % 32),
            ttl=1 + seed,
            macs=to_server(1 + seed % 32),
            payload=payload,
        ),
        Verdict.TX_NAT,
    )


@PROTOCOLS
@pytest.mark.parametrize(
    "options",
    [[IPOption_NOP()] * 4, [IPOption_RR(routers=["0.0.0.0"] * 9), IPOption_NOP()]],
    ids=["4 bytes", "40 bytes"],
)
def test_ipv4_options(world: World, rules: Rules, protocol: int, options: list[Packet]) -> None:
    rules.service(IPV4.vip, 80, protocol, Real(IPV4.rip(1), 8080))
    translated(
        world,
        IPV4.frame(transport(protocol, 40000, 80), options=options, payload=b"x"),
        IPV4.frame(
            transport(protocol, 40000, 8080),
            dst=IPV4.rip(1),
            ttl=63,
            macs=to_server(1),
            options=options,
            payload=b"x",
        ),
        Verdict.TX_NAT,
    )


@PROTOCOLS
@pytest.mark.parametrize(
    "extensions",
    [
        IPv6ExtHdrHopByHop(),
        IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(20))]),
        IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt(),
        IPv6ExtHdrRouting(addresses=[], segleft=0),
    ],
    ids=["hop by hop", "destination options", "three", "routing, used up"],
)
def test_ipv6_extension_headers(
    world: World, rules: Rules, protocol: int, extensions: Packet
) -> None:
    rules.service(IPV6.vip, 80, protocol, Real(IPV6.rip(1), 8080))
    translated(
        world,
        IPV6.frame(extensions / transport(protocol, 40000, 80), payload=b"xyz"),
        IPV6.frame(
            extensions / transport(protocol, 40000, 8080),
            dst=IPV6.rip(1),
            ttl=63,
            macs=to_server(1),
            payload=b"xyz",
        ),
        Verdict.TX_NAT,
    )


@PROTOCOLS
def test_ethernet_padding_stays_behind_the_packet(
    world: World, rules: Rules, net: Net, protocol: int
) -> None:
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 8080))
    padding = b"padding that is in no checksum"
    translated(
        world,
        net.frame(transport(protocol, 40000, 80)) + padding,
        net.frame(transport(protocol, 40000, 8080), dst=net.rip(1), ttl=63, macs=to_server(1))
        + padding,
        Verdict.TX_NAT,
    )


def test_two_vips_in_front_of_one_server(world: World, rules: Rules, net: Net) -> None:
    """Answers find the VIP that their connection came by, when client ports differ."""
    for vip, port in ((net.vip, 80), (net.other_vip, 81)):
        rules.service(vip, port, TCP, Real(net.rip(1), 8080))
    for sport, vip, port in ((40000, net.vip, 80), (40001, net.other_vip, 81)):
        assert world.run(net.frame(tcp("S", sport, port), dst=vip)).verdict is Verdict.TX_NAT
    for sport, vip, port in ((40000, net.vip, 80), (40001, net.other_vip, 81)):
        translated(
            world,
            net.frame(tcp("SA", 8080, sport), src=net.rip(1), dst=net.client, macs=from_server(1)),
            net.frame(tcp("SA", port, sport), src=vip, dst=net.client, ttl=63, macs=TO_CLIENT),
            Verdict.TX_NAT_REPLY,
        )


def test_what_a_server_says_of_its_own_accord_passes(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 8080))
    packet = net.frame(tcp("S", 50000, 443), src=net.rip(1), dst=net.client, macs=from_server(1))
    seen = world.run(packet)
    assert seen.verdict is Verdict.PASS_NO_CONNECTION
    same(seen.frame, packet)
