"""Who stands on an interface: names of programs by id, and who holds an XDP program by a link."""

import ctypes
import errno
import os
from collections.abc import Iterator

from elvs.dataplane.libbpf import INFO_SIZE, checked, function, link_info

XDP_LINK = 6
"""BPF_LINK_TYPE_XDP."""
NAME_OFFSET, NAME_SIZE = 64, 16
"""Of struct bpf_prog_info."""


def program_fd(number: int) -> int | None:
    """A descriptor of the program with this id, that the caller closes; None when it is gone."""
    fd: int = function("bpf_prog_get_fd_by_id", ctypes.c_uint32)(number)
    return None if fd == -errno.ENOENT else checked(fd, f"cannot look at program {number}")


def program_name(number: int) -> str:
    """The name of the program with this id; empty when it is gone or has none."""
    fd = program_fd(number)
    if fd is None:
        return ""
    try:
        buffer = ctypes.create_string_buffer(INFO_SIZE)
        size = ctypes.c_uint32(INFO_SIZE)
        ask = function("bpf_obj_get_info_by_fd", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        checked(ask(fd, buffer, ctypes.byref(size)), f"cannot look at program {number}")
    finally:
        os.close(fd)
    raw = buffer.raw[NAME_OFFSET : NAME_OFFSET + NAME_SIZE]
    return raw.split(b"\0", 1)[0].decode(errors="replace")


def link_of_program(program: int, index: int) -> int | None:
    """The id of the bpf_link that holds `program` on the interface `index`."""
    return next((n for n, prog, on in xdp_links() if (prog, on) == (program, index)), None)


def xdp_links() -> Iterator[tuple[int, int, int]]:
    """All XDP links of the machine: id, program id, ifindex."""
    following = function("bpf_link_get_next_id", ctypes.c_uint32, ctypes.c_void_p)
    by_id = function("bpf_link_get_fd_by_id", ctypes.c_uint32)
    number = ctypes.c_uint32()
    while following(number.value, ctypes.byref(number)) == 0:
        fd = by_id(number.value)
        if fd == -errno.ENOENT:
            continue
        checked(fd, "cannot look at BPF links")
        try:
            info = link_info(fd)
        finally:
            os.close(fd)
        if info.type == XDP_LINK:
            yield info.id, info.prog_id, info.target
