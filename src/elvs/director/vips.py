"""Virtual IPs on the director's interfaces: put up, taken down, remembered.

What eLVS put up is remembered in `vips.json` beside the lock, so that it is known from addresses
that the director has for itself: their ports may all be served (see bpf/types.h,
SERVICE_OWN_ADDRESS). A VIP always has the whole prefix length, /32 or /128.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from elvs.dataplane import addresses
from elvs.dataplane.addresses import Assigned
from elvs.dataplane.netdev import Interface, interface, interfaces
from elvs.dataplane.pins import Place, locked
from elvs.director.announce import announce
from elvs.model.address import Address, Family
from elvs.model.errors import ElvsError, InvalidValue

FILE = "vips.json"


class VipRefused(ElvsError):
    """This VIP cannot be put up or taken down here."""


@dataclass(frozen=True, slots=True)
class Vip:
    """A remembered VIP and its interface; the number tells a new interface of the same name."""

    address: Address
    interface: str
    index: int
    found: bool = False
    """It stood there before, and stays when it is forgotten."""


@dataclass(frozen=True, slots=True)
class VipView:
    """A remembered VIP and whether it stands on its interface now."""

    vip: Vip
    present: bool


def remembered(directory: Path) -> tuple[Vip, ...]:
    """The VIPs that `vips.json` in a place's directory of files names; needs no lock."""
    try:
        raw = json.loads((directory / FILE).read_text())
    except FileNotFoundError:
        return ()
    return tuple(
        Vip(Address.parse(v["address"]), v["interface"], v["index"], v["found"])
        for v in raw["vips"]
    )


def views(place: Place) -> list[VipView]:
    """The remembered VIPs as they are now."""
    there = {(found.address, found.index) for found in addresses.assigned()}
    return [VipView(vip, (vip.address, vip.index) in there) for vip in remembered(place.files)]


def add(place: Place, address: Address, name: str) -> str:
    """Put a VIP up, remember and announce it; returns what was done, in a line."""
    target = interface(name)
    check(address, target)
    with locked(place):
        vips = remembered(place.files)
        standing = [found for found in addresses.assigned() if found.address == address]
        known = any(vip.address == address and vip.index == target.index for vip in vips)
        refuse_duplicate(address, target, standing, known)
        others = [vip for vip in vips if vip.address != address]
        if standing:
            if not known:
                _remember(place, [*others, Vip(address, name, target.index, found=True)])
            return f"{address} is on {name} already"
        _remember(place, [*others, Vip(address, name, target.index)])
        try:
            addresses.add(address, target.index)
        except BaseException:
            _remember(place, vips)
            raise
    if not target.loopback:
        announce(address, target)
    return f"{address} is on {name}"


def check(address: Address, target: Interface) -> None:
    """Raise for an address that nothing could be served on, or an interface that is down."""
    first = address.packed[0]
    multicast = first == 0xFF if address.family is Family.IPV6 else first >= 224
    loopback = first == 127 if address.family is Family.IPV4 else str(address) == "::1"
    if multicast or loopback or not any(address.packed):
        raise InvalidValue(f"{address} cannot be a VIP", "take a unicast address")
    if not target.up:
        raise VipRefused(f"{target.name} is down", f"ip link set dev {target.name} up")


def refuse_duplicate(
    address: Address, target: Interface, standing: Iterable[Assigned], known: bool
) -> None:
    """Raise when the address stands elsewhere, or here as something other than a VIP."""
    names = {each.index: each.name for each in interfaces()}
    whole = len(address.packed) * 8
    for found in standing:
        where = names.get(found.index, f"interface {found.index}")
        if found.index != target.index:
            raise VipRefused(
                f"{address} is on {where} already", f"first elvs vip del {address} dev {where}"
            )
        if found.prefix != whole and not known:
            raise VipRefused(
                f"{address}/{found.prefix} is {target.name}'s own address",
                "a VIP is an address that nothing else is reached by; take another",
            )


def delete(place: Place, address: Address, name: str) -> str:
    """Take a VIP of ours down and forget it; returns what was done, in a line."""
    with locked(place):
        vips = remembered(place.files)
        ours = [vip for vip in vips if vip.address == address and vip.interface == name]
        if not ours:
            return _not_ours(address, name, vips)
        for vip in ours:
            if not vip.found:
                addresses.remove(address, vip.index)
        _remember(place, [vip for vip in vips if vip not in ours])
    if any(vip.found for vip in ours):
        return f"{address} is no VIP any more; it stays on {name}, where it was before"
    return f"{address} is gone from {name}"


def _not_ours(address: Address, name: str, vips: Iterable[Vip]) -> str:
    for vip in vips:
        if vip.address == address:
            raise VipRefused(
                f"{address} is not on {name} but on {vip.interface}",
                f"elvs vip del {address} dev {vip.interface}",
            )
    index = interface(name).index
    if any(each.address == address and each.index == index for each in addresses.assigned()):
        raise VipRefused(
            f"{address} on {name} was not put there by elvs", f"use ip address del {address}"
        )
    return f"{address} is not on {name}: nothing to do"


def _remember(place: Place, vips: Iterable[Vip]) -> None:
    rows = [
        {"address": str(v.address), "interface": v.interface, "index": v.index, "found": v.found}
        for v in vips
    ]
    if not rows:
        (place.files / FILE).unlink(missing_ok=True)
        return
    fresh = place.files / f"{FILE}.new"
    fresh.write_text(json.dumps({"vips": rows}, indent=1) + "\n")
    fresh.rename(place.files / FILE)
