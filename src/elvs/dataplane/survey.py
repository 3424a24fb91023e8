"""What an attach would do and whether it may: all checks, before anything is changed.

Only looks. `survey` raises the first reason against; what it returns is the plan that
`attach.carry_out` follows and `--dry-run` prints.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from elvs.dataplane import netdev, occupant, offload, tc
from elvs.dataplane.attachments import Attachments
from elvs.dataplane.libbpf import link_info, opened
from elvs.dataplane.netdev import Attached, Interface, XdpFeature
from elvs.dataplane.pins import Place
from elvs.model.errors import ElvsError

NO_REDIRECT = {"nfp", "nicvf"}
"""Drivers whose native XDP cannot redirect, for kernels that cannot be asked (before 6.3)."""
SLOW_NAME = "slow"


class AttachRefused(ElvsError):
    """The data plane cannot or may not stand on this interface."""


class Mode(Enum):
    """What is asked for; a link's own mode is one of the last two."""

    AUTO = "auto"
    NATIVE = "native"
    GENERIC = "generic"


SHOWN = {Mode.NATIVE: Attached.NATIVE, Mode.GENERIC: Attached.GENERIC}


@dataclass(frozen=True, slots=True)
class Target:
    """An interface with what is to be done on it."""

    interface: Interface
    mode: Mode
    """NATIVE or GENERIC."""
    why: str
    replaces: bool
    """Our program stands there already, and is replaced by this version in one step."""
    turned_off: tuple[str, ...]
    """Offloads that are on and must not be."""
    makes_clsact: bool
    warnings: tuple[str, ...] = ()


def survey(place: Place, names: Iterable[str], asked: Mode, there: Attachments) -> list[Target]:
    """The targets in the order asked for. Raises NoSuchInterface or AttachRefused."""
    return [survey_one(place, name, asked, there) for name in dict.fromkeys(names)]


def survey_one(place: Place, name: str, asked: Mode, there: Attachments) -> Target:
    on = netdev.interface(name)
    if on.loopback:
        raise AttachRefused(
            f"{name} is the loopback interface: no client comes in by it",
            "name the interfaces that clients' packets and real servers' answers come in by",
        )
    replaces = is_ours(place, on)
    if not replaces:
        refuse_foreign(on)
    refuse_foreign_filter(on, there)
    mode, why = decide(on, asked, current_mode(on) if replaces else None)
    names: tuple[str, ...] = offload.MERGING if mode is Mode.GENERIC else ()
    if netdev.has_vlans(on):
        names += offload.TAG_STRIPPING
    off = tuple(key for key, state in offload.read(name, names).items() if state)
    clsact = not tc.has_clsact(on.index)
    known = tuple(warnings(on, mode)) if not replaces else ()
    return Target(on, mode, why, replaces, off, clsact, known)


def is_ours(place: Place, on: Interface) -> bool:
    """Whether the XDP program there is held by our pinned link."""
    try:
        with opened(place.pins / f"link_{on.index}") as link:
            info = link_info(link)
    except FileNotFoundError:
        return False
    return info.target == on.index and info.prog_id in on.programs


def refuse_foreign(on: Interface) -> None:
    """Raise when somebody else's XDP program stands there."""
    if not on.programs:
        return
    number = on.programs[0]
    called = occupant.program_name(number)
    held = occupant.link_of_program(number, on.index)
    what = f"{on.name} has an XDP program of somebody else"
    what += f": id {number}" + (f", {called}" if called else "")
    if held is not None:
        mend = f"end what holds its link (bpftool link show id {held}), then attach"
    else:
        word = {Attached.NATIVE: "xdp", Attached.GENERIC: "xdpgeneric"}.get(on.attached, "xdp")
        mend = f"if nobody needs it: ip link set dev {on.name} {word} off"
    raise AttachRefused(what, mend)


def refuse_foreign_filter(on: Interface, there: Attachments) -> None:
    """Raise when somebody else's tc filter has our handle and priority."""
    if on.index in there.interfaces:
        return
    number = tc.program(on.index)
    if number is not None and occupant.program_name(number) != SLOW_NAME:
        raise AttachRefused(
            f"{on.name} has a tc filter of somebody else at priority {tc.PRIORITY}",
            f"if nobody needs it: tc filter del dev {on.name} ingress prio {tc.PRIORITY}",
        )


def current_mode(on: Interface) -> Mode:
    """How our program stands there."""
    return Mode.GENERIC if on.attached is Attached.GENERIC else Mode.NATIVE


def decide(on: Interface, asked: Mode, current: Mode | None) -> tuple[Mode, str]:
    """Native or generic, and why. Raises AttachRefused."""
    if current is not None and asked not in (Mode.AUTO, current):
        raise AttachRefused(
            f"{on.name} is attached in {current.value} mode",
            f"to change that, first elvs detach {on.name}",
        )
    if Mode.GENERIC in (asked, current):
        return Mode.GENERIC, "asked for"
    driver = netdev.driver(on.name) or "its driver"
    features = netdev.xdp_features(on.index)
    if features is None:
        if driver not in NO_REDIRECT:
            return Mode.NATIVE, f"{driver}; this kernel cannot be asked what it can do"
    elif XdpFeature.BASIC | XdpFeature.REDIRECT in features:
        return Mode.NATIVE, f"{driver} can redirect"
    lack = "has no native XDP" if not features else "cannot redirect in native XDP"
    raise AttachRefused(
        f"{on.name}: {driver} {lack}", "use --mode generic, which is slower, or another interface"
    )


def warnings(on: Interface, mode: Mode) -> Iterable[str]:
    """What an operator should know beforehand."""
    if not on.up:
        yield f"{on.name} is down: nothing comes in until ip link set dev {on.name} up"
    if on.kind == "veth" and mode is Mode.NATIVE:
        yield (
            f"{on.name} is a veth: what sends to it must fill in checksums itself"
            " (ethtool -K PEER tx off)"
        )


def afterwards(targets: Iterable[Target]) -> Iterable[str]:
    """What can be known only once the programs stand: where frames cannot leave."""
    for target in targets:
        if target.mode is Mode.NATIVE:
            yield from cannot_send(target.interface)


def cannot_send(on: Interface) -> Iterable[str]:
    """A line if the driver would now drop what is redirected to this interface."""
    features = netdev.xdp_features(on.index)
    if features is None or XdpFeature.NDO_XMIT in features:
        return
    if on.kind == "veth":
        yield (
            f"nothing can leave by {on.name} yet: its peer has neither GRO nor an XDP program"
            " (ethtool -K PEER gro on)"
        )
    else:
        yield f"nothing can leave by {on.name}: its driver takes no redirected frames now"
