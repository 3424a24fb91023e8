"""Which bits the filters get, and when."""

from elvs.dataplane.layout import FilterRow
from elvs.director.apply import store
from elvs.director.filters import FULL, AddressFilter, place
from elvs.director.ops import Store
from elvs.model.address import Address

ONE = Address.parse("192.0.2.1").padded
SIX = Address.parse("2001:db8::1").padded


def memory() -> memoryview:
    return memoryview(bytearray(4096 * FilterRow.SIZE))


def carry_out(where: memoryview, stores: list[Store]) -> None:
    for op in stores:
        store(where.cast("Q"), op)


def held(where: memoryview, address: bytes) -> tuple[int, int]:
    row, bit = place(address)
    return FilterRow.bits.get(where, row) >> bit & 1, FilterRow.refs.get(where, row, bit)


def test_the_place_is_the_data_planes() -> None:
    """192.0.2.1 as a little-endian word is 0x010200c0, times 0x9e3779b1 modulo 2^32."""
    mixed = 0x010200C0 * 0x9E3779B1 % 2**32
    assert place(ONE) == (mixed >> 20, mixed >> 14 & 63)
    fold = int.from_bytes(SIX[:4], "little") ^ int.from_bytes(SIX[12:], "little")
    mixed = fold * 0x9E3779B1 % 2**32
    assert place(SIX) == (mixed >> 20, mixed >> 14 & 63)


def test_a_bit_is_set_before_and_cleared_after() -> None:
    where = memory()
    holding = AddressFilter("targets", where)
    holding.hold(ONE)
    before, after = holding.stores()
    assert after == []
    carry_out(where, before)
    assert held(where, ONE) == (1, 1)
    leaving = AddressFilter("targets", where)
    leaving.release(ONE)
    leaving.hold(SIX)
    before, after = leaving.stores()
    carry_out(where, before)
    assert (held(where, ONE), held(where, SIX)) == ((1, 0), (1, 1))
    carry_out(where, after)
    assert (held(where, ONE), held(where, SIX)) == ((0, 0), (1, 1))


def test_what_comes_and_goes_at_once_is_nothing() -> None:
    both = AddressFilter("targets", memory())
    both.hold(ONE)
    both.release(ONE)
    assert both.stores() == ([], [])


def test_a_full_count_keeps_its_bit_for_ever() -> None:
    where = memory()
    many = AddressFilter("targets", where)
    for _ in range(FULL + 3):
        many.hold(ONE)
    carry_out(where, many.stores()[0])
    assert held(where, ONE) == (1, FULL)
    fewer = AddressFilter("targets", where)
    for _ in range(FULL):
        fewer.release(ONE)
    assert fewer.stores() == ([], [])
