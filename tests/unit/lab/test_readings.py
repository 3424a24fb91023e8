"""Texts of the director and the kernel as values."""

from elvs.lab.readings import ServiceStats, parse_forwarded, parse_stats
from elvs.model.figures import Counters

LISTING = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  198.51.100.100:80                   3       30       20     3000     2000
  -> 10.0.1.12:8080                      1       10        5     1000      500
  -> 10.0.1.11:8080                      2       20       15     2000     1500
TCP  [2001:db8:100::100]:80              0        0        0        0        0
FWM  9                                   1        2        3        4 12345678901234
  -> [fd00:1::11]:0                      1        2        3        4 12345678901234
"""

SNMP = """\
Ip: Forwarding DefaultTTL InReceives ForwDatagrams InDelivers
Ip: 2 64 100 7 90
Icmp: InMsgs
Icmp: 0
"""

SNMP6 = """\
Ip6InReceives                   \t5
Ip6OutForwDatagrams             \t4
"""


def test_a_listing_of_services_and_servers() -> None:
    stats = parse_stats(LISTING)
    assert stats["198.51.100.100:80"] == ServiceStats(
        Counters(3, 30, 20, 3000, 2000),
        {
            "10.0.1.12:8080": Counters(1, 10, 5, 1000, 500),
            "10.0.1.11:8080": Counters(2, 20, 15, 2000, 1500),
        },
    )
    assert stats["[2001:db8:100::100]:80"] == ServiceStats(Counters(), {})
    assert stats["9"].servers["[fd00:1::11]:0"].out_bytes == 12345678901234


def test_an_empty_listing() -> None:
    assert parse_stats("".join(LISTING.splitlines(keepends=True)[:3])) == {}


def test_forwarded_datagrams_of_both_families() -> None:
    assert parse_forwarded(SNMP, SNMP6) == 11
