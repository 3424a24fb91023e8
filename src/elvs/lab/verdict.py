"""What a demo found, and whether it is as it should be. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from elvs.lab.client import Tally
from elvs.lab.readings import ServiceStats
from elvs.model.figures import Counters

BULK_CONNECTIONS = 2
"""The upload and the download."""
UNEVEN = 0.02
"""Two schedulers' turns may cross on two CPUs; more than this share is not round robin."""


@dataclass(frozen=True, slots=True)
class Result:
    """One method and family: what the client, the servers and the director say of it."""

    method: str
    family: int
    tally: Tally
    director: ServiceStats
    real_servers: Mapping[str, str]
    """Name of each real server -> its `address:port` in the director's listing."""
    forwarded_by_stack: int
    """IP datagrams that the director's own IP stack forwarded."""
    answers_pass_director: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """One method and family that never got as far as sending requests."""

    method: str
    family: int
    requests: int
    reason: str


def faults(result: Result | Failure) -> tuple[str, ...]:
    """What is not as it should be, a line each; none is a success."""
    if isinstance(result, Failure):
        return (result.reason,)
    return (
        *_client_faults(result.tally),
        *_share_faults(result),
        *_counter_faults(result),
        *_path_faults(result),
    )


def _client_faults(tally: Tally) -> list[str]:
    found = [f"{count} requests failed: {error}" for error, count in tally.errors.items()]
    if not tally.client_address_seen:
        found.append(f"servers saw other client addresses: {', '.join(tally.clients) or 'none'}")
    for name, bulk in (("upload", tally.upload), ("download", tally.download)):
        if bulk.error:
            found.append(f"the {name} failed: {bulk.error}")
        elif not bulk.right:
            found.append(f"the {name} arrived with another checksum")
    return found


def _share_faults(result: Result) -> list[str]:
    """Round robin gives all the same, but for a turn more or less."""
    share = result.tally.requests / len(result.real_servers)
    allowed = 1 + UNEVEN * share
    return [
        f"{name} got {got} requests, its share is {share:.0f}"
        for name in result.real_servers
        if abs((got := result.tally.servers.get(name, 0)) - share) > allowed
    ]


def _counter_faults(result: Result) -> list[str]:
    """The director must have counted, per server, the very connections that clients made."""
    seen = dict(result.tally.servers)
    for bulk in (result.tally.upload, result.tally.download):
        if bulk.server:
            seen[bulk.server] = seen.get(bulk.server, 0) + 1
    found = []
    for name, listed in result.real_servers.items():
        counted = result.director.servers.get(listed, Counters()).connections
        if counted != seen.get(name, 0):
            found.append(
                f"the director counts {counted} connections to {name}, clients {seen.get(name, 0)}"
            )
    wanted = result.tally.requests + BULK_CONNECTIONS
    if result.director.total.connections != wanted:
        found.append(
            f"the director counts {result.director.total.connections} connections of {wanted}"
        )
    if sum(result.director.servers.values(), Counters()) != result.director.total:
        found.append("the service's counters are not the sum of its servers'")
    return found


def _path_faults(result: Result) -> list[str]:
    """Packets went the way that the method means, and by our program alone."""
    total = result.director.total
    found = []
    if not total.in_packets:
        found.append("the director counts no packet towards the servers")
    if result.answers_pass_director and not total.out_packets:
        found.append("the director counts no packet of the answers")
    if not result.answers_pass_director and total.out_packets:
        found.append(f"{total.out_packets} packets of the answers passed the director")
    if result.forwarded_by_stack:
        found.append(f"the director's IP stack forwarded {result.forwarded_by_stack} packets")
    return found
