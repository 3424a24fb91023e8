"""The library over the kernel's maps: shared by processes, and killed at every step."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from elvs.dataplane import layout, loader, pins
from elvs.dataplane.port import Tables
from elvs.dataplane.sizes import Sizes
from elvs.director import apply, changing
from elvs.director.journal import Journal
from elvs.director.library import Director
from elvs.director.ops import Op, Store
from elvs.lab import namespace
from elvs.model.address import Address
from elvs.model.change import AddServer, AddService, Change, Clear, DeleteServer, DeleteService
from elvs.model.errors import InvalidValue, NoSuchService
from elvs.model.service import Method, Protocol, RealServer, RealServerKey, Service, ServiceKey
from tests.kit.forked import run_in
from tests.kit.invariants import check_tables

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
NETNS = "elvs-library"
WEB = ServiceKey(Protocol.TCP, Address.parse("192.0.2.1"), 80)
WEB6 = ServiceKey(Protocol.TCP, Address.parse("2001:db8::1"), 80)


@pytest.fixture
def inside(own_run: Path) -> Iterable[Callable[[Callable[[], None]], None]]:
    """Runs a function in a child in a namespace with 10.1.0.254/16 and fd01::254/64."""
    namespace.make([NETNS])
    try:
        for command in (
            "link set lo up",
            "link add elvslib type veth peer name elvslibp",
            "link set elvslib up",
            "link set elvslibp up",
            "addr add 10.1.0.254/16 dev elvslib",
            "addr add fd01::254/64 dev elvslib nodad",
        ):
            subprocess.run(["ip", "-n", NETNS, *command.split()], check=True)
        yield lambda function: run_in(NETNS, function)
    finally:
        namespace.remove([NETNS])


def server(rip: str, method: Method = Method.NAT, weight: int = 1) -> RealServer:
    return RealServer(RealServerKey(Address.parse(rip), 80), method, weight)


def make_small() -> None:
    with pins.locked(pins.here()):
        made = loader.open_tables(
            create=True, sizes=Sizes(connections=2560, services=16, servers=64)
        )
    assert made is not None
    made.close()


Inside = Callable[[Callable[[], None]], None]


def test_what_is_refused_makes_no_tables(inside: Inside, own_run: Path) -> None:
    def child() -> None:
        with Director.here() as director:
            assert director.services() == ()
            with pytest.raises(NoSuchService):
                director.apply([DeleteService(WEB)])
            with pytest.raises(InvalidValue, match="no route"):
                director.apply([AddService(Service(WEB, servers=(server("172.16.0.1"),)))])
            with pytest.raises(InvalidValue, match="unicast"):
                director.apply([AddService(Service(WEB, servers=(server("10.1.255.255"),)))])
            assert director.services() == ()

    inside(child)
    assert not (own_run / "bpf").exists()


def test_tables_are_shared_by_processes_and_know_the_routes(inside: Inside) -> None:
    changes: list[Change] = [
        AddService(Service(WEB, "wrr", servers=(server("10.1.0.1", Method.TUN, 3),))),
        AddService(Service(WEB6, servers=(server("fd01::1", Method.TUN), server("fd01::254")))),
    ]

    def make() -> None:
        with Director.here() as director:
            assert director.apply(changes) == ()

    def look() -> None:
        with Director.here() as director:
            six, four = director.services()
            assert four.service == changes[0].service  # type: ignore[union-attr]
            assert [str(s.server.key.address) for s in six.servers] == ["fd01::1", "fd01::254"]
            assert director.timeouts() == (900, 120, 300)
        tables = loader.open_tables()
        assert tables is not None
        check_tables(tables)
        rows = tables.memory("servers")
        own, tun6, tun4 = 1, 2, 0
        assert layout.Server.flags.get(rows, own) & layout.ServerFlags.LOCAL
        assert not layout.Server.flags.get(rows, tun4) & layout.ServerFlags.LOCAL
        source = Address.parse("10.1.0.254").padded
        assert layout.Server.tunnel_source.get(rows, tun4) == source
        source = Address.parse("fd01::254").padded
        assert layout.Server.tunnel_source.get(rows, tun6) == source

    inside(make)
    inside(look)


FIRST: list[Change] = [
    AddService(Service(WEB, "wrr", servers=(server("10.1.0.1"), server("10.1.0.2", weight=2)))),
    AddService(Service(WEB6, "rr", servers=(server("fd01::1", Method.DR),))),
]
SECOND: list[Change] = [
    DeleteService(WEB6),
    DeleteServer(WEB, server("10.1.0.1").key),
    AddServer(WEB, server("10.1.0.3", weight=4)),
    AddServer(WEB, server("10.1.0.1", weight=6)),
    AddService(Service(ServiceKey(Protocol.UDP, Address.parse("192.0.2.9"), 53))),
]


def killing(after: int) -> Callable[[Tables, Iterable[Op]], None]:
    """Carries out the first `after` words of a plan, then the process is killed."""

    def carry_out(tables: Tables, ops: Iterable[Op]) -> None:
        left = after
        for op in ops:
            size = len(op.data) if isinstance(op, Store) else 8
            for at in range(0, size, 8):
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                torn = op
                if isinstance(op, Store):
                    torn = Store(op.map, op.offset + at, op.data[at : at + 8])
                apply.carry_out(tables, [torn])

    return carry_out


def killed(after: int) -> bool:
    """Apply SECOND in a child that is killed after so many words; whether it came to that."""
    child = os.fork()
    if not child:
        pytest.MonkeyPatch().setattr(changing, "carry_out", killing(after))
        with Director.here() as director:
            director.apply(SECOND)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
    return status != 0


def test_a_process_killed_at_any_step_leaves_nothing_half_done(inside: Inside) -> None:
    def child() -> None:
        make_small()
        tables = loader.open_tables()
        assert tables is not None
        with Director.here() as director:
            director.apply(FIRST)
            director.apply(SECOND)
            wanted = [view.service for view in director.services()]
            step = 0
            while True:
                director.apply([Clear(), *FIRST])
                if not killed(step):
                    break
                assert Journal(pins.here().files).is_open()
                assert [view.service for view in director.services()] == wanted
                check_tables(tables)
                step += 1
            assert step > 20

    inside(child)


def test_changes_from_two_sides_wait_for_each_other(inside: Inside) -> None:
    def add(first: int) -> int:
        child = os.fork()
        if not child:
            with Director.here() as director:
                for number in range(first, first + 15):
                    director.apply([AddServer(WEB, server(f"10.1.1.{number}"))])
            os._exit(0)
        return child

    def child() -> None:
        make_small()
        with Director.here() as director:
            director.apply([AddService(Service(WEB))])
            children = [add(1), add(101)]
            assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0]
            (view,) = director.services()
            assert len(view.servers) == 30
        tables = loader.open_tables()
        assert tables is not None
        check_tables(tables)

    inside(child)


def test_tables_that_were_made_anew_are_found(inside: Inside) -> None:
    """A long-lived client must not go on with maps that a purge has taken away."""

    def child() -> None:
        with Director.here() as director:
            director.apply(FIRST)
            pins.remove(pins.here())
            assert director.services() == ()
            director.apply(FIRST[:1])
            assert len(director.services()) == 1

    inside(child)
