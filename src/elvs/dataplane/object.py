"""A BPF object file through libbpf: opened, adjusted, loaded; and the linker of objects."""

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from elvs.dataplane.btf import Btf
from elvs.dataplane.libbpf import BpfError, checked, function, said
from elvs.model.errors import PlatformError

LOG_SIZE = 1 << 20
NEWER = "its verifier may be too old: use kernel 6.1 or newer"

_INT, _PTR, _STR, _U32 = ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32


class _OpenOpts(ctypes.Structure):
    """struct bpf_object_open_opts of libbpf 1.0 (80 bytes)."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("object_name", ctypes.c_char_p),
        ("relaxed_maps", ctypes.c_bool),
        ("pin_root_path", ctypes.c_char_p),
        ("unused", ctypes.c_uint32),
        ("kconfig", ctypes.c_char_p),
        ("btf_custom_path", ctypes.c_char_p),
        ("kernel_log_buf", ctypes.c_void_p),
        ("kernel_log_size", ctypes.c_size_t),
        ("kernel_log_level", ctypes.c_uint32),
    )


class BpfObject:
    """Maps and programs of one object file, by name. Use it in a `with`: it owns all descriptors.

    First what is to be loaded is chosen and sized, then `load` puts it into the kernel.
    """

    def __init__(self, blob: bytes, name: str) -> None:
        self.name = name
        self.blob = blob
        self._log = ctypes.create_string_buffer(LOG_SIZE)
        opts = _OpenOpts(ctypes.sizeof(_OpenOpts), object_name=name.encode())
        opts.kernel_log_buf, opts.kernel_log_size = ctypes.addressof(self._log), LOG_SIZE
        call = function("bpf_object__open_mem", _PTR, ctypes.c_size_t, _PTR, result=_PTR)
        self._object = call(blob, len(blob), ctypes.byref(opts))
        if not self._object:
            why = f" ({said[-1]})" if said else ""
            raise BpfError(f"cannot open the BPF object {name}{why}", ctypes.get_errno())

    @classmethod
    def open(cls, path: Path) -> "BpfObject":
        """Read an object file; PlatformError where there is none."""
        try:
            return cls(path.read_bytes(), path.name.partition(".")[0])
        except FileNotFoundError:
            raise PlatformError(f"{path} is missing", "build the data plane") from None

    def programs(self) -> list[str]:
        """Names of the programs that can be loaded."""
        call = function("bpf_object__next_program", _PTR, _PTR, result=_PTR)
        name = function("bpf_program__name", _PTR, result=_STR)
        return [name(p).decode() for p in self._each(call)]

    def maps(self) -> list[str]:
        """Names of the maps, with `.rodata` and the like as the kernel calls them."""
        call = function("bpf_object__next_map", _PTR, _PTR, result=_PTR)
        name = function("bpf_map__name", _PTR, result=_STR)
        return [name(m).decode() for m in self._each(call)]

    def _each(self, following: Callable[..., int | None]) -> Iterator[int]:
        one = following(self._object, None)
        while one:
            yield one
            one = following(self._object, one)

    def _program(self, name: str) -> int:
        call = function("bpf_object__find_program_by_name", _PTR, _STR, result=_PTR)
        return self._found(call(self._object, name.encode()), f"program {name}")

    def _map(self, name: str) -> int:
        call = function("bpf_object__find_map_by_name", _PTR, _STR, result=_PTR)
        return self._found(call(self._object, name.encode()), f"map {name}")

    def _found(self, pointer: int | None, what: str) -> int:
        if not pointer:
            raise PlatformError(f"the BPF object {self.name} has no {what}", "build it again")
        return pointer

    def load_only(self, programs: Sequence[str]) -> None:
        """Load just these programs (none: maps alone)."""
        call = function("bpf_program__set_autoload", _PTR, ctypes.c_bool)
        for name in programs:
            self._program(name)
        for name in self.programs():
            checked(call(self._program(name), name in programs), f"cannot choose {name}")

    def resize(self, name: str, rows: int) -> None:
        """Set how many rows a map gets."""
        call = function("bpf_map__set_max_entries", _PTR, _U32)
        checked(call(self._map(name), rows), f"cannot size the map {name}")

    def reuse(self, name: str, fd: int) -> None:
        """Take an existing map in place of a new one; sizes follow it. `fd` may be closed then."""
        call = function("bpf_map__reuse_fd", _PTR, _INT)
        checked(call(self._map(name), fd), f"cannot take over the map {name}")

    def set_constant(self, name: str, value: bytes) -> None:
        """Set a `const volatile` variable before the load."""
        for member in (btf := Btf.of_object(self.blob)).datasec(".rodata"):
            if member.name == name:
                break
        else:
            raise PlatformError(f"the BPF object {self.name} has no constant {name}", "build it")
        if len(value) != btf.size(member.type):
            raise ValueError(f"{len(value)} bytes for the constant {name}")
        # The kernel's name of the map is cut to 15 characters of the object's and the section's.
        rodata = next(m for m in self.maps() if m.endswith(".rodata"))
        call = function("bpf_map__initial_value", _PTR, _PTR, result=_PTR)
        size = ctypes.c_size_t()
        pointer = self._found(call(self._map(rodata), ctypes.byref(size)), "constants")
        ctypes.memmove(pointer + member.bit_offset // 8, value, len(value))

    def load(self) -> None:
        """Create maps and load programs; BpfError carries the verifier's log."""
        result = function("bpf_object__load", _PTR)(self._object)
        if result < 0:
            log = self._log.value.decode(errors="replace")
            words = [line for line in log.splitlines() if line and not line.startswith("process")]
            what = f"the kernel refuses the BPF object {self.name}"
            if words:
                raise BpfError(f"{what} ({words[-1]})", -result, log, mend=NEWER)
            raise BpfError(what, -result)

    def program_fd(self, name: str) -> int:
        """The descriptor of a loaded program; it stays the object's."""
        return checked(function("bpf_program__fd", _PTR)(self._program(name)), f"no {name}")

    def map_fd(self, name: str) -> int:
        """The descriptor of a map after `load`; it stays the object's."""
        return checked(function("bpf_map__fd", _PTR)(self._map(name)), f"no map {name}")

    def close(self) -> None:
        if self._object:
            function("bpf_object__close", _PTR, result=None)(self._object)
            self._object = None

    def __enter__(self) -> "BpfObject":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def link_objects(target: Path, objects: Sequence[Path]) -> None:
    """Link BPF object files into one; `target` appears whole or not at all.

    The file that defines a map comes before those that name it as extern: in another order the
    linker's output does not open ("map relo failed").
    """
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    linker = function("bpf_linker__new", _STR, _PTR, result=_PTR)(os.fsencode(fresh), None)
    if not linker:
        raise BpfError(f"cannot write {fresh}", ctypes.get_errno())
    try:
        add = function("bpf_linker__add_file", _PTR, _STR, _PTR)
        for path in objects:
            checked(add(linker, os.fsencode(path), None), f"cannot link {path}")
        checked(function("bpf_linker__finalize", _PTR)(linker), f"cannot link {target}")
        fresh.rename(target)
    finally:
        function("bpf_linker__free", _PTR, result=None)(linker)
        fresh.unlink(missing_ok=True)
