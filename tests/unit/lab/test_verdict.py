"""A success has no faults; each thing that can be wrong is found and named."""

from dataclasses import replace

import pytest

from elvs.lab.client import Bulk, Tally
from elvs.lab.readings import ServiceStats
from elvs.lab.verdict import Failure, Result, faults
from elvs.model.figures import Counters

BULK = Bulk(100, "server1", "aa", "aa")
GOOD_TALLY = Tally(
    requests=4,
    answered=4,
    servers={"server1": 2, "server2": 2},
    clients=("203.0.113.11",),
    client_address_seen=True,
    errors={},
    upload=BULK,
    download=replace(BULK, server="server2"),
)
PER_SERVER = Counters(3, 10, 0, 1000, 0)
GOOD = Result(
    method="dr",
    family=4,
    tally=GOOD_TALLY,
    director=ServiceStats(PER_SERVER + PER_SERVER, {"a:80": PER_SERVER, "b:80": PER_SERVER}),
    real_servers={"server1": "a:80", "server2": "b:80"},
    forwarded_by_stack=0,
    answers_pass_director=False,
)


def tally(**changes: object) -> Result:
    return replace(GOOD, tally=replace(GOOD_TALLY, **changes))  # type: ignore[arg-type]


def counted(a: Counters, b: Counters, total: Counters | None = None) -> Result:
    return replace(
        GOOD, director=ServiceStats(a + b if total is None else total, {"a:80": a, "b:80": b})
    )


def test_a_success_has_no_faults() -> None:
    assert faults(GOOD) == ()


def test_a_success_by_nat_counts_answers() -> None:
    both = replace(PER_SERVER, out_packets=8, out_bytes=900)
    assert faults(replace(counted(both, both), answers_pass_director=True)) == ()


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (tally(errors={"timed out": 2}), "2 requests failed: timed out"),
        (
            tally(client_address_seen=False, clients=("198.51.100.2",)),
            "servers saw other client addresses: 198.51.100.2",
        ),
        (tally(upload=replace(BULK, error="timed out")), "the upload failed: timed out"),
        (
            tally(download=replace(BULK, server="server2", sha256="bb")),
            "the download arrived with another checksum",
        ),
        (
            counted(replace(PER_SERVER, connections=4), replace(PER_SERVER, connections=2)),
            "the director counts 4 connections to server1, clients 3",
        ),
        (
            counted(PER_SERVER, replace(PER_SERVER, connections=2)),
            "the director counts 5 connections of 6",
        ),
        (
            counted(PER_SERVER, PER_SERVER, replace(PER_SERVER, connections=6)),
            "the service's counters are not the sum of its servers'",
        ),
        (
            counted(Counters(3), Counters(3)),
            "the director counts no packet towards the servers",
        ),
        (
            replace(GOOD, answers_pass_director=True),
            "the director counts no packet of the answers",
        ),
        (
            counted(replace(PER_SERVER, out_packets=5), PER_SERVER),
            "5 packets of the answers passed the director",
        ),
        (
            replace(GOOD, forwarded_by_stack=9),
            "the director's IP stack forwarded 9 packets",
        ),
    ],
)
def test_each_fault_is_named(result: Result, fault: str) -> None:
    assert fault in faults(result)


def test_a_server_without_its_share() -> None:
    assert "server2 got 0 requests, its share is 2" in faults(tally(servers={"server1": 4}))


def test_one_turn_more_or_less_is_round_robin() -> None:
    odd = tally(servers={"server1": 3, "server2": 1})
    assert not [fault for fault in faults(odd) if "share" in fault]


def test_what_never_began_says_why() -> None:
    assert faults(Failure("nat", 6, 10, "no BPF")) == ("no BPF",)
