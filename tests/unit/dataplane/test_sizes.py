"""Sizes of tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elvs.dataplane.sizes import BYTES_PER_BUCKET, MOST_BUCKETS, Sizes
from elvs.model.errors import InvalidValue


@given(st.integers(1, 1 << 26))
def test_the_limit_holds_what_was_asked(connections: int) -> None:
    sizes = Sizes(connections)
    assert sizes.limit >= connections
    assert sizes.buckets & (sizes.buckets - 1) == 0
    assert sizes.limit * 2 <= sizes.buckets * 5


@given(st.integers(1 << 29, 1 << 42))
def test_the_default_takes_a_hundredth_of_the_memory(memory: int) -> None:
    buckets = Sizes.by_memory(memory).buckets
    assert buckets == MOST_BUCKETS or memory // 300 <= buckets * BYTES_PER_BUCKET <= memory // 100


def test_rows_of_maps() -> None:
    rows = Sizes(10_000, services=20, servers=30).rows()
    assert rows["conn4"] == rows["conn6"] == rows["tails"] == 4096
    assert rows["states"] == rows["service_ids"] == 20
    assert rows["traffic"] == 30
    assert rows["pool"] == 90


@pytest.mark.parametrize(
    ("connections", "services", "servers"), [(0, 1, 1), (1, 0, 1), (1, 1, (1 << 20) + 1)]
)
def test_what_cannot_be(connections: int, services: int, servers: int) -> None:
    with pytest.raises(InvalidValue):
        Sizes(connections, services, servers)
