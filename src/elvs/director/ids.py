"""Numbers and room in the tables: which are free, and which must rest a while.

What is free is read from the maps themselves, so nothing can disagree with them: a row's flags
byte is 0, an area of the pool is named by no service.
"""

import time
from collections.abc import Container, Iterable

from elvs.model.value import dataclass

TICKS_OF_REST = 3
"""Longer than any program runs: afterwards none can hold a number or an area that was given up."""

LOW = 0xFFFFFFFF
TICK_NS = 10_000_000
STALLED_NS = 1_000_000_000
"""A clock that stood for so long is not driven by any data plane."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The data plane's clock: ticks of 10 ms; `running` is false while nobody drives it."""

    tick: int = 0
    running: bool = False

    @classmethod
    def read(cls, tick: int, ns: int) -> "Clock":
        """From `struct clock`; `ns` is CLOCK_MONOTONIC as of that tick, 0 before the first.

        A tick is that clock in hundredths of a second, so a standing one can be continued here.
        """
        now = time.monotonic_ns()
        if ns > 0 and now - ns < STALLED_NS:
            return cls(tick, True)
        return cls(now // TICK_NS & LOW, False)

    def age(self, since: int) -> int:
        """Ticks from `since` to now, 0 for what another CPU stamped a moment ahead."""
        gone = (self.tick - since) & LOW
        return gone if gone < 1 << 31 else 0

    def rested(self, since: int) -> bool:
        """Whether nothing that ran at tick `since` can still be running."""
        return not self.running or self.age(since) >= TICKS_OF_REST


class FreeRows:
    """Numbers of free rows, lowest first, from the flags bytes of all rows."""

    def __init__(self, flags: bytes, held: Container[int] = ()) -> None:
        self._flags = flags
        self._held = held
        self._at = 0
        self._returned: list[int] = []

    def take(self) -> int | None:
        """The next free number, None when there is none."""
        while (found := self._flags.find(b"\0", self._at)) >= 0:
            self._at = found + 1
            if found not in self._held:
                return found
        return self._returned.pop() if self._returned else None

    def give(self, number: int) -> None:
        """A number that has become free meanwhile."""
        self._returned.append(number)


class FreeAreas:
    """Free room in the pool, from the areas in use: words of offset | length << 32, 0 for none."""

    def __init__(self, rows: int, used: Iterable[int]) -> None:
        self._gaps: list[tuple[int, int]] = []
        self._next = 0
        end = 0
        for word in sorted([(word & LOW) << 32 | word >> 32 for word in used if word]):
            offset = word >> 32
            if offset > end:
                self._gaps.append((end, offset - end))
            end = offset + (word & LOW)
        if rows > end:
            self._gaps.append((end, rows - end))

    def take(self, length: int) -> int | None:
        """Offset of `length` free entries, None when there is no such room in one piece."""
        gaps = len(self._gaps)
        for step in range(gaps):
            index = (self._next + step) % gaps
            offset, room = self._gaps[index]
            if room >= length:
                self._gaps[index] = (offset + length, room - length)
                self._next = index
                return offset
        return None
