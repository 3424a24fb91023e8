"""Frames against scapy's own building and checksums."""

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from elvs.dataplane.frame import TcpFlag, build
from elvs.model.address import Address
from elvs.model.errors import InvalidValue
from elvs.model.service import Protocol

NO_MAC = "00:00:00:00:00:00"


@pytest.mark.parametrize(
    ("source", "destination"), [("192.0.2.1", "198.51.100.7"), ("2001:db8::1", "2001:db8::2")]
)
@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_frames_are_scapys(source: str, destination: str, protocol: Protocol) -> None:
    ip: Packet = IPv6() if ":" in source else IP(id=0, flags="DF")
    ip.src, ip.dst = source, destination
    above: Packet = UDP(sport=40000, dport=53)
    if protocol is Protocol.TCP:
        above = TCP(sport=40000, dport=53, flags="SA", seq=1, window=65535)
    built = build(
        protocol,
        (Address.parse(source), 40000),
        (Address.parse(destination), 53),
        TcpFlag.SYN | TcpFlag.ACK,
    )
    assert built == bytes(Ether(src=NO_MAC, dst=NO_MAC) / ip / above)


def test_families_are_not_mixed() -> None:
    with pytest.raises(InvalidValue):
        build(Protocol.TCP, (Address.parse("192.0.2.1"), 1), (Address.parse("2001:db8::1"), 2))
