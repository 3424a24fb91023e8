"""Put the data plane on interfaces and take it off again; whole or not at all.

What can be changed here: the XDP link, our tc filter, some offloads of the interface, and lo's
`forwarding`. All of it stands in attach.json before it is done, so that a sudden end leaves
nothing that the next command does not put right (`tidy`). All of this needs the lock, which
`attach`, `confirm` and `detach` take themselves.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from elvs.dataplane import (
    attachments,
    forwarding,
    keeper,
    libbpf,
    loader,
    netdev,
    occupant,
    offload,
    resize,
    survey,
    tc,
    tick,
)
from elvs.dataplane.attachments import Attachment, Attachments, Trial
from elvs.dataplane.detach import put_offloads, remove_filter, remove_tables, tidy
from elvs.dataplane.loader import Programs
from elvs.dataplane.pins import Place, locked
from elvs.dataplane.sizes import Sizes
from elvs.dataplane.survey import AttachRefused, Mode, Target

FLAGS = {Mode.NATIVE: libbpf.XDP_DRV, Mode.GENERIC: libbpf.XDP_SKB}


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator asks for."""

    interfaces: tuple[str, ...]
    mode: Mode = Mode.AUTO
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Of `Sizes`, what was said: the rest is as the tables are, or by the machine's memory."""
    trial: float | None = None
    """Seconds until it is undone unless confirmed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, or was."""

    targets: Sequence[Target]
    sizes: Sizes
    remake: bool
    """Tables of other sizes, with nothing in them, give way."""


def attach(place: Place, order: Order) -> Plan:
    """Check, then attach or replace; returns what was done. Raises the first reason against."""
    libbpf.require_privilege()
    with locked(place):
        there = tidy(place)
        plan = look(place, order, there)
        carry_out(place, order, plan, there)
    return plan


def look(place: Place, order: Order, there: Attachments) -> Plan:
    """All checks; changes nothing and needs no lock. Raises the first reason against."""
    if keeper.is_alive(place):
        raise AttachRefused(
            "an attachment is on trial", "elvs confirm keeps it, elvs detach ends it"
        )
    sizes = resize.resolve(place, order.sizes)
    remake = resize.must_remake(place, sizes, there)
    return Plan(survey.survey(place, order.interfaces, order.mode, there), sizes, remake)


def carry_out(place: Place, order: Order, plan: Plan, there: Attachments) -> None:
    """Do what was surveyed; on any failure undo all of it."""
    targets = plan.targets
    if plan.remake:
        remove_tables(place)
    with ExitStack() as mine, ExitStack() as tables_back, ExitStack() as back:
        if not place.exists():
            tables_back.callback(remove_tables, place)
        tables = loader.open_tables(create=True, sizes=plan.sizes)
        assert tables is not None
        mine.enter_context(tables)
        old = loader.pinned_programs()
        if old is not None:
            mine.enter_context(old)
        if old is not None and not any(target.replaces for target in targets):
            new = old  # all interfaces run one version until somebody asks for another
        else:
            new = mine.enter_context(loader.load_programs(tables))
        wanted = _wanted(there, targets)
        attachments.write(place, wanted)
        back.callback(attachments.write, place, there)
        back.callback(forwarding.restore, forwarding.missing())
        forwarding.enable()
        links = _run(place, targets, new, old, mine, back)
        if order.trial is None:
            _pin(place, links, back)
        else:
            _entrust(place, order.trial, targets, links, wanted, back)
        back.pop_all()
        tables_back.pop_all()


def _run(
    place: Place,
    targets: Iterable[Target],
    new: Programs,
    old: Programs | None,
    mine: ExitStack,
    back: ExitStack,
) -> dict[int, int]:
    """Tick, interfaces, pins of programs; returns the new links by ifindex, not yet pinned."""
    if old is not None:
        back.callback(tick.start, old)
    tick.start(new)
    links = {}
    for target in targets:
        link = _stand(place, target, new, old, back)
        mine.callback(os.close, link)
        if not target.replaces:
            links[target.interface.index] = link
    if old is None:
        back.callback(loader.unpin_programs)
    else:
        back.callback(loader.pin_programs, old)
    loader.pin_programs(new)
    return links


