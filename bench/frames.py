"""Frames for the benches: IPv4 TCP, 64 bytes, checksums right."""

import socket
import struct

MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
SIZE = 64
SYN, ACK = 0x02, 0x10


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def tcp(source: tuple[str, int], destination: tuple[str, int], flags: int) -> bytes:
    """One segment from (address, port) to (address, port), padded with payload to 64 bytes."""
    length = SIZE - 14
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 1, 0x4000, 64, 6, 0) + addresses
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    body = struct.pack("!HHIIBBHHH", source[1], destination[1], 1, 1, 0x50, flags, 8192, 0, 0)
    body = body.ljust(length - 20, b"\0")
    pseudo = addresses + struct.pack("!BBH", 0, 6, len(body))
    body = body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:]
    return MAC[0] + MAC[1] + b"\x08\x00" + head + body
