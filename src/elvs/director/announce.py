"""Tell the neighbours where a VIP is: gratuitous ARP (RFC 5227) and unsolicited NA (RFC 4861).

The frames are built here and sent by a packet socket, since neither the kernel's own announcement
(arp_notify) nor an installed tool can be relied on. `frame` is pure.
"""

import socket
import struct
import time

from elvs.dataplane.netdev import Interface
from elvs.model.address import Address, Family
from elvs.model.errors import PlatformError

TIMES, PAUSE = 3, 0.1
"""How often, and seconds between: one lost frame must not cost a neighbour cache's lifetime."""
BROADCAST = b"\xff" * 6
ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0806, 0x86DD
ARP = struct.Struct("!HHBBH6s4s6s4s")
ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
ALL_NODES_MAC = bytes.fromhex("333300000001")
NEIGHBOUR_ADVERTISEMENT, ICMPV6 = 136, 58
OVERRIDE = 0x20000000
TARGET_LINK_ADDRESS = 2
ETHERNET = 1
"""ARPHRD_ETHER."""


def announce(address: Address, target: Interface) -> None:
    """Announce a VIP on an interface that stands on a network; no-op where there are no MACs."""
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind((target.name, 0))
            _, _, _, hardware, mac = raw.getsockname()
            if hardware != ETHERNET:
                return
            data = frame(address, mac[:6])
            for number in range(TIMES):
                if number:
                    time.sleep(PAUSE)
                raw.send(data)
    except OSError as error:
        raise PlatformError(
            f"{address} is on {target.name} but cannot be announced: {error.strerror}",
            "neighbours learn of it when their caches run out",
        ) from None


def frame(address: Address, mac: bytes) -> bytes:
    """The whole Ethernet frame that announces `address` at `mac`."""
    if address.family is Family.IPV4:
        head = BROADCAST + mac + struct.pack("!H", ETHERTYPE_ARP)
        # a request, not a reply: RFC 5227 section 3, "ARP Announcement"
        body = ARP.pack(1, 0x0800, 6, 4, 1, mac, address.packed, bytes(6), address.packed)
        return (head + body).ljust(60, b"\0")
    head = ALL_NODES_MAC + mac + struct.pack("!H", ETHERTYPE_IPV6)
    option = struct.pack("!BB6s", TARGET_LINK_ADDRESS, 1, mac)
    message = struct.pack("!BBHI", NEIGHBOUR_ADVERTISEMENT, 0, 0, OVERRIDE)
    message += address.packed + option
    sum_ = checksum(address.packed, ALL_NODES, message)
    message = message[:2] + struct.pack("!H", sum_) + message[4:]
    ipv6 = struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, 255) + address.packed + ALL_NODES
    return head + ipv6 + message


def checksum(source: bytes, destination: bytes, message: bytes) -> int:
    """ICMPv6's checksum over the pseudo-header (RFC 8200, section 8.1); `message` is even."""
    whole = source + destination + struct.pack("!II", len(message), ICMPV6) + message
    total: int = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
