"""Where conn.h puts a connection, written anew: the keyed hash, and the 16 places."""

import numpy as np
from numpy.typing import NDArray

from elvs.model.address import Address
from tests.kit.world import SEED

U64 = NDArray[np.uint64]
PLACES = 16


def keyed_hash(block: U64) -> U64:
    """bpf/hash.h under the tests' key: multiply, fold, multiply, fold."""
    k0, k1 = (np.uint64(k) for k in SEED)
    mixed = (np.asarray(block, np.uint64) ^ k0) * (k1 | np.uint64(1))
    mixed = mixed ^ (mixed >> np.uint64(32))
    mixed = mixed * (k0 | np.uint64(1))
    return mixed ^ (mixed >> np.uint64(32))


def fold(halves: NDArray[np.uint64]) -> U64:
    """32 bits of IPv6 clients, given as rows of two little-endian halves."""
    return keyed_hash(halves[:, 0] ^ keyed_hash(halves[:, 1])) & np.uint64(0xFFFFFFFF)


def homes(client: str, ports: list[int], protocol: int, buckets: int) -> list[int]:
    """The home bucket of each client port; `protocol` is 0 for TCP, 1 for UDP."""
    packed = Address.parse(client).packed
    if len(packed) == 4:
        word = int.from_bytes(packed, "little")
    else:
        word = int(fold(np.frombuffer(packed, "<u8").reshape(1, 2))[0])
    swapped = np.array(ports, ">u2").view("<u2").astype(np.uint64)
    block = np.uint64(word << 32) | swapped << np.uint64(16) | np.uint64(protocol)
    return [int(home) for home in keyed_hash(block) & np.uint64(buckets - 1)]


def places(home: int, buckets: int) -> list[int]:
    """All buckets where a connection of this home may stand, home first."""
    return [(home ^ ((k * 0x9E3779B1 & 0xFFFFFFFF) >> 7)) & (buckets - 1) for k in range(PLACES)]
