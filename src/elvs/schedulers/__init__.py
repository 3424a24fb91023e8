"""The schedulers: one file each, with the stem that it has in bpf/sched."""

from elvs.model.errors import SchedulerNotFound
from elvs.schedulers.base import Scheduler
from elvs.schedulers.lc import LeastConnections
from elvs.schedulers.rr import RoundRobin
from elvs.schedulers.wlc import WeightedLeastConnections
from elvs.schedulers.wrr import WeightedRoundRobin

SCHEDULERS: tuple[Scheduler, ...] = (
    RoundRobin(),
    WeightedRoundRobin(),
    LeastConnections(),
    WeightedLeastConnections(),
)
"""In the order of bpf/sched/list.h: the index is the number that the maps hold."""

BY_NAME = {scheduler.name: scheduler for scheduler in SCHEDULERS}


def scheduler_named(name: str) -> Scheduler:
    """The scheduler of this name; raises SchedulerNotFound."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise SchedulerNotFound(
            f"no scheduler is called {name!r}", f"there are {', '.join(BY_NAME)}"
        ) from None
