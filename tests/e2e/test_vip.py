"""VIPs on real interfaces: answered, announced, remembered, taken down."""

import os
import socket
import time
from collections.abc import Iterator

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from elvs.director.announce import TIMES
from elvs.lab.namespace import entered
from tests.kit.wire import Wire, wire

pytestmark = pytest.mark.root
VIPS = ("198.18.0.9", "2001:db8::9")
ETH_P_ALL = 3


@pytest.fixture
def net() -> Iterator[Wire]:
    with wire(f"elvs-vip-{os.getpid()}") as made:
        yield made


def mac_of(net: Wire) -> str:
    words = net.said("ip", "link", "show", "elvsd0").split()
    return words[words.index("link/ether") + 1]


def heard(net: Wire, vip: str) -> list[Packet]:
    """What the peer sees while the VIP is put up."""
    with entered(net.peer), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as ear:
        ear.bind(("elvsp0", ETH_P_ALL))
        net.elvs("vip", "add", vip, "dev", "elvsd0")
        time.sleep(0.1)
        ear.setblocking(False)
        frames: list[Packet] = []
        while True:
            try:
                frames.append(Ether(ear.recv(2048)))
            except BlockingIOError:
                return frames


def test_gratuitous_arp(net: Wire) -> None:
    mac = mac_of(net)
    seen = [frame[ARP] for frame in heard(net, VIPS[0]) if ARP in frame]
    ours = [arp for arp in seen if arp.psrc == arp.pdst == VIPS[0] and arp.hwsrc == mac]
    assert len(ours) == TIMES


def test_unsolicited_advertisement(net: Wire) -> None:
    mac = mac_of(net)
    seen = [frame[ICMPv6ND_NA] for frame in heard(net, VIPS[1]) if ICMPv6ND_NA in frame]
    ours = [na for na in seen if na.tgt == VIPS[1] and na[ICMPv6NDOptDstLLAddr].lladdr == mac]
    assert len(ours) >= TIMES and not any(na.S for na in ours)


@pytest.mark.parametrize("vip", VIPS)
def test_up_known_and_down(net: Wire, vip: str) -> None:
    before = net.state()
    assert net.elvs("vip", "add", vip, "dev", "elvsd0") == f"{vip} is on elvsd0\n"
    net.said("ping", "-c1", "-W2", vip, where=net.peer)
    length = "128" if ":" in vip else "32"
    assert f"{vip}/{length}" in net.said("ip", "-br", "address", "show", "elvsd0")
    assert "tentative" not in net.said("ip", "address", "show", "dev", "elvsd0", "to", vip)
    assert "already" in net.elvs("vip", "add", f"{vip}/{length}", "dev", "elvsd0")
    assert net.elvs("vip", "list") == f"{vip} dev elvsd0\n"
    assert "gone" in net.elvs("vip", "del", vip, "dev", "elvsd0")
    assert net.state() == before
    assert "nothing to do" in net.elvs("vip", "del", vip, "dev", "elvsd0")
    assert "no VIP" in net.elvs("vip", "list")


def test_on_lo(net: Wire) -> None:
    net.elvs("vip", "add", VIPS[0], "dev", "lo")
    net.said("ping", "-c1", "-W2", VIPS[0], where=net.peer)
    net.elvs("vip", "del", VIPS[0], "dev", "lo")


def test_one_that_stood_there_before_stays(net: Wire) -> None:
    net.said("ip", "address", "add", f"{VIPS[0]}/32", "dev", "elvsd0")
    assert "already" in net.elvs("vip", "add", VIPS[0], "dev", "elvsd0")
    assert "stays" in net.elvs("vip", "del", VIPS[0], "dev", "elvsd0")
    assert f"{VIPS[0]}/32" in net.said("ip", "-br", "address")


def test_one_that_was_taken_away(net: Wire) -> None:
    net.elvs("vip", "add", VIPS[0], "dev", "elvsd0")
    net.said("ip", "address", "del", f"{VIPS[0]}/32", "dev", "elvsd0")
    assert "not there any more" in net.elvs("vip", "list")
    assert f"elvs vip add {VIPS[0]} dev elvsd0" in net.elvs("status")
    assert net.elvs("vip", "add", VIPS[0], "dev", "elvsd0") == f"{VIPS[0]} is on elvsd0\n"


@pytest.mark.parametrize(
    ("vip", "interface", "word"),
    [
        ("198.18.0.9", "elvsx", "no interface elvsx"),
        ("198.18.0.1", "elvsd0", "own address"),
        ("198.18.0.1", "lo", "is on elvsd0 already"),
        ("198.18.0.9/24", "elvsd0", "/24"),
        ("ff02::1", "elvsd0", "unicast"),
        ("www", "elvsd0", "no IPv4 or IPv6 address"),
    ],
)
def test_refused(net: Wire, vip: str, interface: str, word: str) -> None:
    before = net.state()
    assert word in net.refused("vip", "add", vip, "dev", interface)
    assert net.state() == before
    assert "no VIP" in net.elvs("vip", "list")


def test_without_ipv6_there(net: Wire) -> None:
    net.said("sysctl", "-w", "net.ipv6.conf.elvsd0.disable_ipv6=1")
    assert "net.ipv6.conf.elvsd0.disable_ipv6=0" in net.refused(
        "vip", "add", VIPS[1], "dev", "elvsd0"
    )
    assert "no VIP" in net.elvs("vip", "list")


def test_not_ours(net: Wire) -> None:
    assert "was not put there by elvs" in net.refused("vip", "del", "198.18.0.1", "dev", "elvsd0")
