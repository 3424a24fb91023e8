"""The demo's findings for programs and for people."""

from dataclasses import replace

from elvs.lab.report import as_json, table
from elvs.lab.verdict import Failure
from tests.unit.lab.test_verdict import GOOD, tally

FAILURE = Failure("nat", 6, 10, "director# elvs attach eth0: no BPF")


def test_json_of_a_success() -> None:
    (result,) = as_json([GOOD])["results"]
    assert result == {
        "method": "dr",
        "family": 4,
        "requests": 4,
        "answered": 4,
        "failed": 0,
        "servers": {"server1": 2, "server2": 2},
        "client_address_seen": True,
        "client_addresses": ["203.0.113.11"],
        "upload": {"bytes": 100, "server": "server1", "right": True, "error": ""},
        "download": {"bytes": 100, "server": "server2", "right": True, "error": ""},
        "director": {
            "connections": 6,
            "in_packets": 20,
            "out_packets": 0,
            "in_bytes": 2000,
            "out_bytes": 0,
        },
        "forwarded_by_stack": 0,
        "ok": True,
        "faults": [],
    }


def test_json_names_a_server_without_requests() -> None:
    (result,) = as_json([tally(servers={"server1": 4})])["results"]
    assert result["servers"] == {"server1": 4, "server2": 0}
    assert not result["ok"]


def test_json_of_what_never_began() -> None:
    (result,) = as_json([FAILURE])["results"]
    assert (result["requests"], result["answered"], result["failed"]) == (10, 0, 10)
    assert result["faults"] == [FAILURE.reason]
    assert not result["ok"]


def test_a_good_table_leads_on() -> None:
    text = table([GOOD], "./elvs")
    assert "dr      IPv4    4     4         0       2 + 2" in text
    assert "20 packets, 0.0 MB" in text
    assert "All as it should be" in text
    assert "Next: do it by hand" in text
    assert "  ./elvs lab up nat " in text
    assert "nat  addresses" not in text


def test_of_many_servers_a_row_shows_the_least_and_the_most() -> None:
    many = {f"server{number}": f"{number}:80" for number in range(6)}
    assert "6 x 0 to 2" in table([replace(GOOD, real_servers=many)], "elvs")


def test_a_bad_table_says_what_is_wrong_and_leads_nowhere() -> None:
    text = table([GOOD, FAILURE], "elvs")
    assert "nat IPv6: director# elvs attach eth0: no BPF" in text
    assert "Next" not in text
    assert "All as it should be" not in text
