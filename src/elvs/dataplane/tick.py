"""The data plane's clock: started by a program run once, seen in the `clock` map."""

import time
from dataclasses import dataclass

from elvs.dataplane.layout import Clock
from elvs.dataplane.libbpf import BpfError
from elvs.dataplane.loader import Programs
from elvs.dataplane.port import Tables
from elvs.dataplane.testrun import run_syscall

STALLED_SECONDS = 1.0
"""A hundred ticks late: no load explains that."""


@dataclass(frozen=True, slots=True)
class TickState:
    """`age` is the seconds since the last tick, None when there never was one."""

    tick: int
    version: int
    age: float | None
    worst_ns: int
    """The longest tick so far."""

    @property
    def running(self) -> bool:
        return self.age is not None and self.age < STALLED_SECONDS

    @property
    def stalled(self) -> bool:
        """It ran once and does so no more: nothing expires, averages stand still."""
        return self.age is not None and not self.running


def start(programs: Programs) -> None:
    """Start the tick, or hand it over from the former version of the program."""
    run = run_syscall(programs.tick_start, bytes(4))
    result = int.from_bytes(run.context, "little", signed=True)
    if result:
        raise BpfError("cannot start the data plane's clock", -result)


def read(tables: Tables) -> TickState:
    """How the clock stands now."""
    memory = tables.memory("clock")
    ns = Clock.ns.get(memory)
    age = max(0.0, (time.monotonic_ns() - ns) / 1e9) if ns else None
    return TickState(
        Clock.tick.get(memory), Clock.version.get(memory), age, Clock.worst_ns.get(memory)
    )
