"""`Tables` in this process's own memory: for tests and for plans that touch no kernel."""

from collections.abc import Iterator, Sequence

from elvs.dataplane.layout import MAPS
from elvs.dataplane.sizes import Sizes
from elvs.model.errors import TableFull


class FakeTables:
    """All maps of `layout.MAPS` over bytearrays, with `cpus` values in each per-CPU row."""

    def __init__(self, sizes: Sizes | None = None, cpus: int = 2) -> None:
        rows = (sizes or Sizes(connections=2560, services=64, servers=256)).rows()
        self._rows = {name: rows.get(name, spec.rows) for name, spec in MAPS.items()}
        self._cpus = cpus
        self._memory = {
            name: memoryview(bytearray(spec.value_size * self._rows[name]))
            for name, spec in MAPS.items()
            if spec.is_memory
        }
        self._values: dict[str, dict[tuple[int, int], bytes]] = {}
        self._hashes: dict[str, dict[bytes, bytes]] = {
            name: {} for name, spec in MAPS.items() if spec.is_hash
        }

    def memory(self, name: str) -> memoryview:
        return self._memory[name]

    def rows(self, name: str) -> int:
        return self._rows[name]

    def per_cpu(self, name: str, first: int, count: int) -> Sequence[Sequence[bytes]]:
        if first < 0 or first + count > self._rows[name]:
            raise IndexError(f"rows {first}..{first + count - 1} of {self._rows[name]}")
        values, zero = self._values.get(name, {}), bytes(MAPS[name].value_size)
        return [
            [values.get((row, cpu), zero) for cpu in range(self._cpus)]
            for row in range(first, first + count)
        ]

    def set_cpu(self, name: str, row: int, cpu: int, value: bytes) -> None:
        """What the data plane would have counted on one CPU."""
        if len(value) != MAPS[name].value_size or not MAPS[name].is_per_cpu:
            raise ValueError(f"{len(value)} bytes are no value of {name}")
        self._values.setdefault(name, {})[row, cpu] = value

    def get(self, name: str, key: bytes) -> bytes | None:
        return self._hashes[name].get(key)

    def put_all(self, name: str, entries: Sequence[tuple[bytes, bytes]]) -> None:
        table, spec = self._hashes[name], MAPS[name]
        for key, value in entries:
            if (len(key), len(value)) != (spec.key_size, spec.value_size):
                raise ValueError(f"{len(key)} and {len(value)} bytes are no entry of {name}")
            if key not in table and len(table) >= self._rows[name]:
                raise TableFull("the table of virtual services is full", "make it larger")
            table[key] = value

    def delete(self, name: str, key: bytes) -> None:
        self._hashes[name].pop(key, None)

    def items(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        return iter(list(self._hashes[name].items()))
