"""Our program for servers without a tunnel device (bpf/realserver.bpf.c), loaded and attached.

Nothing is pinned: the filters hold the program, the program its maps. What is attached is found
again by the program's number, so that no file has to be believed.
"""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from elvs.dataplane import kmap
from elvs.dataplane.libbpf import checked, function
from elvs.dataplane.object import BpfObject
from elvs.model.address import Address, Family
from elvs.realserver import filters
from elvs.realserver.facts import Decapsulator

OBJECT = Path(__file__).with_name("realserver.bpf.o")
PROGRAM = "realserver"
KEY = struct.Struct("=16sII")
"""struct tunnel_address (bpf/realserver.h)."""
OUTCOMES = (
    "unpacked",
    "passed: another tunnel's",
    "passed: fragment",
    "passed: kernel cannot shorten it",
    "dropped: malformed",
    "dropped: congestion mark without ECN",
)
"""enum unpacking, in words."""
PROGRAM_INFO = struct.Struct("=II8s36xIQ16s")
"""Of struct bpf_prog_info: type, id, tag, then nr_map_ids, map_ids and name."""
MAP_INFO = struct.Struct("=24x16s")
"""Of struct bpf_map_info: the name."""
INFO_SIZE = 256
MOST_MAPS = 16


class Attached(NamedTuple):
    """Where our filter is (interface index -> program id)."""

    by_index: dict[int, int]

    @property
    def program(self) -> int | None:
        """The one program that is everywhere, None where there is none or several."""
        ids = set(self.by_index.values())
        return ids.pop() if len(ids) == 1 else None


def attached() -> Attached:
    """Our filters in this namespace."""
    found = {index: filters.attached(index) for index in filters.clsacts()}
    return Attached({index: number for index, number in found.items() if number})


def describe(there: Attached, names: dict[int, str]) -> Decapsulator | None:
    """What is attached, in the words of `Decapsulator`."""
    if not there.by_index:
        return None
    interfaces = tuple(sorted(names.get(index, f"if{index}") for index in there.by_index))
    if there.program is None:
        return Decapsulator(interfaces, (), (), current=False)
    with _running(there.program) as (program, maps):
        if not {"receivers", "vips"} <= maps.keys():
            return Decapsulator(interfaces, (), (), current=False)
        return Decapsulator(
            interfaces,
            _addresses(maps["receivers"]),
            _addresses(maps["vips"]),
            _program_info(program).tag == _tag(),
        )


def counts(there: Attached) -> dict[str, int]:
    """What became of packets, by outcome."""
    if there.program is None:
        return {}
    with _running(there.program) as (_, maps):
        raw = kmap.rows(maps["unpacked"], 0, len(OUTCOMES))
    size = len(raw) // len(OUTCOMES)
    return {
        name: sum(value for (value,) in struct.iter_unpack("=Q", raw[i * size : (i + 1) * size]))
        for i, name in enumerate(OUTCOMES)
    }


def put(wanted: Decapsulator, there: Attached, indexes: set[int], current: bool) -> None:
    """Attach at `indexes` and nowhere else; a `current` program stays, with its counters."""
    with ExitStack() as stack:
        if current and there.program:
            program, maps = stack.enter_context(_running(there.program))
        else:
            program, maps = stack.enter_context(_loaded())
        _fill(maps["receivers"], wanted.receivers)
        _fill(maps["vips"], wanted.vips)
        number = _program_info(program).id
        for index in indexes:
            if there.by_index.get(index) != number:
                filters.attach(index, program)
    take(Attached({index: 0 for index in there.by_index if index not in indexes}))


def take(there: Attached) -> None:
    for index in there.by_index:
        filters.detach(index)


class _ProgramInfo(NamedTuple):
    id: int
    tag: bytes
    maps: tuple[int, ...]


def _info(fd: int, buffer: "ctypes.Array[ctypes.c_char]") -> bytes:
    call = function("bpf_obj_get_info_by_fd", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    size = ctypes.c_uint32(len(buffer))
    checked(call(fd, buffer, ctypes.byref(size)), "cannot ask about a BPF object")
    return buffer.raw


def _program_info(fd: int) -> _ProgramInfo:
    ids = (ctypes.c_uint32 * MOST_MAPS)()
    buffer = ctypes.create_string_buffer(INFO_SIZE)
    PROGRAM_INFO.pack_into(buffer, 0, 0, 0, b"", MOST_MAPS, ctypes.addressof(ids), b"")
    _, number, tag, count, _, _ = PROGRAM_INFO.unpack_from(_info(fd, buffer))
    return _ProgramInfo(number, tag, tuple(ids[:count]))


def _map_name(fd: int) -> str:
    (name,) = MAP_INFO.unpack_from(_info(fd, ctypes.create_string_buffer(INFO_SIZE)))
    return str(name.rstrip(b"\0").decode())


@contextmanager
def _running(number: int) -> Iterator[tuple[int, dict[str, int]]]:
    """Descriptors of a program in the kernel and of its maps by name."""
    with ExitStack() as stack:

        def opened(kind: str, number: int) -> int:
            call = function(f"bpf_{kind}_get_fd_by_id", ctypes.c_uint32)
            fd = checked(call(number), "cannot open what is attached")
            stack.callback(os.close, fd)
            return fd

        program = opened("prog", number)
        maps = [opened("map", one) for one in _program_info(program).maps]
        yield program, {_map_name(fd): fd for fd in maps}


@contextmanager
def _loaded() -> Iterator[tuple[int, dict[str, int]]]:
    """The same of a program freshly loaded."""
    with BpfObject.open(OBJECT) as made:
        made.load()
        yield made.program_fd(PROGRAM), {name: made.map_fd(name) for name in made.maps()}


@cache
def _tag() -> bytes:
    """The kernel's digest of the program that this version of eLVS ships."""
    with _loaded() as (program, _):
        return _program_info(program).tag


def _key(address: Address) -> bytes:
    return KEY.pack(address.padded, address.family, 0)


def _addresses(fd: int) -> tuple[Address, ...]:
    keys = [KEY.unpack(key) for key, _ in kmap.entries(fd)]
    return tuple(sorted(Address.unpad(raw, Family(family)) for raw, family, _ in keys))


def _fill(fd: int, wanted: tuple[Address, ...]) -> None:
    """Make a set of addresses what is wanted; new ones come before old ones go."""
    keys = {_key(address) for address in wanted}
    present = {key for key, _ in kmap.entries(fd)}
    for key in keys - present:
        kmap.update(fd, key, b"\1")
    for key in present - keys:
        kmap.delete(fd, key)
