"""The maps object, compiled where there is a clang for BPF."""

import shutil
import subprocess
from pathlib import Path

import pytest

from elvs.dataplane.object import link_objects

BPF = Path(__file__).parents[3] / "bpf"
CLANG = "clang-19"


def compile_bpf(source: Path, target: Path) -> Path:
    """Compile one file as the build does."""
    includes = ["-I", str(BPF), "-I/usr/include/x86_64-linux-gnu"]
    flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3"]
    subprocess.run([CLANG, *flags, *includes, "-c", str(source), "-o", str(target)], check=True)
    return target


@pytest.fixture(scope="session")
def maps_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bpf/maps.bpf.c, compiled and linked: all that layouts come from."""
    if not shutil.which(CLANG):
        pytest.skip(f"{CLANG} is not installed")
    folder = tmp_path_factory.mktemp("bpf")
    compiled = compile_bpf(BPF / "maps.bpf.c", folder / "maps.o")
    linked = folder / "elvs.bpf.o"
    link_objects(linked, [compiled])
    return linked
