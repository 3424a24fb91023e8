"""Cut, bent and random packets: never a crash, never forwarded when the packet contradicts itself.

`honest` is the judge: an independent reading of the headers that says whether a frame is one
that may be forwarded at all.
"""

import struct
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop

from elvs.dataplane.layout import Method, Verdict
from tests.kit.packets import (
    IPV4,
    IPV6,
    UNREACHABLE,
    Net,
    from_server,
    l3,
    tcp,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import PASS, World

FORWARDED = {
    Verdict.TX_NAT,
    Verdict.TX_NAT_REPLY,
    Verdict.TX_DR,
    Verdict.TX_TUN,
    Verdict.SLOW_NEIGHBOUR,
}
ANSWERED = {
    Verdict.TX_PORT_UNREACHABLE,
    Verdict.TX_HOST_UNREACHABLE,
    Verdict.TX_TIME_EXCEEDED,
    Verdict.TX_TOO_BIG,
}
INTERNAL = {Verdict.DROP_INTERNAL, Verdict.CONTINUE, Verdict.DROP_UNSUPPORTED}
EXTENSIONS = {0, 43, 60}


def honest(frame: bytes) -> bool:
    """Whether the lengths and versions of a TCP, UDP or ICMP packet agree with each other."""
    if len(frame) < 34 or frame[0] & 1:
        return False
    packet = frame[14:]
    kind = frame[12:14]
    if kind == b"\x08\x00":
        return packet[0] >> 4 == 4 and _honest4(packet)
    if kind == b"\x86\xdd":
        return len(packet) >= 40 and packet[0] >> 4 == 6 and _honest6(packet)
    return False


def _honest4(packet: bytes) -> bool:
    header = (packet[0] & 15) * 4
    (total,) = struct.unpack_from("!H", packet, 2)
    (fragment,) = struct.unpack_from("!H", packet, 6)
    if header < 20 or not header <= total <= len(packet) or fragment & 0x3FFF:
        return False
    return _honest_transport(packet[9], packet[header:total], 1)


def _honest6(packet: bytes) -> bool:
    (length,) = struct.unpack_from("!H", packet, 4)
    if length + 40 > len(packet):
        return False
    rest, protocol = packet[40 : 40 + length], packet[6]
    while protocol in EXTENSIONS:
        if len(rest) < 8 or len(rest) < (rest[1] + 1) * 8:
            return False
        protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
    return _honest_transport(protocol, rest, 58)


def _honest_transport(protocol: int, rest: bytes, icmp: int) -> bool:
    if protocol == TCP:
        return len(rest) >= 20 and 20 <= (rest[12] >> 4) * 4 <= len(rest)
    if protocol in (UDP, icmp):
        return len(rest) >= 8
    return False


def build(world: World, rules: Rules) -> None:
    for net in (IPV4, IPV6):
        rules.service(net.vip, 80, TCP, Real(net.rip(1), 8080))
        rules.service(net.vip, 53, UDP, Real(net.rip(2), 53, Method.DR))
        tunnelled = Real(net.rip(3), 80, Method.TUN, tunnel_source=net.director)
        rules.service(net.other_vip, 80, TCP, tunnelled)
        rules.service(net.other_vip, 54, UDP)
        for packet in (net.frame(tcp()), net.frame(udp()), net.frame(tcp(), dst=net.other_vip)):
            world.run(packet)


@cache
def seeds(net: Net) -> dict[str, bytes]:
    """Honest packets of all kinds, to be cut and bent."""
    answer = l3(net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client))
    found = {
        "TCP": net.frame(tcp("A", options=[("MSS", 1460), ("NOP", None)]), payload=b"data"),
        "SYN": net.frame(tcp("S", 41000, options=[("MSS", 9000)]), dst=net.other_vip),
        "UDP": net.frame(udp(), payload=b"query"),
        "no server": net.frame(udp(dport=54), dst=net.other_vip, payload=b"query"),
        "answer": net.frame(
            tcp("A", 8080, 40000), src=net.rip(1), dst=net.client, macs=from_server(1)
        ),
        "ICMP error": net.frame(net.error(UNREACHABLE, 1, answer)),
    }
    if net.v6:
        chain = IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()
        found["extensions"] = net.frame(chain / tcp("A"))
    return found


