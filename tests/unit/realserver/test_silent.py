"""The silent VIP: which settings keep ARP quiet, and which steps get there."""

from dataclasses import replace

import pytest

from elvs.model.address import Address
from elvs.realserver.conditions.silent import silent
from elvs.realserver.facts import Facts, Interface, InterfaceAddress
from elvs.realserver.request import Request
from elvs.realserver.steps import AddAddress, RaiseLink, SetSysctl, Step
from tests.kit.realserver import machine

VIP = Address.parse("192.0.2.9")
REQUEST = Request.parse("dr", [str(VIP)], [])


def steps(facts: Facts, request: Request = REQUEST) -> list[Step]:
    return [step for one in silent(request, facts) for step in one.steps]


def setting(name: str, key: str, former: int, value: int) -> SetSysctl:
    return SetSysctl(f"net/ipv4/conf/{name}/{key}", str(former), str(value))


def test_arp_is_silenced_before_the_vip_comes() -> None:
    assert steps(machine()) == [
        setting("all", "arp_ignore", 0, 1),
        setting("all", "arp_announce", 0, 2),
        AddAddress(VIP),
    ]


def test_ipv6_needs_the_address_alone() -> None:
    vip6 = "2001:db8::9"
    assert steps(machine(), Request.parse("dr", [vip6], [])) == [AddAddress(Address.parse(vip6))]


@pytest.mark.parametrize(
    ("everywhere", "own", "expected"),
    [
        (1, 0, []),
        (0, 1, []),
        (2, 0, []),
        (0, 8, []),
        (0, 3, []),  # quiet, as the VIP gets scope host
        (0, 4, [("all", 0, 1), ("eth0", 4, 1)]),
        (1, 5, [("eth0", 5, 1)]),
        (6, 2, [("all", 6, 1)]),
        (6, 6, [("all", 6, 1), ("eth0", 6, 1)]),
    ],
)
def test_arp_ignore(everywhere: int, own: int, expected: list[tuple[str, int, int]]) -> None:
    lo, eth0 = machine().interfaces
    facts = machine(
        interfaces=(lo, replace(eth0, arp_ignore=own)),
        all_arp_ignore=everywhere,
        all_arp_announce=2,
    )
    found = [step for step in steps(facts) if isinstance(step, SetSysctl)]
    assert found == [setting(name, "arp_ignore", old, new) for name, old, new in expected]


def test_three_answers_for_a_vip_of_wider_scope() -> None:
    lo, eth0 = machine().interfaces
    lo = replace(lo, addresses=(InterfaceAddress(VIP, 32),))
    facts = machine(interfaces=(lo, replace(eth0, arp_ignore=3)), all_arp_announce=2)
    assert setting("eth0", "arp_ignore", 3, 1) in steps(facts)


def test_own_announce_is_enough() -> None:
    lo, eth0 = machine().interfaces
    facts = machine(interfaces=(lo, replace(eth0, arp_announce=2, arp_ignore=1)))
    assert steps(facts) == [AddAddress(VIP)]


def test_lo_must_be_up() -> None:
    lo, eth0 = machine().interfaces
    assert steps(machine(interfaces=(replace(lo, up=False), eth0)))[0] == RaiseLink("lo")


def test_a_vip_on_a_dummy_will_do() -> None:
    held = InterfaceAddress(VIP, 32)
    dummy = Interface(5, "vip0", kind="dummy", addresses=(held,))
    facts = machine(all_arp_ignore=1, all_arp_announce=2)
    assert steps(replace(facts, interfaces=(*facts.interfaces, dummy))) == []


def test_mends_are_commands() -> None:
    mends = [one.mend for one in silent(REQUEST, machine()) if not one.ok]
    assert mends == [
        "sysctl -w net/ipv4/conf/all/arp_ignore=1",
        "sysctl -w net/ipv4/conf/all/arp_announce=2",
        "ip addr add 192.0.2.9/32 dev lo scope host",
    ]


def test_check_names_a_vip_on_a_wire() -> None:
    lo, eth0 = machine().interfaces
    eth0 = replace(eth0, addresses=(InterfaceAddress(VIP, 24),))
    *_, vip = silent(REQUEST, machine(interfaces=(lo, eth0)))
    assert not vip.ok
    assert vip.steps == ()
    assert vip.finding == "192.0.2.9/24 is on eth0, which answers ARP or NDP"
