"""What must be true of the tables after every transaction, recounted from nothing."""

import math
from collections import Counter
from collections.abc import Iterator

from elvs.dataplane import layout
from elvs.dataplane.layout import FilterRow, ServerFlags, ServiceFlags
from elvs.dataplane.port import Tables
from elvs.director.filters import place

EMPTY_ROW = bytes(FilterRow.SIZE)


def check_tables(tables: Tables) -> None:
    living = list(rows(tables, "services", layout.Service.SIZE, ServiceFlags.LIVE, 33))
    check_ids(tables, living)
    areas = []
    in_pools = []
    for service, row in living:
        word = layout.Service.pool.get(row)
        areas.append((word & 0xFFFFFFFF, word >> 32))
        in_pools += check_list(tables, service, row, *areas[-1])
    check_areas(tables, areas)
    available = {n for n, row in servers(tables) if row[20] & ServerFlags.AVAILABLE}
    assert len(in_pools) == len(set(in_pools))
    assert set(in_pools) == available
    check_filters(tables, living)


def check_visible(tables: Tables) -> None:
    """What a running data plane could trip over, true at every single step of a transaction."""
    memory, pool = tables.memory("servers"), tables.memory("pool")
    for key, value in tables.items("service_ids"):
        number = int.from_bytes(value, "little")
        row = bytes(tables.memory("services")[number * 56 : (number + 1) * 56])
        assert row[:24] == key and row[33] & ServiceFlags.LIVE
        assert has(tables, "targets", key[:16]) and has(tables, "sources", key[:16])
        word = layout.Service.pool.get(row)
        weights = [0]
        for entry in range(word & 0xFFFFFFFF, (word & 0xFFFFFFFF) + (word >> 32)):
            server = layout.PoolEntry.server.get(pool, entry)
            raw = bytes(memory[server * 64 : (server + 1) * 64])
            assert raw[20] & ServerFlags.AVAILABLE and layout.Server.service.get(raw) == number
            if layout.Server.method.get(raw) == layout.Method.NAT:
                assert has(tables, "sources", raw[:16])
            weights.append(layout.PoolEntry.weight.get(pool, entry))
        assert max(weights) >= layout.Service.wrr_max.get(row)


def has(tables: Tables, name: str, address: bytes) -> bool:
    row, bit = place(address)
    return bool(FilterRow.bits.get(tables.memory(name), row) >> bit & 1)


def rows(
    tables: Tables, name: str, size: int, mask: int, flags: int
) -> Iterator[tuple[int, bytes]]:
    memory = tables.memory(name)
    for number in range(tables.rows(name)):
        row = bytes(memory[number * size : (number + 1) * size])
        if row[flags] & mask:
            yield number, row


def servers(tables: Tables) -> Iterator[tuple[int, bytes]]:
    return rows(tables, "servers", layout.Server.SIZE, ServerFlags.LIVE, 20)


def check_ids(tables: Tables, living: list[tuple[int, bytes]]) -> None:
    known = {key: int.from_bytes(value, "little") for key, value in tables.items("service_ids")}
    assert known == {row[:24]: number for number, row in living}
    families = Counter(row[23] for _, row in living)
    settings = tables.memory("settings")
    assert layout.Settings.services4.get(settings) == families[2]
    assert layout.Settings.services6.get(settings) == families[10]


def check_list(tables: Tables, service: int, row: bytes, offset: int, length: int) -> list[int]:
    """The list of one service agrees with its servers and with its scheduler's limits."""
    memory, pool = tables.memory("servers"), tables.memory("pool")
    weights, ids = [], []
    for entry in range(offset, offset + length):
        server = layout.PoolEntry.server.get(pool, entry)
        assert layout.Server.service.get(memory, server) == service
        assert layout.Server.weight.get(memory, server) == layout.PoolEntry.weight.get(pool, entry)
        weights.append(layout.PoolEntry.weight.get(pool, entry))
        ids.append(server)
    step = math.gcd(*weights) or 1
    assert layout.Service.wrr_gcd.get(row) == step
    assert layout.Service.wrr_max.get(row) == max(weights, default=0) - (step - 1) * (step > 1)
    return ids


def check_areas(tables: Tables, areas: list[tuple[int, int]]) -> None:
    end = 0
    for offset, length in sorted(area for area in areas if area[1]):
        assert offset >= end
        end = offset + length
    assert end <= tables.rows("pool")


def check_filters(tables: Tables, living: list[tuple[int, bytes]]) -> None:
    """References are held by services, also by dead ones with rows left, and by marked servers."""
    memory = tables.memory("services")
    vips = {number: row[:16] for number, row in living}
    sources = []
    for _, row in servers(tables):
        owner = layout.Server.service.get(row)
        vips.setdefault(owner, bytes(memory[owner * 56 : owner * 56 + 16]))
        if row[20] & ServerFlags.IN_SOURCES:
            sources.append(row[:16])
    assert references(tables, "targets") == recounted(list(vips.values()))
    assert references(tables, "sources") == recounted([*vips.values(), *sources])


def references(tables: Tables, name: str) -> Counter[tuple[int, int]]:
    memory = tables.memory(name)
    found: Counter[tuple[int, int]] = Counter()
    for row in range(tables.rows(name)):
        raw = bytes(memory[row * FilterRow.SIZE : (row + 1) * FilterRow.SIZE])
        if raw == EMPTY_ROW:
            continue
        bits = FilterRow.bits.get(raw)
        for bit in range(64):
            count = FilterRow.refs.get(raw, 0, bit)
            assert (bits >> bit & 1) == (count > 0)
            if count:
                found[row, bit] = count
    return found


def recounted(addresses: list[bytes]) -> Counter[tuple[int, int]]:
    return Counter(place(address) for address in addresses)
