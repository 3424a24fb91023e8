"""Layouts shared with the data plane: chosen from an object's BTF, printed as `layout.py`.

Shared is what a map holds, what `union layouts` names and what the constants of .rodata are;
everything else in the BTF (kernel headers, locals) is nobody's business here.
"""

import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

from elvs.dataplane.btf import RECORDS, Btf, Kind, Member, Type
from elvs.dataplane.fields import MapSpec
from elvs.model.errors import ElvsError, PlatformError

CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
HIDDEN_MAPS = (".rodata", ".data", ".bss", ".kconfig")


@dataclass(frozen=True, slots=True)
class Layouts:
    """What is shared, by name, each list in the order of the names."""

    structs: dict[str, Type] = field(default_factory=dict)
    enums: dict[str, Type] = field(default_factory=dict)
    maps: dict[str, MapSpec] = field(default_factory=dict)


def shared(btf: Btf) -> Layouts:
    """Choose what is shared from all types of an object."""
    found = Layouts()
    for member in btf.datasec(".maps"):
        definition = {m.name: m.type for m in btf.bare(member.type).members}
        found.maps[member.name] = _map_spec(btf, definition)
        for part in ("key", "value"):
            if part in definition:
                _add(btf, btf.bare(definition[part]).size, found)
    for member in btf.datasec(".rodata"):
        if btf.bare(member.type).kind in RECORDS:
            _add(btf, member.type, found)
    return Layouts(
        dict(sorted(found.structs.items())),
        dict(sorted(found.enums.items())),
        dict(sorted(found.maps.items())),
    )


def _map_spec(btf: Btf, definition: dict[str, int]) -> MapSpec:
    def number(part: str) -> int:  # __uint(x, n) is a pointer to an array of n
        if part not in definition:
            return 0
        return btf.bare(btf.bare(definition[part]).size).count

    key, value = (btf.bare(definition[part]).size for part in ("key", "value"))
    record = btf.bare(value)
    spec = MapSpec(
        number("type"),
        number("map_flags"),
        btf.size(key),
        btf.size(value),
        number("max_entries"),
        record.name if record.kind is Kind.STRUCT else "",
    )
    if spec.is_memory and spec.value_size % 8:  # the kernel rounds rows up: no stride of ours
        raise PlatformError(f"rows of {record.name} are no multiple of 8 bytes", "pad the struct")
    return spec


def _add(btf: Btf, number: int, found: Layouts) -> None:
    bare = btf.bare(number)
    if bare.kind is Kind.ARRAY:
        _add(btf, bare.size, found)
    elif bare.kind is Kind.ENUM and bare.name:
        found.enums[bare.name] = bare
    elif bare.kind in RECORDS:
        for member in bare.members:
            _add(btf, member.type, found)
        if bare.kind is Kind.STRUCT and bare.name and not bare.name.startswith("bpf_"):
            found.structs[bare.name] = bare


def leaves(btf: Btf, record: Type, base: int = 0) -> Iterator[tuple[str, int, str, int, int]]:
    """Members as (name, byte offset, struct code or '', bytes of one, how many).

    A member of an anonymous union is a member of the struct around it, as in C.
    """
    for member in record.members:
        bare = btf.bare(member.type)
        offset = base + member.bit_offset // 8
        if member.bits:
            raise PlatformError(f"bit-field {member.name} is in a shared struct", "use masks")
        if bare.kind in RECORDS and not member.name:
            yield from leaves(btf, bare, offset)
            continue
        code, size, count = _element(btf, member)
        yield member.name, offset, code, size, count


def _element(btf: Btf, member: Member) -> tuple[str, int, int]:
    number, count = member.type, 1
    while (bare := btf.bare(number)).kind is Kind.ARRAY:
        count *= bare.count
        number = bare.size
    size = btf.size(number)
    if bare.kind in RECORDS or size not in CODES:
        return "", size, count
    if size == 1 and count > 1:
        return "", count, 1  # an array of bytes is MACs, an address or padding, never numbers
    code = CODES[size].lower() if bare.signed else CODES[size]
    order = ">" if any(n.startswith("__be") for n in btf.typedefs(number)) else "<"
    return order + code, size, count


