"""A real server in a namespace: what a LAN sees of it, and that nothing of it stays.

The LAN's side is a raw socket that plays client, director and routers at once.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from elvs.lab import namespace
from elvs.realserver import decap
from elvs.realserver.memory import DIRECTORY, SO_NETNS_COOKIE

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

ELVS = str(Path(sys.executable).with_name("elvs"))
DR, TUN = ["--method", "dr"], ["--method", "tun", "--program"]
"""The tunnel tests never load a kernel module behind the machine's back."""
LAN, SERVER = "elvs-rs-lan", "elvs-rs-server"
ETH_P_ALL = 3
PORT = 5353
SILENCE = 0.7
"""Seconds without an answer that count as none."""


@dataclass(frozen=True)
class Side:
    """Addresses of one family."""

    ip: Any
    rip: str
    router: str
    dip: str
    client: str
    vip: str
    advmss: int

    @property
    def options(self) -> list[str]:
        return ["--vip", self.vip]


V4 = Side(IP, "10.44.0.2", "10.44.0.254", "10.44.0.1", "198.51.100.7", "192.0.2.9", 1440)
V6 = Side(IPv6, "fd44::2", "fd44::fe", "fd44::1", "2001:db8:77::7", "2001:db8:9::9", 1400)
BOTH = pytest.mark.parametrize("side", [V4, V6], ids=["ipv4", "ipv6"])

PREPARE = f"""
link add elvs-rs0 netns {LAN} type veth peer name eth0 netns {SERVER}
"""
IN_SERVER = """
link set lo up
link set eth0 up
addr add 10.44.0.2/24 dev eth0
addr add fd44::2/64 dev eth0 nodad
route add default via 10.44.0.254 rto_min 300ms
route add ::/0 via fd44::fe metric 300
neigh add 10.44.0.254 lladdr 02:00:00:00:00:fe dev eth0
neigh add fd44::fe lladdr 02:00:00:00:00:fe dev eth0
neigh add 10.44.0.1 lladdr 02:00:00:00:00:01 dev eth0
neigh add fd44::1 lladdr 02:00:00:00:00:01 dev eth0
"""
ROUTER_MAC, DIP_MAC = "02:00:00:00:00:fe", "02:00:00:00:00:01"


class Lan:
    """The wire to the server."""

    def __init__(self) -> None:
        with namespace.entered(LAN):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.bind(("elvs-rs0", 0))
        self.mac: str = json.loads(run("ip", "-j", "link", "show", "eth0"))[0]["address"]

    def send(self, packet: Packet) -> None:
        self.socket.send(bytes(Ether(dst=self.mac, src=ROUTER_MAC) / packet))

    def frame(self, frame: Packet) -> None:
        self.socket.send(bytes(frame))

    def answer(self, wanted: Callable[[Packet], bool]) -> Packet | None:
        """The first frame from the server that is wanted, None after some silence."""
        end = time.monotonic() + SILENCE
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, place = self.socket.recvfrom(65536)
            except TimeoutError:
                break
            if place[2] == socket.PACKET_OUTGOING:
                continue
            if wanted(frame := Ether(data)):
                return frame
        return None


def run(*command: str, check: bool = True) -> str:
    """Run a command in the server; its output."""
    done = subprocess.run(
        namespace.inside(SERVER, command), capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"{command}: {done.stderr}{done.stdout}")
    return done.stdout


def elvs(*words: str) -> subprocess.CompletedProcess[str]:
    command = namespace.inside(SERVER, [ELVS, "realserver", *words])
    return subprocess.run(command, capture_output=True, text=True, check=False)


def done(*words: str) -> list[str]:
    result = elvs(*words)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout.splitlines()


def everything() -> dict[str, str]:
    """All that a real server's set-up can touch, as the system's own tools show it."""
    shown = {
        " ".join(words): run(*words)
        for words in (
            ("ip", "-d", "link"),
            ("ip", "route", "show", "table", "all"),
            ("ip", "-6", "route", "show", "table", "all"),
            ("ip", "rule"),
            ("ip", "-6", "rule"),
            ("tc", "qdisc"),
            ("tc", "filter", "show", "dev", "eth0", "ingress"),
        )
    }
    shown["addresses"] = "\n".join(
        line for line in run("ip", "addr").splitlines() if "_lft" not in line
    )
    shown["sysctls"] = run("sh", "-c", "cd /proc/sys/net && grep -rs . ipv4 ipv6 | sort")
    return shown


