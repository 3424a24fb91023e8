"""Every change that eLVS makes to a real server, each with its way back.

A step knows the value that it found and the value that it sets. Undoing looks first: what somebody
else has changed meanwhile is left alone and said.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol as Interface

from elvs.model.address import Address
from elvs.realserver.facts import Decapsulator, Facts, Rule
from elvs.realserver.port import System
from elvs.realserver.route import METRIC_ADVMSS, Route


class State(Enum):
    """Where a step's object is: as found, as set, or something that neither was."""

    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"


class Step(Interface):
    @property
    def done(self) -> str:
        """One line: what was changed."""

    def state(self, system: System) -> State: ...

    def do(self, system: System) -> None: ...

    def undo(self, system: System) -> str:
        """Put back what was found; returns one line that says so."""


@dataclass(frozen=True, slots=True)
class SetSysctl:
    name: str
    former: str
    value: str

    @property
    def done(self) -> str:
        return f"{self.name.replace('/', '.')}: {self.former} -> {self.value}"

    def state(self, system: System) -> State:
        now = system.sysctl(self.name)
        if now == self.former:
            return State.BEFORE
        return State.AFTER if now == self.value else State.OTHER

    def do(self, system: System) -> None:
        system.set_sysctl(self.name, self.value)

    def undo(self, system: System) -> str:
        system.set_sysctl(self.name, self.former)
        return f"{self.name.replace('/', '.')}: {self.value} -> {self.former}"


@dataclass(frozen=True, slots=True)
class RaiseLink:
    name: str

    @property
    def done(self) -> str:
        return f"{self.name}: up"

    def state(self, system: System) -> State:
        interface = system.facts().interface(self.name)
        if interface is None:
            return State.OTHER
        return State.AFTER if interface.up else State.BEFORE

    def do(self, system: System) -> None:
        system.set_up(self.name, True)

    def undo(self, system: System) -> str:
        system.set_up(self.name, False)
        return f"{self.name}: down"


@dataclass(frozen=True, slots=True)
class MakeTunnel:
    name: str
    kind: str

    @property
    def done(self) -> str:
        return f"{self.name}: made ({self.kind})"

    def state(self, system: System) -> State:
        return State.AFTER if system.facts().interface(self.name) else State.BEFORE

    def do(self, system: System) -> None:
        system.add_tunnel(self.name, self.kind)

    def undo(self, system: System) -> str:
        system.remove_tunnel(self.name)
        if system.facts().interface(self.name):
            return f"{self.name}: down; it goes only with its kernel module"
        return f"{self.name}: removed"


@dataclass(frozen=True, slots=True)
class AddAddress:
    """A VIP on lo, or on a tunnel device."""

    address: Address
    interface: str = "lo"

    @property
    def done(self) -> str:
        return f"{self.interface}: {self.address}/{len(self.address.packed) * 8} added"

    def state(self, system: System) -> State:
        device = system.facts().interface(self.interface)
        there = device and any(held.address == self.address for held in device.addresses)
        return State.AFTER if there else State.BEFORE

    def do(self, system: System) -> None:
        system.add_address(self.address, self.interface)

    def undo(self, system: System) -> str:
        system.remove_address(self.address, self.interface)
        return f"{self.interface}: {self.address}/{len(self.address.packed) * 8} removed"


@dataclass(frozen=True, slots=True)
class ReplaceRoute:
    """Another advmss on a default route; `label` is how the route is called in messages."""

    former: Route
    value: Route
    label: str

    @property
    def done(self) -> str:
        return f"route {self.label}: advmss {_advmss(self.former)} -> {_advmss(self.value)}"

    def state(self, system: System) -> State:
        defaults = system.facts().defaults
        if self.value in defaults:
            return State.AFTER
        return State.BEFORE if self.former in defaults else State.OTHER

    def do(self, system: System) -> None:
        system.replace_route(self.value)

    def undo(self, system: System) -> str:
        system.replace_route(self.former)
        return f"route {self.label}: advmss {_advmss(self.value)} -> {_advmss(self.former)}"


def _advmss(route: Route) -> str:
    return str(route.metric(METRIC_ADVMSS) or "by MTU")


@dataclass(frozen=True, slots=True)
class AddRoute:
    """A default route in eLVS's own table."""

    route: Route

    @property
    def done(self) -> str:
        return f"table {self.route.table}: default via {self.route.gateways[0]} added"

    def state(self, system: System) -> State:
        there = any(route.leads_as(self.route) for route in system.facts().ours)
        return State.AFTER if there else State.BEFORE

    def do(self, system: System) -> None:
        system.add_route(self.route)

    def undo(self, system: System) -> str:
        system.remove_route(self.route)
        return f"table {self.route.table}: default via {self.route.gateways[0]} removed"


@dataclass(frozen=True, slots=True)
class AddRule:
    rule: Rule

    @property
    def done(self) -> str:
        return f"rule {self.rule.priority}: {self.rule} added"

    def state(self, system: System) -> State:
        return State.AFTER if self.rule in system.facts().rules else State.BEFORE

    def do(self, system: System) -> None:
        system.add_rule(self.rule)

    def undo(self, system: System) -> str:
        system.remove_rule(self.rule)
        return f"rule {self.rule.priority}: {self.rule} removed"


@dataclass(frozen=True, slots=True)
class AddClsact:
    """The qdisc that carries tc programs; ours to remove only while it is empty."""

    interface: str

    @property
    def done(self) -> str:
        return f"{self.interface}: qdisc clsact added"

    def state(self, system: System) -> State:
        return State.AFTER if self.interface in system.facts().clsact else State.BEFORE

    def do(self, system: System) -> None:
        system.add_clsact(self.interface)

    def undo(self, system: System) -> str:
        if system.remove_clsact(self.interface):
            return f"{self.interface}: qdisc clsact removed"
        return f"{self.interface}: qdisc clsact stays, as others have filters there"


@dataclass(frozen=True, slots=True)
class Decapsulate:
    """Our program on the interfaces where tunnels end."""

    former: Decapsulator | None
    value: Decapsulator

    @property
    def done(self) -> str:
        return f"{', '.join(self.value.interfaces)}: tunnels for {_vips(self.value)} end here"

    def state(self, system: System) -> State:
        # handle and priority are ours alone: whatever is there, we put it there
        return State.BEFORE if _same(system.facts(), self.former) else State.AFTER

    def do(self, system: System) -> None:
        system.decapsulate(self.value)

    def undo(self, system: System) -> str:
        system.decapsulate(self.former)
        if self.former:
            return f"{', '.join(self.former.interfaces)}: tunnels for {_vips(self.former)} end here"
        return f"{', '.join(self.value.interfaces)}: tunnels end here no more"


def _vips(decapsulator: Decapsulator) -> str:
    return ", ".join(map(str, decapsulator.vips))


def _same(facts: Facts, wanted: Decapsulator | None) -> bool:
    return facts.decapsulator == wanted


KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        SetSysctl,
        RaiseLink,
        MakeTunnel,
        AddAddress,
        ReplaceRoute,
        AddRoute,
        AddRule,
        AddClsact,
        Decapsulate,
    )
}
"""Steps by the name under which they are remembered."""
