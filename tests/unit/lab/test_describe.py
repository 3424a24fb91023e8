"""A lab in words."""

from elvs.lab.describe import as_json, describe, summary
from elvs.lab.state import LabState

LAB = LabState("mine", "nat", 1, (), complete=True)


def test_all_hosts_and_addresses_are_shown() -> None:
    text = describe(LAB)
    assert "client    client       eth0 203.0.113.11-18 2001:db8:113::11-18\n" in text
    assert "eth0 198.51.100.2 2001:db8:100::2, eth1 10.0.1.1 fd00:1::1\n" in text
    assert "elvs lab run HOST -- COMMAND" in text
    assert "elvs lab down mine" in text


def test_with_several_up_the_lab_is_named() -> None:
    assert "elvs lab run --lab mine director -- curl" in describe(LAB, others=True)


def test_a_half_made_lab_is_marked() -> None:
    half = LabState("mine", "nat", 1, ())
    assert summary(LAB) == "mine  client router director switch server1"
    assert "half made" in summary(half)


def test_json_names_namespaces_and_addresses() -> None:
    told = as_json(LAB)
    hosts = {host["name"]: host for host in told["hosts"]}
    assert hosts["server1"]["namespace"] == "elvs-mine-server1"
    assert hosts["server1"]["addresses"] == ["10.0.1.11", "fd00:1::11"]
    assert told["vips"] == ["198.51.100.100", "2001:db8:100::100"]
