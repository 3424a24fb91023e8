"""What may be asked of a real server, and what is refused in one line."""

from dataclasses import replace

import pytest

from elvs.model.address import Address
from elvs.model.errors import InvalidValue
from elvs.realserver.facts import Interface, InterfaceAddress
from elvs.realserver.request import Request, judge
from tests.kit.realserver import machine

VIP, VIP6 = "192.0.2.9", "2001:db8::9"


@pytest.mark.parametrize(
    ("method", "vips", "gateways", "words"),
    [
        ("fullnat", [VIP], [], "no forwarding method 'fullnat'"),
        ("dr", [], [], "no VIP given"),
        ("dr", ["192.0.2"], [], "no IPv4 or IPv6 address"),
        ("dr", ["224.0.0.1"], [], "224.0.0.1 cannot be a VIP"),
        ("dr", ["127.0.0.1"], [], "127.0.0.1 cannot be"),
        ("dr", ["fe80::1"], [], "fe80::1 cannot be"),
        ("dr", [VIP], ["10.0.0.1"], "--gateway is for NAT only"),
        ("nat", [VIP], [], "NAT needs one IPv4 gateway for 192.0.2.9, none given"),
        ("nat", [VIP], ["10.0.0.1", "10.0.0.3"], "NAT needs one IPv4 gateway for 192.0.2.9, 2"),
        ("nat", [VIP], ["fd00::1"], "NAT needs one IPv4 gateway"),
        ("nat", [VIP], ["10.0.0.1", "fd00::1"], "gateway fd00::1 is IPv6, but no VIP is"),
        ("nat", [VIP], [VIP], "gateway 192.0.2.9 is a VIP"),
    ],
)
def test_what_is_refused(method: str, vips: list[str], gateways: list[str], words: str) -> None:
    with pytest.raises(InvalidValue, match=words.replace("(", r"\(")) as refused:
        Request.parse(method, vips, gateways)
    assert "\n" not in str(refused.value)


def test_ports_are_for_nat() -> None:
    with pytest.raises(InvalidValue, match="--port is for NAT only"):
        Request.parse("tun", [VIP], [], [80])


def test_the_program_is_for_tunnels() -> None:
    with pytest.raises(InvalidValue, match="--program is for TUN only"):
        Request.parse("dr", [VIP], [], program=True)
    tun, own = (Request.parse("tun", [VIP], [], program=program) for program in (False, True))
    assert tun.merged(own) == own.merged(tun) == own
    assert own.argv()[-1] == "--program"


def test_doubles_count_once() -> None:
    assert Request.parse("dr", [VIP, VIP6, VIP], []) == Request.parse("dr", [VIP, VIP6], [])


def test_options_say_the_same_again() -> None:
    request = Request.parse("nat", [VIP, VIP6], ["10.0.0.1", "fd00::1"], [443, 80])
    assert " ".join(request.argv()) == (
        "--method nat --vip 192.0.2.9 --vip 2001:db8::9 --gateway 10.0.0.1 --gateway fd00::1 "
        "--port 80 --port 443"
    )


def test_vips_are_added() -> None:
    both = Request.parse("dr", [VIP], []).merged(Request.parse("dr", [VIP6, VIP], []))
    assert [str(vip) for vip in both.vips] == [VIP, VIP6]


def test_another_family_brings_its_gateway() -> None:
    first = Request.parse("nat", [VIP], ["10.0.0.1"])
    both = first.merged(Request.parse("nat", [VIP6], ["fd00::1"]))
    assert [str(dip) for dip in both.gateways] == ["10.0.0.1", "fd00::1"]


def test_no_port_is_every_port() -> None:
    some, every = (Request.parse("nat", [VIP], ["10.0.0.1"], ports) for ports in ([80], []))
    assert some.merged(every).ports == every.merged(some).ports == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("dr", [VIP], []), ("tun", [VIP], [])),
        (("nat", [VIP], ["10.0.0.1"]), ("nat", [VIP], ["10.0.0.3"])),
    ],
)
def test_contradictions_need_a_down(
    first: tuple[str, list[str], list[str]], second: tuple[str, list[str], list[str]]
) -> None:
    with pytest.raises(InvalidValue, match="elvs realserver down"):
        Request.parse(*first).merged(Request.parse(*second))


def holding(name: str, prefix: int, kind: str = "") -> Interface:
    held = InterfaceAddress(Address.parse(VIP), prefix)
    return Interface(7, name, kind=kind, addresses=(held,))


def test_a_vip_on_a_wire_is_refused() -> None:
    facts = machine()
    facts = replace(facts, interfaces=(*facts.interfaces, holding("eth1", 24)))
    with pytest.raises(InvalidValue, match="stands on eth1") as refused:
        judge(Request.parse("dr", [VIP], []), facts)
    assert "ip addr del 192.0.2.9/24 dev eth1" in refused.value.mend


def test_a_vip_on_a_dummy_is_fine_unless_wide() -> None:
    facts = machine()
    request = Request.parse("dr", [VIP], [])
    judge(request, replace(facts, interfaces=(*facts.interfaces, holding("d0", 32, "dummy"))))
    with pytest.raises(InvalidValue, match="makes that whole network local"):
        judge(request, replace(facts, interfaces=(*facts.interfaces, holding("d0", 24, "dummy"))))


def test_the_director_is_on_the_link() -> None:
    with pytest.raises(InvalidValue, match="in no network of this server"):
        judge(Request.parse("nat", [VIP], ["10.9.0.1"]), machine())
    with pytest.raises(InvalidValue, match="is this server itself"):
        judge(Request.parse("nat", [VIP], ["10.0.0.2"]), machine())


def test_a_tunnel_needs_an_address_of_its_family() -> None:
    lo, eth0 = machine().interfaces
    only_v4 = machine(interfaces=(lo, replace(eth0, addresses=eth0.addresses[:1])))
    judge(Request.parse("tun", [VIP], []), only_v4)
    with pytest.raises(InvalidValue, match="no IPv6 tunnel can end here"):
        judge(Request.parse("tun", [VIP6], []), only_v4)