def _entrust(
    place: Place,
    seconds: float,
    targets: Iterable[Target],
    links: Mapping[int, int],
    wanted: Attachments,
    back: ExitStack,
) -> None:
    """Begin a trial: new links and the way back go to a keeper."""
    deadline = time.monotonic() + seconds
    number = keeper.start(place, deadline, links, back)
    replaced = tuple(t.interface.index for t in targets if t.replaces)
    attachments.write(place, replace(wanted, trial=Trial(number, deadline, tuple(links), replaced)))


def _wanted(there: Attachments, targets: Iterable[Target]) -> Attachments:
    """What attach.json is to say; what was remembered of an interface is not forgotten."""
    wanted = replace(there, sysctls={**forwarding.missing(), **there.sysctls})
    for target in targets:
        index = target.interface.index
        before = there.interfaces.get(index)
        off = dict.fromkeys(target.turned_off, True)
        wanted = wanted.with_(
            Attachment(
                index=index,
                name=target.interface.name,
                mode=target.mode.value,
                why=before.why if before else target.why,
                made_clsact=target.makes_clsact or (before is not None and before.made_clsact),
                offloads={**off, **(before.offloads if before else {})},
            )
        )
    return wanted


def _stand(
    place: Place, target: Target, new: Programs, old: Programs | None, back: ExitStack
) -> int:
    """Bring one interface about; returns its link, unpinned if it is a new one."""
    name, index = target.interface.name, target.interface.index
    back.callback(put_offloads, index, dict.fromkeys(target.turned_off, True))
    offload.write(name, dict.fromkeys(target.turned_off, False))
    if target.replaces and old is not None:
        back.callback(tc.attach, index, old.slow)
    else:
        back.callback(remove_filter, index, target.makes_clsact)
    tc.attach(index, new.slow)
    if target.replaces:
        return _replace(place, target, new.director, back)
    link = _create(target, new.director)
    back.callback(libbpf.link_detach, link)
    _check_mode(target)
    return link


def _create(target: Target, director: int) -> int:
    on = target.interface
    try:
        return libbpf.link_create(director, on.index, libbpf.XDP, FLAGS[target.mode])
    except libbpf.BpfError as error:
        raise AttachRefused(
            f"{on.name} does not take the program in {target.mode.value} mode:"
            f" {os.strerror(error.errno)}",
            f"its MTU of {on.mtu} or its offloads (LRO, GRO_HW, few queues) may be in the way;"
            " the kernel's log says more"
            + (", or use --mode generic" * (target.mode is Mode.NATIVE)),
        ) from None


def _replace(place: Place, target: Target, director: int, back: ExitStack) -> int:
    """Compare-and-swap: if another program has come in since the survey, the kernel refuses."""
    link = libbpf.obj_get(place.pins / f"link_{target.interface.index}")
    try:
        before = occupant.program_fd(libbpf.link_info(link).prog_id)
        if before is None:
            raise AttachRefused(f"the program on {target.interface.name} has gone", "try again")
        with ExitStack() as close:
            close.callback(os.close, before)
            libbpf.link_update(link, director, before)
            back.callback(_swap_back, link, director, os.dup(before))
    except BaseException:
        os.close(link)
        raise
    return link


def _swap_back(link: int, director: int, before: int) -> None:
    libbpf.link_update(link, before, director)
    os.close(before)


def _check_mode(target: Target) -> None:
    """The kernel's own word on how the program stands."""
    shown = netdev.interface(target.interface.name).attached
    if shown is not survey.SHOWN[target.mode]:
        raise AttachRefused(
            f"{target.interface.name} took the program as {shown.name.lower()},"
            f" not {target.mode.value}"
        )


def _pin(place: Place, links: dict[int, int], back: ExitStack) -> None:
    for index, link in links.items():
        pin = place.pins / f"link_{index}"
        pin.unlink(missing_ok=True)  # of an interface that is gone
        back.callback(pin.unlink, missing_ok=True)
        libbpf.obj_pin(link, pin)
