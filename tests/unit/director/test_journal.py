"""The journal's file: what is written comes back, and what is torn does not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elvs.director.journal import Journal, JournalDamaged, Record, Resting, decode, encode
from elvs.director.ops import Area, Op, Put, Remove, Store
from elvs.model.errors import PlatformError

NAMES = st.sampled_from(["services", "service_ids", "pool"])
NUMBERS = st.integers(0, 2**32 - 1)
OPS: st.SearchStrategy[Op] = st.one_of(
    st.builds(Store, NAMES, st.integers(0, 2**40), st.binary(max_size=200)),
    st.builds(
        Put,
        NAMES,
        st.lists(st.tuples(st.binary(max_size=24), st.binary(max_size=4)), min_size=1).map(tuple),
    ),
    st.builds(Remove, NAMES, st.binary(max_size=24)),
)
AREAS = st.builds(Area, NUMBERS, NUMBERS)
RECORDS = st.builds(
    Record,
    st.lists(OPS, max_size=5).map(tuple),
    st.lists(AREAS, max_size=3).map(tuple),
    st.lists(st.builds(Resting, AREAS, NUMBERS), max_size=3).map(tuple),
)


@given(RECORDS)
def test_a_record_comes_back(record: Record) -> None:
    assert decode(encode(record)) == record


@given(RECORDS, st.data())
def test_a_torn_record_is_none(record: Record, data: st.DataObject) -> None:
    raw = encode(record)
    assert decode(raw[: data.draw(st.integers(0, len(raw) - 1))]) is None
    at = data.draw(st.integers(0, 19))
    assert decode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]) is None


def test_the_file_is_there_while_there_is_something_to_say(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.read() == Record() and not journal.is_open()
    begun = Record((Remove("service_ids", b"x"),), (Area(1, 2),), (Resting(Area(5, 1), 7),))
    journal.write(begun)
    assert journal.read() == begun and journal.is_open()
    journal.write(Record(resting=begun.resting))
    assert journal.read().resting == begun.resting and not journal.is_open()
    journal.write(Record())
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"something else")
    with pytest.raises(JournalDamaged, match="journal is damaged"):
        Journal(tmp_path).read()


def test_no_room_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="cannot write"):
        Journal(tmp_path / "missing").write(Record((Remove("service_ids", b"x"),)))
