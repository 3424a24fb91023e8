"""What a scheduler is on the side of Python: a number, a reference pick, and upkeep of its cursor.

The data plane schedules (bpf/sched/*.bpf.c); here stands what must happen to a scheduler's place
when an operator changes the list, and a short model of its pick that tests compare with.
A pool is always newest server first.
"""

import math
from collections.abc import Iterable, Sequence

from elvs.model.value import dataclass

TYPE_CHECKING = False  # typing takes 3 ms, which a command does not have
if TYPE_CHECKING:
    from typing import ClassVar

LOW = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server as a scheduler sees it."""

    weight: int
    active: int = 0
    inactive: int = 0
    overloaded: bool = False

    @property
    def usable(self) -> bool:
        return self.weight > 0 and not self.overloaded

    @property
    def overhead(self) -> int:
        """IPVS's ip_vs_dest_conn_overhead: an active connection costs 257, an inactive one 1."""
        return (self.active << 8) + self.active + self.inactive


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a scheduler stands: `states[id].cursor` taken apart.

    `position` 0 is the head of the list, i + 1 says that the entry of index i was used last;
    `current` is wrr's current weight.
    """

    position: int = 0
    current: int = 0

    @classmethod
    def unpack(cls, word: int) -> "Cursor":
        return cls(word & LOW, word >> 32)

    @property
    def word(self) -> int:
        return self.current << 32 | self.position


START = Cursor()


@dataclass(frozen=True, slots=True)
class Weights:
    """What wrr must know of a list's weights; `divisor` is 0 when none is positive."""

    greatest: int = 0
    divisor: int = 0

    @classmethod
    def of(cls, weights: Iterable[int]) -> "Weights":
        known = list(weights)
        return cls(max(known, default=0), math.gcd(*known))

    def joined(self, weight: int) -> "Weights":
        """With one more server: no need to walk the list again."""
        if weight <= self.greatest and self.divisor and weight % self.divisor == 0:
            return self
        return Weights(max(self.greatest, weight), math.gcd(self.divisor, weight))

    @property
    def step(self) -> int:
        """IPVS's `di`."""
        return self.divisor or 1

    @property
    def limit(self) -> int:
        """IPVS's `mw`: greatest weight - (di - 1)."""
        return self.greatest - (self.step - 1)


class Scheduler:
    """One scheduler. The upkeep here is that of schedulers without a place in the list."""

    name: "ClassVar[str]"
    number: "ClassVar[int]"
    """Its place in bpf/sched/list.h, part of the pinned state."""

    def bound(self, weights: Weights) -> Cursor:
        """The cursor of a service that gets this scheduler."""
        return START

    def inserted(self, cursor: Cursor, weights: Weights) -> Cursor:
        """After a server came in at the head; `weights` are those of the new list."""
        return cursor

    def removed(self, cursor: Cursor, index: int, weights: Weights) -> Cursor:
        """After the server at `index` of the old list went."""
        return cursor

    def edited(self, cursor: Cursor, weights: Weights) -> Cursor:
        """After a server got another weight in its place."""
        return cursor

    def select(self, pool: Sequence[Candidate], cursor: Cursor) -> tuple[int | None, Cursor]:
        """Index of the server for the next connection (None: no server), and the new place."""
        raise NotImplementedError
