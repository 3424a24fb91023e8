"""Layouts with figures in them; the transcripts have none but zero."""

import pytest

from elvs.model.address import Address
from elvs.model.figures import Connection, Counters, RealServerView, ServiceView
from elvs.model.service import (
    Method,
    Protocol,
    RealServer,
    RealServerKey,
    Service,
    ServiceKey,
    TunnelType,
)
from elvs.rules.ipvsadm.listing import connections, listing
from elvs.rules.ipvsadm.names import numeric

VIP = ServiceKey(Protocol.UDP, Address.parse("192.0.2.1"), 53)
COUNTED = Counters(1_234_567_890, 2, 3, 400_000_000, 5)
RATES = Counters(123456789, 2, 3, 400_000_000, 5)
GUE = RealServer(
    RealServerKey(Address.parse("2001:db8:1111:2222:3333:4444:5555:6666"), 53),
    Method.TUN,
    tunnel=TunnelType.GUE,
    tunnel_port=6080,
    tunnel_flags=2,
)
SERVERS = (
    RealServerView(GUE, 3, 4, 5, COUNTED, RATES),
    RealServerView(
        RealServer(RealServerKey(Address.parse("10.0.0.1"), 53), weight=70000),
        1,
        2,
        0,
        COUNTED,
        RATES,
    ),
)
VIEW = ServiceView(Service(VIP, "sh"), COUNTED, RATES, SERVERS)
LONG = "  -> [2001:db8:1111:2222:3333:4444:5555:6666]:53"


@pytest.mark.parametrize(
    ("shows", "lines"),
    [
        (
            "",
            [
                "UDP  192.0.2.1:53 sh",
                "  -> 10.0.0.1:53                  Route   70000  1          2         ",
                f"{LONG} Tunnel  1      3          4         ",
            ],
        ),
        (
            "stats",
            [
                "UDP  192.0.2.1:53                    1234M        2        3  400000K        5",
                "  -> 10.0.0.1:53                     1234M        2        3  400000K        5",
                f"{LONG}    1234M        2        3  400000K        5",
            ],
        ),
        (
            "stats exact",
            [
                "UDP  192.0.2.1:53                 1234567890        2        3 400000000        5",
                "  -> 10.0.0.1:53                  1234567890        2        3 400000000        5",
                f"{LONG} 1234567890        2        3 400000000        5",
            ],
        ),
        (
            "rate",
            [
                "UDP  192.0.2.1:53                  123456K        2        3  400000K        5",
                "  -> 10.0.0.1:53                  123456789        2        3  400000K        5",
                f"{LONG} 123456789        2        3  400000K        5",
            ],
        ),
        (
            "persistent-conn nosort",
            [
                "UDP  192.0.2.1:53 sh",
                f"{LONG} 1         5           3          4         ",
                "  -> 10.0.0.1:53                  70000     0           1          2         ",
            ],
        ),
        (
            "tun-info",
            [
                "UDP  192.0.2.1:53 sh",
                f"  -> {'10.0.0.1:53':<28} Route   n/a           70000  1          2         ",
                f"{LONG} Tunnel  gue:6080:r+c  1      3          4         ",
            ],
        ),
    ],
)
def test_layout(shows: str, lines: list[str]) -> None:
    assert list(listing([VIEW], shows.split(), numeric))[1:] == lines


def test_long_names_are_cut_as_ipvsadm_cuts_them() -> None:
    def long(address: Address, port: int, protocol: str) -> str:
        return "a-very-long-name-of-a-host.example.org:domain"

    lines = list(listing([VIEW], ["stats"], long))[1:]
    assert lines[0].startswith("UDP  a-very-long-name-of-a-host.e    1234M")
    assert lines[1].startswith("  -> a-very-long-name-of-a-host.e    1234M")


def test_connections() -> None:
    entry = Connection(
        Protocol.TCP,
        RealServerKey(Address.parse("198.51.100.7"), 40000),
        RealServerKey(Address.parse("192.0.2.1"), 80),
        RealServerKey(Address.parse("10.0.0.1"), 8080),
        Method.NAT,
        "ESTABLISHED",
        899,
        None,
    )
    assert list(connections([entry], [], numeric))[2:] == [
        "TCP 14:59  ESTABLISHED 198.51.100.7:40000 192.0.2.1:80       10.0.0.1:8080"
    ]
