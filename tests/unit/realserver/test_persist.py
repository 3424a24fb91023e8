"""The unit file: written once, enabled where systemd runs, gone afterwards."""

from pathlib import Path

import pytest

from elvs.model.errors import PlatformError
from elvs.realserver.persist import Unit
from elvs.realserver.request import Request

REQUEST = Request.parse("dr", ["192.0.2.9"], [])


@pytest.fixture
def calls() -> list[tuple[str, ...]]:
    return []


@pytest.fixture
def unit(tmp_path: Path, calls: list[tuple[str, ...]]) -> Unit:
    for name, target in (("first", "net:[1]"), ("own", "net:[1]")):
        (tmp_path / name).symlink_to(target)
    namespaces = (tmp_path / "first", tmp_path / "own")
    return Unit(
        tmp_path / "units", tmp_path / "systemd", lambda *words: calls.append(words), namespaces
    )


def test_written_and_enabled(unit: Unit, calls: list[tuple[str, ...]]) -> None:
    unit.running.mkdir()
    assert unit.write(REQUEST, "/opt/e lvs") == [f"{unit.path} written and enabled"]
    assert (
        "ExecStart='/opt/e lvs' realserver up --method dr --vip 192.0.2.9 --persist\n"
        in unit.path.read_text()
    )
    assert calls == [("daemon-reload",), ("enable", "elvs-realserver.service")]
    assert unit.write(REQUEST, "/opt/e lvs") == []
    assert unit.remove() == [f"{unit.path} removed"]
    assert calls[2:] == [("disable", "elvs-realserver.service"), ("daemon-reload",)]
    assert unit.remove() == []


def test_without_systemd_it_says_so(unit: Unit, calls: list[tuple[str, ...]]) -> None:
    (line,) = unit.write(REQUEST, "/usr/bin/elvs")
    assert "not enabled" in line
    assert unit.remove() == [f"{unit.path} removed"]
    assert calls == []


def test_only_for_the_namespace_of_systemd(unit: Unit) -> None:
    unit.judge()
    unit.running.mkdir()
    unit.judge()
    unit.namespaces[1].unlink()
    unit.namespaces[1].symlink_to("net:[2]")
    assert not unit.here()
    with pytest.raises(PlatformError, match="own network namespace"):
        unit.judge()
