"""One field of a row in a map's memory: where it stands and how it reads. Used by `layout.py`.

A field's `get` and `set` take the memory of a whole array map (`Tables.memory`) and the number of
the row; with a single row's bytes the row is 0. Integers are stored as one aligned word, as
the running data plane demands; fields in network order are given and taken in host order.
"""

import sys
from struct import Struct

from elvs.model.value import dataclass


class IntField:
    """An integer, or an array of `count` of them, at `offset` in rows of `stride` bytes."""

    __slots__ = ("_item", "_swap", "code", "count", "offset", "size", "stride")

    def __init__(self, offset: int, stride: int, code: str, count: int = 1) -> None:
        self.offset, self.stride, self.code, self.count = offset, stride, code, count
        self._swap = code.startswith(">") and sys.byteorder == "little"
        self._item = Struct("<" + code[1:] if self._swap else code)
        self.size = self._item.size

    def get(self, memory: bytes | bytearray | memoryview, row: int = 0, at: int = 0) -> int:
        """The value in `row`; `at` is the index within an array."""
        place = row * self.stride + self.offset + at * self.size
        value: int = self._item.unpack_from(memory, place)[0]
        return self._swapped(value) if self._swap else value

    def set(self, memory: bytearray | memoryview, row: int, value: int, at: int = 0) -> None:
        """Store `value` as one word; raises struct.error when it does not fit."""
        place = row * self.stride + self.offset + at * self.size
        self._item.pack_into(memory, place, self._swapped(value) if self._swap else value)

    def _swapped(self, value: int) -> int:
        return int.from_bytes(value.to_bytes(self.size, "big"), "little")


class BytesField:
    """Raw bytes: a nested struct, an address, or an array of `count` of them."""

    __slots__ = ("count", "offset", "size", "stride")

    def __init__(self, offset: int, stride: int, size: int, count: int = 1) -> None:
        self.offset, self.stride, self.size, self.count = offset, stride, size, count

    def get(self, memory: bytes | bytearray | memoryview, row: int = 0, at: int = 0) -> bytes:
        """The bytes in `row`; `at` is the index within an array."""
        place = row * self.stride + self.offset + at * self.size
        return bytes(memory[place : place + self.size])

    def set(
        self, memory: bytearray | memoryview, row: int, value: bytes | bytearray, at: int = 0
    ) -> None:
        """Store exactly `size` bytes; not one word, so not for what the data plane reads live."""
        if len(value) != self.size:
            raise ValueError(f"{len(value)} bytes for a field of {self.size}")
        place = row * self.stride + self.offset + at * self.size
        memory[place : place + self.size] = value


@dataclass(frozen=True, slots=True)
class MapSpec:
    """A map as bpf/maps.h declares it; `rows` is the least, `value` names the struct or is ''."""

    type: int
    flags: int
    key_size: int
    value_size: int
    rows: int
    value: str

    @property
    def is_memory(self) -> bool:
        """Whether it is an array that can be mapped (BPF_F_MMAPABLE)."""
        return bool(self.flags & 0x400)

    @property
    def is_hash(self) -> bool:
        return self.type == 1

    @property
    def is_per_cpu(self) -> bool:
        return self.type == 6
