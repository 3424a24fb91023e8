"""Where a director's maps, programs and links are pinned, and who may change them.

Of each network namespace with a director there are two directories, named by the namespace's
cookie in hex: `/run/elvs/bpf/COOKIE` on a bpffs holds the pins, `/run/elvs/COOKIE` plain files and
the lock. bpffs takes no plain files, and no name with a dot.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from elvs.dataplane.bpffs import base
from elvs.model.errors import PlatformError

SO_NETNS_COOKIE = 71
ALIVE = "alive"
"""Pin of the sentinel (sentinel.py), by which the end of the namespace is seen."""


@dataclass(frozen=True, slots=True)
class Place:
    """The two directories of one network namespace; they need not exist."""

    base: Path
    cookie: int

    @property
    def pins(self) -> Path:
        """Directory on the bpffs: maps by name, `prog_NAME`, `link_IFINDEX`, `alive`."""
        return self.base / "bpf" / f"{self.cookie:x}"

    @property
    def files(self) -> Path:
        """Directory of plain files (journal, tables.json, attach.json ...); the lock's."""
        return self.base / f"{self.cookie:x}"

    def exists(self) -> bool:
        """Whether there are tables. Raises PlatformError if that may not be known."""
        try:
            return (self.pins / ALIVE).exists()
        except PermissionError:
            raise PlatformError(f"{self.base}/bpf is closed to you", "run it with sudo") from None


def cookie() -> int:
    """The number of the caller's network namespace, never used twice until the next boot."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            raw = any_socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    except OSError as error:
        raise PlatformError(
            f"this kernel does not number network namespaces: {error.strerror}", "use a newer one"
        ) from None
    return int.from_bytes(raw, "little")


def here() -> Place:
    """The place of the caller's network namespace. Creates nothing."""
    return Place(base(), cookie())


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Hold the lock of a place; makes its directory of files. Not reentrant, waits for others."""
    fd = _lock(place, wait=True)
    assert fd is not None
    try:
        yield
    finally:
        os.close(fd)


def try_lock(place: Place) -> int | None:
    """The lock as a descriptor that the caller closes, or None when somebody holds it."""
    return _lock(place, wait=False)


def _lock(place: Place, wait: bool) -> int | None:
    how = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
    while True:
        try:
            place.files.mkdir(mode=0o755, parents=True, exist_ok=True)
            fd = os.open(place.files, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise PlatformError(
                f"cannot lock {place.files}: {error.strerror}", "run it with sudo"
            ) from None
        try:
            fcntl.flock(fd, how)
            if place.files.exists() and os.path.samestat(os.fstat(fd), place.files.stat()):
                return fd
        except BlockingIOError:
            os.close(fd)
            return None
        os.close(fd)  # somebody has removed the directory between our open and our lock


def remove(place: Place) -> None:
    """Remove all pins and files of a place: detaches, stops the tick, frees the tables."""
    remove_directory(place.pins)
    remove_directory(place.files)


def _removal(path: Path) -> tuple[int, str]:
    return (0 if path.name.startswith("link_") else 2 if path.name == ALIVE else 1), path.name


def remove_directory(directory: Path) -> None:
    """Remove a flat directory: links first and the sentinel last, so that a rest is found."""
    if not directory.exists():
        return
    for path in sorted(directory.iterdir(), key=_removal):
        with suppress(FileNotFoundError):
            path.unlink()
    with suppress(FileNotFoundError):
        directory.rmdir()
