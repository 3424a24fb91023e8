"""Types of a BPF object, read from its .BTF section (kernel documentation: bpf/btf.rst).

`python -m elvs.dataplane.btf OBJECT` prints `layout.py`; see `layoutgen.py`.
"""

import sys
from dataclasses import dataclass
from enum import IntEnum
from struct import error, unpack_from
from typing import NamedTuple

from elvs.dataplane.elf import section
from elvs.model.errors import PlatformError

MAGIC = 0xEB9F


class Kind(IntEnum):
    """BTF_KIND_*; those not named here never occur in C compiled for BPF."""

    VOID = 0
    INT = 1
    POINTER = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FORWARD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNCTION = 12
    PROTOTYPE = 13
    VARIABLE = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


TRANSPARENT = {Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG}
RECORDS = {Kind.STRUCT, Kind.UNION}


class Member(NamedTuple):
    """Of a struct or union: `bits` is 0 unless it is a bit-field. Of a DATASEC: a variable."""

    name: str
    type: int
    bit_offset: int
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Type:
    """One type; `size` is the bytes of an int, record or enum, else the type referred to."""

    kind: Kind
    name: str
    size: int
    members: tuple[Member, ...] = ()
    values: tuple[tuple[str, int], ...] = ()
    count: int = 0
    """Of an array; its element is `size`."""
    signed: bool = False


class Btf:
    """All types of one object; a type's number is its index in `types`."""

    def __init__(self, raw: bytes) -> None:
        try:
            self.types = list(_read(raw))
        except (error, ValueError, IndexError):
            raise PlatformError("the .BTF section is damaged", "build the object again") from None

    @classmethod
    def of_object(cls, blob: bytes) -> "Btf":
        """Of an ELF file's content."""
        return cls(section(blob, b".BTF"))

    def bare(self, number: int) -> Type:
        """The type without typedefs and qualifiers."""
        found = self.types[number]
        while found.kind in TRANSPARENT:
            found = self.types[found.size]
        return found

    def typedefs(self, number: int) -> list[str]:
        """The names of typedefs from `number` down to the bare type."""
        names = []
        found = self.types[number]
        while found.kind in TRANSPARENT:
            if found.kind is Kind.TYPEDEF:
                names.append(found.name)
            found = self.types[found.size]
        return names

    def size(self, number: int) -> int:
        """Bytes that a value of the type takes."""
        found = self.bare(number)
        if found.kind is Kind.ARRAY:
            return found.count * self.size(found.size)
        return 8 if found.kind is Kind.POINTER else found.size

    def datasec(self, name: str) -> tuple[Member, ...]:
        """The variables of a section; empty when there is none."""
        for found in self.types:
            if found.kind is Kind.DATASEC and found.name == name:
                return tuple(
                    member._replace(
                        name=self.types[member.type].name, type=self.types[member.type].size
                    )
                    for member in found.members
                )
        return ()

    def find(self, kind: Kind, name: str) -> Type | None:
        """The first type of this kind and name."""
        return next((t for t in self.types if t.kind is kind and t.name == name), None)


def _read(raw: bytes) -> list[Type]:
    magic, _, _, header, types_at, types_size, strings_at, _ = unpack_from("<HBBIIIII", raw)
    if magic != MAGIC:
        raise ValueError("no BTF")
    strings = raw[header + strings_at :]
    types = [Type(Kind.VOID, "void", 0)]
    at, end = header + types_at, header + types_at + types_size
    while at < end:
        found, at = _read_one(raw, at, strings)
        types.append(found)
    return types


def _read_one(raw: bytes, at: int, strings: bytes) -> tuple[Type, int]:
    def text(offset: int) -> str:
        return strings[offset : strings.index(b"\0", offset)].decode()

    named, info, size = unpack_from("<III", raw, at)
    at += 12
    kind, count, flag = Kind(info >> 24 & 31), info & 0xFFFF, bool(info >> 31)
    name = text(named)
    if kind is Kind.INT:
        (coded,) = unpack_from("<I", raw, at)
        return Type(kind, name, size, signed=bool(coded >> 24 & 1)), at + 4
    if kind is Kind.ARRAY:
        element, _, length = unpack_from("<III", raw, at)
        return Type(kind, name, element, count=length), at + 12
    if kind in RECORDS:
        members = []
        for i in range(count):
            what, of, place = unpack_from("<III", raw, at + 12 * i)
            bits = place >> 24 if flag else 0
            members.append(Member(text(what), of, place & 0xFFFFFF if flag else place, bits))
        return Type(kind, name, size, tuple(members)), at + 12 * count
    if kind is Kind.ENUM:
        pairs = [unpack_from("<Ii", raw, at + 8 * i) for i in range(count)]
        return Type(kind, name, size, values=tuple((text(n), v) for n, v in pairs)), at + 8 * count
    if kind is Kind.DATASEC:
        variables = [unpack_from("<III", raw, at + 12 * i) for i in range(count)]
        members = [Member("", of, 8 * place) for of, place, _ in variables]
        return Type(kind, name, size, tuple(members)), at + 12 * count
    trailing = {Kind.PROTOTYPE: 8 * count, Kind.ENUM64: 12 * count}
    trailing |= {Kind.VARIABLE: 4, Kind.DECL_TAG: 4}
    return Type(kind, name, size), at + trailing.get(kind, 0)


if __name__ == "__main__":
    from elvs.dataplane.layoutgen import main

    main(sys.argv[1:])
