"""A demo's findings for programs (JSON) and for people (a table). Pure."""

from collections.abc import Sequence
from typing import Any

from elvs.lab.client import Bulk
from elvs.lab.verdict import Failure, Result, faults


def as_json(results: Sequence[Result | Failure]) -> dict[str, Any]:
    """The stable form of `elvs lab demo --json`."""
    return {"results": [_one_as_json(result) for result in results]}


def _one_as_json(result: Result | Failure) -> dict[str, Any]:
    said = list(faults(result))
    if isinstance(result, Failure):
        return {
            "method": result.method,
            "family": result.family,
            "requests": result.requests,
            "answered": 0,
            "failed": result.requests,
            "servers": {},
            "client_address_seen": False,
            "ok": False,
            "faults": said,
        }
    tally, total = result.tally, result.director.total
    return {
        "method": result.method,
        "family": result.family,
        "requests": tally.requests,
        "answered": tally.answered,
        "failed": tally.requests - tally.answered,
        "servers": {name: tally.servers.get(name, 0) for name in result.real_servers},
        "client_address_seen": tally.client_address_seen,
        "client_addresses": list(tally.clients),
        "upload": _bulk_as_json(tally.upload),
        "download": _bulk_as_json(tally.download),
        "director": {
            "connections": total.connections,
            "in_packets": total.in_packets,
            "out_packets": total.out_packets,
            "in_bytes": total.in_bytes,
            "out_bytes": total.out_bytes,
        },
        "forwarded_by_stack": result.forwarded_by_stack,
        "ok": not said,
        "faults": said,
    }


def _bulk_as_json(bulk: Bulk) -> dict[str, Any]:
    return {
        "bytes": bulk.bytes,
        "server": bulk.server,
        "right": bulk.right,
        "error": bulk.error,
    }


HEADINGS = (
    "method",
    "family",
    "sent",
    "answered",
    "failed",
    "per server",
    "client seen",
    "bulk",
    "through director in",
    "out",
)

WAYS = {
    "nat": "nat  addresses are rewritten; answers come back through the director",
    "dr": "dr   only the next hop changes; servers answer the client themselves",
    "tun": "tun  packets travel in a tunnel through routers; servers answer the client themselves",
}

MOST_SHARES = 5
"""Of more real servers than this a row does not list each share."""

INTRODUCTION = """\
A client asked a virtual address for web pages. The director that holds the address passed each
connection on to one of {servers}, in each of these ways:"""

LEGEND = """\
per server   requests that each real server answered: its turn comes round robin
client seen  whether the servers saw the real address of each client
bulk         upload and download of some MB, compared by checksum"""

NEXT = """\
Next: do it by hand (docs/lab.md).
  {elvs} lab up nat                                a network like the one that was just used
  {elvs} lab run director -- elvs-ipvsadm -L -n    any command on any of its hosts
  {elvs} lab down                                  all gone again
Then the README: a virtual address over two real machines."""


def table(results: Sequence[Result | Failure], elvs: str) -> str:
    """The findings for a newcomer, with what is wrong, and where to go from here.

    `elvs` is how the reader calls the command.
    """
    rows = [HEADINGS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    wrong = [
        f"  {result.method} IPv{result.family}: {fault}"
        for result in results
        for fault in faults(result)
    ]
    methods = dict.fromkeys(result.method for result in results)
    said = "\n".join(WAYS[method] for method in methods)
    opening = INTRODUCTION.format(servers=_servers(results))
    return "\n\n".join((opening, "\n".join(lines), f"{said}\n{LEGEND}", _verdict(wrong, elvs)))


def _servers(results: Sequence[Result | Failure]) -> str:
    counts = {len(result.real_servers) for result in results if isinstance(result, Result)}
    if not counts:
        return "its real servers"
    return "1 real server" if counts == {1} else f"{max(counts)} real servers"


def _verdict(wrong: Sequence[str], elvs: str) -> str:
    if wrong:
        return "\n".join(("Not as it should be:", *wrong))
    return (
        "All as it should be: every request was answered rightly, the director counted exactly\n"
        f"these connections, and its IP stack forwarded nothing itself.\n\n{NEXT.format(elvs=elvs)}"
    )


def _row(result: Result | Failure) -> tuple[str, ...]:
    start = (result.method, f"IPv{result.family}")
    if isinstance(result, Failure):
        return (*start, str(result.requests), "0", str(result.requests), "-", "-", "-", "-", "-")
    tally, total = result.tally, result.director.total
    shares = [tally.servers.get(name, 0) for name in result.real_servers]
    return (
        *start,
        str(tally.requests),
        str(tally.answered),
        str(tally.requests - tally.answered),
        _shares(shares),
        "yes" if tally.client_address_seen else "NO",
        "same" if tally.upload.right and tally.download.right else "DIFFERS",
        _amount(total.in_packets, total.in_bytes),
        _amount(total.out_packets, total.out_bytes),
    )


def _shares(shares: Sequence[int]) -> str:
    """All of them, or of many the least and the most."""
    if len(shares) <= MOST_SHARES:
        return " + ".join(map(str, shares))
    return f"{len(shares)} x {min(shares)} to {max(shares)}"


def _amount(packets: int, size: int) -> str:
    return f"{packets:,} packets, {size / 1e6:.1f} MB" if packets else "nothing"
