"""ICMP errors follow the connection they are about (ip_vs_in_icmp, ip_vs_out_icmp)."""

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, IPOption_NOP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt
from scapy.packet import Packet, Raw

from elvs.dataplane.layout import Method, ServerFlags, Verdict
from tests.kit.packets import (
    IPV4,
    IPV6,
    TIME_EXCEEDED,
    TO_CLIENT,
    TOO_BIG,
    UNREACHABLE,
    Net,
    ethernet,
    from_server,
    l3,
    same,
    tcp,
    to_server,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import DROP, PASS, REDIRECT, World

PROTOCOLS = pytest.mark.parametrize("protocol", [TCP, UDP], ids=["TCP", "UDP"])
KINDS = pytest.mark.parametrize(
    ("kind", "code"), [(UNREACHABLE, 1), (UNREACHABLE, 3), (TIME_EXCEEDED, 0), (TOO_BIG, 0)]
)


def router(net: Net) -> str:
    """Somebody on the way, of neither side's addresses."""
    return "fd09::99:1" if net.v6 else "10.9.99.1"


def transport(protocol: int, sport: int, dport: int) -> Packet:
    return tcp("A", sport, dport) if protocol == TCP else udp(sport, dport)


def quoted(packet: bytes, like: bytes) -> bytes:
    """`packet`'s headers with the transport checksum of `like`: nobody mends that in a quote."""
    at = 16 if packet[9 if packet[0] >> 4 == 4 else 6] == TCP else 6
    at += 40 if packet[0] >> 4 == 6 else 20
    return packet[:at] + like[at : at + 2] + packet[at + 2 :]


def opened(world: World, rules: Rules, net: Net, protocol: int, method: Method) -> None:
    rules.service(net.vip, 80, protocol, Real(net.rip(1), 8080, method, tunnel_source=net.director))
    first = tcp("S") if protocol == TCP else udp(dport=80)
    assert world.run(net.frame(first)).action == REDIRECT


def error(net: Net, kind: str, code: int, quote: bytes) -> Packet:
    if kind is TOO_BIG and not net.v6:
        return net.error(UNREACHABLE, 4, quote, mtu=1300)
    return net.error(kind, code, quote, mtu=1300 if kind is TOO_BIG else 0)


@PROTOCOLS
@KINDS
@pytest.mark.parametrize("sender", ["the client", "a router"])
@pytest.mark.parametrize("length", [8, 20, 501], ids=lambda n: f"{n} quoted")
def test_nat_from_the_clients_side(
    world: World,
    rules: Rules,
    net: Net,
    protocol: int,
    kind: str,
    code: int,
    sender: str,
    length: int,
) -> None:
    """About an answer VIP:80 -> client; the server gets it about RIP:8080 -> client."""
    opened(world, rules, net, protocol, Method.NAT)
    cut = net.header + length
    payload = bytes(range(250)) * 3
    back: dict[str, Any] = {"dst": net.client, "payload": payload, "ttl": 61}
    seen_by_client = l3(net.frame(transport(protocol, 80, 40000), src=net.vip, **back))[:cut]
    sent_by_server = l3(net.frame(transport(protocol, 8080, 40000), src=net.rip(1), **back))[:cut]
    sent_by_server = quoted(sent_by_server, seen_by_client)
    who = net.client if sender == "the client" else router(net)

    seen = world.run(net.frame(error(net, kind, code, seen_by_client), src=who))
    assert (seen.verdict, seen.action) == (Verdict.TX_ICMP_RELATED, REDIRECT)
    want = net.frame(
        error(net, kind, code, sent_by_server),
        src=who,
        dst=net.rip(1),
        ttl=63,
        macs=to_server(1),
    )
    same(seen.frame, want)
    assert world.traffic(0)[1:3] == (2, len(net.frame(seen_first(protocol))) - 14 + len(want) - 14)


def seen_first(protocol: int) -> Packet:
    return tcp("S") if protocol == TCP else udp(dport=80)


@PROTOCOLS
@KINDS
@pytest.mark.parametrize("sender", ["the server", "a router"])
@pytest.mark.parametrize("length", [8, 501], ids=lambda n: f"{n} quoted")
def test_nat_from_the_servers_side(
    world: World,
    rules: Rules,
    net: Net,
    protocol: int,
    kind: str,
    code: int,
    sender: str,
    length: int,
) -> None:
    """About a request client -> RIP:8080; the client gets it from the VIP, about VIP:80."""
    opened(world, rules, net, protocol, Method.NAT)
    cut = net.header + length
    request: dict[str, Any] = {"payload": bytes(range(250)) * 3, "ttl": 62}
    seen_by_server = l3(net.frame(transport(protocol, 40000, 8080), dst=net.rip(1), **request))
    sent_by_client = l3(net.frame(transport(protocol, 40000, 80), **request))
    sent_by_client = quoted(sent_by_client, seen_by_server)
    who = net.rip(1) if sender == "the server" else f"{net.far}77"

    packet = net.frame(
        error(net, kind, code, seen_by_server[:cut]),
        src=who,
        dst=net.client,
        macs=from_server(1),
    )
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (Verdict.TX_ICMP_RELATED, REDIRECT)
    want = net.frame(
        error(net, kind, code, sent_by_client[:cut]),
        src=net.vip,
        dst=net.client,
        ttl=63,
        macs=TO_CLIENT,
    )
    same(seen.frame, want)
    assert world.traffic(0)[3:] == (1, len(packet) - 14)


@PROTOCOLS
def test_quotes_with_options_and_extensions(
    world: World, rules: Rules, net: Net, protocol: int
) -> None:
    opened(world, rules, net, protocol, Method.NAT)
    extra = IPv6ExtHdrDestOpt() if net.v6 else None
    more: dict[str, Any] = {} if net.v6 else {"options": [IPOption_NOP()] * 8}
    told, sent = (
        l3(
            net.frame(
                extra / transport(protocol, port, 40000)
                if extra
                else transport(protocol, port, 40000),
                src=src,
                dst=net.client,
                **more,
            )
        )
        for src, port in ((net.vip, 80), (net.rip(1), 8080))
    )
    at = net.header + 8 + (16 if protocol == TCP else 6)
    sent = sent[:at] + told[at : at + 2] + sent[at + 2 :]
    seen = world.run(net.frame(net.error(UNREACHABLE, 1, told), src=router(net)))
    want = net.frame(
        net.error(UNREACHABLE, 1, sent), src=router(net), dst=net.rip(1), ttl=63, macs=to_server(1)
    )
    same(seen.frame, want)


@PROTOCOLS
@KINDS
def test_dr_and_tun_carry_it_as_it_is(
    world: World, rules: Rules, net: Net, protocol: int, kind: str, code: int
) -> None:
    answer = l3(net.frame(transport(protocol, 80, 40000), src=net.vip, dst=net.client))
    packet = error(net, kind, code, answer[: net.header + 8])

    opened(world, rules, net, protocol, Method.DR)
    seen = world.run(net.frame(packet, src=router(net)))
    assert seen.verdict is Verdict.TX_ICMP_RELATED
    carried = net.frame(packet, src=router(net), ttl=63, macs=to_server(1))
    same(seen.frame, carried)

    world.clear()
    rules = Rules(world.tables)
    opened(world, rules, net, protocol, Method.TUN)
    seen = world.run(net.frame(packet, src=router(net)))
    assert seen.verdict is Verdict.TX_TUN
    header = (
        IPv6(src=net.director, dst=net.rip(1), hlim=63, nh=41)
        if net.v6
        else IP(src=net.director, dst=net.rip(1), ttl=63, proto=4, flags="DF", id=0)
    )
    same(seen.frame, ethernet(header / Raw(l3(carried)), to_server(1)))


@pytest.mark.parametrize("method", [Method.DR, Method.TUN])
def test_what_a_server_says_without_nat_passes(
    world: World, rules: Rules, net: Net, method: Method
) -> None:
    opened(world, rules, net, TCP, method)
    quote = l3(net.frame(tcp("A")))
    packet = net.frame(
        net.error(UNREACHABLE, 1, quote), src=net.rip(1), dst=net.client, macs=from_server(1)
    )
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (Verdict.PASS_DIRECT_REPLY, PASS)
    same(seen.frame, packet)


def test_state_and_time_of_the_connection_stay(world: World, rules: Rules, net: Net) -> None:
    opened(world, rules, net, TCP, Method.NAT)
    name = "conn6" if net.v6 else "conn4"
    before = bytes(world.tables.memory(name))
    world.tick += 250
    quote = l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
    assert world.run(net.frame(net.error(UNREACHABLE, 1, quote))).verdict is Verdict.TX_ICMP_RELATED
    assert bytes(world.tables.memory(name)) == before


def passes(world: World, packet: bytes, verdict: Verdict) -> None:
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (verdict, PASS)
    same(seen.frame, packet)


def test_quotes_too_short_to_have_ports(world: World, rules: Rules, net: Net) -> None:
    opened(world, rules, net, TCP, Method.NAT)
    quote = l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
    for length in range(net.header + 8):
        cut = net.frame(net.error(UNREACHABLE, 1, quote[:length]))
        passes(world, cut, Verdict.PASS_ICMP)


def test_a_quote_in_the_padding_is_none(world: World, rules: Rules, net: Net) -> None:
    """The IP packet ends before the quote does: what follows is Ethernet's padding."""
    opened(world, rules, net, TCP, Method.NAT)
    quote = l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
    for length in (0, 1, net.header, net.header + 7):
        short = net.frame(net.error(UNREACHABLE, 1, quote[:length]))
        passes(world, short + quote[length:], Verdict.PASS_ICMP)


def test_not_about_a_connection(world: World, rules: Rules, net: Net) -> None:
    opened(world, rules, net, TCP, Method.NAT)
    for sport, dport in ((81, 40000), (80, 40001)):
        quote = l3(net.frame(tcp("A", sport, dport), src=net.vip, dst=net.client))
        passes(world, net.frame(net.error(UNREACHABLE, 1, quote)), Verdict.PASS_ICMP)


def test_echo_is_the_stacks(world: World, rules: Rules, net: Net) -> None:
    opened(world, rules, net, TCP, Method.NAT)
    echo = ICMPv6EchoRequest(data=b"ping") if net.v6 else ICMP(type=8) / b"ping"
    passes(world, net.frame(echo), Verdict.PASS_ICMP)


def test_redirects_are_the_stacks(world: World, rules: Rules) -> None:
    opened(world, rules, IPV4, TCP, Method.NAT)
    quote = l3(IPV4.frame(tcp("A", 80, 40000), src=IPV4.vip, dst=IPV4.client))
    redirect = ICMP(type=5, code=1, gw="10.0.0.9") / Raw(quote)
    passes(world, IPV4.frame(redirect), Verdict.PASS_ICMP)


def test_quoted_later_fragments_are_the_stacks(world: World, rules: Rules) -> None:
    opened(world, rules, IPV4, TCP, Method.NAT)
    quote = l3(IPV4.frame(tcp("A", 80, 40000), src=IPV4.vip, dst=IPV4.client, frag=3, flags=0))
    passes(world, IPV4.frame(IPV4.error(UNREACHABLE, 1, quote)), Verdict.PASS_ICMP)


def test_used_up_ttl(world: World, rules: Rules, net: Net) -> None:
    """No ICMP is ever sent about an ICMP error: dropped."""
    opened(world, rules, net, TCP, Method.NAT)
    quote = l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
    seen = world.run(net.frame(net.error(UNREACHABLE, 1, quote), ttl=1))
    assert (seen.verdict, seen.action) == (Verdict.DROP_TTL, DROP)


def test_removed_server_still_gets_it(world: World, rules: Rules, net: Net) -> None:
    """ip_vs_in_icmp looks at no flag of the server; it is not counted."""
    opened(world, rules, net, TCP, Method.NAT)
    rules.remove(0)
    before = world.traffic(0)
    quote = l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
    assert world.run(net.frame(net.error(UNREACHABLE, 1, quote))).verdict is Verdict.TX_ICMP_RELATED
    assert world.traffic(0) == before


def test_local_server(world: World, rules: Rules, net: Net) -> None:
    flags = ServerFlags.LIVE | ServerFlags.AVAILABLE | ServerFlags.LOCAL
    rules.service(net.vip, 80, TCP, Real(net.director, 80, Method.DR, flags=flags))
    assert world.run(net.frame(tcp())).verdict is Verdict.PASS_LOCAL_SERVER
    quote = l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
    passes(world, net.frame(net.error(UNREACHABLE, 1, quote)), Verdict.PASS_LOCAL_SERVER)


def test_intermediate_router_far_from_all_filters(world: World, rules: Rules) -> None:
    """Neither address of the outer header is one of ours: the quote alone says so."""
    opened(world, rules, IPV6, UDP, Method.NAT)
    quote = l3(IPV6.frame(udp(40000, 8080), dst=IPV6.rip(1), payload=b"q"))
    seen = world.run(
        IPV6.frame(
            IPV6.error(TIME_EXCEEDED, 0, quote),
            src="fd02::77",
            dst=IPV6.client,
            macs=from_server(1),
        )
    )
    assert seen.verdict is Verdict.TX_ICMP_RELATED
