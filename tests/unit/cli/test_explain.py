"""What `elvs explain` accepts."""

import pytest

from elvs.cli.explain import parse_endpoint, parse_flags, parse_interface
from elvs.dataplane.frame import TcpFlag
from elvs.model.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1:80", "192.0.2.1", 80),
        ("192.0.2.1", "192.0.2.1", 50000),
        ("[2001:db8::1]:80", "2001:db8::1", 80),
        ("[2001:db8::1]", "2001:db8::1", 50000),
        ("2001:db8::1", "2001:db8::1", 50000),
    ],
)
def test_endpoints(text: str, address: str, port: int) -> None:
    parsed, number = parse_endpoint(text, 50000)
    assert (str(parsed), number) == (address, port)


@pytest.mark.parametrize("text", ["192.0.2.1", "192.0.2.1:0", "192.0.2.1:70000", "192.0.2.1:http"])
def test_a_destination_needs_a_port(text: str) -> None:
    with pytest.raises(InvalidValue, match="no port 1 to 65535"):
        parse_endpoint(text, None)


def test_flags() -> None:
    assert parse_flags("syn") == TcpFlag.SYN
    assert parse_flags("SYN,ack") == TcpFlag.SYN | TcpFlag.ACK
    with pytest.raises(InvalidValue, match="choose from"):
        parse_flags("urg")


def test_an_interface_that_is_not_there() -> None:
    with pytest.raises(InvalidValue, match="no interface nothere0"):
        parse_interface("nothere0")
