"""How large the tables are: what an operator says at attach, and the rows that follow from it."""

import os

from elvs.model.errors import InvalidValue
from elvs.model.value import dataclass

SLOTS = 5
FILL = 2
"""A table has twice as many slots as connections it may hold (reference: flow-table)."""
LEAST_BUCKETS = 1024
MOST_BUCKETS = 1 << 27
"""A connection's number, bucket * 8 + slot (conn.h), is an int above zero."""
MOST_SERVERS = 1 << 20
"""A connection's word has 20 bits for the number of its server."""
BYTES_PER_BUCKET = 128 + 128 + 160
"""One row of conn4, conn6 and tails."""
SHARE_OF_MEMORY = 100
SERVICES, SERVERS = 16384, 65536
POOL_SHARE = 3
"""Old and new pool stand side by side, and what lies between them is not always usable."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Limits: living connections of each family, virtual services, real servers of all services."""

    connections: int
    services: int = SERVICES
    servers: int = SERVERS

    def __post_init__(self) -> None:
        for name, value, most in (
            ("connections", self.connections, MOST_BUCKETS * SLOTS // FILL),
            ("services", self.services, 1 << 20),
            ("servers", self.servers, MOST_SERVERS),
        ):
            if not 1 <= value <= most:
                raise InvalidValue(
                    f"{value} {name} cannot be had", f"say 1 to {most}", out_of_range=True
                )

    @classmethod
    def by_memory(cls, memory: int | None = None) -> "Sizes":
        """The default: connection tables of about 1 % of the machine's memory (bytes)."""
        if memory is None:
            memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        fitting = max(memory // SHARE_OF_MEMORY // BYTES_PER_BUCKET, LEAST_BUCKETS)
        buckets = min(1 << (fitting.bit_length() - 1), MOST_BUCKETS)
        return cls(buckets * SLOTS // FILL)

    @property
    def buckets(self) -> int:
        """Rows of conn4, conn6 and tails: the power of two that holds `connections`."""
        least = -(-self.connections * FILL // SLOTS)
        return max(1 << (least - 1).bit_length(), LEAST_BUCKETS)

    @property
    def limit(self) -> int:
        """Connections of one family that the tables really take: `connections`, rounded up."""
        return self.buckets * SLOTS // FILL

    def rows(self) -> dict[str, int]:
        """Rows of each map that is sized, by name."""
        rows = dict.fromkeys(("conn4", "conn6", "tails"), self.buckets)
        rows |= dict.fromkeys(("services", "states", "departed", "service_ids"), self.services)
        rows |= dict.fromkeys(
            ("servers", "loads", "traffic", "estimates", "baselines"), self.servers
        )
        rows["pool"] = POOL_SHARE * self.servers
        return rows

    def bytes(self, cpus: int) -> int:
        """Memory that all maps take, about."""
        per_server = 64 + 32 + 40 * cpus + 80 + 40 + 8 * POOL_SHARE
        return self.buckets * BYTES_PER_BUCKET + self.servers * per_server + self.services * 160
