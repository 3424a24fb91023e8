"""What labs are up: one directory each under /run/elvs-lab with a state.json.

The directory appears, with its state, by one rename before anything else is made, so that
`down` finds whatever a killed `up` has left.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from elvs.lab.errors import LabError
from elvs.lab.topologies import make
from elvs.lab.topology import Topology

RUN = Path("/run/elvs-lab")


@dataclass(frozen=True, slots=True)
class LabState:
    """One lab: what was asked for, and what was made."""

    name: str
    topology: str
    real_servers: int
    namespaces: tuple[str, ...]
    complete: bool = False
    """False while it is being made, and for ever if that was killed."""
    nginx: Mapping[str, int] = field(default_factory=dict)
    """Real server -> process id of its web server."""
    big_bytes: int = 0
    big_sha256: str = ""

    @property
    def home(self) -> Path:
        return RUN / self.name

    @property
    def big(self) -> Path:
        """The file that every real server gives out as `/big`."""
        return self.home / "big"

    def layout(self) -> Topology:
        return make(self.topology, self.real_servers)


def claim(state: LabState) -> None:
    """Make the lab's directory; raises LabError if the name is taken."""
    RUN.mkdir(mode=0o755, exist_ok=True)
    draft = RUN / f".{state.name}.{os.getpid()}"
    draft.mkdir()
    try:
        _write(draft, state)
        draft.rename(state.home)
    except OSError:
        shutil.rmtree(draft)
        refuse_taken(state.name)
        raise


def refuse_taken(name: str) -> None:
    """Raises LabError if a lab of that name is up, or was left half-made."""
    if (RUN / name).exists():
        raise LabError(f"lab {name} is up already", f"elvs lab down {name}")


def save(state: LabState) -> None:
    _write(state.home, state)


def forget(state: LabState) -> None:
    """Remove the lab's directory, and the common one after the last."""
    shutil.rmtree(state.home)
    if not any(RUN.iterdir()):
        RUN.rmdir()


def find_all() -> tuple[LabState, ...]:
    """All labs by name, also half-made ones."""
    return tuple(_read(path) for path in sorted(RUN.glob("[!.]*/state.json")))


def find(name: str) -> LabState:
    """Raises LabError if no lab of that name is up."""
    path = RUN / name / "state.json"
    if "/" in name or not path.exists():
        raise LabError(f"no lab {name!r} is up", "elvs lab list shows those that are")
    return _read(path)


def _read(path: Path) -> LabState:
    stored = json.loads(path.read_text())
    return LabState(**{**stored, "namespaces": tuple(stored["namespaces"])})


def _write(directory: Path, state: LabState) -> None:
    draft = directory / ".state.json"
    draft.write_text(json.dumps(asdict(state), indent=2) + "\n")
    draft.replace(directory / "state.json")
