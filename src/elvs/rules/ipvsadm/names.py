"""Numbers or names of hosts and ports in what is printed."""

from _socket import gethostbyaddr, getservbyport  # socket makes enums of hundreds

from elvs.model.address import Address, Family

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable

    Names = Callable[[Address, int, str], str]
    """How an address and port are written; the protocol is lower case, empty for marks."""


def numeric(address: Address, port: int, protocol: str) -> str:
    """`-n`: as numbers."""
    return address.with_port(port)


def resolver() -> "Names":
    """Names by the resolver and /etc/services, each asked for once; or else the number."""
    hosts: dict[Address, str] = {}
    ports: dict[tuple[int, str], str] = {}

    def resolved(address: Address, port: int, protocol: str) -> str:
        if address not in hosts:
            hosts[address] = _host(address)
        if (port, protocol) not in ports:
            ports[port, protocol] = _port(port, protocol)
        return f"{hosts[address]}:{ports[port, protocol]}"

    return resolved


def _host(address: Address) -> str:
    try:
        host = gethostbyaddr(str(address))[0]
    except OSError:
        host = str(address)
    return host if address.family is Family.IPV4 else f"[{host}]"


def _port(port: int, protocol: str) -> str:
    try:
        return getservbyport(port, protocol) if protocol else str(port)
    except OSError:
        return str(port)