def programs() -> set[int]:
    """Ids of our programs in the kernel; those of others on this machine as well."""
    with namespace.entered(SERVER):
        return set(decap.attached().by_index.values())


@pytest.fixture
def lan() -> Iterator[Lan]:
    namespace.remove([LAN, SERVER])
    namespace.make([LAN, SERVER])
    record = DIRECTORY / f"{cookie():x}.json"
    try:
        namespace.ip(batch=PREPARE)
        namespace.ip("-n", LAN, batch="link set elvs-rs0 up\n")
        run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
        namespace.ip("-n", SERVER, batch=IN_SERVER)
        while "tentative" in run("ip", "-6", "addr"):
            time.sleep(0.1)
        wire = Lan()
        with closing(wire.socket):
            yield wire
    finally:
        namespace.remove([LAN, SERVER])
        record.unlink(missing_ok=True)


def cookie() -> int:
    with namespace.entered(SERVER), socket.socket() as probe:
        return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8), "little")


@pytest.fixture
def listeners() -> Iterator[Callable[[Side], socket.socket]]:
    """Sockets in the server that listen on every address; UDP is returned, TCP only listens."""
    opened: list[socket.socket] = []

    def listen(side: Side) -> socket.socket:
        family = socket.AF_INET if side is V4 else socket.AF_INET6
        with namespace.entered(SERVER):
            udp, tcp = (
                socket.socket(family, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)
            )
            opened.extend((udp, tcp))
            for one in (udp, tcp):
                one.bind(("", PORT))
        tcp.listen()
        udp.settimeout(SILENCE)
        return udp

    yield listen
    for one in opened:
        one.close()


def tunnelled(side: Side, inner: Packet, **outer: Any) -> Any:
    return side.ip(src=side.dip, dst=side.rip, **outer) / inner


def datagram(side: Side, **ip: Any) -> Any:
    inner = side.ip(src=side.client, dst=side.vip, **ip)
    return inner / UDP(sport=4711, dport=PORT) / Raw(b"odd length!")


@BOTH
def test_tunnel_udp(lan: Lan, listeners: Callable[[Side], socket.socket], side: Side) -> None:
    done("up", *TUN, *side.options)
    udp = listeners(side)
    lan.send(tunnelled(side, datagram(side)))
    data, client = udp.recvfrom(100)
    assert (data, client[0], client[1]) == (b"odd length!", side.client, 4711)
    # answer from the address that was asked, as a server with one socket for each address does
    with namespace.entered(SERVER):
        family = socket.AF_INET if side is V4 else socket.AF_INET6
        answering = socket.socket(family, socket.SOCK_DGRAM)
    with closing(answering):
        answering.bind((side.vip, 5354))
        answering.sendto(b"answer", client[:2])
    frame = lan.answer(lambda got: UDP in got and got[UDP].sport == 5354)
    assert frame
    assert (frame.dst, frame[side.ip].src, frame[side.ip].dst) == (
        ROUTER_MAC,
        side.vip,
        side.client,
    )


@BOTH
def test_tunnel_tcp_leaves_room_for_the_envelope(
    lan: Lan, listeners: Callable[[Side], socket.socket], side: Side
) -> None:
    done("up", *TUN, *side.options)
    listeners(side)
    syn = side.ip(src=side.client, dst=side.vip) / TCP(
        sport=4711, dport=PORT, flags="S", options=[("MSS", 1460)]
    )
    lan.send(tunnelled(side, syn))
    frame = lan.answer(lambda got: TCP in got)
    assert frame
    assert (frame[side.ip].src, frame[TCP].flags, frame.dst) == (side.vip, "SA", ROUTER_MAC)
    assert dict(frame[TCP].options)["MSS"] == side.advmss


