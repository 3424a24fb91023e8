"""The verbs: up makes every condition hold, down puts back what up changed, check only looks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from elvs.model.address import Family
from elvs.model.errors import ElvsError, PlatformError
from elvs.realserver.conditions import Condition, conditions
from elvs.realserver.conditions.nat import judge_table
from elvs.realserver.facts import TUNNEL_DEVICE
from elvs.realserver.memory import Memory, Record
from elvs.realserver.port import System
from elvs.realserver.request import Request, judge
from elvs.realserver.steps import MakeTunnel, State, Step

TUNNEL_KIND = {Family.IPV4: "ipip", Family.IPV6: "ip6tnl"}
ROUNDS = 3
"""Steps can uncover others (a device that appears); more rounds mean that they do not help."""

Say = Callable[[str], None]


class StillWrong(ElvsError):
    """A condition does not hold although everything was done for it."""


class Agent:
    """A real server's set-up in one network namespace; `say` gets one line for each change."""

    def __init__(self, system: System, memory: Memory, say: Say) -> None:
        self.system = system
        self.memory = memory
        self.say = say

    def up(self, asked: Request, unit: bool = False) -> Request:
        """Make this server serve `asked`, added to what it serves; all or nothing.

        Returns everything that it serves now. Raises before the first change where it cannot be.
        `unit` is remembered: that a unit is written for it.
        """
        with self.memory.locked():
            record = self.memory.read()
            request = record.request.merged(asked) if record else asked
            facts = self.system.facts()
            judge(request, facts)
            judge_table(facts, request.gateways)
            before = record.steps if record else ()
            unit = unit or bool(record and record.unit)
            taken: list[Step] = []
            try:
                for step in self._needed(request):
                    # remembered first: who dies in the middle leaves what `down` can put back
                    taken.append(step)
                    self.memory.write(Record(request, (*before, *taken), unit))
                    step.do(self.system)
                    self.say(step.done)
            except BaseException:
                left = self._back(taken)
                self._remember(record, request, (*before, *left))
                raise
            self.memory.write(Record(request, (*before, *taken), unit))
            if not taken:
                self.say("nothing to change")
            return request

    def down(self) -> Record | None:
        """Put back what `up` changed, the last change first; None when there was nothing."""
        with self.memory.locked():
            record = self.memory.read()
            if record is None:
                return None
            left = self._back(record.steps)
            self._remember(None, record.request, left)
            if left:
                raise PlatformError(
                    f"{len(left)} changes stay", "mend what stands above, try again"
                )
            return record

    def check(self, asked: Request | None) -> tuple[Request, list[Condition]]:
        """Judge `asked`, or what was set up here, as things are now. Changes nothing."""
        if asked is None:
            record = self.memory.read()
            if record is None:
                raise ElvsError(
                    "no real server is set up here",
                    "name --vip and --method, or run `elvs realserver up` first",
                )
            asked = record.request
        return asked, conditions(asked, self.system.facts())

    def _needed(self, request: Request) -> Iterator[Step]:
        """Steps that are still needed, found anew after those before them were taken."""
        if request.method == "tun":
            yield from self._devices(request)
        for _ in range(ROUNDS):
            wrong = [one for one in conditions(request, self.system.facts()) if not one.ok]
            if not wrong:
                return
            for condition in wrong:
                if not condition.steps:
                    raise StillWrong(condition.finding, condition.mend)
                yield from condition.steps
                if condition.note:
                    self.say(condition.note)
        raise StillWrong(wrong[0].finding, wrong[0].mend)

    def _devices(self, request: Request) -> Iterator[Step]:
        """Tunnel devices that this kernel can make; where our program is at work it stays."""
        facts = self.system.facts()
        if request.program or facts.decapsulator:
            return
        for family in request.families:
            name, kind = TUNNEL_DEVICE[family], TUNNEL_KIND[family]
            if facts.interface(name) is None and self.system.add_tunnel(name, kind):
                yield MakeTunnel(name, kind)

    def _remember(self, record: Record | None, request: Request, steps: tuple[Step, ...]) -> None:
        """After a way back: the record from before with what still stands, or nothing."""
        if record:
            self.memory.write(replace(record, steps=steps))
        elif steps:
            self.memory.write(Record(request, steps))
        else:
            self.memory.forget()

    def _back(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Undo, the last first, and say so; returns those that the kernel would not undo."""
        left: list[Step] = []
        for step in reversed(steps):
            try:
                match step.state(self.system):
                    case State.AFTER:
                        self.say(step.undo(self.system))
                    case State.OTHER:
                        self.say(f"left alone, changed by others since: {step.done}")
            except PlatformError as error:
                self.say(f"not undone: {step.done} ({error})")
                left.append(step)
        return tuple(reversed(left))
