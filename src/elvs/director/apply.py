"""Carries a plan out on the maps. The caller holds the lock and has written the journal."""

from collections.abc import Iterable

from elvs.dataplane.port import Tables
from elvs.director.ops import WORDS, Op, Put, Store


def carry_out(tables: Tables, ops: Iterable[Op]) -> None:
    """Do all of `ops` in order."""
    words: dict[str, memoryview] = {}
    for op in ops:
        if isinstance(op, Store):
            if op.map not in words:
                words[op.map] = tables.memory(op.map).cast("Q")
            store(words[op.map], op)
        elif isinstance(op, Put):
            tables.put_all(op.map, op.entries)
        else:
            tables.delete(op.map, op.key)


def store(words: memoryview, op: Store) -> None:
    first, count = op.offset // 8, len(op.data) // 8
    data = memoryview(op.data).cast("Q")
    if len(op.data) > WORDS:
        words[first : first + count] = data
        return
    for index in range(count):
        words[first + index] = data[index]
