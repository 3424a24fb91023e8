"""Which rules of a listing name an address."""

import pytest

from elvs.director.firewall import holds, iptables_rules, nft_rules
from elvs.model.address import Address

NFT = """\
table inet filter { # handle 1
\tset web { # handle 2
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 192.0.2.10-192.0.2.12, 192.0.2.80/28,
\t\t\t     192.0.2.200, 192.0.2.201 }
\t}

\tchain input { # handle 1
\t\ttype filter hook input priority filter; policy drop;
\t\tip daddr 192.0.2.9 tcp dport 80 drop # handle 3
\t\tip daddr @web accept # handle 4
\t\tip6 daddr { 2001:db8::1, 2001:db8::2 } drop comment "198.51.100.1 { @web" # handle 6
\t\tip daddr 0.0.0.0/0 accept # handle 7
\t\ttcp dport vmap { 22 : accept, 80 : drop } # handle 10
\t\tip daddr { 203.0.113.1,
\t\t\t   203.0.113.2 } accept # handle 11
\t}
}
table ip nat { # handle 2
\tchain pre { # handle 1
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\tip daddr 192.0.2.9 dnat to 10.0.0.1:80 # handle 2
\t}
}
"""


def handles(vip: str) -> list[str]:
    address = Address.parse(vip)
    return [
        f"{place} {line.rpartition(' ')[2]}"
        for place, line, spans in nft_rules(NFT)
        if any(holds(span, address) for span in spans)
    ]


@pytest.mark.parametrize(
    ("vip", "rules"),
    [
        ("192.0.2.9", ["inet filter input 3", "ip nat pre 2"]),
        ("192.0.2.11", ["inet filter input 4"]),
        ("192.0.2.95", ["inet filter input 4"]),
        ("192.0.2.96", []),
        ("192.0.2.201", ["inet filter input 4"]),
        ("2001:db8::2", ["inet filter input 6"]),
        ("203.0.113.2", ["inet filter input 11"]),
        ("10.0.0.1", ["ip nat pre 2"]),
        ("198.51.100.1", []),
    ],
)
def test_nft(vip: str, rules: list[str]) -> None:
    assert handles(vip) == rules


def test_iptables() -> None:
    listing = """\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -d 192.0.2.9/32 -p tcp -m tcp --dport 80 -j DROP
-A INPUT -m iprange --dst-range 192.0.2.20-192.0.2.30 -j DROP
COMMIT
"""
    (first, second) = list(iptables_rules(listing))
    assert first[0] == "filter" and first[1].endswith("-j DROP")
    assert any(holds(span, Address.parse("192.0.2.9")) for span in first[2])
    assert any(holds(span, Address.parse("192.0.2.25")) for span in second[2])
    assert not any(holds(span, Address.parse("192.0.2.31")) for span in second[2])
