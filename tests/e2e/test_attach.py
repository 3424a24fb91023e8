"""Attach, trial, detach on real interfaces: what it does, what it refuses, what it leaves."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from ctypes import c_int, c_uint32, c_void_p
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether

from elvs.dataplane import attachments, libbpf, offload, pins
from elvs.lab.namespace import entered
from tests.kit.wire import ELVS, Wire, batch, wire

pytestmark = pytest.mark.root
SMALL = ("--connections", "2560", "--services", "16", "--servers", "64")
TRIAL = ("--confirm", "60")


@pytest.fixture
def net() -> Iterator[Wire]:
    with wire(f"elvs-at-{os.getpid()}") as made:
        yield made


def soon(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until `what` holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


def program(net: Wire, name: str = "elvsd0") -> str:
    """`xdp` or `xdpgeneric` and the program's id as ip shows them, or nothing."""
    words = net.said("ip", "-d", "link", "show", name).split()
    if "prog/xdp" not in words:
        return ""
    mode = "xdpgeneric" if "xdpgeneric" in words else "xdp"
    return f"{mode} {words[words.index('prog/xdp') + 2]}"


def keeper(net: Wire) -> int:
    with entered(net.director):
        place = pins.here()
    trial = attachments.read(place).trial
    assert trial is not None
    return trial.keeper


def test_native_then_as_before(net: Wire) -> None:
    before = net.state()
    said = net.elvs("attach", "elvsd0", *SMALL)
    assert "elvsd0, native: veth can redirect" in said
    assert program(net).startswith("xdp ")
    assert "slow" in net.said("tc", "filter", "show", "dev", "elvsd0", "ingress")
    status = net.status()
    assert status["attached"] and status["faults"] == []
    assert status["tables"]["clock"]["running"]
    net.said("ping", "-c1", "-W2", "198.18.0.2")
    net.said("ping", "-c1", "-W2", "2001:db8::2")
    assert net.elvs("detach") == "detached from elvsd0\n"
    assert net.state() == before
    assert "nothing is attached" in net.elvs("detach")


def test_generic_only_when_asked_for(net: Wire) -> None:
    net.said("ethtool", "-K", "elvsd0", "gro", "on")
    before = net.state()
    assert "off there: gro" in net.elvs("attach", "elvsd0", "--mode", "generic", *SMALL)
    assert program(net).startswith("xdpgeneric ")
    assert "generic-receive-offload: off" in net.said("ethtool", "-k", "elvsd0")
    assert "asked for" in net.elvs("status")
    assert "generic mode" in net.refused("attach", "elvsd0", "--mode", "native")
    net.elvs("detach", "elvsd0")
    assert net.state() == before


def test_an_interface_without_native_xdp(net: Wire) -> None:
    net.said("ip", "link", "add", "elvsb0", "type", "bridge")
    before = net.state()
    assert "--mode generic" in net.refused("attach", "elvsd0", "elvsb0", *SMALL)
    assert net.state() == before, "elvsd0 was left alone too"


def test_a_dry_run_changes_nothing(net: Wire) -> None:
    before = net.state()
    assert "would attach to elvsd0, native" in net.elvs("attach", "elvsd0", "--dry-run")
    assert net.state() == before
    with entered(net.director):
        assert not pins.here().exists() and not pins.here().files.exists()


@pytest.mark.parametrize(
    ("names", "word"),
    [(["elvsx"], "elvsd0"), (["lo"], "loopback"), (["elvsd0", "elvsx"], "elvsx")],
)
def test_wrong_interfaces(net: Wire, names: list[str], word: str) -> None:
    before = net.state()
    assert word in net.refused("attach", *names, *SMALL)
    assert net.state() == before


