"""Scheduler flags by name: `-b` one way, listings and `-S` the other."""

from elvs.model.service import ServiceFlag
from elvs.rules.ipvsadm.usage import UsageError

PLAIN = {
    "flag-1": ServiceFlag.SCHED1,
    "flag-2": ServiceFlag.SCHED2,
    "flag-3": ServiceFlag.SCHED3,
}
OWN = {
    "sh": {"sh-fallback": ServiceFlag.SCHED1, "sh-port": ServiceFlag.SCHED2},
    "mh": {"mh-fallback": ServiceFlag.SCHED1, "mh-port": ServiceFlag.SCHED2},
}
"""Names that mean something to one scheduler alone."""


def scheduler_flags(scheduler: str, text: str) -> ServiceFlag:
    """Flags of a comma-separated list; raises UsageError with ipvsadm's words."""
    flags = ServiceFlag(0)
    own = OWN.get(scheduler, {})
    for name in filter(None, text.split(",")):
        if name in PLAIN:
            flags |= PLAIN[name]
        elif name in own:
            flags |= own[name]
        elif any(name in names for names in OWN.values()):
            raise UsageError(f"incompatible scheduler flag `{name}'")
        else:
            raise UsageError(f"invalid scheduler flag `{name}'")
    return flags


def flag_names(scheduler: str, flags: ServiceFlag) -> str:
    """The list as it is shown, empty for none."""
    names = PLAIN | OWN.get(scheduler, {})
    by_flag = {flag: name for name, flag in names.items()}
    return ",".join(by_flag[flag] for flag in PLAIN.values() if flags & flag)
