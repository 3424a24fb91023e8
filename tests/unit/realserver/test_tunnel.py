"""TUN: the device or the program, the source filter, room for the envelope."""

from dataclasses import replace

import pytest

from elvs.model.address import Address, Family
from elvs.realserver.conditions.base import Condition
from elvs.realserver.conditions.tunnel import tunnel, wanted_decapsulator
from elvs.realserver.facts import Decapsulator, Facts, Interface, InterfaceAddress
from elvs.realserver.request import Request
from elvs.realserver.route import METRIC_ADVMSS, METRIC_MTU
from elvs.realserver.steps import (
    AddAddress,
    AddClsact,
    Decapsulate,
    RaiseLink,
    ReplaceRoute,
    SetSysctl,
)
from tests.kit.realserver import RIP, RIP6, machine

VIP, VIP6 = Address.parse("192.0.2.9"), Address.parse("2001:db8::9")
V4 = Request.parse("tun", [str(VIP)], [])
BOTH = Request.parse("tun", [str(VIP), str(VIP6)], [])
TUNL0 = Interface(9, "tunl0", ethernet=False, arp=False, kind="ipip")


def of(topic: str, facts: Facts, request: Request = V4) -> Condition:
    return next(one for one in tunnel(request, facts) if one.topic == topic)


def test_the_program_where_there_is_no_device() -> None:
    wanted = Decapsulator(("eth0",), (RIP,), (VIP,))
    assert of("tunnel", machine()).steps == (AddClsact("eth0"), Decapsulate(None, wanted))
    there = machine(clsact=frozenset({"eth0"}))
    assert of("tunnel", there).steps == (Decapsulate(None, wanted),)
    assert of("tunnel", machine(decapsulator=wanted)).ok


def test_both_families_share_one_program() -> None:
    wanted = wanted_decapsulator(BOTH, machine(), (Family.IPV4, Family.IPV6))
    assert set(wanted.receivers) == {RIP, RIP6}
    assert set(wanted.vips) == {VIP, VIP6}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"interfaces": ()}, "does not unpack on eth0"),
        ({"vips": ()}, "does not unpack for VIP 192.0.2.9"),
        ({"receivers": ()}, "does not unpack for address 10.0.0.2"),
        ({"current": False}, "of another version"),
        ({"vips": (VIP, VIP6)}, "more than is asked for"),
    ],
)
def test_what_the_program_lacks(change: dict[str, object], words: str) -> None:
    present = replace(Decapsulator(("eth0",), (RIP,), (VIP,)), **change)  # type: ignore[arg-type]
    found = of("tunnel", machine(decapsulator=present))
    assert not found.ok
    assert words in found.finding


def test_the_device_is_preferred() -> None:
    facts = machine()
    up = replace(facts, interfaces=(*facts.interfaces, TUNL0))
    assert of("tunnel", up).ok
    down = replace(facts, interfaces=(*facts.interfaces, replace(TUNL0, up=False)))
    assert of("tunnel", down).steps == (RaiseLink("tunl0"),)


def test_the_program_is_preferred_when_asked_for() -> None:
    facts = machine(all_rp_filter=1)
    facts = replace(facts, interfaces=(*facts.interfaces, TUNL0))
    request = Request.parse("tun", [str(VIP)], [], program=True)
    wanted = Decapsulator(("eth0",), (RIP,), (VIP,))
    assert of("tunnel", facts, request).steps[-1] == Decapsulate(None, wanted)
    assert of("rp_filter", facts, request).steps == loosened("eth0")


def loosened(name: str, former: int = 0) -> tuple[SetSysctl, ...]:
    return (SetSysctl(f"net/ipv4/conf/{name}/rp_filter", str(former), "2"),)


@pytest.mark.parametrize(
    ("everywhere", "own", "steps"),
    [
        (0, 0, ()),
        (1, 0, loosened("eth0")),
        (0, 1, loosened("eth0", 1)),
        (2, 1, ()),
        (1, 2, ()),
    ],
)
def test_source_filter(everywhere: int, own: int, steps: tuple[SetSysctl, ...]) -> None:
    lo, eth0 = machine().interfaces
    facts = machine(interfaces=(lo, replace(eth0, rp_filter=own)), all_rp_filter=everywhere)
    assert of("rp_filter", facts).steps == steps


@pytest.mark.parametrize(
    ("everywhere", "held", "steps"),
    [
        (0, False, ()),
        (1, True, loosened("tunl0")),
        (1, False, (*loosened("tunl0"), AddAddress(VIP, "tunl0"))),
        (2, True, ()),
        (2, False, (AddAddress(VIP, "tunl0"),)),
    ],
)
def test_source_filter_of_the_device(
    everywhere: int, held: bool, steps: tuple[SetSysctl | AddAddress, ...]
) -> None:
    device = replace(TUNL0, addresses=(InterfaceAddress(VIP, 32),) if held else ())
    facts = machine(all_rp_filter=everywhere)
    facts = replace(facts, interfaces=(*facts.interfaces, device))
    assert of("rp_filter", facts).steps == steps


@pytest.mark.parametrize(
    ("mtu", "metric", "expected"), [(1500, 0, 1440), (9000, 0, 8940), (9000, 1500, 1440)]
)
def test_clients_leave_room(mtu: int, metric: int, expected: int) -> None:
    lo, eth0 = machine().interfaces
    route = machine().defaults[0]
    if metric:
        route = route.with_metric(METRIC_MTU, metric)
    facts = machine(interfaces=(lo, replace(eth0, mtu=mtu)), defaults=(route,))
    (step,) = of("advmss", facts).steps
    assert isinstance(step, ReplaceRoute)
    assert step.former == route
    assert step.value == route.with_metric(METRIC_ADVMSS, expected)


def test_room_for_ipv6_and_its_mend() -> None:
    v6 = [one for one in tunnel(BOTH, machine()) if one.topic == "advmss"][1]
    assert v6.mend == "ip -6 route change default via fd00::fe dev eth0 advmss 1400"


def test_a_smaller_advmss_is_left() -> None:
    route = machine().defaults[0].with_metric(METRIC_ADVMSS, 1300)
    assert of("advmss", machine(defaults=(route,))).ok


def test_advertised_routes_are_left() -> None:
    route = machine().defaults[1]
    head = (*route.head[:5], 9, *route.head[6:])
    facts = machine(defaults=(replace(route, head=head),))
    found = of("advmss", facts, Request.parse("tun", [str(VIP6)], []))
    assert found.ok
    assert "router advertisements" in found.finding
