"""Our filter at tc ingress, and the clsact that it needs.

Other people's filters are never touched: ours is known by its handle and priority, and the clsact
goes only when we made it and nothing is left in it (its removal takes foreign filters along).
"""

import ctypes
import errno
import socket
import struct

from elvs.dataplane.libbpf import BpfError, function
from elvs.dataplane.netlink import DUMP, Netlink

HANDLE, PRIORITY = 1, 0xE1
INGRESS, EGRESS = 1, 2
"""enum bpf_tc_attach_point."""
F_REPLACE = 1
GET_QDISC, GET_FILTER = 38, 46
TC_MESSAGE = struct.Struct("=BxxxiIII")
"""struct tcmsg: family, ifindex, handle, parent, info."""
CLSACT = 0xFFFFFFF1
"""Where clsact and ingress stand."""
PARENTS = (0xFFFFFFF2, 0xFFFFFFF3)
"""Ingress and egress of clsact."""
NOT_THERE = {errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP, errno.ENODEV}
"""No clsact, no filter, no interface."""


class _Hook(ctypes.Structure):
    """struct bpf_tc_hook."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("ifindex", ctypes.c_int),
        ("point", ctypes.c_int),
        ("parent", ctypes.c_uint32),
    )


class _Opts(ctypes.Structure):
    """struct bpf_tc_opts."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("prog_fd", ctypes.c_int),
        ("flags", ctypes.c_uint32),
        ("prog_id", ctypes.c_uint32),
        ("handle", ctypes.c_uint32),
        ("priority", ctypes.c_uint32),
    )


def program(index: int) -> int | None:
    """Id of the program that stands at our handle and priority; None where there is none."""
    opts = _opts()
    result = _call("bpf_tc_query", _hook(index), opts)
    if -result in NOT_THERE:
        return None
    _checked(result, "cannot read tc filters")
    return int(opts.prog_id)


def has_clsact(index: int) -> bool:
    """Whether the interface has a qdisc that takes ingress filters."""
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        for body in netlink.ask(GET_QDISC, TC_MESSAGE.pack(0, 0, 0, 0, 0), DUMP):
            _, of, _, parent, _ = TC_MESSAGE.unpack_from(body)
            if (of, parent) == (index, CLSACT):
                return True
    return False


def attach(index: int, prog: int) -> None:
    """Put `prog` at our place, or in the place of what stands there; makes clsact if need be."""
    result = function("bpf_tc_hook_create", ctypes.c_void_p)(ctypes.byref(_hook(index)))
    if result != -errno.EEXIST:
        _checked(result, "cannot add clsact")
    opts = _opts()
    opts.prog_fd, opts.flags = prog, F_REPLACE
    _checked(_call("bpf_tc_attach", _hook(index), opts), "cannot add the tc filter")


def detach(index: int) -> None:
    """Remove our filter; it is no error when it is not there."""
    result = _call("bpf_tc_detach", _hook(index), _opts())
    if -result not in NOT_THERE:
        _checked(result, "cannot remove the tc filter")


def remove_clsact_if_empty(index: int) -> None:
    """Remove the interface's clsact unless filters of somebody stand in it."""
    if not has_clsact(index):
        return
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        for parent in PARENTS:
            ask = TC_MESSAGE.pack(0, index, 0, parent, 0)
            if netlink.ask(GET_FILTER, ask, DUMP):
                return
    destroy = function("bpf_tc_hook_destroy", ctypes.c_void_p)
    result = destroy(ctypes.byref(_hook(index, INGRESS | EGRESS)))
    if -result not in NOT_THERE:
        _checked(result, "cannot remove clsact")


def _hook(index: int, point: int = INGRESS) -> _Hook:
    return _Hook(ctypes.sizeof(_Hook), index, point, 0)


def _opts() -> _Opts:
    return _Opts(ctypes.sizeof(_Opts), handle=HANDLE, priority=PRIORITY)


def _call(name: str, hook: _Hook, opts: _Opts) -> int:
    call = function(name, ctypes.c_void_p, ctypes.c_void_p)
    return int(call(ctypes.byref(hook), ctypes.byref(opts)))


def _checked(result: int, what: str) -> None:
    if result < 0:
        raise BpfError(what, -result)
