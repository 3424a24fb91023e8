"""Attributes and links out of raw netlink messages."""

import struct

import pytest

from elvs.dataplane import netdev
from elvs.dataplane.netdev import Attached
from elvs.dataplane.netlink import attribute, attributes


def test_attributes_are_padded_and_found_again() -> None:
    body = attribute(3, b"abc") + attribute(0x8004, b"12345678") + attribute(5, b"")
    assert len(body) % 4 == 0
    assert attributes(body) == {3: b"abc", 4: b"12345678", 5: b""}


@pytest.mark.parametrize("body", [b"", b"\1", b"\0\0\1\0", b"\3\0\1\0zzzz"])
def test_a_broken_attribute_ends_the_list(body: bytes) -> None:
    assert attributes(body) == {}


def link(*parts: bytes, flags: int = 1) -> bytes:
    return netdev.LINK.pack(0, 1, 7, flags, 0) + attribute(netdev.NAME, b"eth7\0") + b"".join(parts)


def test_a_plain_interface() -> None:
    found = netdev.parse_link(link(attribute(netdev.MTU, struct.pack("<I", 1400))))
    assert (found.name, found.index, found.mtu, found.kind) == ("eth7", 7, 1400, "")
    assert found.up and not found.loopback
    assert found.attached is Attached.NONE and found.programs == ()


def test_an_interface_with_a_program() -> None:
    xdp = (
        attribute(netdev.XDP_ATTACHED, b"\2")
        + attribute(netdev.XDP_PROG_ID, struct.pack("<I", 51))
        + attribute(netdev.XDP_SKB_PROG_ID, struct.pack("<I", 51))
    )
    kind = attribute(netdev.LINK_INFO, attribute(netdev.INFO_KIND, b"veth\0"))
    found = netdev.parse_link(link(attribute(netdev.XDP, xdp), kind, flags=0))
    assert (found.attached, found.programs, found.kind) == (Attached.GENERIC, (51,), "veth")
    assert not found.up
