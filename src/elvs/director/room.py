"""Where a transaction finds numbers for what is new, and when to collect what was removed."""

from functools import cached_property

from elvs.director.ids import FreeRows
from elvs.director.overlay import Overlay
from elvs.director.removed import Removed
from elvs.model.errors import TableFull

POOL_LIMIT = 65536
"""Servers of one service: what the data plane's schedulers look at (bpf/sched/pool.h)."""


class Room:
    """Free numbers of one transaction. What a change does not need is not looked up."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._serial = 0

    @cached_property
    def _began(self) -> tuple[Removed, set[int]]:
        """What was removed before, and the ids of services that were dead when we began."""
        removed = Removed(self._overlay)
        removed.collect(pressed=False)
        return removed, removed.dead_services()

    @property
    def removed(self) -> Removed:
        return self._began[0]

    @cached_property
    def _servers(self) -> FreeRows:
        return self._overlay.free_servers()

    @cached_property
    def _services(self) -> FreeRows:
        return self._overlay.free_services(self._began[1])

    def server_id(self, siblings: int) -> int:
        """A free row for a server of a service that has `siblings` already."""
        if siblings >= POOL_LIMIT:
            raise TableFull(f"a service takes {POOL_LIMIT} real servers", "spread them over two")
        number = self._servers.take()
        if number is None:
            self._collect()
            number = self._servers.take()
        if number is None:
            raise full(self._overlay, "servers", "real servers")
        return number

    def service_id(self) -> int:
        number = self._services.take()
        if number is None:
            self._collect()
            number = self._services.take()
        if number is None:
            raise full(self._overlay, "services", "services")
        return number

    def _collect(self) -> None:
        """Make room now rather than in two minutes."""
        dead = self.removed.dead_services()
        for server in self.removed.collect(pressed=True):
            self._servers.give(server)
        for service in dead - self.removed.dead_services():
            self._services.give(service)

    def serial(self) -> int:
        """A number above those of all services that were made before."""
        self._serial = (self._serial or self._overlay.newest_serial()) + 1
        return self._serial


def full(overlay: Overlay, name: str, noun: str) -> TableFull:
    return TableFull(
        f"the table of {noun} is full ({overlay.tables.rows(name)})",
        f"attach with --{name} N for a larger one",
    )
