"""Fields of rows: offsets, arrays, byte order."""

import struct

import pytest

from elvs.dataplane.fields import BytesField, IntField
from elvs.dataplane.layout import MAPS, Server, Service, ServiceKey, Settings


def test_int_field_stands_where_the_row_says() -> None:
    field = IntField(4, 16, "<I")
    memory = memoryview(bytearray(64))
    field.set(memory, 2, 0x01020304)
    assert bytes(memory[36:40]) == b"\x04\x03\x02\x01"
    assert field.get(memory, 2) == 0x01020304
    assert field.get(memory, 1) == 0


def test_network_order_is_given_in_host_order() -> None:
    row = bytearray(Server.SIZE)
    Server.port.set(row, 0, 8080)
    assert row[16:18] == b"\x1f\x90"
    assert Server.port.get(row) == 8080


def test_arrays_are_indexed() -> None:
    row = bytearray(Settings.SIZE)
    Settings.timeout.set(row, 0, 900, at=17)
    assert struct.unpack_from("<I", row, 17 * 4) == (900,)
    assert Settings.timeout.count == 64
    assert Settings.timeout.get(row, 0, 17) == 900


def test_signed_fields_keep_their_sign() -> None:
    row = bytearray(Server.SIZE)
    Server.weight.set(row, 0, -1)
    assert Server.weight.get(row) == -1


def test_a_value_too_large_is_refused() -> None:
    with pytest.raises(struct.error):
        Service.ipvs_flags.set(bytearray(Service.SIZE), 0, 1 << 16)
    with pytest.raises(ValueError, match="15 bytes"):
        BytesField(0, 16, 16).set(bytearray(16), 0, bytes(15))


def test_rows_pack_what_fields_read() -> None:
    row = ServiceKey.ROW.pack(b"\x0a\0\0\1" + bytes(12), 7, b"\x00\x50", 6, 2)
    assert ServiceKey.address.get(row) == b"\x0a\0\0\1" + bytes(12)
    fields = (ServiceKey.mark, ServiceKey.port, ServiceKey.protocol, ServiceKey.family)
    assert [field.get(row) for field in fields] == [7, 80, 6, 2]
    assert ServiceKey.ROW.size == ServiceKey.SIZE


def test_map_kinds() -> None:
    assert MAPS["servers"].is_memory
    assert MAPS["service_ids"].is_hash
    assert MAPS["traffic"].is_per_cpu
    assert not MAPS["timer"].is_memory
