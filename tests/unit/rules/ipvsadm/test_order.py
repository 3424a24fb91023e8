"""ipvsadm's order, as ipvsadm 1.31 showed it: it wraps, and depends on the sort."""

import pytest

from elvs.model.address import Address
from elvs.model.figures import Counters, RealServerView, ServiceView
from elvs.model.service import Protocol, RealServer, RealServerKey, Service, ServiceKey
from elvs.rules.ipvsadm import order

NONE = Counters()


def server(address: str, port: int = 80) -> RealServerView:
    key = RealServerKey(Address.parse(address), port)
    return RealServerView(RealServer(key), 0, 0, 0, NONE, NONE)


def service(address: str, port: int = 80, protocol: str = "TCP", mark: int = 0) -> ServiceView:
    key = ServiceKey(Protocol[protocol], Address.parse(address), port, mark)
    return ServiceView(Service(key), NONE, NONE, ())


@pytest.mark.parametrize(
    ("kept", "listed"),
    [
        ("127 172 192 200 10", "127 172 192 200 10"),
        ("10 200 192 172 127", "127 172 192 200 10"),
        ("10 127 172 192 200", "172 192 200 10 127"),
        ("200 192 172 127 10", "172 192 200 10 127"),
    ],
)
def test_servers_wrap_at_half_the_address_space(kept: str, listed: str) -> None:
    found = order.servers([server(f"{first}.0.0.1") for first in kept.split()])
    assert [view.server.key.address.packed[0] for view in found] == [int(n) for n in listed.split()]


def test_servers_of_one_address_go_by_port() -> None:
    found = order.servers([server("10.0.0.1", port) for port in (443, 65535, 80)])
    assert [view.server.key.port for view in found] == [80, 443, 65535]


def test_services_go_by_mark_family_protocol_address_port() -> None:
    wanted = [
        service("10.0.0.1", 443),
        service("10.0.0.2", 80),
        service("10.0.0.1", 53, "UDP"),
        service("10.0.0.1", 1, "SCTP"),
        service("2001:db8::1", 80),
        service("0.0.0.0", 0, mark=1),
        service("::", 0, mark=1),
        service("0.0.0.0", 0, mark=2),
    ]
    assert order.services(wanted[::-1]) == wanted
    assert order.services(wanted[4:] + wanted[:4]) == wanted


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_equals_keep_their_order(count: int) -> None:
    views = [server("10.0.0.1") for _ in range(count)]
    assert all(a is b for a, b in zip(order.servers(views), views, strict=True))
