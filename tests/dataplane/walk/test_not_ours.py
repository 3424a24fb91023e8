"""What is none of ours goes to the stack as it came, to the last byte."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP
from scapy.layers.inet6 import IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from elvs.dataplane.layout import ServiceFlags, Verdict
from elvs.model.address import Address
from tests.kit.connections import living
from tests.kit.packets import IPV4, IPV6, Net, from_server, same, tcp, udp
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import PASS, World


@pytest.fixture(autouse=True)
def services(rules: Rules) -> None:
    for net in (IPV4, IPV6):
        rules.service(net.vip, 80, TCP, Real(net.rip(1), 8080))
        rules.service(net.vip, 53, UDP, Real(net.rip(1), 53))


def passes(world: World, packet: bytes, verdict: Verdict) -> None:
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (verdict, PASS)
    same(seen.frame, packet)
    assert not living(world) and not living(world, v6=True)
    assert world.traffic(0)[1:] == (0, 0, 0, 0)


@pytest.mark.parametrize("packet", [tcp(), udp()], ids=["TCP", "UDP"])
def test_another_address(world: World, net: Net, packet: Packet) -> None:
    passes(world, net.frame(packet, dst=net.other_vip), Verdict.PASS_NOT_OURS)


@pytest.mark.parametrize("packet", [tcp(dport=81), udp(dport=80), tcp(dport=53)])
def test_another_port_of_the_vip(world: World, net: Net, packet: Packet) -> None:
    passes(world, net.frame(packet), Verdict.PASS_NO_SERVICE)


def test_a_foreign_address_that_shares_the_filters_bit(world: World) -> None:
    """The filter only says maybe; then the look-up says no."""

    def bit(text: str) -> int:
        fold = int.from_bytes(Address.parse(text).packed, "little")
        return (fold * 0x9E3779B1 & 0xFFFFFFFF) >> 14

    twin = next(
        f"10.{a}.{b}.{c}"
        for a in range(100, 200)
        for b in range(256)
        for c in range(256)
        if bit(f"10.{a}.{b}.{c}") == bit(IPV4.vip)
    )
    passes(world, IPV4.frame(tcp(), dst=twin), Verdict.PASS_NO_SERVICE)
    passes(world, IPV4.frame(tcp("A"), src=twin, dst=IPV4.client), Verdict.PASS_NO_CONNECTION)


@pytest.mark.parametrize(
    ("name", "packet"),
    [
        ("ARP", ARP(op=1, pdst=IPV4.vip)),
        ("an unknown type", Raw(bytes(46))),
        ("VLAN", Dot1Q(vlan=5) / IPV4.ip(IPV4.client, IPV4.vip) / tcp()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_not_ip(world: World, name: str, packet: Packet) -> None:
    frame = Ether(src="02:00:00:00:01:fe", dst="02:00:00:00:01:00")
    if name == "an unknown type":
        frame.type = 0x88CC
    passes(world, bytes(frame / packet), Verdict.PASS_NOT_IP)


@pytest.mark.parametrize("number", [2, 47, 50, 51, 89, 132, 253])
def test_other_protocols(world: World, net: Net, number: int) -> None:
    field: dict[str, Any] = {"nh": number} if net.v6 else {"proto": number}
    passes(world, net.frame(Raw(bytes(24)), **field), Verdict.PASS_PROTOCOL)


def test_the_other_familys_icmp(world: World, net: Net) -> None:
    field: dict[str, Any] = {"nh": 1} if net.v6 else {"proto": 58}
    passes(world, net.frame(Raw(bytes(24)), **field), Verdict.PASS_PROTOCOL)


@pytest.mark.parametrize(("offset", "more"), [(0, True), (3, True), (100, False)])
@pytest.mark.parametrize("packet", [tcp(), udp()], ids=["TCP", "UDP"])
def test_fragments(world: World, net: Net, offset: int, more: bool, packet: Packet) -> None:
    if net.v6:
        nh = 6 if packet.name == "TCP" else 17
        whole = IPv6ExtHdrFragment(nh=nh, offset=offset, m=int(more)) / Raw(bytes(packet))
        passes(world, net.frame(whole), Verdict.PASS_FRAGMENT)
        behind = IPv6ExtHdrHopByHop() / whole
        passes(world, net.frame(behind), Verdict.PASS_FRAGMENT)
        return
    frame = net.frame(packet, frag=offset, flags="MF" if more else 0)
    passes(world, frame, Verdict.PASS_FRAGMENT)


def test_too_many_extension_headers(world: World) -> None:
    chain: Packet = IPv6ExtHdrHopByHop()
    for _ in range(9):
        chain /= IPv6ExtHdrHopByHop()
    passes(world, IPV6.frame(chain / tcp()), Verdict.PASS_MALFORMED)


def test_ping_of_the_vip(world: World) -> None:
    passes(world, IPV4.frame(ICMP(type=8) / Raw(b"x" * 9)), Verdict.PASS_ICMP)


def test_answers_that_belong_to_nothing(world: World, net: Net) -> None:
    for packet in (tcp("SA", 8080, 40000), udp(53, 40000)):
        frame = net.frame(packet, src=net.rip(1), dst=net.client, macs=from_server(1))
        passes(world, frame, Verdict.PASS_NO_CONNECTION)


@pytest.mark.parametrize("port", [22, 179, 3784, 4784])
def test_protected_ports_of_own_addresses(world: World, rules: Rules, net: Net, port: int) -> None:
    """A service on the director's own address never takes the operator's ssh away."""
    flags = ServiceFlags.LIVE | ServiceFlags.OWN_ADDRESS
    rules.service(net.other_vip, port, TCP, Real(net.rip(1), port), flags=flags)
    frame = net.frame(tcp(dport=port), dst=net.other_vip)
    passes(world, frame, Verdict.PASS_PROTECTED)


def test_protected_ports_of_other_vips_are_balanced(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.other_vip, 22, TCP, Real(net.rip(1), 22))
    assert world.run(net.frame(tcp(dport=22), dst=net.other_vip)).verdict is Verdict.TX_NAT
