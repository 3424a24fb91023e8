"""The director's object as the sources are, and a /run/elvs that is the test's own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from elvs.dataplane import bpffs, build, loader


@pytest.fixture(scope="session")
def elvs_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The director's object, built; a copy, since a build beside the tests may replace it."""
    tree = build.Tree()
    build.build(tree)
    return Path(shutil.copy(tree.director, tmp_path_factory.mktemp("bpf")))


@pytest.fixture
def own_run(elvs_object: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In place of /run/elvs; pins and files go with the test."""
    place = Path(f"/run/elvs-test-{os.getpid()}")
    monkeypatch.setattr(bpffs, "RUN", str(place))
    monkeypatch.setattr(loader, "OBJECT", elvs_object)
    try:
        yield place
    finally:
        if os.path.ismount(place / "bpf"):
            subprocess.run(["umount", str(place / "bpf")], check=True)
        subprocess.run(["rm", "-rf", "--one-file-system", str(place)], check=True)
