"""What `elvs status` prints of findings that were made up."""

import json
from dataclasses import replace

from elvs.cli.status import to_json, to_lines
from elvs.dataplane.layout import Verdict
from elvs.dataplane.tick import TickState
from elvs.director.firewall import Findings, Rule
from elvs.director.standing import LinkState, Standing
from elvs.director.status import Status, TablesStatus, TableUse
from elvs.director.vips import Vip, VipView
from elvs.model.address import Address

VIP = Address.parse("192.0.2.9")
NOTHING = Status((), None, None, (), Findings(), 0, False)
TABLES = TablesStatus(
    use=[
        TableUse("IPv4 connections", 5, 5120, "connections"),
        TableUse("services", 1, 16, "services"),
    ],
    memory=3 << 20,
    tick=TickState(7, 1, 0.001, 20_000),
    verdicts={Verdict.TX_DR: 12, Verdict.DROP_TTL: 0},
    protected_ports=[22, 179],
)
GOOD = Status(
    (Standing("eth0", 4, "native", "ixgbe can redirect", LinkState.RUNNING, True, True),),
    None,
    TABLES,
    (VipView(Vip(VIP, "eth0", 4), True),),
    Findings(),
    0,
    True,
)


def text(status: Status) -> str:
    return "\n".join(to_lines(status))


def test_nothing_says_how_to_begin() -> None:
    assert "elvs attach IFACE" in text(NOTHING)


def test_all_is_well() -> None:
    said = text(GOOD)
    assert "eth0, native (ixgbe can redirect): running" in said
    assert "IPv4 connections: 5 of 5120" in said
    assert "12 forwarded by direct routing" in said
    assert "TTL" not in said, "only what has happened"
    assert "22, 179" in said
    assert "to mend" not in said


def test_faults_have_mends() -> None:
    bad = replace(
        GOOD,
        tables=replace(
            TABLES,
            tick=TickState(7, 1, 9.0, 20_000),
            use=[TableUse("services", 16, 16, "services")],
        ),
        lo_forwards=False,
        kernel_ipvs_services=2,
        vips=(VipView(Vip(VIP, "eth0", 4), False),),
    )
    faults = bad.faults
    assert len(faults) == 5
    for word in ("stood still for 9 s", "--services", "lo does not", "IPVS", "vip add 192.0.2.9"):
        assert any(word in line for line in faults), word
        assert word in text(bad)


def test_services_without_an_interface() -> None:
    assert "elvs attach IFACE" in text(replace(GOOD, interfaces=()))


def test_trial_and_firewall() -> None:
    rule = Rule("inet filter input", "ip daddr 192.0.2.9 drop", VIP)
    said = text(replace(GOOD, trial_left=29.6, firewall=Findings((rule,))))
    assert "undone in 30 s unless you say elvs confirm" in said
    assert "  inet filter input: ip daddr 192.0.2.9 drop" in said


def test_json_keeps_zeros() -> None:
    said = json.loads(json.dumps(to_json(GOOD)))
    assert said["tables"]["verdicts"] == {"TX_DR": 12, "DROP_TTL": 0}
    assert said["tables"]["use"]["ipv4_connections"] == {"used": 5, "limit": 5120}
    assert said["interfaces"][0]["link"] == "running"
    assert said["attached"] and said["faults"] == []
    empty = json.loads(json.dumps(to_json(NOTHING)))
    assert empty["tables"] is None and not empty["attached"]
