"""Random changes, against a director that is a few lists."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elvs.dataplane import layout
from elvs.model.address import Address
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
    Zero,
)
from elvs.model.errors import (
    ElvsError,
    NoSuchRealServer,
    NoSuchService,
    RealServerExists,
    ServiceExists,
)
from elvs.model.service import Method, Protocol, RealServer, RealServerKey, Service, ServiceKey
from tests.kit.directors import FakeSite
from tests.kit.invariants import check_tables

KEYS = [
    ServiceKey(Protocol.TCP, Address.parse("192.0.2.1"), 80),
    ServiceKey(Protocol.UDP, Address.parse("192.0.2.1"), 80),
    ServiceKey(Protocol.TCP, Address.parse("2001:db8::1"), 80),
]
RIPS = {4: [f"10.1.0.{n}" for n in range(1, 5)], 16: [f"fd00::{n}" for n in range(1, 5)]}


@dataclass
class Model:
    """Services oldest first; of each its servers newest first and where its scheduler stands."""

    services: dict[ServiceKey, Service] = field(default_factory=dict)
    used: dict[ServiceKey, RealServerKey | None] = field(default_factory=dict)
    """rr: the server that was used last; None is the head of the list."""
    current: dict[ServiceKey, int] = field(default_factory=dict)
    """wrr: the current weight."""

    def copy(self) -> "Model":
        return Model(dict(self.services), dict(self.used), dict(self.current))

    def carry_out(self, change: Change) -> None:
        match change:
            case AddService(service):
                if service.key in self.services:
                    raise ServiceExists("")
                self.put(replace(service, servers=()))
                self.used[service.key], self.current[service.key] = None, 0
                self.changed(service.key)
                for server in reversed(service.servers):
                    self.carry_out(AddServer(service.key, server))
            case EditService(service):
                old = self.find(service.key)
                self.put(replace(service, servers=old.servers))
                if old.scheduler != service.scheduler:
                    self.used[service.key], self.current[service.key] = None, 0
                    self.changed(service.key)
            case DeleteService(key):
                self.find(key)
                del self.services[key]
            case AddServer(key, server):
                service = self.find(key)
                if any(s.key == server.key for s in service.servers):
                    raise RealServerExists("")
                self.put(replace(service, servers=(server, *service.servers)))
                self.changed(key)
            case EditServer(key, server):
                at, service = self.index(key, server.key), self.services[key]
                servers = (*service.servers[:at], server, *service.servers[at + 1 :])
                self.put(replace(service, servers=servers))
                self.changed(key)
            case DeleteServer(key, server_key):
                at, service = self.index(key, server_key), self.services[key]
                if self.used[key] == server_key:
                    self.used[key] = service.servers[at - 1].key if at else None
                self.put(replace(service, servers=service.servers[:at] + service.servers[at + 1 :]))
                self.changed(key)
            case Clear():
                self.services.clear()
            case Zero(ServiceKey() as key):
                self.find(key)

    def find(self, key: ServiceKey) -> Service:
        if key not in self.services:
            raise NoSuchService("")
        return self.services[key]

    def index(self, key: ServiceKey, server: RealServerKey) -> int:
        keys = [s.key for s in self.find(key).servers]
        if server not in keys:
            raise NoSuchRealServer("")
        return keys.index(server)

    def put(self, service: Service) -> None:
        self.services[service.key] = service

    def changed(self, key: ServiceKey) -> None:
        """ip_vs_wrr_dest_changed, on a list."""
        service = self.services[key]
        if service.scheduler != "wrr":
            return
        self.used[key] = None
        weights = [s.weight for s in service.servers]
        step = math.gcd(*weights) or 1
        limit = max(weights, default=0) - (step - 1)
        current = self.current[key]
        if current > limit or current == 0:
            current = limit
        elif step > 1:
            current = current // step * step + 1
        self.current[key] = current

    def cursor(self, key: ServiceKey) -> int:
        position = 0
        if self.services[key].scheduler in ("rr", "wrr"):
            used = self.used[key]
            position = 0 if used is None else self.index(key, used) + 1
        current = self.current[key] if self.services[key].scheduler == "wrr" else 0
        return position | current << 32


@st.composite
def servers(draw: st.DrawFn, key: ServiceKey) -> RealServer:
    rip = draw(st.sampled_from(RIPS[len(key.address.packed)]))
    method = draw(st.sampled_from([Method.NAT, Method.DR, Method.TUN]))
    weight = draw(st.integers(0, 4))
    return RealServer(RealServerKey(Address.parse(rip), key.port), method, weight)


@st.composite
def services(draw: st.DrawFn) -> Service:
    key = draw(st.sampled_from(KEYS))
    given_servers = draw(st.lists(servers(key), max_size=3, unique_by=lambda s: s.key))
    netmask = 128 if key.address.family == 10 else 0xFFFFFFFF
    scheduler = draw(st.sampled_from(["rr", "wrr", "lc", "wlc"]))
    return Service(key, scheduler, netmask=netmask, servers=tuple(given_servers))


def with_server(make: Callable[[ServiceKey, RealServer], Change]) -> st.SearchStrategy[Change]:
    return st.sampled_from(KEYS).flatmap(lambda key: servers(key).map(lambda s: make(key, s)))


CHANGES: st.SearchStrategy[Change] = st.one_of(
    services().map(AddService),
    services().map(EditService),
    with_server(AddServer),
    with_server(AddServer),
    with_server(EditServer),
    with_server(lambda key, server: DeleteServer(key, server.key)),
    st.sampled_from(KEYS).map(DeleteService),
    st.just(Clear()),
    st.sampled_from([None, *KEYS]).map(Zero),
    st.just(SetTimeouts(udp=5)),
)
STEPS = st.lists(
    st.tuples(
        st.lists(CHANGES, min_size=1, max_size=4),
        st.sampled_from([0, 1, 3, 20000]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@settings(max_examples=120, deadline=None)
@given(STEPS, st.booleans())
def test_tables_hold_what_the_lists_say(
    steps: list[tuple[list[Change], int, int]], ticking: bool
) -> None:
    with TemporaryDirectory() as directory:
        site, model, tick = FakeSite(Path(directory)), Model(), 1000
        for changes, ticks, busy in steps:
            tick += ticks
            if ticking:
                site.tick(tick)
            step(site, model, changes)
            pick(site, model, busy)


def step(site: FakeSite, model: Model, changes: list[Change]) -> None:
    """One transaction on both: both refuse it for the same reason or hold the same afterwards."""
    wanted = model.copy()
    error: type[ElvsError] | None = None
    try:
        for change in changes:
            wanted.carry_out(change)
    except ElvsError as refused:
        error = type(refused)
    if error is None:
        site.director().apply(changes)
        model.services, model.used = wanted.services, wanted.used
        model.current = wanted.current
    else:
        before = {n: bytes(site.fake.memory(n)) for n in ("services", "servers", "pool", "states")}
        with pytest.raises(error):
            site.director().apply(changes)
        assert before == {n: bytes(site.fake.memory(n)) for n in before}
    shown = [view.service for view in site.director().services()]
    assert {service.key: service for service in shown} == model.services
    check_tables(site.fake)
    for key in model.services:
        assert cursor(site, key) == model.cursor(key)


def pick(site: FakeSite, model: Model, index: int) -> None:
    """What the data plane would do: use a server, and refer to another by a connection."""
    for key, service in model.services.items():
        if index < len(service.servers) and service.scheduler == "rr":
            model.used[key] = service.servers[index].key
            write_cursor(site, key, index + 1)
    row = index * 5 % site.fake.rows("servers")
    if layout.Server.flags.get(site.fake.memory("servers"), row):
        layout.Load.active.set(site.fake.memory("loads"), row, index % 2)


def service_row(site: FakeSite, key: ServiceKey) -> int:
    raw = next(
        value
        for packed, value in site.fake.items("service_ids")
        if packed[:16] == key.address.padded and packed[22] == key.protocol
    )
    return int.from_bytes(raw, "little")


def cursor(site: FakeSite, key: ServiceKey) -> int:
    return layout.ServiceState.cursor.get(site.fake.memory("states"), service_row(site, key))


def write_cursor(site: FakeSite, key: ServiceKey, value: int) -> None:
    layout.ServiceState.cursor.set(site.fake.memory("states"), service_row(site, key), value)