@BOTH
@pytest.mark.guest
def test_the_kernels_device(
    lan: Lan, listeners: Callable[[Side], socket.socket], side: Side
) -> None:
    run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
    assert any(line.endswith(": up") for line in done("up", "--method", "tun", *side.options))
    assert done("up", "--method", "tun", *side.options) == ["nothing to change"]
    assert programs() == set()
    udp = listeners(side)
    lan.send(tunnelled(side, datagram(side)))
    assert udp.recvfrom(100)[0] == b"odd length!"
    done("down")
    assert ",UP" not in run("ip", "link", "show", "tunl0" if side is V4 else "ip6tnl0")


@BOTH
def test_what_is_not_for_us_stays_packed(
    lan: Lan, listeners: Callable[[Side], socket.socket], side: Side
) -> None:
    done("up", *TUN, *side.options)
    udp = listeners(side)
    other = side.ip(src=side.client, dst=side.rip) / UDP(sport=4711, dport=PORT) / Raw(b"no VIP")
    lan.send(tunnelled(side, other))
    with pytest.raises(TimeoutError):
        udp.recvfrom(100)
    assert packets() == {"passed: another tunnel's": 1}


def packets() -> dict[str, int]:
    counted = json.loads(elvs("check", "--json").stdout)["packets"]
    return {name: count for name, count in counted.items() if count}


def test_hostile_and_odd_tunnels_ipv4(lan: Lan, listeners: Callable[[Side], socket.socket]) -> None:
    done("up", *TUN, *V4.options)
    udp = listeners(V4)
    inner = datagram(V4)
    lies = IP(bytes(IP(bytes(inner)[:20])))
    lies.len = 2000
    for wrong in (
        tunnelled(V4, lies / inner[UDP], proto=4),
        tunnelled(V4, Raw(bytes([0x65]) + bytes(inner)[1:]), proto=4),
        tunnelled(V4, Raw(bytes([0x44]) + bytes(inner)[1:]), proto=4),
        tunnelled(V4, Raw(bytes(inner)[:15]), proto=4),
        tunnelled(V4, datagram(V4, tos=0), tos=3),
    ):
        lan.send(wrong)
    lan.send(tunnelled(V4, Raw(bytes(inner)[:24]), proto=4, flags="MF"))
    lan.send(tunnelled(V4, Raw(bytes(inner)[24:]), proto=4, frag=3))
    with pytest.raises(TimeoutError):
        udp.recvfrom(100)
    assert packets() == {
        "dropped: malformed": 4,
        "dropped: congestion mark without ECN": 1,
        "passed: fragment": 2,
    }
    # options outside and inside, and a congestion mark that must come through
    with namespace.entered(SERVER):
        udp.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    for right in (
        tunnelled(V4, datagram(V4), options=[IPOption_NOP()] * 4),
        tunnelled(V4, datagram(V4, tos=2), tos=3),
    ):
        lan.send(right)
        _, ancillary, _, _ = udp.recvmsg(100, 100)
    assert ancillary[0][2] == b"\3"


def test_odd_tunnels_ipv6(lan: Lan, listeners: Callable[[Side], socket.socket]) -> None:
    done("up", *TUN, *V6.options)
    udp = listeners(V6)
    with namespace.entered(SERVER):
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    limit = IPv6ExtHdrDestOpt(options=[])  # Linux's ip6tnl puts its encapsulation limit there
    lan.send(IPv6(src=V6.dip, dst=V6.rip) / limit / datagram(V6))
    assert udp.recvfrom(100)[0] == b"odd length!"
    lan.send(tunnelled(V6, datagram(V6, tc=2), tc=3))
    _, ancillary, _, _ = udp.recvmsg(100, 100)
    assert struct.unpack("=i", ancillary[0][2]) == (3,)
    lan.send(tunnelled(V6, datagram(V6, tc=0), tc=3))
    lies = datagram(V6)
    lies.plen = 5000
    lan.send(tunnelled(V6, lies))
    with pytest.raises(TimeoutError):
        udp.recvfrom(100)
    assert packets() == {
        "unpacked": 2,
        "dropped: malformed": 1,
        "dropped: congestion mark without ECN": 1,
    }


