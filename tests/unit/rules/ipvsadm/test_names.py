"""Names in what is printed."""

import pytest

from elvs.model.address import Address
from elvs.rules.ipvsadm import names


def test_each_name_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def by_address(address: str) -> tuple[str, list[str], list[str]]:
        asked.append(address)
        if address == "10.0.0.9":
            raise OSError("unknown")
        return "web.example", [], []

    monkeypatch.setattr(names, "gethostbyaddr", by_address)
    name = names.resolver()
    for _ in range(2):
        assert name(Address.parse("10.0.0.1"), 80, "tcp") == "web.example:http"
        assert name(Address.parse("10.0.0.1"), 80, "") == "web.example:80"
        assert name(Address.parse("10.0.0.9"), 1, "udp") == "10.0.0.9:1"
        assert name(Address.parse("2001:db8::1"), 53, "udp") == "[web.example]:domain"
    assert asked == ["10.0.0.1", "10.0.0.9", "2001:db8::1"]
