"""Places, lock and record, in a temporary directory."""

import os
from pathlib import Path

import pytest

from elvs.dataplane import pins
from elvs.dataplane.layout import Config
from elvs.dataplane.record import Record
from elvs.dataplane.sizes import Sizes
from elvs.model.errors import PlatformError


@pytest.fixture
def place(tmp_path: Path) -> pins.Place:
    return pins.Place(str(tmp_path), 0x1F)


def test_directories_are_named_by_the_cookie(place: pins.Place) -> None:
    assert place.pins == place.base / "bpf" / "1f"
    assert place.files == place.base / "1f"
    assert not place.exists()
    assert not place.files.exists()


def test_the_lock_is_exclusive_and_given_back(place: pins.Place) -> None:
    with pins.locked(place):
        assert pins.try_lock(place) is None
    fd = pins.try_lock(place)
    assert fd is not None
    os.close(fd)


def test_the_sentinel_goes_last(place: pins.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.pins.mkdir(parents=True)
    for name in ("alive", "conn4", "link_3", "prog_director"):
        (place.pins / name).touch()
    gone: list[str] = []
    unlink = Path.unlink

    def remember(path: Path) -> None:
        gone.append(path.name)
        unlink(path)

    monkeypatch.setattr(Path, "unlink", remember)
    pins.remove(place)
    assert gone == ["link_3", "conn4", "prog_director", "alive"]
    assert not place.pins.exists()


def test_the_record_is_kept(place: pins.Place) -> None:
    record = Record.fresh(Sizes(5000, 10, 20))
    record.write(place)
    assert Record.read(place) == record
    assert (place.files / "tables.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", '{"format": 9, "seed": [1, 2], "connections": 1}'])
def test_another_record_is_refused(place: pins.Place, text: str) -> None:
    place.files.mkdir()
    (place.files / "tables.json").write_text(text)
    with pytest.raises(PlatformError, match="cannot be read"):
        Record.read(place)


def test_the_config_of_a_load() -> None:
    raw = Record(Sizes(5000, 10, 20), (1, 2)).config(cpus=4, version=7)
    assert [Config.seed.get(raw, 0, i) for i in (0, 1)] == [1, 2]
    assert [Config.bucket_mask.get(raw, 0, i) for i in (0, 1)] == [2047, 2047]
    assert Config.connections.get(raw) == 5120
    assert (Config.cpus.get(raw), Config.servers.get(raw), Config.version.get(raw)) == (4, 20, 7)
