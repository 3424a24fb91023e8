"""What the director and the client say, from text to values. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elvs.lab.client import Bulk, Tally
from elvs.model.figures import Counters

ROW = re.compile(
    r"^(?:(?P<protocol>TCP|UDP|SCTP|FWM) |  ->) +(?P<name>\S+)"
    r" +(?P<figures>\d+ +\d+ +\d+ +\d+ +\d+)$"
)


@dataclass(frozen=True, slots=True)
class ServiceStats:
    """A virtual service's counters and those of its real servers, by `address:port`."""

    total: Counters
    servers: Mapping[str, Counters]


def parse_stats(listing: str) -> dict[str, ServiceStats]:
    """Read `elvs-ipvsadm -L -n --stats --exact`: service's `address:port` -> its counters."""
    found: dict[str, tuple[Counters, dict[str, Counters]]] = {}
    servers: dict[str, Counters] = {}
    for line in listing.splitlines():
        row = ROW.match(line)
        if row is None:
            continue
        counters = Counters(*(int(word) for word in row["figures"].split()))
        if row["protocol"]:
            servers = {}
            found[row["name"]] = (counters, servers)
        else:
            servers[row["name"]] = counters
    return {name: ServiceStats(*pair) for name, pair in found.items()}


def parse_forwarded(snmp: str, snmp6: str) -> int:
    """Datagrams forwarded by an IP stack: ForwDatagrams and Ip6OutForwDatagrams.

    From the texts of /proc/net/snmp and /proc/net/snmp6.
    """
    names, values = (line.split() for line in snmp.splitlines() if line.startswith("Ip:"))
    v4 = int(dict(zip(names, values, strict=True))["ForwDatagrams"])
    pairs = (line.split() for line in snmp6.splitlines())
    v6 = next(int(pair[1]) for pair in pairs if pair[0] == "Ip6OutForwDatagrams")
    return v4 + v6


def parse_tally(told: Mapping[str, Any]) -> Tally:
    """A client's JSON as a value."""
    bulks = {name: Bulk(**told[name]) for name in ("upload", "download")}
    return Tally(**{**told, **bulks, "clients": tuple(told["clients"])})
