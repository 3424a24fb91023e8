"""Labs on disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from elvs.lab import state
from elvs.lab.errors import LabError
from elvs.lab.state import LabState

LAB = LabState("mine", "nat", 2, ("elvs-mine-client",), nginx={"server1": 7})


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "RUN", tmp_path / "labs")
    return tmp_path / "labs"


def test_what_is_claimed_is_found() -> None:
    state.claim(LAB)
    assert state.find("mine") == LAB
    assert state.find_all() == (LAB,)


def test_a_name_is_taken_once_and_nothing_else_is_left(run: Path) -> None:
    state.claim(LAB)
    with pytest.raises(LabError, match="lab mine is up already; elvs lab down mine"):
        state.claim(replace(LAB, topology="lan"))
    assert state.find("mine").topology == "nat"
    assert [path.name for path in run.iterdir()] == ["mine"]


def test_saving_replaces() -> None:
    state.claim(LAB)
    state.save(replace(LAB, complete=True))
    assert state.find("mine").complete


def test_the_last_one_takes_the_directory_along(run: Path) -> None:
    other = replace(LAB, name="other")
    state.claim(LAB)
    state.claim(other)
    state.forget(LAB)
    assert state.find_all() == (other,)
    state.forget(other)
    assert not run.exists()


@pytest.mark.parametrize("name", ["mine", "../mine", "."])
def test_what_is_not_up_is_not_found(name: str) -> None:
    with pytest.raises(LabError, match="no lab"):
        state.find(name)


def test_nothing_is_up_on_a_fresh_machine() -> None:
    assert state.find_all() == ()
