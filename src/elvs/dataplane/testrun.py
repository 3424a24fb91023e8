"""BPF_PROG_TEST_RUN: run a loaded program once, or `repeat` times, without an interface.

With `repeat` the program gets the packet as its last round left it: a rewritten packet takes
another path then. Time by `duration`, which is the kernel's; each call costs milliseconds more.
"""

import ctypes
import struct
from dataclasses import dataclass

from elvs.dataplane.libbpf import checked, function

GROWTH = 512
"""Room for headers that a program adds."""
LIVE_FRAMES = 2
"""BPF_F_TEST_XDP_LIVE_FRAMES: XDP_TX and redirects really send; nothing comes back."""
XDP_MD = struct.Struct("<IIIIII")
"""data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex"""
SHORTEST = 14


@dataclass(frozen=True, slots=True)
class Run:
    """What a run left: the program's return value, the packet, metadata before it, its ctx.

    `duration` is nanoseconds per round.
    """

    retval: int
    data: bytes = b""
    meta: bytes = b""
    context: bytes = b""
    duration: int = 0


class _Opts(ctypes.Structure):
    """struct bpf_test_run_opts (libbpf's bpf.h)."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


def _run(prog: int, opts: _Opts) -> None:
    opts.sz = ctypes.sizeof(_Opts)
    call = function("bpf_prog_test_run_opts", ctypes.c_int, ctypes.c_void_p)
    checked(call(prog, ctypes.byref(opts)), "cannot run a BPF program")


def run_xdp(
    prog: int,
    packet: bytes,
    *,
    ifindex: int = 0,
    rx_queue: int = 0,
    repeat: int = 1,
) -> Run:
    """Run an XDP program on an Ethernet frame that came in on `ifindex` (0: the loopback).

    The interface is looked up in the caller's network namespace. Nothing is sent.
    """
    given = XDP_MD.pack(0, len(packet), 0, ifindex, rx_queue, 0)
    return _run_packet(prog, packet, given, repeat)


def run_tc(prog: int, packet: bytes, *, context: bytes = b"", repeat: int = 1) -> Run:
    """Run a tc program; `context` is a struct __sk_buff, empty for none. Nothing is sent."""
    return _run_packet(prog, packet, context, repeat)


def _run_packet(prog: int, packet: bytes, given: bytes, repeat: int) -> Run:
    if len(packet) < SHORTEST:
        raise ValueError(f"a frame of {len(packet)} bytes has no Ethernet header")
    frame = ctypes.create_string_buffer(packet, len(packet))
    back = ctypes.create_string_buffer(len(packet) + GROWTH)
    opts = _Opts(repeat=repeat)
    opts.data_in, opts.data_size_in = ctypes.addressof(frame), len(packet)
    opts.data_out, opts.data_size_out = ctypes.addressof(back), len(back)
    context = ctypes.create_string_buffer(given, len(given)) if given else None
    if context is not None:
        opts.ctx_in = opts.ctx_out = ctypes.addressof(context)
        opts.ctx_size_in = opts.ctx_size_out = len(given)
    _run(prog, opts)
    left = context.raw if context is not None else b""
    data = back.raw[: opts.data_size_out]
    # data_out starts at the metadata; struct xdp_md says how long that is
    meta = XDP_MD.unpack(left)[0] if len(left) == XDP_MD.size else 0
    return Run(opts.retval, data[meta:], data[:meta], left, opts.duration)


def run_live(prog: int, packet: bytes, *, ifindex: int, repeat: int, batch: int = 64) -> None:
    """Send `repeat` frames through an XDP program as if `ifindex` had received them.

    Frames are recycled with the edits of whoever had them: restore every header in the program.
    """
    frame = ctypes.create_string_buffer(packet, len(packet))
    raw = XDP_MD.pack(0, len(packet), 0, ifindex, 0, 0)
    context = ctypes.create_string_buffer(raw, len(raw))
    opts = _Opts(repeat=repeat, flags=LIVE_FRAMES, batch_size=batch)
    opts.data_in, opts.data_size_in = ctypes.addressof(frame), len(packet)
    opts.ctx_in, opts.ctx_size_in = ctypes.addressof(context), len(raw)
    _run(prog, opts)


def run_syscall(prog: int, context: bytes = b"") -> Run:
    """Run a SEC("syscall") program; it may change its `context`, which comes back."""
    buffer = ctypes.create_string_buffer(context, len(context)) if context else None
    opts = _Opts()
    if buffer is not None:
        opts.ctx_in, opts.ctx_size_in = ctypes.addressof(buffer), len(context)
    _run(prog, opts)
    return Run(opts.retval, context=buffer.raw if buffer is not None else b"")
