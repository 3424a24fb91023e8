"""The library: what every client of a director calls, over the maps and their lock.

A change takes one walk: read, validate, plan (plan.py), journal, write (changing.py). Whoever
takes the lock first finishes what a dead predecessor left in the journal. A listing must start
within milliseconds, so each method imports what it alone needs.
"""

from collections.abc import Iterable, Sequence

from elvs.dataplane.layout import Bucket
from elvs.director.bulk import uncollected
from elvs.director.unfinished import unfinished
from elvs.model.errors import NoSuchService

TYPE_CHECKING = False  # typing takes 3 ms, which a listing does not have
if TYPE_CHECKING:
    from types import TracebackType

    from elvs.dataplane.port import Tables
    from elvs.director.ops import Plan
    from elvs.director.site import Site
    from elvs.model.change import Change
    from elvs.model.figures import Connection, ServiceView
    from elvs.model.service import ServiceKey

SLOTS_PER_CONNECTION = 2


class Director:
    """A director's tables in one network namespace. Use it in a `with`, or close it.

    Safe to use from several processes at once: changes wait for each other, and listings for
    changes. Not safe for threads that share one object.
    """

    def __init__(self, site: "Site") -> None:
        self._site = site

    @classmethod
    def here(cls) -> "Director":
        """The director of the caller's network namespace; nothing is opened or created yet."""
        from elvs.director.site import Here

        return cls(Here())

    def __enter__(self) -> "Director":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what was opened; the object can be used again."""
        self._site.close()

    def services(self, key: "ServiceKey | None" = None) -> "Sequence[ServiceView]":
        """All services, newest first; with `key` that one alone. Raises NoSuchService."""
        tables = self._site.tables()
        if tables is None:
            if key is None:
                return ()
            raise NoSuchService(f"there is no service {key}", "add it first")
        from elvs.director.read import read_services

        with self._site.locked(), uncollected():
            self._recover(tables)
            return read_services(tables, key)

    def connections(self) -> "Iterable[Connection]":
        """The living connections, in table order (not stable); read while they change."""
        tables = self._site.tables()
        if tables is None:
            return ()
        from elvs.director.changing import clock_of
        from elvs.director.connections import read_connections

        return read_connections(tables, clock_of(tables).tick)

    def timeouts(self) -> tuple[int, int, int]:
        """Seconds: TCP established, TCP FIN_WAIT, UDP."""
        from elvs.director import settings

        tables = self._site.tables()
        ticks = [] if tables is None else settings.read_timeouts(tables)
        return settings.settable(ticks if any(ticks) else settings.default_timeouts())

    def connection_limit(self) -> int:
        """How many IPv4 connections the table is made for; the default size where there is none."""
        tables = self._site.tables()
        if tables is None:
            return self._site.default_limit()
        return tables.rows("conn4") * Bucket.slot.count // SLOTS_PER_CONNECTION

    def apply(self, changes: "Sequence[Change]") -> Sequence[str]:
        """Carry the changes out as one transaction, all or none; returns warnings, a line each.

        Raises the error of the first change that cannot be done, TableFull or InvalidValue and
        changes nothing. Makes the tables if there are none.
        """
        from elvs.director.changing import change
        from elvs.director.plan import addresses_in

        around = self._site.surroundings(addresses_in(changes))
        with self._site.locked(), uncollected():
            return change(self._site, changes, around)

    def plan(self, changes: "Sequence[Change]") -> "Plan":
        """What `apply` would write now; printable. Raises what `apply` would raise."""
        from elvs.director.changing import preview
        from elvs.director.plan import addresses_in

        around = self._site.surroundings(addresses_in(changes))
        with self._site.locked(), uncollected():
            return preview(self._site, changes, around)

    def _recover(self, tables: "Tables") -> None:
        """Finish what a dead predecessor began."""
        if unfinished(self._site.directory):
            from elvs.director.changing import recover

            recover(self._site, tables)
