"""Sizes that an operator asks for, against tables that may be there already."""

from collections.abc import Mapping
from dataclasses import replace

from elvs.dataplane import loader
from elvs.dataplane.attachments import Attachments
from elvs.dataplane.detach import connections
from elvs.dataplane.layout import Settings
from elvs.dataplane.loader import SizesDiffer
from elvs.dataplane.pins import Place
from elvs.dataplane.record import Record
from elvs.dataplane.sizes import Sizes


def resolve(place: Place, asked: Mapping[str, int]) -> Sizes:
    """All sizes: those asked for; the rest as the tables have them, or by the machine's memory."""
    there = Record.read(place).sizes if place.exists() else Sizes.by_memory()
    return replace(there, **asked)


def must_remake(place: Place, sizes: Sizes, there: Attachments) -> bool:
    """Whether the tables are to be made anew for `sizes`.

    Raises SizesDiffer when that would lose a service or a connection, or stop a running program.
    """
    if not place.exists():
        return False
    present = Record.read(place).sizes
    if present.rows() == sizes.rows():
        return False
    if there.interfaces:
        raise _differ(present, "while attached", "elvs detach, then attach with the new sizes")
    tables = loader.open_tables()
    assert tables is not None
    with tables:
        row = tables.memory("settings")
        services = Settings.services4.get(row) + Settings.services6.get(row)
        living = connections(tables)
    if services or living:
        raise _differ(
            present,
            f"while {services} services and {living} connections are in them",
            "elvs-ipvsadm -S > FILE, elvs detach --purge, attach, elvs-ipvsadm -R < FILE",
        )
    return True


def _differ(present: Sizes, why: str, mend: str) -> SizesDiffer:
    return SizesDiffer(
        f"the tables are for {present.connections} connections, {present.services} services,"
        f" {present.servers} servers and cannot be resized {why}",
        mend,
    )
