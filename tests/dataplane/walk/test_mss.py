"""TUN clamps the MSS of SYNs to what the tunnel carries, wherever the option stands."""

import pytest

from elvs.dataplane.layout import Method, Verdict
from tests.kit.packets import Net, same, tcp, to_server
from tests.kit.rules import TCP, Real, Rules
from tests.kit.world import World

CLAMPED = {"IPv4": 1440, "IPv6": 1400}
"""1500 less two IP headers and one of TCP."""


def mss(value: int) -> bytes:
    return bytes((2, 4)) + value.to_bytes(2, "big")


def syn(net: Net, options: bytes, flags: str = "S", ttl: int = 64) -> bytes:
    """A segment with raw option bytes; scapy would mend what is wrong in them."""
    padded = options.ljust((len(options) + 3) // 4 * 4, b"\0")
    packet = tcp(flags, dataofs=5 + len(padded) // 4)
    return net.frame(packet, ttl=ttl, payload=padded)


@pytest.fixture
def tunnel(rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(4), 80, Method.TUN, tunnel_source=net.director))


def inside(world: World, net: Net, frame: bytes) -> bytes:
    """What the tunnel carries, in a frame again."""
    seen = world.run(frame)
    assert seen.verdict is Verdict.TX_TUN
    return seen.frame[:12] + frame[12:14] + seen.frame[14 + net.header :]


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"\1\1", b"\4\2"),
        (b"\1", b"\1\1\1"),
        (b"\1\1\1", b""),
        (b"\4\2\x08\x0a" + bytes(8), b"\1\3\3\7"),
        (b"\1" * 36, b""),
        (b"\3\3\7", b"\4\2"),
        (b"\xfd\x10" + bytes(14), b""),
    ],
    ids=[
        "first",
        "after two NOPs",
        "at an odd offset",
        "at another odd offset",
        "late",
        "last of 40 bytes",
        "after a window scale, odd",
        "after an unknown option",
    ],
)
@pytest.mark.parametrize("value", [9000, 1460, 1441, 65535])
def test_clamped(world: World, net: Net, before: bytes, after: bytes, value: int) -> None:
    got = inside(world, net, syn(net, before + mss(value) + after))
    least = min(value, CLAMPED[net.name])
    same(got, to_macs(syn(net, before + mss(least) + after, ttl=63)))


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize(
    "options",
    [
        b"",
        mss(536),
        mss(1400),
        b"\1\1\4\2",
        b"\0\0\0\0" + mss(9000),
        b"\2\3\x23\x28",
        b"\2\6\x23\x28\0\0",
        b"\xfd\0" + mss(9000),
        b"\xfd\1" + mss(9000),
        b"\xfd\xff" + mss(9000),
        b"\1" * 38 + b"\2\4",
        b"\1" * 40,
        b"\xfd",
    ],
    ids=[
        "none",
        "small already",
        "just fits",
        "no MSS",
        "behind the end of options",
        "MSS of a wrong length 3",
        "MSS of a wrong length 6",
        "an option of length 0 before it",
        "an option of length 1 before it",
        "an option longer than the header",
        "cut off by the header's end",
        "40 NOPs",
        "a kind without length at the end",
    ],
)
def test_left_alone(world: World, net: Net, options: bytes) -> None:
    got = inside(world, net, syn(net, options))
    same(got, to_macs(syn(net, options, ttl=63)))


@pytest.mark.usefixtures("tunnel")
def test_only_of_syns(world: World, net: Net) -> None:
    inside(world, net, syn(net, b""))
    got = inside(world, net, syn(net, mss(9000), "A"))
    same(got, to_macs(syn(net, mss(9000), "A", ttl=63)))


def test_payload_that_looks_like_an_option(
    world: World, rules: Rules, net: Net, tunnel: None
) -> None:
    """A SYN of 20 bytes header whose data would read as an MSS."""
    packet = net.frame(tcp("S"), payload=mss(9000))
    got = inside(world, net, packet)
    same(got, to_macs(net.frame(tcp("S"), payload=mss(9000), ttl=63)))


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize("inside_header", [1, 2, 3])
def test_an_option_that_runs_out_of_the_header(world: World, net: Net, inside_header: int) -> None:
    """Its rest would be the segment's data, which is nobody's to change."""
    option = b"\1" * (8 - inside_header) + mss(9000)
    packet = tcp("S", dataofs=7)
    got = inside(world, net, net.frame(packet, payload=option + b"data"))
    same(got, to_macs(net.frame(packet, payload=option + b"data", ttl=63)))


def test_other_methods_leave_it(world: World, rules: Rules, net: Net) -> None:
    rules.service(net.vip, 80, TCP, Real(net.rip(4), 80, Method.DR))
    seen = world.run(syn(net, mss(9000)))
    same(seen.frame, to_macs(syn(net, mss(9000), ttl=63)))


def to_macs(frame: bytes) -> bytes:
    """The frame as it goes to server 4."""
    source, destination = (bytes.fromhex(mac.replace(":", "")) for mac in to_server(4))
    return destination + source + frame[12:]
