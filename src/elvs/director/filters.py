"""The address filters, `targets` and `sources`: which bits a transaction sets and clears.

A bit stands for all addresses that hash to it and is set while somebody holds it. A count that
has reached its end stays there and keeps its bit: a bit too many costs a look-up, one too few
would lose packets.
"""

from collections import defaultdict
from collections.abc import Iterator
from struct import Struct

from elvs.dataplane.layout import FilterRow
from elvs.director.ops import Store

FILTER_ROW = Struct("<Q64H")
"""Bits and counts of a `struct filter_row`."""

FULL = 0xFFFF


def place(padded: bytes) -> tuple[int, int]:
    """Row and bit of an address: the data plane's filter_has (bpf/filter.h)."""
    word = int.from_bytes(padded, "little")
    fold = (word ^ word >> 32 ^ word >> 64 ^ word >> 96) & 0xFFFFFFFF
    mixed = fold * 0x9E3779B1 & 0xFFFFFFFF
    return mixed >> 20, mixed >> 14 & 63


class AddressFilter:
    """One filter with the holds that a transaction adds and takes."""

    def __init__(self, name: str, memory: memoryview) -> None:
        self.name = name
        self._memory = memory
        self._change: defaultdict[bytes, int] = defaultdict(int)

    def hold(self, padded: bytes) -> None:
        self._change[padded] += 1

    def release(self, padded: bytes) -> None:
        self._change[padded] -= 1

    def stores(self) -> tuple[list[Store], list[Store]]:
        """What to write before anybody is to be found, and after somebody has gone."""
        rows: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        for padded, change in self._change.items():
            if change:
                row, bit = place(padded)
                rows[row][bit] += change
        before: list[Store] = []
        after: list[Store] = []
        for row, bits in rows.items():
            start = row * FilterRow.SIZE
            old = bytes(self._memory[start : start + FilterRow.SIZE])
            meanwhile, new = changed(old, bits)
            before += words(self.name, start, old, meanwhile)
            after += words(self.name, start, meanwhile, new)
        return before, after


def changed(old: bytes, change: dict[int, int]) -> tuple[bytes, bytes]:
    """A row with bits that come in and all counts; then also without the bits that go."""
    mask, *refs = FILTER_ROW.unpack(old)
    kept = mask
    for bit, by in change.items():
        if refs[bit] < FULL:
            refs[bit] = min(max(refs[bit] + by, 0), FULL)
        mask |= (refs[bit] > 0) << bit
        kept = kept | 1 << bit if refs[bit] else kept & ~(1 << bit)
    return FILTER_ROW.pack(mask, *refs), FILTER_ROW.pack(kept, *refs)


def words(name: str, start: int, old: bytes, new: bytes, skip: int = -1) -> Iterator[Store]:
    """The 8-byte words in which `new` differs from `old`, but for the one at `skip`."""
    if old == new:
        return
    for at in range(0, len(new), 8):
        if at != skip and old[at : at + 8] != new[at : at + 8]:
            yield Store(name, start + at, new[at : at + 8])
