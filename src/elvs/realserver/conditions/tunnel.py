"""TUN: something that unpacks, a source filter that lets the inside in, room for the envelope."""

from elvs.model.address import Address, Family
from elvs.realserver.conditions.base import Condition
from elvs.realserver.facts import TUNNEL_DEVICE, Decapsulator, Facts, Interface
from elvs.realserver.request import Request
from elvs.realserver.route import METRIC_ADVMSS, METRIC_MTU, Route
from elvs.realserver.steps import (
    AddAddress,
    AddClsact,
    Decapsulate,
    RaiseLink,
    ReplaceRoute,
    SetSysctl,
    Step,
)

ENVELOPE = {Family.IPV4: 20, Family.IPV6: 40}
"""Bytes of the director's outer header."""
HEADERS = {Family.IPV4: 20 + 20, Family.IPV6: 40 + 20}
"""IP and TCP headers without options, as a maximum segment size counts them (RFC 6691)."""


def tunnel(request: Request, facts: Facts) -> list[Condition]:
    devices = {family: _tunnel_device(request, facts, family) for family in request.families}
    found = [_device(one, family) for family, one in devices.items() if one]
    bare = tuple(family for family, one in devices.items() if one is None)
    if bare:
        found.append(_program(request, facts, bare))
    if Family.IPV4 in request.families:
        found.append(_source_filter(request, facts))
    for family in request.families:
        found += _segments(family, facts)
    return found


def _tunnel_device(request: Request, facts: Facts, family: Family) -> Interface | None:
    """The kernel's device that unpacks, None where our program is to do it."""
    return None if request.program else facts.interface(TUNNEL_DEVICE[family])


def _device(device: Interface, family: Family) -> Condition:
    if device.up:
        return Condition("tunnel", f"{device.name} takes {_envelope(family)}")
    return Condition(
        "tunnel",
        f"{device.name} is down, so {_envelope(family)} is refused",
        ok=False,
        mend=f"ip link set {device.name} up",
        steps=(RaiseLink(device.name),),
    )


def _envelope(family: Family) -> str:
    return "IPIP" if family is Family.IPV4 else "6in6"


def _program(request: Request, facts: Facts, families: tuple[Family, ...]) -> Condition:
    wanted = wanted_decapsulator(request, facts, families)
    present = facts.decapsulator
    if present == wanted:
        where = ", ".join(wanted.interfaces)
        return Condition("tunnel", f"eLVS's program unpacks on {where}")
    steps: list[Step] = [AddClsact(name) for name in wanted.interfaces if name not in facts.clsact]
    return Condition(
        "tunnel",
        _lacking(wanted, present),
        ok=False,
        mend="elvs realserver up " + " ".join(request.argv()),
        steps=(*steps, Decapsulate(present, wanted)),
    )


def wanted_decapsulator(
    request: Request, facts: Facts, families: tuple[Family, ...]
) -> Decapsulator:
    """How our program must be attached for the families that have no tunnel device."""
    ends = [end for family in families for end in facts.receivers(family, request.vips)]
    vips: list[Address] = [vip for family in families for vip in request.of(family)]
    return Decapsulator(
        tuple(sorted({interface.name for interface, _ in ends})),
        tuple(sorted({address for _, address in ends})),
        tuple(sorted(vips)),
    )


def _lacking(wanted: Decapsulator, present: Decapsulator | None) -> str:
    """What the program as attached leaves undone, the worst first."""
    if present is None:
        return "nothing unpacks the director's tunnel: no tunnel device, no program"
    for word, needed, there in (
        ("on", wanted.interfaces, present.interfaces),
        ("for VIP", wanted.vips, present.vips),
        ("for address", wanted.receivers, present.receivers),
    ):
        missing = sorted(map(str, set(needed) - set(there)))
        if missing:
            return f"eLVS's program does not unpack {word} {', '.join(missing)}"
    if not present.current:
        return "eLVS's program is of another version"
    return "eLVS's program unpacks more than is asked for"


def _source_filter(request: Request, facts: Facts) -> Condition:
    """The client's address comes out of a device that no route to the client leaves by.

    Effective is the greater of all and own (IN_DEV_RPFILTER): 2 (loose) on the device beats a 1 on
    all, and leaves the other interfaces as strict as they were. On a device without an address
    loose drops as strict does (no_addr in __fib_validate_source, net/ipv4/fib_frontend.c).
    """
    device = _tunnel_device(request, facts, Family.IPV4)
    ends = {one.name: one for one, _ in facts.receivers(Family.IPV4, request.vips)}
    arrival = [device] if device else list(ends.values())
    steps: list[SetSysctl | AddAddress] = [
        SetSysctl(f"net/ipv4/conf/{one.name}/rp_filter", str(one.rp_filter), "2")
        for one in arrival
        if max(facts.all_rp_filter, one.rp_filter) == 1
    ]
    if device and max(facts.all_rp_filter, device.rp_filter) and not _has_ipv4(device):
        steps.append(AddAddress(request.of(Family.IPV4)[0], device.name))
    names = ", ".join(one.name for one in arrival)
    if not steps:
        return Condition("rp_filter", f"{names}: unpacked packets pass the source filter")
    return Condition(
        "rp_filter",
        f"{names}: rp_filter may drop what comes out of the tunnel",
        ok=False,
        mend="; ".join(map(_by_hand, steps)),
        steps=tuple(steps),
    )


def _has_ipv4(device: Interface) -> bool:
    return any(held.address.family is Family.IPV4 for held in device.addresses)


def _by_hand(step: SetSysctl | AddAddress) -> str:
    if isinstance(step, SetSysctl):
        return f"sysctl -w {step.name}={step.value}"
    return f"ip addr add {step.address}/32 dev {step.interface} scope host"


def _segments(family: Family, facts: Facts) -> list[Condition]:
    """Clients must leave room for the envelope, and only the server's SYN-ACK can tell them."""
    defaults = [route for route in facts.defaults if route.family is family]
    if not defaults:
        return [
            Condition(
                "advmss",
                f"no {family.name.replace('V', 'v')} default route: clients on the link learn from "
                "the director's ICMP how much fits",
            )
        ]
    return [_segment(route, facts) for route in defaults]


def _segment(route: Route, facts: Facts) -> Condition:
    family = route.family
    label = route.text({one.index: one.name for one in facts.interfaces})
    leaving = [one.mtu for one in facts.interfaces if one.index in route.devices]
    mtu = route.metric(METRIC_MTU) or min(leaving, default=1500)
    room = mtu - HEADERS[family] - ENVELOPE[family]
    if 0 < route.metric(METRIC_ADVMSS) <= room:
        return Condition("advmss", f"{label}: clients leave room (advmss)")
    if route.advertised:
        return Condition(
            "advmss",
            f"{label}: router advertisements renew it, advmss would not last; the director's ICMP "
            "packet-too-big tells clients how much fits",
        )
    option = "-6 " if family is Family.IPV6 else ""
    return Condition(
        "advmss",
        f"{label}: clients fill {mtu} bytes, the envelope has no room",
        ok=False,
        mend=f"ip {option}route change {label} advmss {room}",
        steps=(ReplaceRoute(route, route.with_metric(METRIC_ADVMSS, room), label),),
    )
