"""What the library answers: refusals, warnings, figures, limits of the tables."""

from dataclasses import replace
from pathlib import Path

import pytest

from elvs.dataplane import layout
from elvs.dataplane.fake import FakeTables
from elvs.dataplane.layout import ServerFlags, ServiceFlags
from elvs.dataplane.sizes import Sizes
from elvs.director.library import Director
from elvs.director.route import NOWHERE, Kind, Route
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
    InvalidValue,
    NoSuchRealServer,
    NoSuchService,
    RealServerExists,
    SchedulerNotFound,
    ServiceExists,
    TableFull,
)
from elvs.model.figures import Counters
from elvs.model.service import (
    Method,
    Protocol,
    RealServer,
    RealServerKey,
    Service,
    ServiceFlag,
    ServiceKey,
    TunnelType,
)
from tests.kit.directors import FakeSite
from tests.kit.invariants import check_tables

VIP = Address.parse("192.0.2.1")
WEB = ServiceKey(Protocol.TCP, VIP, 80)
WEB6 = ServiceKey(Protocol.TCP, Address.parse("2001:db8::1"), 80)
RIP = Address.parse("10.1.0.1")


def server(rip: str = "10.1.0.1", port: int = 80, method: Method = Method.NAT) -> RealServer:
    return RealServer(RealServerKey(Address.parse(rip), port), method)


@pytest.fixture
def site(tmp_path: Path) -> FakeSite:
    return FakeSite(tmp_path)


@pytest.fixture
def director(site: FakeSite) -> Director:
    return site.director()


