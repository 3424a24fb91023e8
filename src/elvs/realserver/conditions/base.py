"""The form of a condition."""

from dataclasses import dataclass

from elvs.realserver.steps import Step


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold, whether it does, and what mends it."""

    topic: str
    finding: str
    """What is there, good or bad, in one line."""
    ok: bool = True
    mend: str = ""
    """The command that does by hand what `steps` do."""
    steps: tuple[Step, ...] = ()
    note: str = ""
    """What an operator should know once `steps` have been taken."""
