"""The silent VIP: local to the server, but nobody on the link is told so.

ARP: `arp_ignore` and `arp_announce` count as the greater of `conf.all` and the interface's own
(IN_DEV_MAXCONF, linux/inetdevice.h). IPv6 needs no setting: a neighbour solicitation is answered
only for addresses of the interface by which it came (ndisc_recv_ns), with forwarding on or off.
"""

from elvs.model.address import Address, Family
from elvs.realserver.conditions.base import Condition
from elvs.realserver.facts import Facts, Interface
from elvs.realserver.request import Request
from elvs.realserver.steps import AddAddress, RaiseLink, SetSysctl, Step

BEST_ANNOUNCE = 2
"""arp_announce: ask with an address of the interface, never with the VIP."""


def silent(request: Request, facts: Facts) -> list[Condition]:
    """ARP settings first, then the addresses."""
    found = [_loopback(facts)]
    if Family.IPV4 in request.families:
        found += [_arp_ignore(request, facts), _arp_announce(facts)]
    return found + [_vip(vip, facts) for vip in request.vips]


def _loopback(facts: Facts) -> Condition:
    name = facts.loopback.name
    if facts.loopback.up:
        return Condition("lo", f"{name} is up")
    return Condition(
        "lo",
        f"{name} is down, so addresses on it are not local",
        ok=False,
        mend=f"ip link set {name} up",
        steps=(RaiseLink(name),),
    )


def _arp_ignore(request: Request, facts: Facts) -> Condition:
    def quiet(value: int) -> bool:
        """1 and 2 answer for the interface's own addresses, 8 for none, 3 for all but those of
        scope host; 4 to 7 mean nothing and answer as 0 does (arp_ignore in net/ipv4/arp.c)."""
        return value in (1, 2, 8) or (value == 3 and _host_scoped(request, facts))

    talking = [one for one in _wired(facts) if not quiet(max(facts.all_arp_ignore, one.arp_ignore))]
    if not talking:
        return Condition("arp_ignore", "ARP for a VIP is not answered (arp_ignore)")
    everywhere = facts.all_arp_ignore
    steps: list[Step] = []
    if not quiet(everywhere):
        steps.append(_conf("all", "arp_ignore", everywhere, 1))
        everywhere = 1
    steps += [
        _conf(one.name, "arp_ignore", one.arp_ignore, 1)
        for one in talking
        if not quiet(max(everywhere, one.arp_ignore))
    ]
    return Condition(
        "arp_ignore",
        f"ARP for a VIP is answered on {_names(talking)}",
        ok=False,
        mend=_sysctls(steps),
        steps=tuple(steps),
    )


def _arp_announce(facts: Facts) -> Condition:
    telling = [
        one
        for one in _wired(facts)
        if max(facts.all_arp_announce, one.arp_announce) < BEST_ANNOUNCE
    ]
    if not telling:
        return Condition("arp_announce", "a VIP is never announced by ARP (arp_announce)")
    step = _conf("all", "arp_announce", facts.all_arp_announce, BEST_ANNOUNCE)
    return Condition(
        "arp_announce",
        f"ARP requests on {_names(telling)} may announce a VIP",
        ok=False,
        mend=_sysctls([step]),
        steps=(step,),
    )


def _vip(vip: Address, facts: Facts) -> Condition:
    bits = len(vip.packed) * 8
    holder = facts.holder(vip)
    options = " scope host" if vip.family is Family.IPV4 else " nodad preferred_lft 0"
    mend = f"ip addr add {vip}/{bits} dev lo{options}"
    if holder is None:
        return Condition(
            "vip",
            f"{vip} is not on lo",
            ok=False,
            mend=mend,
            steps=(AddAddress(vip, facts.loopback.name),),
        )
    prefix = next(held.prefix for held in holder.addresses if held.address == vip)
    if holder.silent and prefix == bits:
        return Condition("vip", f"{vip}/{bits} is on {holder.name}")
    fault = "which answers ARP or NDP" if not holder.silent else "which makes that network local"
    return Condition(
        "vip",
        f"{vip}/{prefix} is on {holder.name}, {fault}",
        ok=False,
        mend=f"ip addr del {vip}/{prefix} dev {holder.name}; {mend}",
    )


def _wired(facts: Facts) -> list[Interface]:
    """Where ARP is spoken."""
    return [one for one in facts.interfaces if one.ethernet and not one.silent]


def _host_scoped(request: Request, facts: Facts) -> bool:
    """Whether every VIP is, or will be when we add it, of scope host."""
    return all(
        held.host_scope
        for one in facts.interfaces
        for held in one.addresses
        if held.address in request.of(Family.IPV4)
    )


def _conf(name: str, key: str, former: int, value: int) -> SetSysctl:
    return SetSysctl(f"net/ipv4/conf/{name}/{key}", str(former), str(value))


def _sysctls(steps: list[Step] | list[SetSysctl]) -> str:
    # sysctl takes slashes, which an interface name with a dot needs
    words = [f"{one.name}={one.value}" for one in steps if isinstance(one, SetSysctl)]
    return "sysctl -w " + " ".join(words)


def _names(interfaces: list[Interface]) -> str:
    return ", ".join(one.name for one in interfaces)