PLAIN = server()
REFUSED: dict[str, tuple[Change, type[ElvsError], str]] = {
    "service twice": (AddService(Service(WEB)), ServiceExists, "TCP 192.0.2.1:80"),
    "edit nothing": (EditService(Service(WEB6)), NoSuchService, "2001:db8::1"),
    "delete nothing": (DeleteService(WEB6), NoSuchService, "2001:db8::1"),
    "zero nothing": (Zero(WEB6), NoSuchService, "2001:db8::1"),
    "server twice": (AddServer(WEB, PLAIN), RealServerExists, "10.1.0.1:80"),
    "server of nothing": (AddServer(WEB6, PLAIN), NoSuchService, "2001:db8::1"),
    "edit no server": (EditServer(WEB, server("10.1.0.9")), NoSuchRealServer, "10.1.0.9:80"),
    "delete no server": (
        DeleteServer(WEB, server("10.1.0.9").key),
        NoSuchRealServer,
        "10.1.0.9:80",
    ),
    "scheduler": (EditService(Service(WEB, "best")), SchedulerNotFound, "rr, wrr, lc, wlc"),
    "no scheduler": (EditService(Service(WEB, "none")), SchedulerNotFound, "none"),
    "persistence": (
        EditService(Service(WEB, flags=ServiceFlag.PERSISTENT, persistence_timeout=9)),
        InvalidValue,
        "persistence",
    ),
    "one packet": (
        EditService(Service(WEB, flags=ServiceFlag.ONE_PACKET)),
        InvalidValue,
        "one-packet",
    ),
    "mark": (
        AddService(Service(ServiceKey(Protocol.TCP, Address(bytes(4)), 0, 7))),
        InvalidValue,
        "mark",
    ),
    "sctp": (AddService(Service(ServiceKey(Protocol.SCTP, VIP, 9))), InvalidValue, "SCTP"),
    "port 0": (AddService(Service(ServiceKey(Protocol.TCP, VIP, 0))), InvalidValue, "port 0"),
    "port": (AddService(Service(ServiceKey(Protocol.TCP, VIP, 70000))), InvalidValue, "70000"),
    "prefix": (AddService(Service(WEB6, netmask=129)), InvalidValue, "129"),
    "weight": (AddServer(WEB, replace(PLAIN, weight=-1)), InvalidValue, "-1"),
    "threshold": (AddServer(WEB, replace(PLAIN, upper_threshold=3)), InvalidValue, "thresholds"),
    "thresholds": (AddServer(WEB, replace(PLAIN, lower_threshold=3)), InvalidValue, "threshold"),
    "gue": (
        AddServer(WEB, replace(PLAIN, method=Method.TUN, tunnel=TunnelType.GUE)),
        InvalidValue,
        "GUE",
    ),
    "method": (AddServer(WEB, server(method=Method.FULLNAT)), InvalidValue, "FULLNAT"),
    "DR port": (AddServer(WEB, server(port=8080, method=Method.DR)), InvalidValue, "port 80"),
    "TUN port": (AddServer(WEB, server(port=8080, method=Method.TUN)), InvalidValue, "port 80"),
    "server port": (AddServer(WEB, server(port=-1)), InvalidValue, "-1"),
    "families": (AddServer(WEB, server("fd00::1")), InvalidValue, "families"),
    "timeout": (SetTimeouts(tcp=1 << 31), InvalidValue, "timeout"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_cannot_be_is_refused_and_changes_nothing(
    case: str, site: FakeSite, director: Director
) -> None:
    change, kind, named = REFUSED[case]
    director.apply([AddService(Service(WEB, servers=(PLAIN,)))])
    before = director.services()
    with pytest.raises(kind) as caught:
        director.apply([AddService(Service(replace(WEB, port=81))), change])
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert director.services() == before
    check_tables(site.fake)


def test_kernels_range_errors_are_told_apart(director: Director) -> None:
    director.apply([AddService(Service(WEB))])
    for wrong in (replace(PLAIN, weight=-1), replace(PLAIN, lower_threshold=1)):
        with pytest.raises(InvalidValue) as caught:
            director.apply([AddServer(WEB, wrong)])
        assert caught.value.out_of_range


@pytest.mark.parametrize(
    ("rip", "route", "named"),
    [
        ("224.0.0.1", Route(Kind.MULTICAST), "unicast"),
        ("10.255.255.255", Route(Kind.BROADCAST), "unicast"),
        ("0.0.0.0", Route(Kind.LOCAL), "unicast"),
        ("10.1.0.9", NOWHERE, "no route"),
        ("ff02::1", Route(Kind.MULTICAST), "unicast"),
        ("fe80::1", Route(Kind.UNICAST), "unicast"),
        ("::", Route(Kind.UNICAST), "unicast"),
    ],
)
def test_a_server_must_be_reachable(site: FakeSite, rip: str, route: Route, named: str) -> None:
    site.routes = {Address.parse(rip): route}
    key = WEB if "." in rip else WEB6
    with pytest.raises(InvalidValue, match=named):
        site.director().apply([AddService(Service(key, servers=(server(rip),)))])
    assert site.director().services() == []


def test_a_server_without_a_route_can_be_quiesced_and_removed(site: FakeSite) -> None:
    director = site.director()
    director.apply([AddService(Service(WEB, servers=(server(method=Method.TUN),)))])
    site.routes = {RIP: NOWHERE}
    director.apply([EditServer(WEB, replace(server(method=Method.TUN), weight=0))])
    assert director.services()[0].servers[0].server.weight == 0
    source = layout.Server.tunnel_source.get(site.fake.memory("servers"), 0)
    assert source == Address.parse("10.0.0.1").padded
    check_tables(site.fake)
    director.apply([DeleteServer(WEB, server().key)])


def test_newest_comes_first(director: Director) -> None:
    director.apply([AddService(Service(WEB, servers=(server("10.1.0.2"), server("10.1.0.1"))))])
    director.apply([AddServer(WEB, server("10.1.0.3")), AddService(Service(WEB6))])
    shown = director.services()
    assert [view.service.key for view in shown] == [WEB6, WEB]
    rips = [str(view.server.key.address) for view in shown[1].servers]
    assert rips == ["10.1.0.3", "10.1.0.2", "10.1.0.1"]
    assert director.services(WEB) == [shown[1]]
    with pytest.raises(NoSuchService):
        director.services(replace(WEB, port=9))


def test_flags_of_rows(site: FakeSite) -> None:
    vip = Address.parse("192.0.2.9")
    local = Route(Kind.LOCAL, 1)
    site.routes = {VIP: local, vip: local, Address.parse("10.1.0.2"): local}
    site.vips = frozenset({vip})
    servers = (server("10.1.0.2", method=Method.TUN), server("10.1.0.1"))
    changes = [
        AddService(Service(WEB, servers=servers)),
        AddService(Service(replace(WEB, address=vip))),
    ]
    site.director().apply(changes)
    services, rows = site.fake.memory("services"), site.fake.memory("servers")
    assert layout.Service.flags.get(services, 0) == ServiceFlags.LIVE | ServiceFlags.OWN_ADDRESS
    assert layout.Service.flags.get(services, 1) == ServiceFlags.LIVE
    there = ServerFlags.LIVE | ServerFlags.AVAILABLE
    nat, tun = site.server_id(RIP), site.server_id(Address.parse("10.1.0.2"))
    assert layout.Server.flags.get(rows, nat) == there | ServerFlags.IN_SOURCES
    assert layout.Server.flags.get(rows, tun) == there | ServerFlags.LOCAL
    assert layout.Server.tunnel_source.get(rows, nat) == Address.parse("10.0.0.1").padded
    site.director().apply([EditService(Service(WEB, "rr"))])
    assert layout.Service.flags.get(services, 0) == ServiceFlags.LIVE | ServiceFlags.OWN_ADDRESS


def test_a_nat_server_behind_an_unattached_interface_is_warned_about(site: FakeSite) -> None:
    add = AddService(Service(WEB, servers=(server(), server("10.1.0.2", method=Method.DR))))
    assert site.director().apply([add]) == ()
    site.attached = frozenset({3})
    warnings = site.director().apply([Clear(), add])
    assert len(warnings) == 1
    assert "10.1.0.1" in warnings[0] and "elvs7" in warnings[0]
    site.attached = frozenset({3, 7})
    assert site.director().apply([Clear(), add]) == ()


def test_a_protected_port_of_an_own_address_is_warned_about(site: FakeSite) -> None:
    ssh = AddService(Service(replace(WEB, port=22)))
    assert site.director().apply([ssh]) == ()
    site.routes = {VIP: Route(Kind.LOCAL, 1)}
    for before in ([], [Clear()]):
        (warning,) = site.director().apply([Clear(), *before, ssh])
        assert "port 22" in warning
    assert site.director().apply([Clear(), AddService(Service(WEB))]) == ()
    site.vips = frozenset({VIP})
    assert site.director().apply([Clear(), ssh]) == ()


def test_timeouts(site: FakeSite, director: Director) -> None:
    assert director.timeouts() == (900, 120, 300)
    director.apply([SetTimeouts(udp=5)])
    assert director.timeouts() == (900, 120, 5)
    director.apply([SetTimeouts(10, 20, 0)])
    assert director.timeouts() == (10, 20, 5)
    memory = site.fake.memory("settings")
    assert layout.Settings.timeout.get(memory, 0, layout.TcpState.SYN_RECV) == 6000
    ports = [layout.Settings.protected_ports.get(memory, 0, at) for at in range(5)]
    assert ports == [22, 179, 3784, 4784, 0]


def test_the_limit_is_half_the_slots(director: Director) -> None:
    assert director.connection_limit() == 2560


def count(site: FakeSite, number: int, *figures: int) -> None:
    """What CPU 1 has counted for a server."""
    site.fake.set_cpu("traffic", number, 1, layout.Counters.ROW.pack(*figures))


def test_counters_and_zero(site: FakeSite, director: Director) -> None:
    director.apply([AddService(Service(WEB, servers=(server(), server("10.1.0.2"))))])
    number = site.server_id(RIP)
    count(site, number, 1, 2, 30, 4, 50)
    site.fake.set_cpu("traffic", number, 0, layout.Counters.ROW.pack(1, 1, 1, 1, 1))
    view = director.services()[0]
    assert view.servers[0].counters == Counters(2, 3, 5, 31, 51)
    assert view.counters == view.servers[0].counters
    director.apply([Zero(WEB)])
    assert director.services()[0].counters == Counters()
    count(site, number, 3, 2, 30, 4, 50)
    assert director.services()[0].servers[0].counters == Counters(connections=2)


def test_a_removed_servers_counts_stay_with_the_service(site: FakeSite, director: Director) -> None:
    site.tick(1000)
    director.apply([AddService(Service(WEB, servers=(server(), server("10.1.0.2"))))])
    number = site.server_id(RIP)
    count(site, number, 7, 0, 0, 0, 0)
    director.apply([DeleteServer(WEB, server().key)])
    assert director.services()[0].counters.connections == 7
    site.tick(1000 + 12000)
    director.apply([AddServer(WEB, server("10.1.0.3"))])
    assert layout.Server.flags.get(site.fake.memory("servers"), number) == 0
    assert director.services()[0].counters.connections == 7
    director.apply([AddServer(WEB, server("10.1.0.4"))])
    assert site.server_id(Address.parse("10.1.0.4")) == number
    view = director.services()[0]
    assert view.servers[0].counters == Counters()
    assert view.counters.connections == 7
    director.apply([Zero()])
    assert director.services()[0].counters == Counters()
    check_tables(site.fake)


@pytest.mark.parametrize("whole", [False, True])
def test_a_server_that_comes_back_finds_its_counts(site: FakeSite, whole: bool) -> None:
    director = site.director()
    site.tick(1000)
    add = AddService(Service(WEB, servers=(server(), server("10.1.0.2"))))
    director.apply([add])
    number = site.server_id(RIP)
    layout.Load.active.set(site.fake.memory("loads"), number, 3)
    count(site, number, 7, 0, 0, 0, 0)
    director.apply([DeleteService(WEB) if whole else DeleteServer(WEB, server().key)])
    site.tick(1000 + 20000)
    director.apply([Zero()])
    director.apply([add if whole else AddServer(WEB, server())])
    view = director.services()[0]
    assert site.server_id(RIP) == number
    assert (view.servers[0].active, view.servers[0].counters.connections) == (3, 7)
    assert view.counters.connections == 0
    check_tables(site.fake)


def test_rates_are_rounded_as_ipvs_does(site: FakeSite, director: Director) -> None:
    director.apply([AddService(Service(WEB, servers=(server(),)))])
    number = site.server_id(RIP)
    memory = site.fake.memory("estimates")
    for name, value in (("connections", 1536), ("in_packets", 512), ("in_bytes", 700)):
        getattr(layout.Rates, name).set(memory, number, value)
    rates = director.services()[0].servers[0].rates
    assert rates == Counters(connections=1, in_packets=0, in_bytes=22)
    director.apply([Zero()])
    assert director.services()[0].rates == Counters()


def small(tmp_path: Path, services: int = 4, servers: int = 4) -> FakeSite:
    return FakeSite(
        tmp_path, FakeTables(Sizes(connections=2560, services=services, servers=servers))
    )


def test_a_full_table_names_itself_and_the_mend(tmp_path: Path) -> None:
    site = small(tmp_path)
    many = tuple(server(f"10.1.0.{n}") for n in range(5))
    with pytest.raises(TableFull, match=r"real servers is full \(4\).*--servers"):
        site.director().apply([AddService(Service(WEB, servers=many))])
    services = [AddService(Service(replace(WEB, port=port))) for port in range(1, 6)]
    with pytest.raises(TableFull, match=r"services is full \(4\).*--services"):
        site.director().apply(services)
    assert site.director().services() == []


def test_removed_rows_are_taken_when_room_is_short_and_nobody_needs_them(tmp_path: Path) -> None:
    site = small(tmp_path)
    site.tick(1000)
    rips = [f"10.1.0.{n}" for n in range(1, 5)]
    site.director().apply([AddService(Service(WEB, servers=tuple(map(server, rips))))])
    layout.Load.inactive.set(site.fake.memory("loads"), site.server_id(RIP), 1)
    removal: list[Change] = [DeleteServer(WEB, server(rip).key) for rip in rips[:2]]
    site.director().apply(removal)
    with pytest.raises(TableFull):
        site.director().apply([AddServer(WEB, server("10.1.0.8"))])
    site.tick(1003)
    site.director().apply([AddServer(WEB, server("10.1.0.8"))])
    with pytest.raises(TableFull):
        site.director().apply([AddServer(WEB, server("10.1.0.9"))])
    check_tables(site.fake)


def test_a_pool_that_rests_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three lists fit a pool; the fourth change within a tick finds none at rest yet."""
    site = small(tmp_path)
    site.tick(1000)
    rips = [f"10.1.0.{n}" for n in range(1, 5)]
    site.director().apply([AddService(Service(WEB, servers=tuple(map(server, rips))))])
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        site.tick(2000)

    monkeypatch.setattr("elvs.director.changing.time.sleep", sleep)
    again: list[Change] = [DeleteServer(WEB, server().key), AddServer(WEB, server())]
    for _ in range(4):
        site.director().apply(again)
        check_tables(site.fake)
    assert len(slept) == 1


def test_a_plan_can_be_printed_and_writes_nothing(site: FakeSite, director: Director) -> None:
    plan = director.plan([AddService(Service(WEB, servers=(server(),)))])
    assert "service_ids: put 1" in str(plan)
    assert director.services() == []


def test_nothing_is_there_before_the_first_change(tmp_path: Path) -> None:
    class Empty(FakeSite):
        created = False

        def tables(self) -> FakeTables | None:  # type: ignore[override]
            return self.fake if self.created else None

        def create(self) -> FakeTables:
            self.created = True
            return self.fake

    site = Empty(tmp_path)
    director = site.director()
    assert (director.services(), list(director.connections())) == ((), [])
    assert director.timeouts() == (900, 120, 300)
    assert director.connection_limit() == 1000
    with pytest.raises(NoSuchService):
        director.services(WEB)
    with pytest.raises(NoSuchService):
        director.apply([DeleteService(WEB)])
    assert director.plan([AddService(Service(WEB))]).ops
    assert not site.created
    director.apply([AddService(Service(WEB))])
    assert site.created and len(director.services()) == 1
