"""Compiling bpf/realserver.bpf.c; the common build calls it, installed trees never do."""

import subprocess
from pathlib import Path

from elvs.model.errors import PlatformError

COMPILER = "clang-19"
FLAGS = ("-O2", "-g", "-Wall", "-Wextra", "-target", "bpf", "-mcpu=v3")
HEADERS = "/usr/include/x86_64-linux-gnu"


def build(source: Path, target: Path) -> None:
    """Compile the real server's program to `target`; an older object stays if that fails."""
    fresh = target.with_suffix(".new")
    command = [COMPILER, *FLAGS, f"-I{HEADERS}", "-c", str(source), "-o", str(fresh)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PlatformError(f"{COMPILER} is missing", f"apt install {COMPILER}") from None
    if done.returncode:
        raise PlatformError(f"{source} does not compile:\n{done.stderr}")
    fresh.rename(target)
