"""What the recording could not hold: IPv6 and marks with it, tunnels, engines."""

import pytest

from elvs.model.address import Address
from elvs.model.change import AddServer, AddService
from elvs.model.errors import SchedulerNotFound
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
from elvs.rules.ipvsadm.parse import Request, parse
from elvs.rules.ipvsadm.usage import UsageError

VIP = ServiceKey(Protocol.TCP, Address.parse("2001:db8::1"), 80)
MARK = ServiceKey(Protocol.TCP, Address(bytes(16)), 0, 8)


def read(text: str) -> Request:
    return parse(text.split())


def test_ipv6_service() -> None:
    assert read("-A -t [2001:db8::1]:80 -s rr -p 100 -M 64").change == AddService(
        Service(VIP, "rr", ServiceFlag.PERSISTENT, 100, 64)
    )
    assert read("-A -t [2001:db8::1]:80").change == AddService(Service(VIP, netmask=128))


@pytest.mark.parametrize("mask", ["0", "129", "x", "-1"])
def test_ipv6_netmask_is_a_prefix_length(mask: str) -> None:
    with pytest.raises(UsageError, match="illegal ipv6 netmask specified"):
        read(f"-A -t [2001:db8::1]:80 -p -M {mask}")


def test_ipv6_mark() -> None:
    assert read("-A -f 8 -6").change == AddService(Service(MARK, netmask=128))
    assert read("-a -f 8 -6 -r [2001:db8::9]:0").change == AddServer(
        MARK, RealServer(RealServerKey(Address.parse("2001:db8::9"), 0))
    )


def test_a_tunnel_may_cross_families() -> None:
    request = read(
        "-a -t [2001:db8::1]:80 -r 10.0.0.1 -i --tun-type gue --tun-port 6080 --tun-csum"
    )
    assert request.change == AddServer(
        VIP,
        RealServer(
            RealServerKey(Address.parse("10.0.0.1"), 80),
            Method.TUN,
            tunnel=TunnelType.GUE,
            tunnel_port=6080,
            tunnel_flags=1,
        ),
    )


def test_a_persistence_engine_is_understood_and_not_there() -> None:
    request = read("-A -u 192.0.2.1:5060 -p 60 --pe sip")
    assert isinstance(request.change, AddService)
    assert isinstance(request.refused, SchedulerNotFound)
