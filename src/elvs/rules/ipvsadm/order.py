"""ipvsadm's order of services and servers (libipvs.c, ipvs_cmp_services and ipvs_cmp_dests).

Addresses are compared by the sign of a 32-bit difference, so the relation is not transitive, and
the outcome depends on the sort: glibc's qsort, a merge sort that halves, is done here alike.
"""

from elvs.model.address import Address
from elvs.model.figures import RealServerView, ServiceView

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")


def services(views: "Sequence[ServiceView]") -> list[ServiceView]:
    """By mark, family, protocol, address, port."""
    return _sorted(views, compare_services)


def servers(views: "Sequence[RealServerView]") -> list[RealServerView]:
    """By address and port alone."""
    return _sorted(views, compare_servers)


def compare_services(left: ServiceView, right: ServiceView) -> int:
    """Negative, 0 or positive, as C compares."""
    a, b = left.service.key, right.service.key
    return (
        _difference(a.mark, b.mark)
        or a.family - b.family
        or a.protocol - b.protocol
        or _addresses(a.address, b.address)
        or a.port - b.port
    )


def compare_servers(left: RealServerView, right: RealServerView) -> int:
    """Negative, 0 or positive, as C compares."""
    a, b = left.server.key, right.server.key
    return _addresses(a.address, b.address) or a.port - b.port


def _addresses(a: Address, b: Address) -> int:
    if a == b:
        return 0
    left, right = a.padded, b.padded
    for at in range(0, 16, 4):
        here, there = left[at : at + 4], right[at : at + 4]
        if here != there:
            return _difference(int.from_bytes(here, "big"), int.from_bytes(there, "big"))
    return 0


def _difference(a: int, b: int) -> int:
    """a - b as a C int holds it."""
    return (a - b + 0x80000000) % 0x100000000 - 0x80000000


def _sorted(items: "Sequence[T]", compare: "Callable[[T, T], int]") -> "list[T]":
    """Merge sort; of equals the earlier comes first."""
    if len(items) < 2:
        return list(items)
    half = len(items) // 2
    left, right = _sorted(items[:half], compare), _sorted(items[half:], compare)
    merged: list[T] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if compare(left[i], right[j]) <= 0:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]
