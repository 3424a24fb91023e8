"""Addresses, ports and numbers as ipvsadm takes them (ipvsadm.c, parse_service)."""

from _socket import (  # socket makes enums of hundreds
    AF_INET6,
    getservbyname,
    inet_aton,
    inet_pton,
)
from _socket import gethostbyname as host_by_name

from elvs.model.address import Address

INT_MAX = 2147483647
LONGEST = 19
"""Digits of the largest number that a long holds."""


def number(text: str, least: int, most: int) -> int | None:
    """A decimal number in its range as strtol reads it, or None."""
    digits = text.lstrip(" \t\n\v\f\r")
    sign = digits[:1]
    if sign in ("+", "-"):
        digits = digits[1:]
    if not (digits.isascii() and digits.isdigit()) or len(digits.lstrip("0")) > LONGEST:
        return None
    value = -int(digits) if sign == "-" else int(digits)
    return value if least <= value <= most else None


def leading_number(text: str) -> int:
    """What atoi makes of it: the digits in front, 0 without any."""
    digits = text.lstrip(" \t\n\v\f\r")
    length = 0
    while length < min(len(digits), LONGEST) and digits[length] in "0123456789":
        length += 1
    return int(digits[:length] or "0")


def endpoint(text: str, protocol: str) -> tuple[Address, int | None] | None:
    """`host[:port]`, `v6` or `[v6]:port`; None for anything else.

    The port is None when none was written. `protocol` is for names of ports; empty: there are none.
    """
    if text.startswith("["):
        inside, closed, port = text[1:].partition("]:")
        address = _v6(inside) if closed else None
        return _with_port(address, port, protocol)
    bare = _v6(text)
    if bare is not None:
        return bare, None
    if text.isascii() and text.isdigit():
        return None
    host, colon, port = text.rpartition(":")
    if not colon:
        found = ipv4(text)
        return None if found is None else (found, None)
    return _with_port(ipv4(host), port, protocol)


def _with_port(
    address: Address | None, text: str, protocol: str
) -> tuple[Address, int | None] | None:
    if address is None:
        return None
    port = number(text, 0, 65535)
    if port is None:
        port = _port_by_name(text, protocol)
    return None if port is None else (address, port)


def _port_by_name(text: str, protocol: str) -> int | None:
    if not text or not protocol:
        return None
    try:
        return getservbyname(text, protocol)
    except (OSError, ValueError):  # unknown, or no name at all
        return None


def _v6(text: str) -> Address | None:
    if ":" not in text:
        return None
    try:
        return Address(inet_pton(AF_INET6, text))
    except (OSError, ValueError):
        return None


def ipv4(host: str) -> Address | None:
    """An IPv4 address or the first one of a name, or None."""
    if not host:
        return None
    try:
        return Address(inet_aton(host))
    except (OSError, ValueError):
        pass
    try:
        return Address(inet_aton(host_by_name(host)))
    except (OSError, ValueError):
        return None
