"""The real server's program, one packet at a time: what comes out is the inner packet, whole."""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from elvs.dataplane import build, kmap
from elvs.dataplane.btf import Btf, Kind
from elvs.dataplane.object import BpfObject
from elvs.dataplane.testrun import run_tc
from elvs.realserver.decap import KEY, OUTCOMES

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

RIP, VIP, CIP, DIP = "10.0.0.2", "192.0.2.9", "198.51.100.7", "10.0.9.1"
RIP6, VIP6, CIP6, DIP6 = "fd00::2", "2001:db8::9", "2001:db8:77::7", "fd00:9::1"
UNSPEC, SHOT = 0xFFFFFFFF, 2
DONE, OTHER, FRAGMENT, REFUSED, MALFORMED, ECN = range(6)

Walk = Callable[[Any], tuple[int, bytes, int | None]]


@pytest.fixture(scope="module")
def blob() -> bytes:
    tree = build.Tree()
    build.build(tree)
    return tree.real_server.read_bytes()


@pytest.fixture(scope="module")
def walk(blob: bytes) -> Iterator[Walk]:
    """Put a packet through: verdict, packet after it, and which outcome was counted."""
    with BpfObject(blob, "realserver") as made:
        made.load()
        for name, addresses in (("receivers", (RIP, RIP6)), ("vips", (VIP, VIP6))):
            for text in addresses:
                family = socket.AF_INET6 if ":" in text else socket.AF_INET
                packed = socket.inet_pton(family, text)
                kmap.update(
                    made.map_fd(name),
                    packed.ljust(16, b"\0") + struct.pack("=II", family, 0),
                    b"\1",
                )

        def counted() -> list[int]:
            raw = kmap.rows(made.map_fd("unpacked"), 0, len(OUTCOMES))
            size = len(raw) // len(OUTCOMES)
            rows = (raw[i * size : (i + 1) * size] for i in range(len(OUTCOMES)))
            return [sum(value for (value,) in struct.iter_unpack("=Q", row)) for row in rows]

        def through(packet: Any) -> tuple[int, bytes, int | None]:
            before = counted()
            ran = run_tc(made.program_fd("realserver"), framed(packet))
            change = [now - then for now, then in zip(counted(), before, strict=True)]
            assert sum(change) <= 1
            outcome = change.index(1) if any(change) else None
            return ran.retval & 0xFFFFFFFF, ran.data, outcome

        yield through


def framed(packet: Any) -> bytes:
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet)


def inner4(size: int = 11, **fields: Any) -> Any:
    return IP(src=CIP, dst=VIP, **fields) / UDP(sport=4711, dport=53) / Raw(bytes(range(size)))


def inner6(size: int = 11, **fields: Any) -> Any:
    return IPv6(src=CIP6, dst=VIP6, **fields) / TCP(sport=4711, dport=80) / Raw(bytes(range(size)))


OUTER4: dict[str, Any] = {"src": DIP, "dst": RIP, "proto": 4}


@pytest.mark.parametrize("size", [0, 1, 11, 200])
def test_the_envelope_goes(walk: Walk, size: int) -> None:
    options = IPv6ExtHdrDestOpt(options=[])
    for outer, inner in (
        (IP(**OUTER4), inner4(size)),
        (IP(**OUTER4), inner4(size, options=[IPOption_NOP()] * 4)),
        (IP(**OUTER4, options=[IPOption_NOP()] * 8), inner4(size)),
        (IPv6(src=DIP6, dst=RIP6), inner6(size)),
        (IPv6(src=DIP6, dst=RIP6) / options, inner6(size)),
    ):
        assert walk(outer / inner) == (UNSPEC, framed(inner), DONE)


def test_a_congestion_mark_comes_through(walk: Walk) -> None:
    for ecn in (1, 2, 3):
        _, packet, outcome = walk(IP(**OUTER4, tos=3) / inner4(tos=ecn | 0x28))
        assert (packet, outcome) == (framed(inner4(tos=0x2B)), DONE)
        _, packet, outcome = walk(IPv6(src=DIP6, dst=RIP6, tc=3) / inner6(tc=ecn | 0x28))
        assert (packet, outcome) == (framed(inner6(tc=0x2B)), DONE)


@pytest.mark.parametrize(
    ("packet", "verdict", "outcome"),
    [
        (ARP(pdst=VIP), UNSPEC, None),
        (inner4(), UNSPEC, None),
        (inner6(), UNSPEC, None),
        (IP(src=DIP, dst=RIP, proto=41) / inner6(), UNSPEC, None),
        (IPv6(src=DIP6, dst=RIP6, nh=4) / inner4(), UNSPEC, None),
        (IP(**{**OUTER4, "dst": "10.0.0.3"}) / inner4(), UNSPEC, OTHER),
        (IPv6(src=DIP6, dst="fd00::3") / inner6(), UNSPEC, OTHER),
        (IP(**OUTER4) / IP(src=CIP, dst=RIP) / UDP(), UNSPEC, OTHER),
        (IPv6(src=DIP6, dst=RIP6) / IPv6(src=CIP6, dst=RIP6) / UDP(), UNSPEC, OTHER),
        (IP(**OUTER4, flags="MF") / inner4(), UNSPEC, FRAGMENT),
        (IP(**OUTER4, frag=3) / inner4(), UNSPEC, FRAGMENT),
        (IP(**OUTER4) / Raw(b"\x45" * 19), SHOT, MALFORMED),
        (IP(**OUTER4) / inner4(version=6), SHOT, MALFORMED),
        (IP(**OUTER4) / inner4(ihl=4), SHOT, MALFORMED),
        (IP(**OUTER4) / inner4(len=19), SHOT, MALFORMED),
        (IP(**OUTER4) / inner4(len=40), SHOT, MALFORMED),
        (IP(**OUTER4, ihl=15) / inner4(), SHOT, MALFORMED),
        (IPv6(src=DIP6, dst=RIP6, nh=41) / Raw(b"\x60" * 39), SHOT, MALFORMED),
        (IPv6(src=DIP6, dst=RIP6) / inner6(version=4), SHOT, MALFORMED),
        (IPv6(src=DIP6, dst=RIP6) / inner6(plen=32), SHOT, MALFORMED),
        (IP(**OUTER4, tos=3) / inner4(tos=0), SHOT, ECN),
        (IPv6(src=DIP6, dst=RIP6, tc=3) / inner6(tc=0), SHOT, ECN),
    ],
)
def test_everything_else_is_left_or_dropped(
    walk: Walk, packet: Any, verdict: int, outcome: int | None
) -> None:
    assert walk(packet) == (verdict, framed(packet), outcome)


def test_python_knows_the_layouts(blob: bytes) -> None:
    btf = Btf.of_object(blob)
    outcomes = btf.find(Kind.ENUM, "unpacking")
    assert outcomes
    assert len(outcomes.values) == len(OUTCOMES) + 1
    key = btf.find(Kind.STRUCT, "tunnel_address")
    assert key
    assert key.size == KEY.size
