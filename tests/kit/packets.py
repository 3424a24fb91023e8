"""Frames by scapy, which does its own checksum arithmetic, and their comparison field by field.

A `Net` has the addresses of one family; its `frame` makes the packet that goes in as well as the
one that must come out, so that a test's row shows what differs between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from tests.kit.world import IN_MAC, OUT_MAC, ROUTER_MAC, server_mac

INCOMING = (ROUTER_MAC, OUT_MAC)
"""MACs (source, destination) of what clients send."""
TO_CLIENT = (OUT_MAC, ROUTER_MAC)
"""MACs of what goes back to clients."""
UNREACHABLE, TIME_EXCEEDED, TOO_BIG = "unreachable", "time exceeded", "too big"


def to_server(number: int) -> tuple[str, str]:
    """MACs of what goes to server `number`."""
    return IN_MAC, server_mac(number)


def from_server(number: int) -> tuple[str, str]:
    return server_mac(number), IN_MAC


@dataclass(frozen=True, slots=True)
class Net:
    """Addresses of one family as world.NETWORK knows them."""

    name: str
    vip: str
    other_vip: str
    client: str
    director: str
    """Inside: the source of tunnels."""
    servers: str
    far: str
    narrow: str
    """Prefixes: directly connected servers; behind a router; behind it with an MTU of 1400."""

    def __str__(self) -> str:
        return self.name

    @property
    def v6(self) -> bool:
        return self.name == "IPv6"

    @property
    def header(self) -> int:
        """Length of an IP header without options."""
        return 40 if self.v6 else 20

    def rip(self, number: int) -> str:
        return f"{self.servers}{number}"

    def ip(self, src: str, dst: str, ttl: int = 64, **fields: Any) -> Packet:
        """An IP header; `fields` are scapy's."""
        if self.v6:
            return IPv6(src=src, dst=dst, hlim=ttl, **fields)
        chosen: dict[str, Any] = {"id": 7, "flags": "DF"} | fields
        return IP(src=src, dst=dst, ttl=ttl, **chosen)

    def frame(
        self,
        transport: Packet,
        *,
        src: str | None = None,
        dst: str | None = None,
        ttl: int = 64,
        macs: tuple[str, str] = INCOMING,
        payload: bytes = b"",
        **fields: Any,
    ) -> bytes:
        """A whole frame, from the client to the VIP unless said otherwise."""
        packet = self.ip(src or self.client, dst or self.vip, ttl, **fields) / transport
        return ethernet(packet / Raw(payload) if payload else packet, macs)

    def error(self, kind: str, code: int, quote: bytes, mtu: int = 0) -> Packet:
        """An ICMP error that quotes `quote`."""
        if not self.v6:
            number = 11 if kind is TIME_EXCEEDED else 3
            return ICMP(type=number, code=code, nexthopmtu=mtu, unused=0) / Raw(quote)
        if kind is TOO_BIG:
            return ICMPv6PacketTooBig(code=code, mtu=mtu) / Raw(quote)
        if kind is TIME_EXCEEDED:
            return ICMPv6TimeExceeded(code=code) / Raw(quote)
        return ICMPv6DestUnreach(code=code) / Raw(quote)


IPV4 = Net(
    name="IPv4",
    vip="10.0.0.1",
    other_vip="10.0.0.2",
    client="10.9.0.7",
    director="10.1.0.254",
    servers="10.1.0.",
    far="10.2.0.",
    narrow="10.3.0.",
)
IPV6 = Net(
    name="IPv6",
    vip="2001:db8:aa::1",
    other_vip="2001:db8:aa::2",
    client="fd09::7",
    director="fd01::254",
    servers="fd01::",
    far="fd02::",
    narrow="fd03::",
)


def ethernet(packet: Packet, macs: tuple[str, str] = INCOMING) -> bytes:
    """`packet` in a frame, as bytes."""
    return bytes(Ether(src=macs[0], dst=macs[1]) / packet)


def l3(frame: bytes) -> bytes:
    """From the IP header on: what ICMP quotes."""
    return frame[14:]


def tcp(flags: str = "S", sport: int = 40000, dport: int = 80, **fields: Any) -> Packet:
    return TCP(flags=flags, sport=sport, dport=dport, seq=1000, ack=7, **fields)


def udp(sport: int = 40000, dport: int = 53, **fields: Any) -> Packet:
    return UDP(sport=sport, dport=dport, **fields)


def same(got: bytes, want: bytes) -> None:
    """Compare whole frames; the AssertionError lists the fields that differ."""
    if got == want:
        return
    raise AssertionError(
        "\n".join(
            (
                "frames differ",
                *_differences(Ether(got), Ether(want)),
                f"got  {len(got)}: {got.hex()}",
                f"want {len(want)}: {want.hex()}",
            )
        )
    )


def _differences(got: Packet, want: Packet) -> Iterator[str]:
    ours, theirs = list(_layers(got)), list(_layers(want))
    for depth, (one, two) in enumerate(zip(ours, theirs, strict=False)):
        where = f"{depth}.{one.name}"
        if one.name != two.name:
            break
        for field in one.fields_desc:
            a, b = one.getfieldval(field.name), two.getfieldval(field.name)
            if a != b:
                yield f"  {where}.{field.name}: got {a!r}, want {b!r}"
    if [layer.name for layer in ours] != [layer.name for layer in theirs]:
        yield f"  layers: got {got.summary()}, want {want.summary()}"


def _layers(packet: Packet) -> Iterator[Packet]:
    while packet:
        yield packet
        packet = packet.payload
