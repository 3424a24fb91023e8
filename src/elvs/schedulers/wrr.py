"""wrr: weighted round robin, interleaved. See ip_vs_wrr.c for the original of the rules.

Passes over the list take the servers whose weight is at least `current`, which falls by `step`
(gcd of the weights) from pass to pass and starts again at `limit`.
"""

from collections.abc import Sequence

from elvs.schedulers.base import START, Candidate, Cursor, Scheduler, Weights


def adjusted(cursor: Cursor, weights: Weights) -> Cursor:
    """The cursor after any change of the list: back to the head, the current weight kept in step.

    The gcd is taken anew for each server that comes in, so a list built one by one does not
    start at its greatest weight: visible in the order of picks, and the same as IPVS's.
    """
    current = cursor.current
    step = weights.divisor or 1
    limit = weights.greatest - (step - 1)
    if current > limit or current == 0:
        current = limit
    elif step > 1:
        current = current // step * step + 1
    if cursor.position == 0 and cursor.current == current:
        return cursor
    return Cursor(0, current)


class WeightedRoundRobin(Scheduler):
    name = "wrr"
    number = 1

    def bound(self, weights: Weights) -> Cursor:
        return adjusted(START, weights)

    def inserted(self, cursor: Cursor, weights: Weights) -> Cursor:
        return adjusted(cursor, weights)

    def removed(self, cursor: Cursor, index: int, weights: Weights) -> Cursor:
        return adjusted(cursor, weights)

    def edited(self, cursor: Cursor, weights: Weights) -> Cursor:
        return adjusted(cursor, weights)

    def select(self, pool: Sequence[Candidate], cursor: Cursor) -> tuple[int | None, Cursor]:
        weights = Weights.of(candidate.weight for candidate in pool)
        position, current = cursor.position, cursor.current
        if weights.limit <= 0:
            return None, cursor
        while True:
            for index in range(position, len(pool)):
                if pool[index].usable and pool[index].weight >= current:
                    return index, Cursor(index + 1, current)
            if position == 0 and current <= weights.step:
                return None, Cursor(0, current)
            current = current - weights.step if current > weights.step else weights.limit
            position = 0
