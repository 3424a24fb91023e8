"""lc: least connections, weights only say who is out (0). See ip_vs_lc.c."""

from collections.abc import Sequence

from elvs.schedulers.base import Candidate, Cursor, Scheduler


class LeastConnections(Scheduler):
    name = "lc"
    number = 2

    def select(self, pool: Sequence[Candidate], cursor: Cursor) -> tuple[int | None, Cursor]:
        usable = [index for index, candidate in enumerate(pool) if candidate.usable]
        return min(usable, key=lambda index: pool[index].overhead, default=None), cursor
