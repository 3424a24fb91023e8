"""Tables and programs of the caller's network namespace: found, created, replaced.

Order of an attach, under `pins.locked(pins.here())`: `open_tables(create=True)`, `load_programs`,
links (new, or updated from the program of `pinned_programs`), `pin_programs`, `tick.start`.
"""

import os
from dataclasses import dataclass, fields
from pathlib import Path

from elvs.dataplane import layoutgen, libbpf, pins, sentinel
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.bpffs import ensure_mounted
from elvs.dataplane.layout import MAPS, Clock
from elvs.dataplane.object import BpfObject
from elvs.dataplane.record import Record
from elvs.dataplane.sizes import Sizes
from elvs.model.errors import ElvsError

OBJECT = Path(__file__).with_name("elvs.bpf.o")


class SizesDiffer(ElvsError):
    """The tables exist, and an operator asks for other sizes."""


def open_tables(create: bool = False, sizes: Sizes | None = None) -> BpfTables | None:
    """The tables of the caller's network namespace; None when there are none.

    With `create` they are made if need be (with `sizes`, or by the machine's memory): the caller
    then holds `pins.locked(pins.here())`. Without, nothing is created and no lock is needed.
    Raises PlatformError without privilege, SizesDiffer when they exist with others than `sizes`.
    """
    libbpf.require_privilege()
    place = pins.here()
    if place.exists():
        if sizes is not None and create:
            _compare(Record.read(place).sizes, sizes)
        return BpfTables(place.pins)
    if not create:
        return None
    _create(place, Record.fresh(sizes or Sizes.by_memory()))
    return BpfTables(place.pins)


def _compare(there: Sizes, wanted: Sizes) -> None:
    if (there.buckets, there.services, there.servers) == (
        wanted.buckets,
        wanted.services,
        wanted.servers,
    ):
        return
    raise SizesDiffer(
        f"the tables exist, made for {there.limit} connections, {there.services} services and"
        f" {there.servers} servers",
        "leave the sizes out, or detach with --purge first",
    )


def _create(place: pins.Place, record: Record) -> None:
    """Make all maps aside and put them in place by one rename."""
    ensure_mounted(place.root)
    sentinel.collect(place.root)
    fresh = place.pins.with_name(f"{place.pins.name}_new")
    pins.remove_directory(fresh)
    try:
        _fill(fresh, record.sizes)
        record.write(place)
        pins.remove_directory(place.pins)  # a rest without sentinel
        fresh.rename(place.pins)
    except BaseException:
        pins.remove_directory(fresh)  # or its memory stays taken
        raise


def _fill(directory: Path, sizes: Sizes) -> None:
    with _opened_object() as program:
        program.load_only(())
        for name, rows in sizes.rows().items():
            program.resize(name, rows)
        program.load()
        directory.mkdir(mode=0o700)
        sentinel.pin(directory)
        for name in MAPS:
            libbpf.obj_pin(program.map_fd(name), directory / name)


def _opened_object() -> BpfObject:
    program = BpfObject.open(OBJECT)
    try:
        layoutgen.check(program.blob)
    except ElvsError:
        program.close()
        raise
    return program


@dataclass(frozen=True, slots=True)
class Programs:
    """Descriptors of the loaded programs; close them, or use this in a `with`."""

    director: int
    """XDP: the walk."""
    slow: int
    """tc ingress: what XDP hands over."""
    tick_start: int
    """syscall: starts the tick, or hands it over to this version."""
    explain: int
    """XDP, for test_run alone: the walk that changes nothing."""

    def close(self) -> None:
        for name in PROGRAMS:
            os.close(getattr(self, name))

    def __enter__(self) -> "Programs":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


PROGRAMS = tuple(field.name for field in fields(Programs))


def load_programs(tables: BpfTables) -> Programs:
    """Load the programs of this elvs over existing tables; nothing is attached or pinned yet."""
    record = Record.read(pins.here())
    version = Clock.version.get(tables.memory("clock")) + 1
    with _opened_object() as program:
        program.load_only(PROGRAMS)
        for name in MAPS:
            program.reuse(name, tables.fd(name))
        program.set_constant("config", record.config(libbpf.possible_cpus(), version))
        program.load()
        return Programs(*(os.dup(program.program_fd(name)) for name in PROGRAMS))


def pin_programs(programs: Programs) -> None:
    """Pin them, each in the place of the former version."""
    directory = pins.here().pins
    for name in PROGRAMS:
        libbpf.repin(getattr(programs, name), directory / f"prog_{name}")


def pinned_programs() -> Programs | None:
    """The programs that the last attach pinned; None when there are none."""
    directory = pins.here().pins
    found: list[int] = []
    try:
        for name in PROGRAMS:
            found.append(libbpf.obj_get(directory / f"prog_{name}"))
    except FileNotFoundError:
        for fd in found:
            os.close(fd)
        return None
    return Programs(*found)


def unpin_programs() -> None:
    """Take the pins of the programs away; links that are pinned keep theirs running."""
    directory = pins.here().pins
    for name in PROGRAMS:
        (directory / f"prog_{name}").unlink(missing_ok=True)
