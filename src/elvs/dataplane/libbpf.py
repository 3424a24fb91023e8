"""libbpf.so.1 through ctypes: programs, links, pins. Maps are in `kmap.py`, objects in `object.py`.

Descriptors are plain ints that the caller closes (`os.close`), or that `opened` closes.
Every failure is a BpfError, which says what was tried and the kernel's reason.
"""

import ctypes
import errno
import os
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from elvs.model.errors import PlatformError
from elvs.model.value import dataclass

TYPE_CHECKING = False  # as pathlib: a listing must start within milliseconds
if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Any

SK_LOOKUP, XDP = 36, 37
"""enum bpf_attach_type, for `link_create`."""
PROG_SK_LOOKUP = 30
"""enum bpf_prog_type."""
XDP_SKB, XDP_DRV = 2, 4
"""XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE."""
F_REPLACE = 4
LIBBPF_ERRNO = 4000
"""From here on error numbers are libbpf's own (libbpf_errno)."""
INFO_SIZE = 256
"""More than any kernel's struct bpf_*_info."""

MENDS = {
    errno.EPERM: "needs root: run it with sudo",
    errno.EACCES: "needs root: run it with sudo",
    errno.ENOSYS: "this kernel was built without BPF",
    errno.ENOMEM: "make the tables smaller",
    errno.EBUSY: "another program is there: look at it with `ip link`",
}


class BpfError(PlatformError):
    """The kernel refused a BPF operation; `errno` is its reason, `log` the verifier's words."""

    def __init__(self, what: str, number: int, log: str = "", mend: str | None = None) -> None:
        reason = os.strerror(number) if number < LIBBPF_ERRNO else "the object is not right"
        super().__init__(f"{what}: {reason}", MENDS.get(number, "") if mend is None else mend)
        self.errno = number
        self.log = log


@cache
def library() -> ctypes.CDLL:
    """libbpf.so.1; what it would print is kept in `said`."""
    try:
        lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError:
        raise PlatformError("libbpf.so.1 is missing", "apt install libbpf1") from None
    lib.libbpf_set_print(_print_callback)
    return lib


said: deque[str] = deque(maxlen=32)
"""The last warnings of libbpf, for errors that carry no reason of their own."""


def _print(level: int, form: bytes, arguments: int) -> int:
    if level == 0:
        line = ctypes.create_string_buffer(1024)
        libc = ctypes.CDLL(None)
        libc.vsnprintf(line, ctypes.c_size_t(1024), form, ctypes.c_void_p(arguments))
        said.append(line.value.decode(errors="replace").strip())
    return 0


# A va_list is passed by reference on x86-64 and on 64-bit ARM, which is all that is needed here.
_print_callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(
    _print
)


@cache
def function(name: str, *arguments: "Any", result: "Any" = ctypes.c_int) -> "Any":
    """A function of libbpf with its prototype."""
    try:
        found = getattr(library(), name)
    except AttributeError:
        raise PlatformError(f"libbpf has no {name}", "install libbpf1 1.0 or newer") from None
    found.argtypes, found.restype = arguments, result
    return found


def checked(result: int, what: str) -> int:
    """`result` unless it is negative; then BpfError with -result, as libbpf 1 returns it."""
    if result < 0:
        raise BpfError(what, -result)
    return result


def obj_get(path: "str | PathLike[str]") -> int:
    """A new descriptor of what is pinned at `path`. FileNotFoundError where there is no pin."""
    got: int = function("bpf_obj_get", ctypes.c_char_p)(os.fsencode(path))
    if got == -errno.ENOENT:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return checked(got, f"cannot open {path}")


@contextmanager
def opened(path: "str | PathLike[str]") -> Iterator[int]:
    """`obj_get` for the length of a `with`."""
    fd = obj_get(path)
    try:
        yield fd
    finally:
        os.close(fd)


def obj_pin(fd: int, path: "Path") -> None:
    """Pin a map, program or link at a path that is free."""
    call = function("bpf_obj_pin", ctypes.c_int, ctypes.c_char_p)
    checked(call(fd, os.fsencode(path)), f"cannot pin {path}")


def repin(fd: int, path: "Path") -> None:
    """Pin at `path` in the place of whatever is pinned there, in one step (rename)."""
    fresh = path.with_name(f"new_{path.name}_{os.getpid()}")
    obj_pin(fd, fresh)
    fresh.rename(path)


