"""`elvs-ipvsadm` starts by a script of its own, and imports nothing that is slow to import."""

import subprocess
import sys
from pathlib import Path

import pytest

from elvs.cli import entry

READING = (
    "elvs.cli.ipvsadm",
    "elvs.director.library",
    "elvs.director.site",
    "elvs.director.read",
    "elvs.rules.ipvsadm.listing",
    "elvs.rules.ipvsadm.names",
)
CHANGING = (*READING, "elvs.director.changing", "elvs.cli.ipvsadm_restore")
SLOW = {"typing", "re", "dataclasses", "inspect", "pathlib", "socket", "json", "argparse", "click"}
FOR_CHANGES = {"elvs.director.plan", "elvs.director.journal", "elvs.director.overlay"}


def imported(modules: tuple[str, ...]) -> set[str]:
    """Names of all modules that importing `modules` alone brings in."""
    source = str(Path(entry.__file__).parents[2])
    code = f"import sys; sys.path.append({source!r}); import {', '.join(modules)}"
    code += "; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-ISc", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("modules", "banned"), [(READING, SLOW | FOR_CHANGES), (CHANGING, SLOW)], ids=["-L", "-R"]
)
def test_nothing_slow_is_imported(modules: tuple[str, ...], banned: set[str]) -> None:
    assert not imported(modules) & banned


def test_the_script_starts_the_command(tmp_path: Path) -> None:
    command = tmp_path / "elvs-ipvsadm"
    assert entry.write(command)
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ipvsadm v1.31")


def test_a_path_with_blanks_keeps_the_script_of_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my programs/python")
    assert not entry.write(tmp_path / "elvs-ipvsadm")
    assert not list(tmp_path.iterdir())
