"""Values behave as the frozen, slotted dataclasses of the standard library do."""

import copy
import dataclasses
import pickle

import pytest

from elvs.dataplane.sizes import Sizes
from elvs.model.address import Address
from elvs.model.change import Clear
from elvs.model.errors import InvalidValue
from elvs.model.service import RealServer, RealServerKey
from elvs.model.value import dataclass

KEY = RealServerKey(Address.parse("192.0.2.1"), 80)


def test_equal_values_are_one_key() -> None:
    again = RealServerKey(Address.parse("192.0.2.1"), 80)
    assert again == KEY
    assert len({KEY, again}) == 1
    assert RealServerKey(KEY.address, 81) != KEY
    assert KEY.address != KEY  # type: ignore[comparison-overlap]
    assert Clear() == Clear()


def test_nothing_can_be_changed() -> None:
    with pytest.raises(AttributeError, match="port of a RealServerKey"):
        KEY.port = 81  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del KEY.port
    with pytest.raises(AttributeError):
        KEY.other = 1  # type: ignore[attr-defined]


def test_fields_are_given_by_place_or_name() -> None:
    server = RealServer(KEY, weight=3)
    assert (server.weight, server.tunnel_port) == (3, 0)
    match server:
        case RealServer(key, _, weight):
            assert (key, weight) == (KEY, 3)
    with pytest.raises(TypeError):
        RealServerKey(KEY.address)  # type: ignore[call-arg]


def test_values_are_shown_whole() -> None:
    assert repr(KEY) == "RealServerKey(address=Address(packed=b'\\xc0\\x00\\x02\\x01'), port=80)"


def test_addresses_have_an_order() -> None:
    low, high = Address.parse("192.0.2.1"), Address.parse("192.0.2.2")
    assert sorted([high, low]) == [low, high]
    assert low <= high
    assert high > low
    assert high >= high


def test_the_standard_tools_take_them() -> None:
    server = RealServer(KEY)
    assert dataclasses.replace(server, weight=7) == RealServer(KEY, weight=7)
    assert [f.name for f in dataclasses.fields(KEY)] == ["address", "port"]
    assert dataclasses.asdict(KEY) == {"address": {"packed": b"\xc0\x00\x02\x01"}, "port": 80}
    assert copy.deepcopy(server) == pickle.loads(pickle.dumps(server)) == server


def test_other_kinds_are_for_the_standard_library() -> None:
    with pytest.raises(TypeError, match="frozen"):
        dataclass(frozen=False, slots=True)


def test_a_value_can_refuse_what_it_is_made_of() -> None:
    with pytest.raises(InvalidValue):
        Sizes(connections=0)
    with pytest.raises(InvalidValue):
        dataclasses.replace(Sizes(1), services=0)
