"""rr: round robin. One after the other; weights only say who is out (0). See ip_vs_rr.c."""

from collections.abc import Sequence

from elvs.schedulers.base import Candidate, Cursor, Scheduler, Weights


class RoundRobin(Scheduler):
    name = "rr"
    number = 0

    def inserted(self, cursor: Cursor, weights: Weights) -> Cursor:
        """A newcomer at the head moves the entry used last one place on."""
        return Cursor(cursor.position + 1) if cursor.position else cursor

    def removed(self, cursor: Cursor, index: int, weights: Weights) -> Cursor:
        """The entry used last moves up; where it went itself, the one before it takes its part."""
        return Cursor(cursor.position - 1) if index < cursor.position else cursor

    def select(self, pool: Sequence[Candidate], cursor: Cursor) -> tuple[int | None, Cursor]:
        for step in range(len(pool)):
            index = (cursor.position + step) % len(pool)
            if pool[index].usable:
                return index, Cursor(index + 1)
        return None, cursor
