"""Tables and programs in a namespace of their own, pinned below a /run/elvs of their own."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elvs.dataplane import bpffs, layout, loader, pins, sentinel, testrun, tick
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.explain import explain
from elvs.dataplane.frame import build
from elvs.dataplane.object import BpfObject
from elvs.dataplane.record import Record
from elvs.dataplane.sizes import Sizes
from elvs.lab import namespace
from elvs.model.address import Address
from elvs.model.errors import PlatformError, TableFull
from elvs.model.service import Protocol
from tests.kit.forked import run_in

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
NETNS = "elvs-loader"
SMALL = Sizes(connections=2560, services=16, servers=64)


@pytest.fixture
def run(own_run: Path) -> Iterator[Path]:
    """A namespace, and a place for pins."""
    namespace.make([NETNS])
    try:
        yield own_run
    finally:
        namespace.remove([NETNS])


def opened(create: bool = False, sizes: Sizes | None = None) -> BpfTables:
    with pins.locked(pins.here()):
        tables = loader.open_tables(create, sizes)
    assert tables is not None
    return tables


def test_reading_creates_nothing(run: Path) -> None:
    def child() -> None:
        assert loader.open_tables() is None

    run_in(NETNS, child)
    assert not run.exists()


def test_tables_outlive_their_maker(run: Path) -> None:
    def make() -> None:
        with opened(create=True, sizes=SMALL) as tables:
            layout.Server.weight.set(tables.memory("servers"), 63, 9)
            tables.put_all("service_ids", [(bytes(24), b"\7\0\0\0")])

    def look() -> None:
        with opened() as tables:
            assert layout.Server.weight.get(tables.memory("servers"), 63) == 9
            assert tables.get("service_ids", bytes(24)) == b"\7\0\0\0"
            assert tables.rows("conn4") == tables.rows("tails") == 1024
            assert tables.rows("pool") == 192
            assert len(tables.memory("servers")) == 64 * layout.Server.SIZE

    run_in(NETNS, make)
    run_in(NETNS, look)


def test_hash_maps_in_bulk(run: Path) -> None:
    def child() -> None:
        entries = [(i.to_bytes(24, "big"), i.to_bytes(4, "little")) for i in range(9000)]
        with opened(create=True, sizes=Sizes(2560, services=9000, servers=64)) as tables:
            tables.put_all("service_ids", entries)
            assert sorted(tables.items("service_ids")) == entries
            tables.delete("service_ids", entries[0][0])
            tables.delete("service_ids", entries[0][0])
            assert tables.get("service_ids", entries[0][0]) is None
            with pytest.raises(TableFull):
                tables.put_all("service_ids", [(b"x" * 24, bytes(4)), (b"y" * 24, bytes(4))])

    run_in(NETNS, child)


def test_per_cpu_rows_anywhere(run: Path) -> None:
    def child() -> None:
        with opened(create=True, sizes=SMALL) as tables, loader.load_programs(tables) as programs:
            testrun.run_xdp(programs.director, bytes(64))
            row = layout.Verdict.PASS_NOT_IP
            last = tables.rows("outcomes") - 1
            for first, count in ((0, last + 1), (row, 1), (row, last - row + 1)):
                rows = tables.per_cpu("outcomes", first, count)
                assert len(rows) == count
                assert sum(int.from_bytes(v, "little") for v in rows[row - first]) == 1
            assert tables.per_cpu("traffic", 0, 0) == []

    run_in(NETNS, child)


def test_sizes_are_kept(run: Path) -> None:
    def child() -> None:
        opened(create=True, sizes=SMALL).close()
        opened(create=True).close()
        opened(create=True, sizes=SMALL).close()
        with pytest.raises(loader.SizesDiffer, match="2560 connections"):
            opened(create=True, sizes=Sizes(100_000))

    run_in(NETNS, child)


def test_the_tick_is_handed_over(run: Path) -> None:
    def child() -> None:
        with opened(create=True, sizes=SMALL) as tables:
            assert tick.read(tables).age is None
            for version in (1, 2):
                with loader.load_programs(tables) as programs:
                    loader.pin_programs(programs)
                    tick.start(programs)
                time.sleep(0.1)
                now = tick.read(tables)
                assert now.running
                assert now.version == version
            names = {path.name for path in tables.directory.iterdir()}
            assert {f"prog_{name}" for name in loader.PROGRAMS} | set(layout.MAPS) <= names

    run_in(NETNS, child)


def test_a_clock_without_a_timer_is_stalled(run: Path) -> None:
    def child() -> None:
        with opened(create=True, sizes=SMALL) as tables:
            assert not tick.read(tables).stalled
            layout.Clock.ns.set(tables.memory("clock"), 0, time.monotonic_ns() - 2 * 10**9)
            assert tick.read(tables).stalled

    run_in(NETNS, child)


def test_a_dead_namespace_is_collected(run: Path) -> None:
    def child() -> None:
        opened(create=True, sizes=SMALL).close()
        assert sentinel.collect(bpffs.base()) == []

    run_in(NETNS, child)
    assert [path for path in (run / "bpf").iterdir() if path.is_dir()]
    namespace.remove([NETNS])
    deadline = time.monotonic() + 5
    while not sentinel.collect(str(run)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [path for path in (run / "bpf").iterdir() if path.is_dir()]
    assert [path.name for path in run.iterdir()] == ["bpf"]


def test_tables_made_with_private_mounts_are_seen_by_all(run: Path) -> None:
    def make() -> None:
        opened(create=True, sizes=SMALL).close()
        opened().close()

    run_in(NETNS, make, own_mounts=True)
    run_in(NETNS, lambda: opened().close())


def test_half_made_tables_are_made_again(run: Path) -> None:
    def child() -> None:
        opened(create=True, sizes=SMALL).close()
        place = pins.here()
        place.pins.rename(place.pins.with_name(f"{place.pins.name}_new"))
        assert loader.open_tables() is None
        opened(create=True, sizes=SMALL).close()

    run_in(NETNS, child)


def test_a_failed_creation_leaves_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PlatformError("no room")

    def child() -> None:
        with pytest.raises(PlatformError, match="no room"):
            opened(create=True, sizes=SMALL)
        assert not [path for path in (run / "bpf").iterdir() if path.is_dir()]

    monkeypatch.setattr(Record, "write", refuse)
    run_in(NETNS, child)


def test_without_a_record_no_program_is_loaded(run: Path) -> None:
    def child() -> None:
        with opened(create=True, sizes=SMALL) as tables:
            (pins.here().files / "tables.json").unlink()
            with pytest.raises(PlatformError, match="cannot be read"):
                loader.load_programs(tables)

    run_in(NETNS, child)


def test_the_verifiers_words_are_told(run: Path, elvs_object: Path) -> None:
    folder = elvs_object.parent
    source = folder / "bad.bpf.c"
    source.write_text(
        "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
        'SEC("xdp") int bad(struct xdp_md *c) { return *(int *)(long)c->data; }\n'
        'char LICENSE[] SEC("license") = "GPL";\n'
    )
    command = ["clang-19", "-O2", "-g", "-target", "bpf", "-I/usr/include/x86_64-linux-gnu"]
    subprocess.run([*command, "-c", str(source), "-o", str(folder / "bad.o")], check=True)
    with (
        BpfObject.open(folder / "bad.o") as program,
        pytest.raises(PlatformError, match=r"outside of the packet\).* kernel"),
    ):
        program.load()


def test_a_frame_is_explained(run: Path) -> None:
    def child() -> None:
        frame = build(
            Protocol.TCP, (Address.parse("192.0.2.1"), 1024), (Address.parse("192.0.2.2"), 80)
        )
        with opened(create=True, sizes=SMALL) as tables, loader.load_programs(tables) as programs:
            tick.start(programs)
            found = explain(tables, programs.explain, frame, ifindex=1)
        assert found.verdict is layout.Verdict.PASS_NOT_OURS
        assert (found.service, found.server, found.hop) == (None, None, None)

    run_in(NETNS, child)