def who_has(address: str) -> Packet:
    if ":" not in address:
        ask = ARP(op=1, hwsrc=DIP_MAC, psrc=V4.dip, pdst=address)
        return Ether(src=DIP_MAC, dst="ff:ff:ff:ff:ff:ff") / ask
    last = bytes(socket.inet_pton(socket.AF_INET6, address))[-3:]
    group = socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + last)
    mac = "33:33:ff:" + ":".join(f"{byte:02x}" for byte in last)
    solicit = IPv6(src=V6.dip, dst=group, hlim=255) / ICMPv6ND_NS(tgt=address)
    return Ether(src=DIP_MAC, dst=mac) / solicit


def is_told(lan: Lan, address: str) -> bool:
    lan.frame(who_has(address))
    return bool(
        lan.answer(
            lambda got: (
                (ARP in got and got[ARP].op == 2 and got[ARP].psrc == address)
                or (ICMPv6ND_NA in got and got[ICMPv6ND_NA].tgt == address)
            )
        )
    )


@pytest.mark.parametrize("method", [DR, TUN], ids=["dr", "tun"])
def test_a_vip_is_silent(lan: Lan, method: list[str]) -> None:
    assert is_told(lan, V4.rip)
    assert is_told(lan, V6.rip)
    run("ip", "addr", "add", f"{V4.vip}/32", "dev", "lo")
    assert is_told(lan, V4.vip), "the probe finds a VIP that is not silent"
    run("ip", "addr", "del", f"{V4.vip}/32", "dev", "lo")
    done("up", *method, *V4.options, *V6.options)
    run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    assert not is_told(lan, V4.vip)
    assert not is_told(lan, V6.vip)
    assert is_told(lan, V4.rip)
    assert is_told(lan, V6.rip)


def test_own_connections_never_use_the_vip(lan: Lan) -> None:
    done("up", *DR, *V4.options, *V6.options)
    for side in (V4, V6):
        assert f" src {side.rip} " in run("ip", "route", "get", side.client)


@BOTH
def test_direct_routing(lan: Lan, listeners: Callable[[Side], socket.socket], side: Side) -> None:
    done("up", *DR, *side.options)
    udp = listeners(side)
    lan.send(datagram(side))
    assert udp.recvfrom(100)[0] == b"odd length!"


@BOTH
@pytest.mark.parametrize("ports", [[], ["--port", str(PORT)]], ids=["all", "port"])
def test_nat_answers_go_to_the_director(
    lan: Lan, listeners: Callable[[Side], socket.socket], side: Side, ports: list[str]
) -> None:
    run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
    lines = done("up", "--method", "nat", *side.options, "--gateway", side.dip, *ports)
    assert any("as that breaks least" in line for line in lines)
    listeners(side)
    lan.send(side.ip(src=side.client, dst=side.rip) / TCP(sport=4711, dport=PORT, flags="S"))
    frame = lan.answer(lambda got: TCP in got)
    assert frame
    assert (frame.dst, frame[side.ip].src) == (DIP_MAC, side.rip)
    # nobody listens there, so a reset answers: it stands for ssh
    lan.send(side.ip(src=side.client, dst=side.rip) / TCP(sport=4712, dport=22, flags="S"))
    frame = lan.answer(lambda got: TCP in got and got[TCP].sport == 22)
    assert frame
    assert frame.dst == ROUTER_MAC


@pytest.mark.parametrize(
    "words",
    [
        DR,
        TUN,
        ["--method", "nat", "--gateway", V4.dip, "--gateway", V6.dip],
        ["--method", "nat", "--gateway", V4.dip, "--gateway", V6.dip, "--port", "80"],
    ],
    ids=["dr", "tun", "nat", "nat-port"],
)
@pytest.mark.parametrize("strict", [False, True])
def test_up_twice_and_down(lan: Lan, words: list[str], strict: bool) -> None:
    if strict:
        run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
        run("ip", "link", "set", "lo", "down")
    before = everything()
    options = [*words, *V4.options, *V6.options]
    assert elvs("check", *options).returncode == 1
    assert everything() == before
    assert len(done("up", *options)) > 1
    there, running = everything(), programs()
    assert done("up", *options) == ["nothing to change"]
    assert (everything(), programs()) == (there, running)
    assert elvs("check").returncode == 0
    done("down")
    assert everything() == before
    assert programs() == set()
    assert done("down") == ["nothing to take down"]


