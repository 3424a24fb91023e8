"""Addresses and numbers beyond the recorded lines: IPv6, and what only hostile input holds."""

import pytest

from elvs.model.address import Address
from elvs.rules.ipvsadm.addresses import endpoint, ipv4, leading_number, number
from tests.kit.ipvsadm import hosts


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("[2001:db8::1]:80", "2001:db8::1", 80),
        ("2001:db8::2:80", "2001:db8::2:80", None),
        ("[::ffff:1.2.3.4]:0", "::ffff:1.2.3.4", 0),
        ("1.2.3.4:http", "1.2.3.4", 80),
        ("1.2.3.4", "1.2.3.4", None),
    ],
)
def test_endpoint(text: str, address: str, port: int | None) -> None:
    assert endpoint(text, "tcp") == (Address.parse(address), port)


@pytest.mark.parametrize(
    "text",
    ["", "80", "[2001:db8::1]", "[2001:db8::1", "[]:80", "[2001:db8::1]:", "[2001:db8::1]:70000"],
)
def test_no_endpoint(text: str) -> None:
    assert endpoint(text, "tcp") is None


@pytest.mark.parametrize(
    "text", ["1.2.3.4:a\0b", "\0:80", "\udcff:80", "1.2.3.4:\udcff", "x" * 9999]
)
def test_hostile_words_are_no_endpoints(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts(monkeypatch)
    assert endpoint(text, "tcp") is None


def test_names_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts(monkeypatch)
    assert ipv4("localhost") == Address.parse("127.0.0.1")
    assert ipv4("nohost.invalid") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), (" +7", 7), ("-0", 0), ("007", 7), ("7 ", None), ("", None), ("-", None)],
)
def test_number(text: str, value: int | None) -> None:
    assert number(text, 0, 100) == value


@pytest.mark.parametrize("text", ["٣", "9" * 5000, "101", "-1", "0x1", "1_0"])
def test_no_number(text: str) -> None:
    assert number(text, 0, 100) is None


@pytest.mark.parametrize(("text", "value"), [("64", 64), ("64x", 64), ("x", 0), ("", 0)])
def test_leading_number(text: str, value: int) -> None:
    assert leading_number(text) == value
