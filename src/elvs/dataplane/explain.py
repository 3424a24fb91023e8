"""What the data plane would do with a packet: its own walk, run dry by the kernel."""

from dataclasses import dataclass

from elvs.dataplane.layout import Explanation, Hop, Server, Verdict
from elvs.dataplane.port import Tables
from elvs.dataplane.testrun import run_xdp


@dataclass(frozen=True, slots=True)
class NextHop:
    """Device and destination MAC of a way that the data plane has used."""

    ifindex: int
    mac: str


@dataclass(frozen=True, slots=True)
class Explained:
    """The verdict; `service` and `server` are numbers of rows, None where it came to none."""

    verdict: Verdict
    service: int | None
    server: int | None
    known: bool
    """Whether the packet belongs to a connection in the table."""
    hop: NextHop | None
    """The way to `server`, None while none has been used."""


def explain(tables: Tables, program: int, frame: bytes, ifindex: int = 0) -> Explained:
    """Walk `frame` through `program` (`Programs.explain`) as if it came in on `ifindex`.

    Nothing changes but the map `explained`, so the caller holds the lock of the place.
    """
    run_xdp(program, frame, ifindex=ifindex)
    row = bytes(tables.memory("explained"))
    server = Explanation.server.get(row)
    return Explained(
        Verdict(Explanation.verdict.get(row)),
        _number(Explanation.service.get(row)),
        _number(server),
        bool(Explanation.known.get(row)),
        _hop(tables, server - 1) if server else None,
    )


def _number(plus_one: int) -> int | None:
    return plus_one - 1 if plus_one else None


def _hop(tables: Tables, server: int) -> NextHop | None:
    row = Server.route.get(tables.memory("servers"), server) >> 32
    hops = tables.memory("hops")
    if not row or not Hop.ifindex.get(hops, row):
        return None
    return NextHop(Hop.ifindex.get(hops, row), Hop.macs.get(hops, row)[:6].hex(":"))
