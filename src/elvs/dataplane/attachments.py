"""attach.json: what stands where, and what to put back when it goes.

Written before anything is changed, so that whoever comes after a sudden end can undo it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from elvs.dataplane.pins import Place
from elvs.model.errors import PlatformError

FILE = "attach.json"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One interface. `offloads` are the former states of what was turned off there."""

    index: int
    name: str
    mode: str
    """`native` or `generic`."""
    why: str
    made_clsact: bool = False
    offloads: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trial:
    """An attachment that ends at `deadline` (seconds of CLOCK_MONOTONIC) unless confirmed."""

    keeper: int
    """Its process id."""
    deadline: float
    fresh: tuple[int, ...]
    """Interfaces whose links the keeper alone holds."""
    replaced: tuple[int, ...] = ()
    """Interfaces that had an older version of our program before."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """All of a director's attachments, by ifindex."""

    interfaces: Mapping[int, Attachment] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """Former values of what was set for all of them."""
    trial: Trial | None = None

    def with_(self, attachment: Attachment) -> "Attachments":
        return replace(self, interfaces={**self.interfaces, attachment.index: attachment})

    def without(self, index: int) -> "Attachments":
        rest = {key: value for key, value in self.interfaces.items() if key != index}
        return replace(self, interfaces=rest)


def read(place: Place) -> Attachments:
    """From the file; empty where there is none. Needs no lock."""
    path = place.files / FILE
    try:
        return decode(json.loads(path.read_text()))
    except FileNotFoundError:
        return Attachments()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlatformError(
            f"{path} cannot be read ({error})", "remove it: what is attached stays attached"
        ) from None


def write(place: Place, what: Attachments) -> None:
    """Replace the file; the caller holds the lock. With nothing to remember it goes."""
    path = place.files / FILE
    if what == Attachments():
        path.unlink(missing_ok=True)
        return
    fresh: Path = path.with_suffix(".new")
    fresh.write_text(json.dumps(encode(what), indent=1) + "\n")
    fresh.rename(path)


def encode(what: Attachments) -> dict[str, Any]:
    return {
        "interfaces": [asdict(each) for each in what.interfaces.values()],
        "sysctls": dict(what.sysctls),
        "trial": asdict(what.trial) if what.trial else None,
    }


def decode(raw: dict[str, Any]) -> Attachments:
    trial = raw["trial"]
    if trial is not None:
        trial = Trial(
            trial["keeper"], trial["deadline"], tuple(trial["fresh"]), tuple(trial["replaced"])
        )
    found = [Attachment(**each) for each in raw["interfaces"]]
    return Attachments({each.index: each for each in found}, raw["sysctls"], trial)
