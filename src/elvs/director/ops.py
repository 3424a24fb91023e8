"""What a plan is made of: writes so low that doing one again changes nothing.

A plan is a list of these in an order in which what is referred to is written first. They hold
whole new values, never differences, so a complete journal is finished by writing all of it again.
"""

from collections.abc import Sequence

from elvs.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Store:
    """New bytes in an array map, from `offset` on.

    Up to WORDS bytes the offset and the length are multiples of 8 and each 8 bytes are stored as
    one word, so a program that reads at that moment sees the old or the new one. Longer ones are
    rows that nobody reads yet.
    """

    map: str
    offset: int
    data: bytes

    def __str__(self) -> str:
        shown = self.data.hex() if len(self.data) <= 16 else f"{len(self.data)} bytes"
        return f"{self.map} + {self.offset}: {shown}"


@dataclass(frozen=True, slots=True)
class Put:
    """Entries of a hash map."""

    map: str
    entries: tuple[tuple[bytes, bytes], ...]

    def __str__(self) -> str:
        return f"{self.map}: put {len(self.entries)}, first {self.entries[0][0].hex()}"


@dataclass(frozen=True, slots=True)
class Remove:
    """A key of a hash map that is to go."""

    map: str
    key: bytes

    def __str__(self) -> str:
        return f"{self.map}: remove {self.key.hex()}"


WORDS = 128
"""Longest Store that is carried out word by word."""

Op = Store | Put | Remove


@dataclass(frozen=True, slots=True)
class Area:
    """Entries of the pool map: `length` from `offset` on."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What one transaction does: printable, and all that a journal needs."""

    ops: Sequence[Op]
    released: Sequence[Area] = ()
    """Areas of the pool that running programs may still be reading for a moment."""
    warnings: Sequence[str] = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self.ops))
