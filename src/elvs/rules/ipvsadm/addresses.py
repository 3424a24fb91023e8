"""Addresses, ports and numbers as ipvsadm takes them (ipvsadm.c, parse_service)."""

import socket
from dataclasses import dataclass

from elvs.model.address import Address

INT_MAX = 2147483647


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`port` is None when none was written."""

    address: Address
    port: int | None


def number(text: str, least: int, most: int) -> int | None:
    """A decimal number in its range, or None."""
    digits = text.strip()
    if not digits.lstrip("+").isdigit():
        return None
    value = int(digits)
    return value if least <= value <= most else None


def endpoint(text: str, protocol: str) -> Endpoint | None:
    """`host[:port]`, `v6` or `[v6]:port`; None for anything else. `protocol` is for names."""
    if text.startswith("["):
        inside, closed, port = text[1:].partition("]:")
        address = _v6(inside)
        if not closed or address is None:
            return None
        return _with_port(address, port, protocol)
    bare = _v6(text)
    if bare is not None:
        return Endpoint(bare, None)
    host, colon, port = text.partition(":")
    found = _v4(host)
    if found is None or text.isdigit():
        return None
    return _with_port(found, port, protocol) if colon else Endpoint(found, None)


def _with_port(address: Address, text: str, protocol: str) -> Endpoint | None:
    port = number(text, 0, 65535)
    if port is None and text and not text.lstrip("+-").isdigit():
        try:
            port = socket.getservbyname(text, protocol)
        except OSError:
            return None
    return None if port is None else Endpoint(address, port)


def _v6(text: str) -> Address | None:
    try:
        return Address(socket.inet_pton(socket.AF_INET6, text))
    except OSError:
        return None


def _v4(host: str) -> Address | None:
    if not host:
        return None
    try:
        return Address(socket.inet_aton(host))
    except OSError:
        pass
    try:
        return Address(socket.inet_aton(socket.gethostbyname(host)))
    except (OSError, UnicodeError):
        return None


def netmask4(text: str) -> int | None:
    """A dotted mask in host order, or None."""
    found = _v4(text)
    return None if found is None else int.from_bytes(found.packed, "big")
