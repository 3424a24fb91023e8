"""What eLVS remembers of a lab's namespaces outside of them: pins, files, real servers' records.

Left alone they would go with the next command that finds their namespace dead; a lab takes its
own along.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from elvs.dataplane import pins
from elvs.lab.namespace import entered, exists
from elvs.realserver.memory import Memory


@dataclass(frozen=True, slots=True)
class Remnant:
    """What may be there of one namespace."""

    place: pins.Place
    memory: Memory


def find(namespaces: Sequence[str]) -> list[Remnant]:
    """To be asked while the namespaces live: they alone tell by what number they are known."""
    found = []
    for name in namespaces:
        if exists(name):
            with entered(name):
                found.append(Remnant(pins.here(), Memory.here()))
    return found


def remove(remnants: Sequence[Remnant]) -> None:
    """Remove what is there, once nothing in the namespaces uses it any more."""
    for each in remnants:
        pins.remove(each.place)
        each.memory.forget()
