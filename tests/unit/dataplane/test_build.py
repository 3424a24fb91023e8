"""The build: what is made anew, when, and what is said when it cannot be."""

import shutil
from pathlib import Path

import pytest

from elvs.dataplane import build
from elvs.dataplane.build import BuildError, Tree
from elvs.dataplane.elf import section
from elvs.model.errors import PlatformError

pytestmark = pytest.mark.skipif(not shutil.which(build.CLANG), reason=f"needs {build.CLANG}")

HEADER = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct row { __u64 seen; };
struct rows_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct row);
};
"""
SOURCES = {
    "maps.h": HEADER,
    "maps.bpf.c": '#include "maps.h"\nstruct rows_map rows SEC(".maps");\n',
    "entry.bpf.c": (
        '#include "maps.h"\nint leaf(int x);\nextern struct rows_map rows SEC(".maps");\n'
        'SEC("xdp") int entry(struct xdp_md *ctx) { __u32 k = 0;\n'
        "return leaf(bpf_map_lookup_elem(&rows, &k) != 0); }\n"
    ),
    "leaves/leaf.bpf.c": '#include "maps.h"\n__noinline int leaf(int x) { return x + 1; }\n',
    "realserver.bpf.c": '#include "maps.h"\nSEC("tc") int other(void *ctx) { return 0; }\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for name, text in SOURCES.items():
        path = tmp_path / "bpf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "src/elvs/dataplane").mkdir(parents=True)
    return Tree(tmp_path)


def test_two_objects(tree: Tree) -> None:
    assert build.build(tree) == [tree.director, tree.real_server]
    assert section(tree.director.read_bytes(), b"xdp")
    assert section(tree.real_server.read_bytes(), b"tc")
    with pytest.raises(PlatformError, match="no section tc"):
        section(tree.director.read_bytes(), b"tc")


def test_maps_are_linked_first(tree: Tree) -> None:
    assert tree.sources()[0].name == "maps.bpf.c"


def test_nothing_changed_makes_nothing(tree: Tree) -> None:
    build.build(tree)
    assert build.build(tree) == []


def test_a_touched_file_makes_nothing(tree: Tree) -> None:
    build.build(tree)
    (tree.bpf / "maps.h").touch()
    assert build.build(tree) == []


@pytest.mark.parametrize(
    ("name", "anew"),
    [
        ("leaves/leaf.bpf.c", ["director"]),
        ("realserver.bpf.c", ["real_server"]),
        ("maps.h", ["director", "real_server"]),
    ],
)
def test_what_a_change_makes_anew(tree: Tree, name: str, anew: list[str]) -> None:
    build.build(tree)
    path = tree.bpf / name
    path.write_text(path.read_text() + "/* another */\n")
    assert build.build(tree) == [getattr(tree, which) for which in anew]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"else")])
def test_an_object_lost_or_overwritten_is_made_again(tree: Tree, spoil: object) -> None:
    build.build(tree)
    good = tree.director.read_bytes()
    assert callable(spoil)
    spoil(tree.director)
    assert build.build(tree) == [tree.director]
    assert tree.director.read_bytes() == good


def test_a_file_that_does_not_compile(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    build.build(tree)
    good = tree.director.read_bytes()
    (tree.bpf / "leaves/leaf.bpf.c").write_text("int leaf(int x) { return y; }\n")
    with pytest.raises(BuildError, match=r"^bpf/leaves/leaf.bpf.c does not compile$"):
        build.build(tree)
    assert "undeclared identifier 'y'" in capfd.readouterr().err
    assert tree.director.read_bytes() == good


def test_no_clang(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "CLANG", "clang-0")
    with pytest.raises(PlatformError, match="clang-0 is not installed; apt install clang-0"):
        build.build(tree)


def test_no_sources(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="build in a checkout"):
        build.build(Tree(tmp_path))


def test_layout_is_written_once(tree: Tree) -> None:
    build.build(tree)
    assert build.write_layout(tree, check=False)
    assert "class Row:" in tree.layout.read_text()
    assert not build.write_layout(tree, check=False)


def test_a_check_writes_no_layout(tree: Tree) -> None:
    build.build(tree)
    with pytest.raises(BuildError, match="run script/build and commit it"):
        build.write_layout(tree, check=True)
    assert not tree.layout.exists()


def test_wrong_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err
