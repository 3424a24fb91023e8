"""End what runs in network namespaces, and nothing else: by process descriptors, not by names."""

import os
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

GRACE = 2.0
"""Seconds that a process has between SIGTERM and SIGKILL."""


def end_all(namespaces: Sequence[Path]) -> None:
    """End every process in these network namespaces but the caller and those waiting for it."""
    descriptors = _open_all({_identity(path) for path in namespaces})
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for descriptor in descriptors:
                _send(descriptor, number)
            descriptors = _living(descriptors, time.monotonic() + GRACE)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _open_all(wanted: set[tuple[int, int]]) -> list[int]:
    mine = _ancestry(os.getpid())
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in mine:
            descriptor = _open(entry, wanted)
            if descriptor is not None:
                found.append(descriptor)
    return found


def _open(entry: Path, wanted: set[tuple[int, int]]) -> int | None:
    """A descriptor of the process if it is in a wanted namespace.

    The namespace is read again once the descriptor is held: then the number cannot have
    passed to another process in between.
    """
    try:
        if _identity(entry / "ns/net") not in wanted:
            return None
        descriptor = os.pidfd_open(int(entry.name))
        try:
            if _identity(entry / "ns/net") in wanted:
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended meanwhile
    return None


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _ancestry(pid: int) -> set[int]:
    found = {pid}
    while pid > 1:
        stat = Path("/proc", str(pid), "stat").read_text()
        pid = int(stat.rpartition(")")[2].split()[1])
        found.add(pid)
    return found


def _send(descriptor: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended meanwhile
        signal.pidfd_send_signal(descriptor, number)


def _living(descriptors: list[int], deadline: float) -> list[int]:
    """Wait for the processes; closes the descriptors of those that ended, returns the others."""
    left = list(descriptors)
    while left and (rest := deadline - time.monotonic()) > 0:
        ended, _, _ = select.select(left, [], [], rest)
        for descriptor in ended:
            os.close(descriptor)
            left.remove(descriptor)
    return left