def fingerprints(btf: Btf) -> dict[str, int]:
    """A checksum of each shared struct, enum and map, by `struct NAME`, `enum NAME`, `map NAME`."""
    found = shared(btf)
    said: dict[str, str] = {}
    for name, record in found.structs.items():
        said[f"struct {name}"] = repr((record.size, list(leaves(btf, record))))
    for name, enum in found.enums.items():
        said[f"enum {name}"] = repr((enum.size, enum.values))
    for name, spec in found.maps.items():
        said[f"map {name}"] = repr(astuple(spec))
    return {name: zlib.crc32(text.encode()) for name, text in said.items()}


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def enum_members(values: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Names without their common prefix (up to an underscore), and without a closing COUNT."""
    first, *others = (name for name, _ in values)
    cut = first.rfind("_") + 1
    while cut and not all(name.startswith(first[:cut]) for name in others):
        cut = first.rfind("_", 0, cut - 1) + 1
    return [(name[cut:], value) for name, value in values if name[cut:] != "COUNT"]


def render(btf: Btf) -> str:
    """The text of `layout.py`."""
    found = shared(btf)
    parts = [HEAD]
    for name, enum in found.enums.items():
        base = "IntFlag" if name.endswith("_flags") else "IntEnum"
        body = [f"    {n} = {v}" for n, v in enum_members(enum.values)]
        parts.append("\n".join([f"class {camel(name)}({base}):", *body]))
    for name, record in found.structs.items():
        parts.append("\n".join(_struct_lines(btf, name, record)))
    lines = ["MAPS: Final[dict[str, MapSpec]] = {"]
    for name, s in found.maps.items():
        numbers = f"{s.type}, {s.flags:#x}, {s.key_size}, {s.value_size}, {s.rows}"
        lines.append(f'    "{name}": MapSpec({numbers}, "{s.value}"),')
    lines += ["}", '"""As declared; `rows` are the least, an operator sizes the tables."""']
    lines += ["", "FINGERPRINTS: Final[dict[str, int]] = {"]
    lines += [f'    "{name}": 0x{value:08X},' for name, value in fingerprints(btf).items()]
    lines += ["}", '"""Compared with those of the object when it is loaded."""', ""]
    return "\n\n\n".join(parts) + "\n\n\n" + "\n".join(lines)


def _struct_lines(btf: Btf, name: str, record: Type) -> list[str]:
    lines = [f"class {camel(name)}:", f'    """struct {name}"""', ""]
    lines.append(f"    SIZE: Final = {record.size}")
    for member, offset, code, size, count in leaves(btf, record):
        many = f", {count}" if count > 1 else ""
        kind, what = ("IntField", f'"{code}"') if code else ("BytesField", str(size))
        label = f"{member}_" if member in ("from", "in", "is", "pass") else member
        lines.append(f"    {label}: Final = {kind}({offset}, {record.size}, {what}{many})")
    row = row_format(btf, record)
    lines.append(f'    ROW: Final = Struct("{row}")')
    return lines


def row_format(btf: Btf, record: Type) -> str:
    """The whole struct: host-order integers as such, all else as bytes, padding skipped."""
    text, at = "<", 0
    for _, offset, code, size, count in leaves(btf, record):
        if offset < at:
            continue  # another view of the same bytes (union)
        text += f"{offset - at}x" if offset > at else ""
        text += code[1:] if code.startswith("<") and count == 1 else f"{size * count}s"
        at = offset + size * count
    return text + (f"{record.size - at}x" if record.size > at else "")


HEAD = '''"""Layouts shared with the data plane. Generated from the BTF of bpf/types.h: do not edit.

`python -m elvs.dataplane.btf OBJECT > layout.py` makes it. Each class is a struct: `SIZE` in bytes,
one field per member (`Server.weight.get(memory, row)`), `ROW` for all members at once, where
nested structs, arrays and members in network order are bytes.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct

from elvs.dataplane.fields import BytesField, IntField, MapSpec

TYPE_CHECKING = False  # a listing must start within milliseconds, and typing takes three
if TYPE_CHECKING:
    from typing import Final'''


def check(blob: bytes) -> None:
    """Raise PlatformError unless the object's layouts are those of `layout.py`."""
    from elvs.dataplane.layout import FINGERPRINTS

    there = fingerprints(Btf.of_object(blob))
    names = FINGERPRINTS.keys() | there.keys()
    other = sorted(n for n in names if FINGERPRINTS.get(n) != there.get(n))
    if other:
        raise PlatformError(
            f"the compiled data plane has another {other[0]} than this version of elvs"
            + (f" (and {len(other) - 1} more)" if len(other) > 1 else ""),
            "build it again, or install elvs again",
        )


def main(arguments: Sequence[str]) -> None:
    """Print the layout of the one object named in `arguments`."""
    try:
        (path,) = arguments
        sys.stdout.write(render(Btf.of_object(Path(path).read_bytes())))
    except ValueError:
        sys.exit("usage: python -m elvs.dataplane.btf OBJECT")
    except (ElvsError, OSError) as failure:
        sys.exit(f"layout: {failure}")
