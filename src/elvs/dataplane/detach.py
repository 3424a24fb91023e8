"""Take the data plane off again, keep what was on trial, and put right what sudden ends have left.

`confirm`, `detach` and `purge` take the lock themselves; `tidy` is for its holder.
"""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from elvs.dataplane import (
    attachments,
    forwarding,
    keeper,
    libbpf,
    loader,
    netdev,
    offload,
    survey,
    tc,
)
from elvs.dataplane.attachments import Attachment, Attachments
from elvs.dataplane.layout import Clock
from elvs.dataplane.pins import Place, locked, remove_directory
from elvs.dataplane.port import Tables
from elvs.dataplane.survey import AttachRefused
from elvs.model.errors import ElvsError


class TrialOver(ElvsError):
    """There is no trial that could be confirmed."""


class StillInUse(ElvsError):
    """Connections live that a detach would cut."""


def confirm(place: Place) -> Attachments:
    """End the trial for good: what stands, stays. Raises TrialOver when there is none."""
    libbpf.require_privilege()
    if attachments.read(place).trial is None:
        raise TrialOver("nothing is on trial", "elvs attach --confirm SECONDS begins one")
    with locked(place):
        there = attachments.read(place)
        if not keeper.ask(place, keeper.CONFIRM):
            tidy(place)
            raise TrialOver("the trial is over and was undone", "elvs attach again")
        keeper.forget(place)
        confirmed = replace(there, trial=None)
        attachments.write(place, confirmed)
    return confirmed


def detach(place: Place, names: Sequence[str], *, force: bool) -> list[str]:
    """Take the data plane off the named interfaces, or all; returns the names of what went.

    Those are also the interfaces that were on trial or are gone.
    The tables stay. Raises StillInUse when the last interface would go while connections live,
    unless forced or on trial, and AttachRefused for a name where nothing stands.
    """
    libbpf.require_privilege()
    if not place.files.exists():
        return []
    with locked(place):
        before = attachments.read(place)
        keeper.ask(place, keeper.ABANDON)
        there = tidy(place)
        ended = [
            _shown(each)
            for index, each in before.interfaces.items()
            if index not in there.interfaces
        ]
        rest = [name for name in names if name not in ended]
        going = [] if names and not rest else _chosen(there, rest)
        if going and not force and len(going) == len(there.interfaces):
            _refuse_if_used(place)
        for attachment in going:
            _take_off(place, attachment)
            there = there.without(attachment.index)
            attachments.write(place, there)
        _last(place, there)
    return ended + [_shown(each) for each in going]


def _chosen(there: Attachments, names: Sequence[str]) -> list[Attachment]:
    by_name = {_shown(each): each for each in there.interfaces.values()}
    for name in names:
        if name not in by_name and there.interfaces:
            raise AttachRefused(
                f"nothing of elvs is attached to {name}", f"attached: {', '.join(by_name)}"
            )
    return [each for name, each in by_name.items() if not names or name in names]


def _shown(attachment: Attachment) -> str:
    """The interface's name now, or its last one when it is gone."""
    try:
        return socket.if_indextoname(attachment.index)
    except OSError:
        return attachment.name


def _refuse_if_used(place: Place) -> None:
    tables = loader.open_tables()
    if tables is None:
        return
    with tables:
        living = connections(tables)
    if living:
        raise StillInUse(
            f"{living} connections are alive and would be cut", "elvs detach --force does it"
        )


def connections(tables: Tables) -> int:
    """Living connections of both families, as of the last tick."""
    clock = tables.memory("clock")
    return int(Clock.used.get(clock, 0, 0) + Clock.used.get(clock, 0, 1))


def tidy(place: Place) -> Attachments:
    """Put right what a sudden end has left: of a command, a trial's keeper or an interface.

    Returns what really stands. The caller holds the lock.
    """
    there = attachments.read(place)
    if keeper.is_alive(place):
        return there
    keeper.forget(place)
    there = replace(there, trial=None)
    there = _with_unrecorded(place, there)
    for attachment in list(there.interfaces.values()):
        if not _stands(place, attachment.index):
            _take_off(place, attachment)
            there = there.without(attachment.index)
    _last(place, there)
    return replace(there, sysctls=there.sysctls if there.interfaces else {})


def _with_unrecorded(place: Place, there: Attachments) -> Attachments:
    """With pinned links that attach.json does not name, as when somebody has removed it."""
    for pin in place.pins.glob("link_*"):
        index = int(pin.name.removeprefix("link_"))
        if index not in there.interfaces:
            found = next((each for each in netdev.interfaces() if each.index == index), None)
            name = found.name if found else f"interface {index}"
            mode = survey.current_mode(found) if found else survey.Mode.NATIVE
            there = there.with_(Attachment(index, name, mode.value, "found without a record"))
    return there


def _stands(place: Place, index: int) -> bool:
    try:
        with libbpf.opened(place.pins / f"link_{index}") as link:
            return libbpf.link_info(link).target != 0
    except FileNotFoundError:
        return False


def _take_off(place: Place, attachment: Attachment) -> None:
    """Undo one interface as far as it is still there and in this namespace."""
    pin = place.pins / f"link_{attachment.index}"
    with suppress(FileNotFoundError), libbpf.opened(pin) as link:
        if libbpf.link_info(link).target:
            libbpf.link_detach(link)
    pin.unlink(missing_ok=True)
    remove_filter(attachment.index, attachment.made_clsact)
    put_offloads(attachment.index, attachment.offloads)


def _last(place: Place, there: Attachments) -> None:
    """Write what stands; when nothing does, put back what was set for all."""
    if there.interfaces:
        attachments.write(place, there)
        return
    forwarding.restore(there.sysctls)
    if place.exists():
        loader.unpin_programs()
    attachments.write(place, Attachments())


def remove_filter(index: int, clsact_too: bool) -> None:
    """Remove our tc filter, and the clsact if it was made for it and holds nothing else."""
    tc.detach(index)
    if clsact_too:
        tc.remove_clsact_if_empty(index)


def put_offloads(index: int, states: Mapping[str, bool]) -> None:
    """Put offloads back, whatever the interface is called by now."""
    with suppress(OSError):  # it is gone
        offload.write(socket.if_indextoname(index), states)


def remove_tables(place: Place) -> None:
    """Remove tables and programs, and what describes them."""
    remove_directory(place.pins)
    for name in ("tables.json", "journal"):
        (place.files / name).unlink(missing_ok=True)


def purge(place: Place) -> bool:
    """Remove tables, programs and records; whether there were any. VIPs stay remembered.

    Nothing may be attached any more.
    """
    libbpf.require_privilege()
    if not place.files.exists():
        return False
    with locked(place):
        found = place.exists()
        remove_directory(place.pins)
        for path in place.files.iterdir():
            if path.name != "vips.json":
                path.unlink()
    return found
