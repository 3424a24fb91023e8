"""Announcements, read by an independent parser."""

from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from elvs.director.announce import frame
from elvs.model.address import Address

MAC = bytes.fromhex("020000000a01")
TEXT = "02:00:00:00:0a:01"


def test_gratuitous_arp() -> None:
    raw = frame(Address.parse("192.0.2.9"), MAC)
    seen = Ether(raw)
    assert (seen.dst, seen.src, len(raw)) == ("ff:ff:ff:ff:ff:ff", TEXT, 60)
    arp = seen[ARP]
    assert (arp.op, arp.hwsrc, arp.psrc, arp.pdst) == (1, TEXT, "192.0.2.9", "192.0.2.9")


def test_unsolicited_neighbour_advertisement() -> None:
    raw = frame(Address.parse("2001:db8::9"), MAC)
    seen = Ether(raw)
    assert (seen.dst, seen.src) == ("33:33:00:00:00:01", TEXT)
    assert (seen[IPv6].src, seen[IPv6].dst, seen[IPv6].hlim) == ("2001:db8::9", "ff02::1", 255)
    na = seen[ICMPv6ND_NA]
    assert (na.tgt, na.O, na.S, na.R) == ("2001:db8::9", 1, 0, 0)
    assert na[ICMPv6NDOptDstLLAddr].lladdr == TEXT
    said = na.cksum
    del seen[ICMPv6ND_NA].cksum
    assert Ether(bytes(seen))[ICMPv6ND_NA].cksum == said
