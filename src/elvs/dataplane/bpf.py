"""`Tables` over the kernel's maps, as pinned in one directory. Opens each map at its first use."""

import os
from collections.abc import Iterator, Sequence

from elvs.dataplane import kmap, libbpf
from elvs.dataplane.layout import MAPS
from elvs.model.errors import PlatformError

TYPE_CHECKING = False  # typing and pathlib cost a listing more than its listing
if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path


class BpfTables:
    """The maps of one network namespace. Close it, or use it in a `with`.

    `directory` holds the pins. Memory that was handed out stays valid after `close`.
    """

    def __init__(self, directory: "str | PathLike[str]") -> None:
        self._directory = os.fspath(directory)
        self._fds: dict[str, int] = {}
        self._memory: dict[str, memoryview] = {}

    @property
    def directory(self) -> "Path":
        """Where the maps are pinned."""
        from pathlib import Path

        return Path(self._directory)

    def fd(self, name: str) -> int:
        """The descriptor of a map; it stays ours."""
        if name not in self._fds:
            try:
                self._fds[name] = libbpf.obj_get(f"{self._directory}/{name}")
            except FileNotFoundError:
                raise PlatformError(
                    f"the map {name} is not pinned in {self._directory}",
                    "the tables are not whole: detach and attach again",
                ) from None
        return self._fds[name]

    def memory(self, name: str) -> memoryview:
        if name not in self._memory:
            self._memory[name] = kmap.memory(self.fd(name))
        return self._memory[name]

    def rows(self, name: str) -> int:
        return libbpf.map_info(self.fd(name)).rows

    def per_cpu(self, name: str, first: int, count: int) -> Sequence[Sequence[bytes]]:
        size, cpus = MAPS[name].value_size, libbpf.possible_cpus()
        stride = (size + 7) // 8 * 8
        raw = kmap.rows(self.fd(name), first, count)
        at = range(0, cpus * stride, stride)
        starts = range(0, count * cpus * stride, cpus * stride)
        return [[raw[row + cpu : row + cpu + size] for cpu in at] for row in starts]

    def get(self, name: str, key: bytes) -> bytes | None:
        return kmap.lookup(self.fd(name), key, MAPS[name].value_size)

    def put_all(self, name: str, entries: Sequence[tuple[bytes, bytes]]) -> None:
        kmap.update_batch(self.fd(name), [k for k, _ in entries], [v for _, v in entries])

    def delete(self, name: str, key: bytes) -> None:
        kmap.delete(self.fd(name), key)

    def items(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        return kmap.entries(self.fd(name))

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()
        self._memory.clear()

    def __enter__(self) -> "BpfTables":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
