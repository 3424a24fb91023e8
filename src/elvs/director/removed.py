"""Servers that have left their service and whose rows stay: IPVS's trash (ip_vs_ctl.c).

Connections still refer to such a row, so its number is not used again before the last of them has
gone. Until then (and for two minutes at least, as in IPVS) the same server coming back to the
same service takes the row with its counts again. A service that is gone stays remembered in the
same way while rows of its servers do, and its VIP in the filter with it.
"""

from elvs.director import traffic
from elvs.director.overlay import Overlay
from elvs.director.rows import (
    SERVER_AVAILABLE,
    SERVER_FLAGS,
    SERVER_IN_SOURCES,
    SERVER_KEY_BYTES,
    SERVER_REMOVED,
    SERVICE_FLAGS,
    SERVICE_KEY,
    SERVICE_LIVE,
    server_removed,
    server_service,
)

KEPT_TICKS = 12000
"""How long IPVS keeps an idle server in its trash (IP_VS_DEST_TRASH_PERIOD): 120 s."""


class Removed:
    """The removed servers that the maps hold, with those that the transaction adds and takes."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._rows: dict[int, dict[bytes, int]] = {}
        """Service id -> server key -> server id."""
        self._dead: dict[bytes, int] = {}
        """Key of a service that is gone -> its id."""
        for number in overlay.removed_servers():
            self._note(number, overlay.server(number))
        for service in self._rows:
            self.service_died(service)

    def _note(self, number: int, row: bytes) -> None:
        self._rows.setdefault(server_service(row), {})[row[:SERVER_KEY_BYTES]] = number

    def holds(self, service: int) -> bool:
        """Whether rows of servers of this service remain."""
        return bool(self._rows.get(service))

    def servers_of(self, service: int) -> dict[bytes, int]:
        """Keys and ids of the kept rows of a service; who takes one out has it in use again."""
        return self._rows.get(service) or {}

    def service_died(self, service: int) -> None:
        """Remember a service that is not living by its key, if rows of its servers remain."""
        row = self._overlay.service(service)
        if self.holds(service) and not row[SERVICE_FLAGS] & SERVICE_LIVE:
            self._dead[row[: SERVICE_KEY.size]] = service

    def dead_services(self) -> set[int]:
        """Ids that no other service may take yet."""
        return set(self._dead.values())

    def take_service(self, key: bytes) -> int | None:
        """The id that a service of this key had, if it is still kept."""
        return self._dead.pop(key, None)

    def add(self, number: int) -> None:
        """A server leaves its service: nothing new goes to it, its connections find it gone."""
        row = bytearray(self._overlay.server(number))
        row[SERVER_FLAGS] &= ~SERVER_AVAILABLE
        row[SERVER_REMOVED:] = self._overlay.clock.tick.to_bytes(4, "little")
        self._overlay.servers[number] = bytes(row)
        self._note(number, bytes(row))

    def collect(self, pressed: bool) -> list[int]:
        """Free the rows that nobody needs any more and return their numbers.

        Idle ones after KEPT_TICKS; `pressed` for room, as soon as no running program knows them.
        """
        freed: list[int] = []
        for service in list(self._rows):
            ripe = [
                (key, number)
                for key, number in self._rows[service].items()
                if number not in self._overlay.servers and self._ripe(number, pressed)
            ]
            if ripe:
                self._free(service, ripe)
                freed += [number for _, number in ripe]
        return freed

    def _ripe(self, number: int, pressed: bool) -> bool:
        clock = self._overlay.clock
        since = server_removed(self._overlay.server(number))
        old = clock.rested(since) if pressed else clock.age(since) >= KEPT_TICKS
        return old and self._overlay.idle(number)

    def _free(self, service: int, ripe: list[tuple[bytes, int]]) -> None:
        overlay = self._overlay
        since = overlay.since_baseline(number for _, number in ripe)
        for key, number in ripe:
            row = bytearray(overlay.server(number))
            if row[SERVER_FLAGS] & SERVER_IN_SOURCES:
                overlay.sources.release(key[:16])
            row[SERVER_FLAGS] = 0
            overlay.servers[number] = bytes(row)
            overlay.departed[service] = traffic.plus(overlay.departed_of(service), since[number])
            overlay.baselines[number] = traffic.plus(overlay.baseline(number), since[number])
            overlay.rates_reset.add(number)
            del self._rows[service][key]
        self._forget(service)

    def _forget(self, service: int) -> None:
        """With its last row a dead service goes too, and its VIP."""
        key = self._overlay.service(service)[: SERVICE_KEY.size]
        if not self.holds(service) and self._dead.get(key) == service:
            del self._dead[key]
            self._overlay.targets.release(key[:16])
            self._overlay.sources.release(key[:16])