def test_replaced_in_one_step(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    first = program(net)
    assert "replaced on elvsd0" in net.elvs("attach", "elvsd0")
    assert program(net) not in ("", first)
    assert net.status()["interfaces"][0]["current_program"]
    assert net.status()["tables"]["clock"]["program_version"] == 2


XDP_PROGRAM, XDP_ATTACH = 6, 37
PASS = (0x2_0000_00B7, 0x95)
"""`r0 = XDP_PASS; exit`."""


def let_a_stranger_in(net: Wire) -> int:
    """Attach a program that is not ours, as `ip link set xdp` does; its id."""
    program = libbpf.prog_load(XDP_PROGRAM, "stranger", PASS, XDP_ATTACH)
    try:
        attach = libbpf.function("bpf_xdp_attach", c_int, c_int, c_uint32, c_void_p)
        with entered(net.director):
            assert attach(socket.if_nametoindex("elvsd0"), program, libbpf.XDP_DRV, None) == 0
        return libbpf.prog_id(program)
    finally:
        os.close(program)


def test_the_program_of_somebody_else(net: Wire) -> None:
    number = let_a_stranger_in(net)
    before = net.state()
    line = net.refused("attach", "elvsd0", *SMALL)
    assert f"id {number}, stranger" in line
    assert "ip link set dev elvsd0 xdp off" in line
    assert net.state() == before


def test_somebody_elses_tc_filter_stays(net: Wire) -> None:
    net.said("tc", "qdisc", "add", "dev", "elvsd0", "clsact")
    rule = ("pref", "10", "protocol", "ip", "u32", "match", "u32", "0", "0", "classid", "1:1")
    net.said("tc", "filter", "add", "dev", "elvsd0", "ingress", *rule)
    before = net.state()
    ingress = net.said("tc", "filter", "show", "dev", "elvsd0", "ingress")
    net.elvs("attach", "elvsd0", *SMALL)
    net.elvs("detach")
    assert net.state() == before
    assert net.said("tc", "filter", "show", "dev", "elvsd0", "ingress") == ingress


def test_a_filter_added_meanwhile_keeps_the_clsact(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    rule = ("pref", "10", "protocol", "ip", "u32", "match", "u32", "0", "0", "classid", "1:1")
    net.said("tc", "filter", "add", "dev", "elvsd0", "egress", *rule)
    net.elvs("detach")
    assert "u32" in net.said("tc", "filter", "show", "dev", "elvsd0", "egress")


def test_two_interfaces_and_one_fails(net: Wire) -> None:
    """A jumbo MTU lets the kernel refuse native XDP at the last moment."""
    net.said("ip", "link", "add", "elvsj0", "type", "veth", "peer", "name", "elvsj1")
    net.said("ip", "link", "set", "elvsj1", "mtu", "9000")
    before = net.state()
    assert "elvsj0 does not take the program" in net.refused("attach", "elvsd0", "elvsj0", *SMALL)
    assert net.state() == before
    with entered(net.director):
        assert not pins.here().exists()


# --- trials ---


def test_a_trial_ends_by_itself(net: Wire) -> None:
    before = net.state()
    net.elvs("attach", "elvsd0", "--confirm", "3", *SMALL)
    assert program(net) != ""
    status = net.status()
    assert status["interfaces"][0]["link"] == "trial"
    assert 0 < status["trial_seconds_left"] <= 3
    assert "on trial" in net.refused("attach", "elvsd0")
    soon(lambda: net.state() == before)
    assert "nothing is on trial" in net.refused("confirm")


def test_a_trial_is_confirmed(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *TRIAL, *SMALL)
    number = keeper(net)
    assert net.elvs("confirm") == "confirmed: elvsd0\n"
    soon(lambda: not Path(f"/proc/{number}").exists())
    status = net.status()
    assert status["interfaces"][0]["link"] == "running" and status["trial_seconds_left"] is None
    assert "nothing is on trial" in net.refused("confirm")


def test_a_killed_keeper_detaches(net: Wire) -> None:
    before = net.state()
    net.elvs("attach", "elvsd0", *TRIAL, *SMALL)
    os.kill(keeper(net), signal.SIGKILL)
    soon(lambda: program(net) == "")
    assert net.status()["interfaces"][0]["link"] == "lost"
    assert "over" in net.refused("confirm")
    assert net.state() == before


def test_a_keeper_is_deaf_to_lesser_signals(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *TRIAL, *SMALL)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(keeper(net), number)
    time.sleep(0.1)
    assert net.elvs("confirm") == "confirmed: elvsd0\n"


def test_detach_ends_a_trial(net: Wire) -> None:
    before = net.state()
    net.elvs("attach", "elvsd0", *TRIAL, *SMALL)
    assert net.elvs("detach") == "detached from elvsd0\n"
    assert net.state() == before


def test_a_replacement_on_trial_is_rolled_back(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    first = program(net)
    net.elvs("attach", "elvsd0", "--confirm", "3")
    assert program(net) != first
    soon(lambda: program(net) == first)
    soon(lambda: net.status()["faults"] == [])
    assert net.status()["interfaces"][0]["current_program"]


def test_a_killed_attach_is_tidied(net: Wire) -> None:
    """What a sudden end leaves half done: records and a filter, no link."""
    before = net.state()
    net.elvs("attach", "elvsd0", *SMALL)
    with entered(net.director):
        (pin,) = pins.here().pins.glob("link_*")
    pin.unlink()
    soon(lambda: program(net) == "")
    assert "elvs attach elvsd0" in net.elvs("status")
    net.elvs("detach")
    assert net.state() == before


# --- what happens to interfaces meanwhile ---


def test_rename_down_and_up(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    net.said("ip", "link", "set", "elvsd0", "down")
    assert "elvsd0 is down" in net.elvs("status")
    net.said("ip", "link", "set", "elvsd0", "name", "elvsr0")
    net.said("ip", "link", "set", "elvsr0", "up")
    found = net.status()["interfaces"][0]
    assert (found["name"], found["link"], found["tc_filter"]) == ("elvsr0", "running", True)
    assert "attached: elvsr0" in net.refused("detach", "elvsd0")
    assert net.elvs("detach", "elvsr0") == "detached from elvsr0\n"
    assert program(net, "elvsr0") == ""


def test_a_deleted_interface(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    net.said("ip", "link", "del", "elvsd0")
    status = net.status()
    assert status["interfaces"][0]["link"] == "gone" and not status["attached"]
    assert "elvs detach elvsd0 forgets it" in net.elvs("status")
    assert net.elvs("detach") == "detached from elvsd0\n"
    assert net.status()["interfaces"] == []
    assert net.said("sysctl", "-n", "net.ipv4.conf.lo.forwarding") == "0\n"


def test_a_lost_filter_and_sysctl_come_back(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    net.said("tc", "qdisc", "del", "dev", "elvsd0", "clsact")
    net.said("sysctl", "-w", "net.ipv4.ip_forward=1")
    net.said("sysctl", "-w", "net.ipv4.ip_forward=0")
    faults = net.status()["faults"]
    assert any("tc filter" in line for line in faults)
    assert any("lo does not forward" in line for line in faults)
    net.elvs("attach", "elvsd0")
    assert net.status()["faults"] == []


# --- tables ---


def test_sizes(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    limits = net.status()["tables"]["use"]
    assert limits["ipv4_connections"]["limit"] == 2560
    assert "while attached" in net.refused("attach", "elvsd0", "--connections", "100000")
    net.elvs("detach")
    net.elvs("attach", "elvsd0", "--connections", "10000", "--services", "100")
    limits = net.status()["tables"]["use"]
    assert limits["ipv4_connections"]["limit"] == 10240
    assert limits["services"]["limit"] == 100
    net.elvs("detach")
    assert net.status()["tables"] is not None, "tables outlive a detach"
    assert "tables removed" in net.elvs("detach", "--purge")
    assert net.status()["tables"] is None


# --- the stack stays as it is ---


def test_nothing_else_begins_to_forward(net: Wire) -> None:
    """lo forwards for the sake of route look-ups; what comes in elsewhere is not forwarded."""
    net.elvs("attach", "elvsd0", *SMALL)
    batch(net.director, ["link add elvsf0 type veth peer name elvsf1"])
    batch(net.director, ["address add 198.19.0.1/24 dev elvsf0", "link set elvsf0 up"])
    batch(net.director, ["address add 2001:db8:f::1/64 dev elvsf0 nodad", "link set elvsf1 up"])
    batch(net.peer, ["route add 198.19.0.0/24 via 198.18.0.1"])
    batch(net.peer, ["route add 2001:db8:f::/64 via 2001:db8::1"])
    for target in ("198.19.0.9", "2001:db8:f::9"):
        assert net.run("ping", "-c2", "-i0.2", "-W1", target, where=net.peer).returncode != 0
    snmp = net.said("cat", "/proc/net/snmp").splitlines()
    heads, values = (line.split() for line in snmp if line.startswith("Ip:"))
    assert dict(zip(heads, values, strict=True))["ForwDatagrams"] == "0"
    assert "Ip6OutForwDatagrams             \t0\n" in net.said("cat", "/proc/net/snmp6")


def test_routers_that_advertise_are_kept(net: Wire) -> None:
    """The kernel forgets such routes of all interfaces when any is told to forward."""
    router = "02:00:00:00:00:77"
    said = Ether(src=router, dst="33:33:00:00:00:01") / IPv6(
        src="fe80::77", dst="ff02::1", hlim=255
    )
    said /= ICMPv6ND_RA(routerlifetime=1800) / ICMPv6NDOptSrcLLAddr(lladdr=router)

    def learned() -> bool:
        with entered(net.peer), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("elvsp0", 0))
            raw.send(bytes(said))
        return "proto ra" in net.said("ip", "-6", "route", "show", "default")

    soon(learned)
    net.elvs("attach", "elvsd0", *SMALL)
    assert "proto ra" in net.said("ip", "-6", "route", "show", "default")
    assert net.said("sysctl", "-n", "net.ipv6.conf.elvsd0.accept_ra") == "1\n"


def test_tag_stripping_can_be_turned_off_and_on(net: Wire) -> None:
    """What attach does where VLAN devices stand on the interface."""
    before = net.state()
    with entered(net.director):
        assert offload.read("elvsd0", offload.TAG_STRIPPING) == {"rx-vlan": True}
        offload.write("elvsd0", {"rx-vlan": False})
        assert offload.read("elvsd0", offload.TAG_STRIPPING) == {"rx-vlan": False}
        assert net.state() != before
        offload.write("elvsd0", {"rx-vlan": True})
    assert net.state() == before


# --- firewall ---


def test_rules_that_name_a_vip(net: Wire) -> None:
    net.elvs("vip", "add", "198.18.0.9", "dev", "elvsd0")
    net.said("nft", "add table inet f")
    net.said("nft", "add chain inet f i { type filter hook input priority 0; }")
    net.said("nft", "add rule inet f i ip daddr 198.18.0.9 tcp dport 80 drop")
    before = net.state()
    line = net.refused("attach", "elvsd0", *SMALL)
    assert "198.18.0.9 tcp dport 80 drop" in line and "--accept-firewall-bypass" in line
    assert net.state() == before
    assert "bypassed: 198.18.0.9" in net.elvs("attach", "elvsd0", "--dry-run", *SMALL)
    net.elvs("attach", "elvsd0", "--accept-firewall-bypass", *SMALL)
    assert net.status()["firewall_rules_bypassed"][0]["vip"] == "198.18.0.9"
    net.elvs("attach", "elvsd0")


def test_without_privilege(net: Wire) -> None:
    argv = ("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    for arguments in (("attach", "elvsd0"), ("detach",), ("confirm",), ("status",)):
        done = net.run(*argv, ELVS, *arguments)
        assert done.returncode == 1 and "root" in done.stderr, done.stderr
