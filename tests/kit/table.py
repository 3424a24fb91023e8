"""Where conn.h puts a connection, written anew: SipHash-1-3 of one block, and the 16 places."""

import numpy as np
from numpy.typing import NDArray

from elvs.model.address import Address
from tests.kit.world import SEED

U64 = NDArray[np.uint64]
PLACES = 16


def siphash(block: U64) -> U64:
    """SipHash-1-3 of one 8-byte block with no length (bpf/hash.h), under the tests' key."""
    k0, k1 = (np.uint64(k) for k in SEED)
    v0 = np.full_like(block, k0 ^ np.uint64(0x736F6D6570736575))
    v1 = np.full_like(block, k1 ^ np.uint64(0x646F72616E646F6D))
    v2 = np.full_like(block, k0 ^ np.uint64(0x6C7967656E657261))
    v3 = np.full_like(block, k1 ^ np.uint64(0x7465646279746573)) ^ block
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v2 = v0 ^ block, v2 ^ np.uint64(0xFF)
    for _ in range(3):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _turn(x: U64, bits: int) -> U64:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


def _round(v0: U64, v1: U64, v2: U64, v3: U64) -> tuple[U64, U64, U64, U64]:
    v0 = v0 + v1
    v1 = _turn(v1, 13) ^ v0
    v0 = _turn(v0, 32)
    v2 = v2 + v3
    v3 = _turn(v3, 16) ^ v2
    v0 = v0 + v3
    v3 = _turn(v3, 21) ^ v0
    v2 = v2 + v1
    v1 = _turn(v1, 17) ^ v2
    return v0, v1, _turn(v2, 32), v3


def fold(halves: NDArray[np.uint64]) -> U64:
    """32 bits of IPv6 clients, given as rows of two little-endian halves."""
    return siphash(halves[:, 0] ^ siphash(halves[:, 1])) & np.uint64(0xFFFFFFFF)


def homes(client: str, ports: list[int], protocol: int, buckets: int) -> list[int]:
    """The home bucket of each client port; `protocol` is 0 for TCP, 1 for UDP."""
    packed = Address.parse(client).packed
    if len(packed) == 4:
        word = int.from_bytes(packed, "little")
    else:
        word = int(fold(np.frombuffer(packed, "<u8").reshape(1, 2))[0])
    swapped = np.array(ports, ">u2").view("<u2").astype(np.uint64)
    block = np.uint64(word << 32) | swapped << np.uint64(16) | np.uint64(protocol)
    return [int(home) for home in siphash(block) & np.uint64(buckets - 1)]


def places(home: int, buckets: int) -> list[int]:
    """All buckets where a connection of this home may stand, home first."""
    return [(home ^ ((k * 0x9E3779B1 & 0xFFFFFFFF) >> 7)) & (buckets - 1) for k in range(PLACES)]