class _LinkCreateOpts(ctypes.Structure):
    """The first two fields of struct bpf_link_create_opts; the rest is zero for libbpf."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("iter_info_len", ctypes.c_uint32),
    )


class _LinkUpdateOpts(ctypes.Structure):
    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("old_prog_fd", ctypes.c_uint32),
    )


def link_create(prog: int, target: int, attach_type: int, flags: int = 0) -> int:
    """Attach a program; returns the link's descriptor, whose last copy or pin holds it attached.

    `target` is an ifindex for XDP, the descriptor of a namespace or cgroup for others.
    XDP wants XDP_DRV or XDP_SKB in `flags`: with 0 the kernel falls back to generic silently.
    """
    i = ctypes.c_int
    call = function("bpf_link_create", i, i, i, ctypes.c_void_p)
    opts = _LinkCreateOpts(ctypes.sizeof(_LinkCreateOpts), flags, 0)
    return checked(call(prog, target, attach_type, ctypes.byref(opts)), "cannot attach")


def link_update(link: int, new: int, old: int | None = None) -> None:
    """Put program `new` into a link; with `old` only if that is in place (EPERM otherwise)."""
    call = function("bpf_link_update", ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
    opts = _LinkUpdateOpts(ctypes.sizeof(_LinkUpdateOpts))
    if old is not None:
        opts.flags, opts.old_prog_fd = F_REPLACE, old
    checked(call(link, new, ctypes.byref(opts)), "cannot replace the program of a link")


def link_detach(link: int) -> None:
    """Detach at once, whoever else still holds the link."""
    checked(function("bpf_link_detach", ctypes.c_int)(link), "cannot detach")


def _info(fd: int) -> bytes:
    call = function("bpf_obj_get_info_by_fd", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    buffer = ctypes.create_string_buffer(INFO_SIZE)
    size = ctypes.c_uint32(INFO_SIZE)
    checked(call(fd, buffer, ctypes.byref(size)), "cannot ask about a BPF object")
    return buffer.raw


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """`target`: ifindex of an XDP link, inode of the namespace of an sk_lookup link; 0 = gone."""

    type: int
    id: int
    prog_id: int
    target: int


def link_info(link: int) -> LinkInfo:
    """What struct bpf_link_info says of a link."""
    kind, number, prog, _, target = struct.unpack_from("<IIIII", _info(link))
    return LinkInfo(kind, number, prog, target)


@dataclass(frozen=True, slots=True)
class MapInfo:
    """The head of struct bpf_map_info."""

    type: int
    id: int
    key_size: int
    value_size: int
    rows: int
    flags: int


def map_info(fd: int) -> MapInfo:
    """Sizes of a map."""
    return MapInfo(*struct.unpack_from("<IIIIII", _info(fd)))


def prog_id(fd: int) -> int:
    """The kernel's number of a program."""
    (number,) = struct.unpack_from("<I", _info(fd), 4)
    return int(number)


def prog_load(kind: int, name: str, instructions: Sequence[int], attach_type: int) -> int:
    """Load a program of 64-bit instruction words, without an object file."""
    p, z = ctypes.c_void_p, ctypes.c_size_t
    call = function("bpf_prog_load", ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, p, z, p)
    words = (ctypes.c_uint64 * len(instructions))(*instructions)
    opts = (ctypes.c_uint32 * 4)(16, 0, 0, attach_type)  # size_t sz, int attempts, attach type
    got = call(kind, name.encode(), b"GPL", words, len(words), opts)
    return checked(got, f"cannot load the program {name}")


@cache
def possible_cpus() -> int:
    """How many values a per-CPU row has."""
    return checked(function("libbpf_num_possible_cpus")(), "cannot count the CPUs")


def require_privilege() -> None:
    """Raise PlatformError unless this process may use BPF (CAP_SYS_ADMIN, or BPF + NET_ADMIN)."""
    with open("/proc/self/status") as file:  # noqa: PTH123
        status = file.read()
    held = int(status[status.index("CapEff:") + 7 :].split(None, 1)[0], 16)
    if not held >> 21 & 1 and not (held >> 39 & 1 and held >> 12 & 1):
        raise PlatformError("the data plane needs root", "run it with sudo")
