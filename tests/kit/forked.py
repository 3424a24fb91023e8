"""Run a function in a network namespace: in a forked child, which ends with it."""

import ctypes
import os
import traceback
from collections.abc import Callable
from pathlib import Path

CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x20000
MS_REC, MS_PRIVATE = 0x4000, 0x40000


def run_in(namespace: str, function: Callable[[], None], *, own_mounts: bool = False) -> None:
    """Run `function` in a named namespace; what it raises fails the caller, with its traceback.

    With `own_mounts` the child's mounts are its own, as after `ip netns exec`.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as report:
            try:
                _enter(namespace, own_mounts)
                function()
            except BaseException:
                report.write(traceback.format_exc())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as report:
        text = report.read()
    os.waitpid(child, 0)
    if text:
        raise AssertionError(f"in the namespace {namespace}:\n{text}")


def _enter(namespace: str, own_mounts: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(Path("/run/netns") / namespace, os.O_RDONLY | os.O_CLOEXEC)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    if own_mounts and (
        libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    ):
        raise OSError(ctypes.get_errno(), "unshare")
