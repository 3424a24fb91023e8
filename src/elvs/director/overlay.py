"""The tables as a transaction sees them: the maps, and over them the rows that it changes.

Nothing is written here; emit.py makes the difference to the maps into writes.
"""

from functools import cached_property

from elvs.dataplane.port import Tables
from elvs.director import traffic
from elvs.director.filters import AddressFilter
from elvs.director.ids import Clock, FreeRows
from elvs.director.rows import (
    SERVER,
    SERVER_FLAGS,
    SERVICE,
    SERVICE_FLAGS,
    SERVICE_GENERATION,
    SERVICE_POOL,
)
from elvs.director.view import View
from elvs.model.address import Family


class Overlay(View):
    """Reads through what a transaction has changed so far down to the maps."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        super().__init__(tables)
        self.clock = clock
        self.services: dict[int, bytes] = {}
        self.servers: dict[int, bytes] = {}
        self.ids: dict[bytes, int | None] = {}
        self.ids_before: dict[bytes, int | None] = {}
        self.departed: dict[int, traffic.Row] = {}
        self.baselines: dict[int, traffic.Row] = {}
        self.rates_reset: set[int] = set()
        self.timeouts: dict[int, int] = {}
        """Index into settings.timeout -> ticks."""
        self.service_counts = [0, 0]
        """How many more (or fewer) services of IPv4 and IPv6 there are."""
        self.targets = AddressFilter("targets", tables.memory("targets"))
        self.sources = AddressFilter("sources", tables.memory("sources"))

    def count_service(self, family: Family, by: int) -> None:
        self.service_counts[family is Family.IPV6] += by

    def service(self, number: int) -> bytes:
        found = self.services.get(number)
        return super().service(number) if found is None else found

    def server(self, number: int) -> bytes:
        found = self.servers.get(number)
        return super().server(number) if found is None else found

    def service_id(self, key: bytes) -> int | None:
        if key not in self.ids:
            self.ids[key] = self.ids_before[key] = super().service_id(key)
        return self.ids[key]

    def set_service_id(self, key: bytes, number: int | None) -> None:
        """Make a service known by its key, or unknown."""
        self.service_id(key)
        self.ids[key] = number

    def baseline(self, server: int) -> traffic.Row:
        return self.baselines.get(server) or super().baseline(server)

    def departed_of(self, service: int) -> traffic.Row:
        return self.departed.get(service) or super().departed_of(service)

    def cursor(self, service: int) -> int:
        """The scheduler's place in the maps."""
        return int.from_bytes(self.read("states", service, 8), "little")

    def idle(self, server: int) -> bool:
        """Whether no connection and no template refers to a server."""
        return not any(self.load(server))

    def areas(self) -> list[int]:
        """Offset | length << 32 of the areas of all services in the maps, 0 for none."""
        words = self.tables.memory("services").cast("Q")
        areas: list[int] = words[SERVICE_POOL // 8 :: SERVICE.size // 8].tolist()
        return areas

    def newest_serial(self) -> int:
        words = self.tables.memory("services").cast("I")
        serials: list[int] = words[SERVICE_GENERATION // 4 :: SERVICE.size // 4].tolist()
        return max(serials)

    def free_servers(self) -> FreeRows:
        return FreeRows(self._server_flags)

    def free_services(self, held: set[int]) -> FreeRows:
        return FreeRows(self.flags("services", SERVICE.size, SERVICE_FLAGS), held)

    @cached_property
    def _server_flags(self) -> bytes:
        return super().flags("servers", SERVER.size, SERVER_FLAGS)

    def flags(self, name: str, size: int, offset: int) -> bytes:
        """As `View.flags`; those of servers are wanted twice and the maps do not change."""
        if (name, offset) == ("servers", SERVER_FLAGS):
            return self._server_flags
        return super().flags(name, size, offset)
