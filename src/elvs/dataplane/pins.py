"""Where a director's maps, programs and links are pinned, and who may change them.

Of each network namespace with a director there are two directories, named by the namespace's
cookie in hex: `/run/elvs/bpf/COOKIE` on a bpffs holds the pins, `/run/elvs/COOKIE` plain files and
the lock. bpffs takes no plain files, and no name with a dot.
"""
# A listing comes through here, and pathlib would cost it more than all of this.
# ruff: noqa: PTH103, PTH116

import _socket  # socket itself makes enums of hundreds of constants
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from elvs.dataplane.bpffs import base
from elvs.model.errors import PlatformError
from elvs.model.value import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

SO_NETNS_COOKIE = 71
ALIVE = "alive"
"""Pin of the sentinel (sentinel.py), by which the end of the namespace is seen."""


@dataclass(frozen=True, slots=True)
class Place:
    """The two directories of one network namespace; they need not exist. `root` has them both."""

    root: str
    cookie: int

    @property
    def base(self) -> "Path":
        """`root` as a path."""
        from pathlib import Path

        return Path(self.root)

    @property
    def pins(self) -> "Path":
        """Directory on the bpffs: maps by name, `prog_NAME`, `link_IFINDEX`, `alive`."""
        return self.base / "bpf" / f"{self.cookie:x}"

    @property
    def files(self) -> "Path":
        """Directory of plain files (journal, tables.json, attach.json ...); the lock's."""
        return self.base / f"{self.cookie:x}"

    @property
    def pins_name(self) -> str:
        """`pins` as text, for those to whom pathlib is dear."""
        return f"{self.root}/bpf/{self.cookie:x}"

    @property
    def files_name(self) -> str:
        """`files` as text."""
        return f"{self.root}/{self.cookie:x}"

    def exists(self) -> bool:
        """Whether there are tables. Raises PlatformError if that may not be known."""
        try:
            os.stat(f"{self.pins_name}/{ALIVE}")
        except (FileNotFoundError, NotADirectoryError):
            return False
        except PermissionError:
            raise PlatformError(f"{self.root}/bpf is closed to you", "run it with sudo") from None
        return True


def cookie() -> int:
    """The number of the caller's network namespace, never used twice until the next boot."""
    any_socket = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        raw = any_socket.getsockopt(_socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    except OSError as error:
        raise PlatformError(
            f"this kernel does not number network namespaces: {error.strerror}", "use a newer one"
        ) from None
    finally:
        any_socket.close()
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
    directory = place.files_name
    how = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
    while True:
        try:
            os.makedirs(directory, 0o755, exist_ok=True)
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise PlatformError(
                f"cannot lock {directory}: {error.strerror}", "run it with sudo"
            ) from None
        try:
            fcntl.flock(fd, how)
            if _is(fd, directory):
                return fd
        except BlockingIOError:
            os.close(fd)
            return None
        os.close(fd)  # somebody has removed the directory between our open and our lock


def _is(fd: int, directory: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(directory))
    except FileNotFoundError:
        return False


def remove(place: Place) -> None:
    """Remove all pins and files of a place: detaches, stops the tick, frees the tables."""
    remove_directory(place.pins)
    remove_directory(place.files)


def _removal(path: "Path") -> tuple[int, str]:
    return (0 if path.name.startswith("link_") else 2 if path.name == ALIVE else 1), path.name


def remove_directory(directory: "Path") -> None:
    """Remove a flat directory: links first and the sentinel last, so that a rest is found."""
    if not directory.exists():
        return
    for path in sorted(directory.iterdir(), key=_removal):
        with suppress(FileNotFoundError):
            path.unlink()
    with suppress(FileNotFoundError):
        directory.rmdir()