KINDS = pytest.mark.parametrize(
    ("net", "kind"), [(net, kind) for net in (IPV4, IPV6) for kind in seeds(net)], ids=str
)


def check(world: World, frame: bytes) -> Verdict:
    seen = world.run(frame)
    assert seen.verdict not in INTERNAL
    if seen.verdict in FORWARDED | ANSWERED | {Verdict.TX_ICMP_RELATED}:
        assert honest(frame), f"{seen.verdict.name}: {frame.hex()}"
    if seen.action == PASS and seen.verdict is not Verdict.SLOW_NEIGHBOUR:
        assert seen.frame == frame
    return seen.verdict


@KINDS
def test_every_prefix(world: World, rules: Rules, net: Net, kind: str) -> None:
    """Cut short by the wire, the lengths in the headers left as they were: to the stack."""
    build(world, rules)
    whole = seeds(net)[kind]
    for length in range(14, len(whole)):
        verdict = check(world, whole[:length])
        assert verdict in (Verdict.PASS_MALFORMED, Verdict.PASS_NOT_IP)
    assert check(world, whole) not in (Verdict.PASS_MALFORMED, Verdict.PASS_NOT_IP)


@pytest.mark.parametrize("kind", ["TCP", "UDP", "answer", "ICMP error"])
def test_every_length_that_the_header_claims(
    world: World, rules: Rules, net: Net, kind: str
) -> None:
    build(world, rules)
    whole = seeds(net)[kind]
    at = 18 if net.v6 else 16
    for claimed in (*range(len(whole) + 8), 1500, 32767, 65535):
        check(world, whole[:at] + claimed.to_bytes(2, "big") + whole[at + 2 :])


@pytest.mark.parametrize("size", range(16))
def test_every_header_length(world: World, rules: Rules, size: int) -> None:
    build(world, rules)
    whole = bytearray(seeds(IPV4)["TCP"])
    whole[14] = 0x40 | size
    check(world, bytes(whole))
    for net in (IPV4, IPV6):
        whole = bytearray(seeds(net)["TCP"])
        whole[14 + net.header + 12] = size << 4
        check(world, bytes(whole))


@KINDS
def test_every_bit_turned(world: World, rules: Rules, net: Net, kind: str) -> None:
    build(world, rules)
    whole = seeds(net)[kind]
    for bit in range(8 * min(len(whole), 100)):
        turned = bytearray(whole)
        turned[bit // 8] ^= 1 << bit % 8
        check(world, bytes(turned))


SLOW_FIXTURE = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@given(data=st.binary(min_size=14, max_size=200))
@SLOW_FIXTURE
def test_random_bytes(world: World, rules: Rules, data: bytes) -> None:
    if not rules.services:
        build(world, rules)
    check(world, data)


@given(
    v6=st.booleans(),
    kind=st.sampled_from(sorted(seeds(IPV4))),
    changes=st.lists(st.tuples(st.integers(12, 140), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 60),
    tail=st.binary(max_size=40),
)
@SLOW_FIXTURE
def test_bent_packets(
    world: World,
    rules: Rules,
    v6: bool,
    kind: str,
    changes: list[tuple[int, int]],
    cut: int,
    tail: bytes,
) -> None:
    if not rules.services:
        build(world, rules)
    frame = bytearray(seeds(IPV6 if v6 else IPV4)[kind])
    for at, value in changes:
        if at < len(frame):
            frame[at] = value
    check(world, bytes(frame[: max(14, len(frame) - cut)] + tail))


def test_largest_headers(world: World, rules: Rules) -> None:
    """512 bytes of extension headers are walked, more are the stack's."""
    build(world, rules)
    for blocks in (1, 30, 61, 62, 63, 64, 100, 255):
        extension = bytes((6, blocks - 1)) + b"\1\4" + bytes(blocks * 8 - 4)
        length = len(extension) + 20
        head = bytearray(IPV6.frame(tcp("A")))
        frame = bytes(head[:54]) + extension + bytes(head[54:])
        frame = frame[:18] + length.to_bytes(2, "big") + b"\0" + frame[21:]
        verdict = check(world, frame)
        assert verdict in (Verdict.TX_NAT, Verdict.PASS_MALFORMED)
