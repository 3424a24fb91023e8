"""The kernel's answers about routes, asked in the test's own namespace, and as bytes."""

import errno
import struct

import pytest

from elvs.director.route import (
    HEADER,
    NOWHERE,
    ROUTE,
    Kind,
    Route,
    look_up,
    parse,
    question,
    refused,
)
from elvs.model.address import Address

LOOPBACK = Address.parse("127.0.0.1")


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value.ljust(-(-len(value) // 4) * 4, b"\0")


def test_loopback_is_local() -> None:
    assert look_up([LOOPBACK]) == {LOOPBACK: Route(Kind.LOCAL, 1, LOOPBACK)}


def test_many_addresses_are_answered_in_one_go() -> None:
    many = [Address(bytes([127, 0, n // 250, n % 250 + 1])) for n in range(1000)]
    found = look_up([*many, *many])
    assert set(found) == set(many)
    assert {route.kind for route in found.values()} == {Kind.LOCAL}


def test_nothing_is_asked_for_nothing() -> None:
    assert look_up([]) == {}


def test_a_route_is_read() -> None:
    head = ROUTE.pack(10, 128, 0, 0, 254, 0, 0, 1, 0)
    source = Address.parse("fd00::9")
    body = (
        attribute(1, bytes(16)) + attribute(4, struct.pack("=I", 12)) + attribute(7, source.packed)
    )
    assert parse(head + body) == Route(Kind.UNICAST, 12, source)
    assert parse(head) == Route(Kind.UNICAST)


@pytest.mark.parametrize("kind", [0, 6, 7, 8])
def test_a_route_that_refuses_is_none(kind: int) -> None:
    assert parse(ROUTE.pack(2, 32, 0, 0, 254, 0, 0, kind, 0)) == NOWHERE


def test_no_route_is_an_answer_and_other_errors_are_not() -> None:
    assert refused(struct.pack("=i", -errno.ENETUNREACH)) == NOWHERE
    assert refused(struct.pack("=i", -errno.EHOSTUNREACH)) == NOWHERE
    with pytest.raises(OSError, match="No buffer"):
        refused(struct.pack("=i", -errno.ENOBUFS))


def test_a_question_is_a_whole_message() -> None:
    raw = question(Address.parse("10.1.0.1"), 5)
    assert HEADER.unpack_from(raw) == (len(raw), 26, 1, 5, 0)
    assert raw.endswith(bytes([10, 1, 0, 1]))
