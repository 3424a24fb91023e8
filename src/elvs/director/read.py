"""The maps as services with their figures."""

from collections.abc import Iterable, Mapping, Sequence

from elvs.dataplane.port import Tables
from elvs.director import traffic
from elvs.director.rows import (
    SERVICE_GENERATION,
    parse_server,
    parse_service,
    server_service,
    service_key,
    service_pool,
)
from elvs.director.view import View
from elvs.model.errors import NoSuchService
from elvs.model.figures import Counters, RealServerView, ServiceView
from elvs.model.service import Service, ServiceKey

NONE = Counters()
SCALES = (10, 10, 5, 10, 5)
"""Fixed-point bits of the averages in the order of `struct counters`; ip_vs_est.c."""


def read_services(tables: Tables, key: ServiceKey | None) -> Sequence[ServiceView]:
    """All services, newest first, or the one of `key`. The caller holds the lock."""
    view = View(tables)
    if key is None:
        numbers = list(view.living_services())
    else:
        number = view.service_id(service_key(key))
        if number is None:
            raise NoSuchService(f"there is no service {key}", "add it first")
        numbers = [number]
    rows = {number: view.service(number) for number in numbers}
    rows = dict(sorted(rows.items(), key=lambda item: item[1][SERVICE_GENERATION:][::-1]))
    return Reader(view, rows).views()[::-1]


class Reader:
    """Reads what some services need: all counters in few calls."""

    def __init__(self, view: View, rows: Mapping[int, bytes]) -> None:
        self._view = view
        self._rows = rows
        self._pools = {n: list(view.pool(service_pool(row))) for n, row in rows.items()}
        self._removed: dict[int, list[int]] = {}
        for server in view.removed_servers():
            owner = server_service(view.server(server))
            if owner in rows:
                self._removed.setdefault(owner, []).append(server)
        wanted = [server for pool in self._pools.values() for server, _ in pool]
        wanted += [server for servers in self._removed.values() for server in servers]
        self._counts = view.since_baseline(wanted)
        self._averages = {server: view.averages(server) for server in wanted}

    def views(self) -> list[ServiceView]:
        return [self._service(number, parse_service(row)) for number, row in self._rows.items()]

    def _service(self, number: int, service: Service) -> ServiceView:
        """A service's figures are the sums of its servers', also of those that have left."""
        servers = [server for server, _ in self._pools[number]]
        counting = servers + self._removed.get(number, [])
        total = summed([self._view.departed_of(number), *(self._counts[s] for s in counting)])
        views = tuple(self._server(server) for server in servers)
        declared = tuple(view.server for view in views)
        return ServiceView(
            Service(
                service.key,
                service.scheduler,
                service.flags,
                service.persistence_timeout,
                service.netmask,
                declared,
            ),
            counters(total),
            rates(summed([self._averages[server] for server in counting])),
            views,
        )

    def _server(self, number: int) -> RealServerView:
        active, inactive, persistent = self._view.load(number)
        return RealServerView(
            parse_server(self._view.server(number)),
            active,
            inactive,
            persistent,
            counters(self._counts[number]),
            rates(self._averages[number]),
        )


def summed(rows: Iterable[traffic.Row]) -> traffic.Row:
    some = [row for row in rows if row != traffic.NOTHING]
    return traffic.plus(*some) if some else traffic.NOTHING


def counters(row: traffic.Row) -> Counters:
    """From the order of `struct counters`."""
    if row == traffic.NOTHING:
        return NONE
    connections, in_packets, in_bytes, out_packets, out_bytes = row
    return Counters(connections, in_packets, out_packets, in_bytes, out_bytes)


def rates(averages: traffic.Row) -> Counters:
    """Per second, rounded as IPVS shows them: (avg + 511) >> 10, bytes (avg + 15) >> 5."""
    if averages == traffic.NOTHING:
        return NONE
    return counters(
        tuple(
            (avg + (1 << scale - 1) - 1) >> scale
            for avg, scale in zip(averages, SCALES, strict=True)
        )
    )
