"""Network namespaces: make them, enter them, run commands in them, empty and remove them.

Never by `ip netns exec`, which mounts another /sys and so hides pins of BPF objects.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from elvs.lab.errors import LabError
from elvs.lab.processes import end_all

NAMES = Path("/run/netns")
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def ip(*arguments: str, batch: str) -> None:
    """Run ip(8) on `batch`; raises LabError with the line that it refused."""
    argv = ["ip", *arguments, "-batch", "-"]
    done = subprocess.run(argv, input=batch, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {_complaint(done.stderr, batch)}")


def make(names: Sequence[str]) -> None:
    ip(batch="".join(f"netns add {name}\n" for name in names))


def exists(name: str) -> bool:
    return (NAMES / name).exists()


def remove(names: Sequence[str]) -> None:
    """End what still runs in the namespaces and delete them; those not there are left out."""
    there = [name for name in names if exists(name)]
    end_all([NAMES / name for name in there])
    if there:
        ip(batch="".join(f"netns del {name}\n" for name in there))


def inside(name: str, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` in the namespace and nowhere else."""
    return ["nsenter", f"--net={NAMES / name}", "--", *command]


@contextmanager
def entered(name: str) -> Iterator[None]:
    """The calling thread, and what it starts, is in the namespace for a while."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(NAMES / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def write_sysctls(settings: Sequence[tuple[str, str]]) -> None:
    """Set (path below /proc/sys/net, value) in the namespace of the calling thread."""
    for path, value in settings:
        Path("/proc/sys/net", path).write_text(value)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _complaint(stderr: str, batch: str) -> str:
    """What ip said, with the line of the batch that `Command failed -:N` means."""
    said = [line for line in stderr.splitlines() if line]
    number = next((line.rpartition(":")[2] for line in said if "Command failed" in line), "")
    lines = batch.splitlines()
    if number.isdigit() and 0 < int(number) <= len(lines):
        return f"{said[0]} ({lines[int(number) - 1]!r})"
    return "; ".join(said)
