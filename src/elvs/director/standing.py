"""How the data plane stands on each interface: link, mode, tc filter, as the kernel shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from elvs.dataplane import libbpf, netdev, survey, tc
from elvs.dataplane.attachments import Attachment, Attachments
from elvs.dataplane.libbpf import LinkInfo
from elvs.dataplane.netdev import Interface
from elvs.dataplane.pins import Place
from elvs.dataplane.survey import Mode


class LinkState(Enum):
    """What has become of an XDP link."""

    RUNNING = "running"
    TRIAL = "on trial"
    GONE = "interface is gone"
    MOVED = "in another namespace"
    LOST = "not attached any more"


@dataclass(frozen=True, slots=True)
class Standing:
    """One interface that the data plane was put on."""

    name: str
    index: int
    mode: str
    why: str
    link: LinkState
    up: bool
    filter: bool
    """Whether our tc filter is there: it takes packets whose next hop is not resolved yet."""
    current: bool = True
    """Whether the program is the version that was attached last."""
    faults: list[str] = field(default_factory=list)

    @property
    def works(self) -> bool:
        return self.link in (LinkState.RUNNING, LinkState.TRIAL)


def standings(place: Place, there: Attachments, on_trial: bool) -> list[Standing]:
    """All of them, by index."""
    here = {each.index: each for each in netdev.interfaces()}
    director = _director(place)
    known = dict(there.interfaces)
    for pin in _link_pins(place):
        known.setdefault(pin, Attachment(pin, f"interface {pin}", "", "found without a record"))
    fresh = there.trial.fresh if there.trial is not None and on_trial else ()
    return [
        stand(attachment, here.get(index), _link(place, index), director, index in fresh)
        for index, attachment in sorted(known.items())
    ]


def stand(
    attachment: Attachment,
    on: Interface | None,
    link: LinkInfo | None,
    director: int | None,
    on_trial: bool,
) -> Standing:
    """`director` is the id of the program that was attached last."""
    state = link_state(on, link, director, on_trial)
    works = state in (LinkState.RUNNING, LinkState.TRIAL)
    filtered = on is not None and tc.program(on.index) is not None
    mode = survey.current_mode(on).value if on is not None and works else attachment.mode
    found = Standing(
        name=on.name if on is not None else attachment.name,
        index=attachment.index,
        mode=mode,
        why=attachment.why,
        link=state,
        up=on is not None and on.up,
        filter=filtered,
        current=not works or on is None or director in on.programs,
    )
    found.faults.extend(faults(found, on))
    return found


def link_state(
    on: Interface | None, link: LinkInfo | None, director: int | None, on_trial: bool
) -> LinkState:
    """From the pinned link and what the interface shows."""
    if link is None:
        if on_trial and on is not None and director in on.programs:
            return LinkState.TRIAL
        return LinkState.LOST if on is not None else LinkState.GONE
    if link.target == 0:
        return LinkState.GONE if on is None else LinkState.LOST
    if on is None:
        return LinkState.MOVED
    return LinkState.RUNNING if link.prog_id in on.programs else LinkState.LOST


MENDS: Mapping[LinkState, str] = {
    LinkState.GONE: "{name} is gone: elvs detach {name} forgets it",
    LinkState.MOVED: "{name} was moved to another namespace: elvs detach {name}, then attach there",
    LinkState.LOST: "{name} has lost the program: elvs attach {name}",
}


def faults(found: Standing, on: Interface | None) -> list[str]:
    """What is wrong with one interface, a line each."""
    if not found.works:
        return [MENDS[found.link].format(name=found.name)]
    lines = []
    if not found.up:
        lines.append(f"{found.name} is down: ip link set dev {found.name} up")
    if not found.filter:
        lines.append(
            f"the tc filter on {found.name} is gone, so packets for an unresolved next hop are"
            f" lost: elvs attach {found.name}"
        )
    if not found.current:
        lines.append(f"{found.name} runs another version than the last: elvs attach {found.name}")
    if on is not None and found.mode == Mode.NATIVE.value:
        lines += survey.cannot_send(on)
    return lines


def _link(place: Place, index: int) -> LinkInfo | None:
    try:
        with libbpf.opened(place.pins / f"link_{index}") as fd:
            return libbpf.link_info(fd)
    except FileNotFoundError:
        return None


def _director(place: Place) -> int | None:
    try:
        with libbpf.opened(place.pins / "prog_director") as fd:
            return libbpf.prog_id(fd)
    except FileNotFoundError:
        return None


def _link_pins(place: Place) -> list[int]:
    return [int(pin.name.removeprefix("link_")) for pin in place.pins.glob("link_*")]
