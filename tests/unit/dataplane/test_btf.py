"""The BTF reader on a compiled object."""

from pathlib import Path

import pytest

from elvs.dataplane.btf import Btf, Kind
from elvs.dataplane.elf import section
from elvs.model.errors import PlatformError


@pytest.fixture(scope="module")
def btf(maps_object: Path) -> Btf:
    return Btf.of_object(maps_object.read_bytes())


def test_structs_have_their_members(btf: Btf) -> None:
    server = btf.find(Kind.STRUCT, "server")
    assert server is not None
    assert server.size == 64
    at = {member.name: member.bit_offset // 8 for member in server.members}
    assert at["port"] == 16
    assert at["weight"] == 36


def test_typedefs_keep_their_names(btf: Btf) -> None:
    server = btf.find(Kind.STRUCT, "server")
    assert server is not None
    port = next(member for member in server.members if member.name == "port")
    assert "__be16" in btf.typedefs(port.type)
    assert btf.size(port.type) == 2


def test_arrays_have_their_size(btf: Btf) -> None:
    bucket = btf.find(Kind.STRUCT, "bucket")
    assert bucket is not None
    slots = next(member for member in bucket.members if member.name == "slot")
    assert btf.size(slots.type) == 5 * 24


def test_enums_have_their_values(btf: Btf) -> None:
    method = btf.find(Kind.ENUM, "method")
    assert method is not None
    assert dict(method.values)["METHOD_DR"] == 3


def test_sections_name_their_variables(btf: Btf) -> None:
    assert {"config", "layouts"} <= {member.name for member in btf.datasec(".rodata")}
    assert btf.datasec(".nowhere") == ()


@pytest.mark.parametrize("blob", [b"", b"\x7fELF\x02\x01", b"\x7fELF\x02\x01" + bytes(58)])
def test_what_is_no_object_is_refused(blob: bytes) -> None:
    with pytest.raises(PlatformError):
        section(blob, b".BTF")


def test_damaged_btf_is_refused(maps_object: Path) -> None:
    raw = section(maps_object.read_bytes(), b".BTF")
    with pytest.raises(PlatformError, match="damaged"):
        Btf(raw[: len(raw) // 2])
