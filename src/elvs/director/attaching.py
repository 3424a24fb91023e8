"""Attach with a director's eyes: what the firewall and the kernel's own IPVS have to do with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elvs.dataplane import attach as dataplane
from elvs.dataplane import attachments, libbpf, loader, survey
from elvs.dataplane.attach import Order, Plan
from elvs.dataplane.layout import Addr, ServiceKey
from elvs.dataplane.pins import Place
from elvs.director import firewall, vips
from elvs.model.address import Address
from elvs.model.errors import ElvsError

IP_VS = Path("/proc/thread-self/net/ip_vs")
PROTOCOLS = ("TCP", "UDP", "SCTP", "FWM")
"""How a line of a virtual service begins in IP_VS."""


class FirewallBypassed(ElvsError):
    """Rules that name a VIP would not see its packets any more."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """An attach as planned or done, with what an operator should know."""

    plan: Plan
    bypassed: Sequence[firewall.Rule]
    warnings: Sequence[str]


def consider(place: Place, order: Order) -> Prospect:
    """All checks; changes nothing."""
    libbpf.require_privilege()
    plan = dataplane.look(place, order, attachments.read(place))
    found = firewall.find(addresses(place))
    warnings = [line for target in plan.targets for line in target.warnings]
    warnings += [f"firewall rules could not be read: {line}" for line in found.unread]
    warnings += kernel_ipvs_warnings(kernel_ipvs_services())
    return Prospect(plan, found.rules, warnings)


def attach(place: Place, order: Order, *, accept_bypass: bool) -> Prospect:
    """Check all, then attach. Raises FirewallBypassed unless that is accepted."""
    before = consider(place, order)
    newly = any(not target.replaces for target in before.plan.targets)
    if before.bypassed and newly and not accept_bypass:
        raise refusal(before.bypassed)
    plan = dataplane.attach(place, order)
    after = list(survey.afterwards(plan.targets))
    return Prospect(plan, before.bypassed, [*before.warnings, *after])


def refusal(rules: Sequence[firewall.Rule]) -> FirewallBypassed:
    """The error for rules that nobody has accepted to lose."""
    first = f"{rules[0].vip} by `{rules[0]}`"
    more = f" and {len(rules) - 1} more" if len(rules) > 1 else ""
    return FirewallBypassed(
        f"packets to VIPs pass before the firewall, which names {first}{more}",
        "--dry-run lists such rules, --accept-firewall-bypass attaches all the same",
    )


def addresses(place: Place) -> set[Address]:
    """The VIPs of services and those put up by `elvs vip`; needs no lock."""
    found = {vip.address for vip in vips.remembered(place.files)}
    tables = loader.open_tables()
    if tables is not None:
        with tables:
            found |= {_vip(key) for key, _ in tables.items("service_ids")}
    return {address for address in found if any(address.packed)}


def _vip(key: bytes) -> Address:
    return Address.unpad(key[: Addr.SIZE], ServiceKey.family.get(key))


def kernel_ipvs_services() -> int:
    """How many virtual services the kernel's own IPVS has in this namespace."""
    try:
        lines = IP_VS.read_text().splitlines()
    except FileNotFoundError:
        return 0
    return sum(line.startswith(PROTOCOLS) for line in lines)


def kernel_ipvs_warnings(count: int) -> list[str]:
    """What `count` services of the kernel's own IPVS mean."""
    if not count:
        return []
    return [
        f"the kernel's IPVS has {count} services here: what elvs forwards it never sees"
        " (ipvsadm -C clears it)"
    ]