def test_check_finds_and_mends(lan: Lan) -> None:
    done("up", *TUN, *V4.options, *V6.options)
    run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=0", "net.ipv4.conf.all.rp_filter=1")
    run("sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=0")
    run("ip", "addr", "del", f"{V6.vip}/128", "dev", "lo")
    run("tc", "qdisc", "del", "dev", "eth0", "clsact")
    run("ip", "route", "replace", "default", "via", V4.router)
    run("ip", "addr", "add", "10.44.0.3/24", "dev", "eth0")
    found = elvs("check", "--json")
    assert found.returncode == 1
    wrong = {one["topic"]: one for one in json.loads(found.stdout)["findings"] if not one["ok"]}
    assert set(wrong) == {"arp_ignore", "vip", "tunnel", "rp_filter", "advmss"}
    for one in wrong.values():
        if one["topic"] != "tunnel":
            run("sh", "-c", one["mend"])
    elvs_words = wrong["tunnel"]["mend"].split()
    assert elvs_words[:3] == ["elvs", "realserver", "up"]
    done(*elvs_words[2:])
    assert elvs("check").returncode == 0
    done("down")


def test_filters_of_others_stay(lan: Lan) -> None:
    foreign = ["tc", "filter", "add", "dev", "eth0", "ingress", "prio", "7", "bpf", "da"]
    foreign += ["obj", str(decap.OBJECT), "sec", "tc"]
    done("up", *TUN, *V4.options)
    run(*foreign)
    assert any("clsact stays" in line for line in done("down"))
    shown = run("tc", "filter", "show", "dev", "eth0", "ingress")
    assert "pref 7 " in shown
    assert "pref 225 " not in shown


def test_a_second_vip_keeps_the_program(
    lan: Lan, listeners: Callable[[Side], socket.socket]
) -> None:
    done("up", *TUN, "--vip", "192.0.2.8")
    running = programs()
    done("up", *TUN, *V4.options)
    assert programs() == running
    udp = listeners(V4)
    lan.send(tunnelled(V4, datagram(V4)))
    assert udp.recvfrom(100)[0] == b"odd length!"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--method", "dr"], "no VIP given"),
        (["--vip", V4.vip], "no forwarding method given"),
        (["--method", "fullnat", "--vip", V4.vip], "no forwarding method 'fullnat'"),
        (["--method", "nat", "--vip", V4.vip], "NAT needs one IPv4 gateway"),
        (["--method", "nat", "--vip", V4.vip, "--gateway", V6.dip], "NAT needs one IPv4 gateway"),
        (["--method", "nat", "--vip", V4.vip, "--gateway", "10.9.0.1"], "in no network of this"),
        (["--method", "dr", "--vip", V4.rip], "10.44.0.2 stands on eth0, which answers ARP"),
        (["--method", "dr", "--vip", V6.rip], "fd44::2 stands on eth0, which answers ARP"),
        (["--method", "dr", "--vip", "192.0.2.300"], "no IPv4 or IPv6 address"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(lan: Lan, words: list[str], error: str) -> None:
    before = everything()
    result = elvs("up", *words)
    assert result.returncode != 0
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("elvs: ")
    assert error in line
    assert everything() == before


def test_a_refusal_half_way_is_undone(lan: Lan) -> None:
    run("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=1")
    before = everything()
    result = elvs("up", *DR, *V4.options, *V6.options)
    assert result.returncode != 0
    (line,) = result.stderr.splitlines()
    assert V6.vip in line
    assert everything() == before


def test_icmp_still_reaches_a_silent_vip(lan: Lan) -> None:
    done("up", *TUN, *V4.options)
    lan.send(tunnelled(V4, IP(src=V4.client, dst=V4.vip) / ICMP()))
    frame = lan.answer(lambda got: ICMP in got)
    assert frame
    assert (frame[IP].src, frame[ICMP].type) == (V4.vip, 0)
