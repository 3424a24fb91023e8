"""ipvsadm's order of services and servers (libipvs.c, ipvs_cmp_services, ipvs_cmp_dests).

Addresses are compared by the sign of a 32-bit difference, so the relation is not transitive, and
the outcome depends on the sort: glibc's qsort, a merge sort that halves, is done here alike.
"""

import struct
from collections.abc import Callable, Sequence

from elvs.model.address import Address
from elvs.model.service import RealServerKey, ServiceKey

TYPE_CHECKING = False  # typing takes 3 ms, which a listing does not have
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


def sorted_as_ipvsadm(items: "Sequence[T]", compare: "Callable[[T, T], int]") -> "list[T]":
    """Merge sort; of equals the earlier comes first."""
    if len(items) < 2:
        return list(items)
    half = len(items) // 2
    left = sorted_as_ipvsadm(items[:half], compare)
    right = sorted_as_ipvsadm(items[half:], compare)
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


def compare_services(a: ServiceKey, b: ServiceKey) -> int:
    """By mark, family, protocol, address, port."""
    for left, right in ((a.mark, b.mark), (a.family, b.family), (a.protocol, b.protocol)):
        if left != right:
            return _sign(left - right)
    return _addresses(a.address, b.address) or a.port - b.port


def compare_servers(a: RealServerKey, b: RealServerKey) -> int:
    """By address and port alone."""
    return _addresses(a.address, b.address) or a.port - b.port


def _addresses(a: Address, b: Address) -> int:
    for (left,), (right,) in zip(
        struct.iter_unpack("!I", a.padded), struct.iter_unpack("!I", b.padded), strict=True
    ):
        if left != right:
            return _sign(left - right)
    return 0


def _sign(difference: int) -> int:
    """The difference as a C int."""
    return (difference + 0x80000000) % 0x100000000 - 0x80000000
