"""The fake tables keep the contract of port.py."""

import pytest

from elvs.dataplane.fake import FakeTables
from elvs.dataplane.layout import Counters, Server
from elvs.dataplane.port import Tables
from elvs.dataplane.sizes import Sizes
from elvs.model.errors import TableFull

KEY, OTHER = bytes(24), bytes(23) + b"\1"


def test_memory_is_shared_and_sized() -> None:
    tables: Tables = FakeTables(Sizes(connections=2560, services=8, servers=32))
    assert len(tables.memory("servers")) == 32 * Server.SIZE
    Server.weight.set(tables.memory("servers"), 31, 5)
    assert Server.weight.get(tables.memory("servers"), 31) == 5
    assert (tables.rows("pool"), tables.rows("services")) == (96, 8)


def test_per_cpu_rows() -> None:
    tables = FakeTables(cpus=3)
    value = Counters.ROW.pack(1, 2, 3, 4, 5)
    tables.set_cpu("traffic", 4, 2, value)
    zero = bytes(Counters.SIZE)
    assert tables.per_cpu("traffic", 3, 2) == [[zero] * 3, [zero, zero, value]]
    with pytest.raises(IndexError):
        tables.per_cpu("traffic", 255, 2)


def test_hash_maps() -> None:
    tables = FakeTables()
    tables.put_all("service_ids", [(KEY, b"\1\0\0\0"), (OTHER, b"\2\0\0\0")])
    assert tables.get("service_ids", OTHER) == b"\2\0\0\0"
    tables.delete("service_ids", KEY)
    tables.delete("service_ids", KEY)
    assert list(tables.items("service_ids")) == [(OTHER, b"\2\0\0\0")]


def test_a_full_table_says_so() -> None:
    tables = FakeTables(Sizes(connections=1, services=1, servers=1))
    tables.put_all("service_ids", [(KEY, bytes(4))])
    tables.put_all("service_ids", [(KEY, bytes(4))])
    with pytest.raises(TableFull):
        tables.put_all("service_ids", [(OTHER, bytes(4))])
