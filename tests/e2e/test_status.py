"""`elvs status` beside what really goes on."""

import os
from collections.abc import Iterator

import pytest

from elvs.director.library import Director
from elvs.lab.namespace import entered
from elvs.model.address import Address
from elvs.model.change import AddService
from elvs.model.service import (
    Method,
    Protocol,
    RealServer,
    RealServerKey,
    Service,
    ServiceKey,
)
from tests.kit.wire import Wire, wire

pytestmark = pytest.mark.root
SMALL = ("--connections", "2560", "--services", "16", "--servers", "64")
VIP = Address.parse("198.18.0.9")


@pytest.fixture
def net() -> Iterator[Wire]:
    with wire(f"elvs-st-{os.getpid()}") as made:
        yield made


def serve(net: Wire) -> None:
    """A UDP service of which the peer is the DR server."""
    real = RealServer(RealServerKey(Address.parse("198.18.0.2"), 9), Method.DR)
    service = Service(ServiceKey(Protocol.UDP, VIP, 9), "rr", servers=(real,))
    with entered(net.director), Director.here() as director:
        director.apply([AddService(service)])


def test_where_nothing_is(net: Wire) -> None:
    assert "elvs attach IFACE" in net.elvs("status")
    status = net.status()
    assert status["tables"] is None and not status["attached"] and status["faults"] == []


def test_counted_in_words(net: Wire) -> None:
    net.elvs("vip", "add", str(VIP), "dev", "elvsd0")
    net.elvs("attach", "elvsd0", *SMALL)
    serve(net)
    net.said("bash", "-c", f"for i in 1 2 3; do echo > /dev/udp/{VIP}/9; done", where=net.peer)
    status = net.status()
    verdicts = status["tables"]["verdicts"]
    assert verdicts["TX_DR"] + verdicts["SLOW_NEIGHBOUR"] == 3
    assert status["tables"]["use"]["services"]["used"] == 1
    assert status["tables"]["use"]["real_servers"]["used"] == 1
    assert 22 in status["tables"]["protected_ports"]
    text = net.elvs("status")
    assert "services: 1 of 16" in text and f"{VIP} on elvsd0" in text
    assert "forwarded by" in text


def test_living_connections_want_force(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    serve(net)
    net.elvs("vip", "add", str(VIP), "dev", "elvsd0")
    net.said("bash", "-c", f"echo > /dev/udp/{VIP}/9", where=net.peer)
    line = net.refused("detach")
    assert "1 connection" in line and "--force" in line
    assert net.elvs("detach", "--force") == "detached from elvsd0\n"
    assert "no interface is attached" in net.elvs("status")


def test_moved_to_another_namespace(net: Wire) -> None:
    net.elvs("attach", "elvsd0", *SMALL)
    net.said("ip", "link", "set", "elvsd0", "netns", net.peer)
    status = net.status()
    assert status["interfaces"][0]["link"] == "moved" and not status["attached"]
    assert "elvs detach elvsd0" in net.elvs("status")
    assert net.elvs("detach") == "detached from elvsd0\n"
    assert "prog/xdp" not in net.said("ip", "-d", "link", "show", "elvsd0", where=net.peer)
