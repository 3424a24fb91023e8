"""A director in memory that has IPVS's rules of existence, and takes whatever IPVS takes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from elvs.model.change import (
    AddServer,
    AddService,
    Change,
    Clear,
    DeleteServer,
    DeleteService,
    EditServer,
    EditService,
    SetTimeouts,
)
from elvs.model.errors import (
    InvalidValue,
    NoSuchRealServer,
    NoSuchService,
    RealServerExists,
    SchedulerNotFound,
    ServiceExists,
)
from elvs.model.figures import Connection, Counters, RealServerView, ServiceView
from elvs.model.service import RealServer, RealServerKey, Service, ServiceKey

SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh")


class FakeDirector:
    """Implements elvs.director.port.DirectorPort; figures are all zero."""

    def __init__(self) -> None:
        self._services: dict[ServiceKey, Service] = {}
        self._timeouts = [900, 120, 300]

    def __enter__(self) -> "FakeDirector":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def services(self, key: ServiceKey | None = None) -> Sequence[ServiceView]:
        none = Counters()
        found = [self._service(key)] if key else reversed(self._services.values())
        return [
            ServiceView(
                s, none, none, tuple(RealServerView(r, 0, 0, 0, none, none) for r in s.servers)
            )
            for s in found
        ]

    def connections(self) -> Iterable[Connection]:
        return ()

    def timeouts(self) -> tuple[int, int, int]:
        return self._timeouts[0], self._timeouts[1], self._timeouts[2]

    def connection_limit(self) -> int:
        return 4096

    def apply(self, changes: Sequence[Change]) -> Sequence[str]:
        services, timeouts = dict(self._services), list(self._timeouts)
        try:
            for change in changes:
                self._one(change)
        except Exception:
            self._services, self._timeouts = services, timeouts
            raise
        return ()

    def _one(self, change: Change) -> None:
        match change:
            case AddService(service):
                self._scheduler(service)
                if service.key in self._services:
                    raise ServiceExists(str(service.key))
                self._services[service.key] = service
            case EditService(service):
                there = self._service(service.key)
                self._scheduler(service)
                self._services[service.key] = replace(service, servers=there.servers)
            case DeleteService(key):
                del self._services[self._service(key).key]
            case AddServer(key, server):
                there = self._service(key)
                self._valid(server)
                if server.key in [r.key for r in there.servers]:
                    raise RealServerExists(str(server.key))
                self._services[key] = replace(there, servers=(server, *there.servers))
            case EditServer(key, server):
                there = self._service(key)
                self._valid(server)
                self._index(there, server.key)
                servers = tuple(server if r.key == server.key else r for r in there.servers)
                self._services[key] = replace(there, servers=servers)
            case DeleteServer(key, which):
                there = self._service(key)
                self._index(there, which)
                kept = tuple(r for r in there.servers if r.key != which)
                self._services[key] = replace(there, servers=kept)
            case Clear():
                self._services.clear()
            case SetTimeouts(tcp, fin, udp):
                given = (tcp, fin, udp)
                self._timeouts = [
                    new or old for new, old in zip(given, self._timeouts, strict=True)
                ]

    def _service(self, key: ServiceKey) -> Service:
        if key not in self._services:
            raise NoSuchService(str(key))
        return self._services[key]

    def _scheduler(self, service: Service) -> None:
        if service.scheduler not in SCHEDULERS:
            raise SchedulerNotFound(service.scheduler)

    def _valid(self, server: RealServer) -> None:
        if server.lower_threshold > server.upper_threshold:
            raise InvalidValue("thresholds", out_of_range=True)

    def _index(self, service: Service, key: RealServerKey) -> None:
        if key not in [r.key for r in service.servers]:
            raise NoSuchRealServer(str(key))
