"""The one form in which every bench reports: rounds shown, goals named, misses said."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One figure: the median of `rounds`; `goal` is the most it may be, None where none is set."""

    name: str
    unit: str
    rounds: tuple[float, ...]
    goal: float | None = None

    @property
    def value(self) -> float:
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.value <= self.goal


def machine() -> dict[str, str | int | float]:
    """What the figures were taken on."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": model,
        "cpus": os.cpu_count() or 1,
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
    }


def as_json(cases: Sequence[Case]) -> str:
    """The document that `--json FILE` writes."""
    rows = [{**asdict(c), "value": c.value, "met": c.met, "rounds": list(c.rounds)} for c in cases]
    return json.dumps({"machine": machine(), "cases": rows}, indent=1) + "\n"


def as_text(cases: Sequence[Case]) -> str:
    """A table for a person."""
    width = max((len(c.name) for c in cases), default=0)
    lines = []
    for c in cases:
        goal = "" if c.goal is None else f"  goal <= {c.goal:g}: {'met' if c.met else 'MISSED'}"
        rounds = " ".join(f"{r:.4g}" for r in c.rounds)
        lines.append(f"{c.name:<{width}}  {c.value:>9.4g} {c.unit:<14} [{rounds}]{goal}")
    return "\n".join(lines)


def publish(cases: Sequence[Case], target: Path | None) -> None:
    """Print the table, and write the document where it is wanted."""
    print(as_text(cases))
    if target:
        target.write_text(as_json(cases))
