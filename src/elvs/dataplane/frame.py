"""One Ethernet frame with a TCP or UDP packet, as a client would send it."""

import struct
from enum import IntFlag

from elvs.model.address import Address, Family
from elvs.model.errors import InvalidValue
from elvs.model.service import Protocol

TTL = 64
ETHERTYPES = {Family.IPV4: 0x0800, Family.IPV6: 0x86DD}
WINDOW = 65535


class TcpFlag(IntFlag):
    """RFC 9293, 3.1."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16


def build(
    protocol: Protocol,
    source: tuple[Address, int],
    destination: tuple[Address, int],
    flags: TcpFlag = TcpFlag.SYN,
) -> bytes:
    """The frame, without payload, MACs zero, checksums right. `flags` are TCP's."""
    (src, _), (dst, _) = source, destination
    if src.family is not dst.family:
        raise InvalidValue(f"{src} and {dst} are not of one address family", "use two of a kind")
    if protocol is Protocol.SCTP:
        raise InvalidValue("SCTP packets cannot be made", "ask for tcp or udp")
    segment = _segment(protocol, source[1], destination[1], flags)
    pseudo = src.packed + dst.packed + struct.pack("!II", len(segment), protocol)
    at = 16 if protocol is Protocol.TCP else 6
    total = checksum(pseudo + segment) or 0xFFFF
    segment = segment[:at] + total.to_bytes(2, "big") + segment[at + 2 :]
    return bytes(12) + struct.pack("!H", ETHERTYPES[src.family]) + _ip(protocol, src, dst, segment)


def _segment(protocol: Protocol, sport: int, dport: int, flags: TcpFlag) -> bytes:
    if protocol is Protocol.UDP:
        return struct.pack("!HHHH", sport, dport, 8, 0)
    return struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, WINDOW, 0, 0)


def _ip(protocol: Protocol, src: Address, dst: Address, segment: bytes) -> bytes:
    if src.family is Family.IPV6:
        head = struct.pack("!IHBB", 6 << 28, len(segment), protocol, TTL)
        return head + src.packed + dst.packed + segment
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, TTL, protocol, 0)
    head += src.packed + dst.packed
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + segment


def checksum(data: bytes) -> int:
    """The Internet checksum, RFC 1071."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
