"""`elvs explain` on a director with one service, before and after a connection."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from elvs.cli.explain import NotAttached, explain
from elvs.dataplane import loader, pins, testrun, tick
from elvs.dataplane.frame import build
from elvs.director.library import Director
from elvs.lab import namespace
from elvs.model.address import Address
from elvs.model.change import AddServer, AddService
from elvs.model.service import Protocol, RealServer, RealServerKey, Service, ServiceKey
from tests.kit.forked import run_in

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]
NETNS = "elvs-explain"
NETWORK = """
link set lo up
link add elvsx0 type veth peer name elvsx1
addr add 10.0.0.1/24 dev elvsx0
link set elvsx0 up
link set elvsx1 up
neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev elvsx0
"""
VIP = ServiceKey(Protocol.TCP, Address.parse("10.1.1.1"), 80)
RIP = RealServerKey(Address.parse("10.0.0.9"), 80)


@pytest.fixture
def run(own_run: Path) -> Iterator[None]:
    namespace.make([NETNS])
    try:
        yield
    finally:
        namespace.remove([NETNS])


def say(*arguments: str) -> dict[str, str]:
    done = CliRunner().invoke(explain, [*arguments, "--json"], catch_exceptions=False)
    told: dict[str, str] = json.loads(done.output)
    return told


def child() -> None:
    namespace.ip(batch=NETWORK)
    namespace.write_sysctls([("ipv4/conf/lo/forwarding", "1")])
    with pytest.raises(NotAttached, match="no director is here yet"):
        say("192.0.2.1", "10.1.1.1:80")
    with Director.here() as director:
        director.apply([AddService(Service(VIP, "rr")), AddServer(VIP, RealServer(RIP))])
    with pytest.raises(NotAttached, match="no director is attached"):
        say("192.0.2.1", "10.1.1.1:80")
    with pins.locked(pins.here()):
        tables = loader.open_tables()
        assert tables is not None
        programs = loader.load_programs(tables)
        loader.pin_programs(programs)
        tick.start(programs)
    fresh = say("192.0.2.1:4000", "10.1.1.1:80", "--iface", "elvsx0")
    assert fresh["verdict"] == "TX_DR"
    assert (fresh["service"], fresh["server"]) == ("TCP 10.1.1.1:80", "10.0.0.9:80")
    assert (fresh["connection"], fresh["next hop"]) == ("none yet", "on elvsx0, not used yet")
    assert say("192.0.2.1:4000", "10.1.1.1:80") == fresh
    assert say("192.0.2.1:4000", "10.1.1.1:80", "--flags", "ack")["verdict"] == "PASS_NOT_OPENING"
    assert say("192.0.2.1", "10.1.1.1:81")["verdict"] == "PASS_NO_SERVICE"
    assert say("192.0.2.1", "10.1.1.2:80")["verdict"] == "PASS_NOT_OURS"
    frame = build(Protocol.TCP, (Address.parse("192.0.2.1"), 4000), (VIP.address, VIP.port))
    testrun.run_xdp(programs.director, frame)
    known = say("192.0.2.1:4000", "10.1.1.1:80", "--flags", "ack")
    assert (known["verdict"], known["connection"]) == ("TX_DR", "known")
    assert known["next hop"] == "02:00:00:00:00:09 on elvsx0"


def test_explain_tells_the_whole_walk_and_changes_nothing(run: None) -> None:
    run_in(NETNS, child)
