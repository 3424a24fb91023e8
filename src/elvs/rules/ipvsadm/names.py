"""Numbers or names of hosts and ports in what is printed."""

from collections.abc import Callable

from elvs.model.address import Address, Family

Names = Callable[[Address, int, str], str]
"""How an address and port are written; the protocol is lower case, empty for marks."""


def numeric(address: Address, port: int, protocol: str) -> str:
    """`-n`: as numbers."""
    return address.with_port(port)


def resolved(address: Address, port: int, protocol: str) -> str:
    """By the resolver and /etc/services; what has no name stays a number."""
    import socket  # with -n nobody pays for it

    try:
        host = socket.gethostbyaddr(str(address))[0]
    except OSError:
        host = str(address)
    if address.family is Family.IPV6:
        host = f"[{host}]"
    try:
        service = socket.getservbyport(port, protocol) if protocol else str(port)
    except OSError:
        service = str(port)
    return f"{host}:{service}"
