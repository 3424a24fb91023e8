"""The data plane's sources compiled and linked into the objects that the package carries.

    python -m elvs.dataplane.build [--check]

For a checkout, with the standard library alone, so that it runs before anything is installed.
What was built from the same bytes before is kept: results are known by the content of what they
are made from, never by time. `--check` refuses to write what is committed (layout.py).
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from elvs.dataplane.btf import Btf
from elvs.dataplane.layoutgen import render
from elvs.dataplane.object import link_objects
from elvs.model.errors import ElvsError, PlatformError

ROOT = Path(__file__).parents[3]
CLANG = "clang-19"
MACHINE = Path(f"/usr/include/{os.uname().machine}-linux-gnu")
"""Where Debian keeps <asm/types.h>, which clang does not look for when it builds for BPF."""
FLAGS = (
    *("-O2", "-g", "-target", "bpf", "-mcpu=v3"),
    *("-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"),
)
FIRST = "maps.bpf.c"
"""Linked before all others: libbpf 1.1 resolves an extern map only in what it has seen already."""
APART = "realserver.bpf.c"
"""For real servers, not for directors: an object of its own."""


class BuildError(ElvsError):
    """The sources do not compile, do not link, or do not agree with what is committed."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Where things are in a checkout."""

    root: Path = ROOT

    @property
    def bpf(self) -> Path:
        return self.root / "bpf"

    @property
    def director(self) -> Path:
        return self.root / "src/elvs/dataplane/elvs.bpf.o"

    @property
    def real_server(self) -> Path:
        return self.root / "src/elvs/realserver/realserver.bpf.o"

    @property
    def layout(self) -> Path:
        return self.root / "src/elvs/dataplane/layout.py"

    def sources(self) -> list[Path]:
        """All sources in the order in which they are linked."""
        found = sorted(self.bpf.rglob("*.bpf.c"), key=lambda path: (path.name != FIRST, path))
        if not found:
            raise BuildError(f"no sources in {self.bpf}", "build in a checkout of eLVS")
        return found

    def compiled(self, source: Path) -> Path:
        return self.root / "build/bpf" / source.relative_to(self.bpf).with_suffix(".o")

    def stamp(self, result: Path) -> Path:
        return self.root / "build/stamps" / f"{result.relative_to(self.root)}"


def build(tree: Tree) -> list[Path]:
    """Bring both objects up to date; returns those that had to be made anew."""
    common = _digest([_clang_version().encode(), *_headers(tree)])
    sources = tree.sources()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        keys = list(pool.map(lambda source: _compile(tree, source, common), sources))
    made = []
    for target, apart in ((tree.director, False), (tree.real_server, True)):
        parts = [i for i, source in enumerate(sources) if (source.name == APART) is apart]
        key = _digest(keys[i].encode() for i in parts)
        if not _is_made(tree, target, key):
            target.parent.mkdir(parents=True, exist_ok=True)
            link_objects(target, [tree.compiled(sources[i]) for i in parts])
            _stamp(tree, target, key)
            made.append(target)
    return made


def write_layout(tree: Tree, *, check: bool) -> bool:
    """Make layout.py anew from the object's BTF if it is another; True if it was.

    With `check` that is a BuildError instead.
    """
    text = render(Btf.of_object(tree.director.read_bytes()))
    if tree.layout.exists() and tree.layout.read_text() == text:
        return False
    if check:
        name = tree.layout.relative_to(tree.root)
        raise BuildError(f"{name} is not what bpf/types.h makes", "run script/build and commit it")
    tree.layout.write_text(text)
    return True


def _compile(tree: Tree, source: Path, common: str) -> str:
    """One source to one object, unless it is there; returns the key of what it is made from."""
    target = tree.compiled(source)
    key = _digest([common.encode(), source.read_bytes()])
    if _is_made(tree, target, key):
        return key
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{os.getpid()}")
    includes = (f"-I{tree.bpf}", f"-I{MACHINE}")
    argv = [CLANG, *FLAGS, *includes, "-c", str(source), "-o", str(fresh)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise BuildError(f"{source.relative_to(tree.root)} does not compile")
        fresh.rename(target)
    finally:
        fresh.unlink(missing_ok=True)
    _stamp(tree, target, key)
    return key


def _clang_version() -> str:
    try:
        done = subprocess.run([CLANG, "--version"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise PlatformError(f"{CLANG} is not installed", f"apt install {CLANG}") from None
    for header, package in (
        (MACHINE / "asm/types.h", "linux-libc-dev"),
        (Path("/usr/include/bpf/bpf_helpers.h"), "libbpf-dev"),
    ):
        if not header.exists():
            raise PlatformError(f"{header} is missing", f"apt install {package}")
    return done.stdout.partition("\n")[0]


def _headers(tree: Tree) -> list[bytes]:
    return [repr(FLAGS).encode(), *(path.read_bytes() for path in sorted(tree.bpf.rglob("*.h")))]


def _digest(parts: Iterable[bytes]) -> str:
    """One hash of several strings of bytes, each hashed first so that their ends count."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _is_made(tree: Tree, result: Path, key: str) -> bool:
    """Was `result` made from this, and is it still what was made?"""
    stamp = tree.stamp(result)
    if not (stamp.exists() and result.exists()):
        return False
    return stamp.read_text() == f"{key} {_digest([result.read_bytes()])}"


def _stamp(tree: Tree, result: Path, key: str) -> None:
    stamp = tree.stamp(result)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(f"{key} {_digest([result.read_bytes()])}")


def main(arguments: Sequence[str]) -> int:
    """Build; the exit status. What is up to date already is not spoken of."""
    if set(arguments) - {"--check"}:
        print("usage: python -m elvs.dataplane.build [--check]", file=sys.stderr)
        return 2
    tree = Tree()
    try:
        made = build(tree)
        if write_layout(tree, check=bool(arguments)):
            made.append(tree.layout)
    except ElvsError as error:
        print(f"build: {error}", file=sys.stderr)
        return error.exit_status
    for path in made:
        print(f"made {path.relative_to(tree.root)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
