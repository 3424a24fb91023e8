"""wlc: least connections by weight, the default. See ip_vs_wlc.c.

The least overhead / weight wins; compared as cross products, so that nothing is divided. The
first in list order wins a tie.
"""

from collections.abc import Sequence

from elvs.schedulers.base import Candidate, Cursor, Scheduler


class WeightedLeastConnections(Scheduler):
    name = "wlc"
    number = 3

    def select(self, pool: Sequence[Candidate], cursor: Cursor) -> tuple[int | None, Cursor]:
        least: int | None = None
        for index, rival in enumerate(pool):
            if not rival.usable:
                continue
            if (
                least is None
                or pool[least].overhead * rival.weight > rival.overhead * pool[least].weight
            ):
                least = index
        return least, cursor
