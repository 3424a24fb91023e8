"""Firewall rules that name a VIP: XDP takes such packets before any rule sees them.

The rules are read from the tools' own listings; `nft_rules` and `iptables_rules` are pure. A rule
names a VIP when an address, prefix, range or set in it holds it, except a prefix of length 0.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from elvs.model.address import Address

TOOLS = {
    "nft": ("nft", "--handle", "--stateless", "list", "ruleset"),
    "iptables-legacy": ("iptables-legacy-save",),
    "ip6tables-legacy": ("ip6tables-legacy-save",),
}
"""iptables over nf_tables shows in nft's listing."""
WITHOUT_NFT = {"iptables": ("iptables-save",), "ip6tables": ("ip6tables-save",)}
TIMEOUT = 20
TABLE = re.compile(r"table (\S+ \S+) \{")
BLOCK = re.compile(r"(chain|set|map|flowtable|counter|quota|limit|ct \S+) (\S+) \{")
NOT_A_RULE = re.compile(r"(type|policy|comment|flags|timeout|size|devices) ")
TOKEN = re.compile(r"[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*(?:/\d+|-[0-9A-Fa-f:.]+)?")
REFERENCE = re.compile(r"@([\w.-]+)")
QUOTED = re.compile(r'"[^"]*"')
Span = tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as its tool prints it, where it stands, and the VIP that it names."""

    place: str
    text: str
    vip: Address

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Findings:
    """Rules that name a VIP, and listings that could not be read, a line each."""

    rules: tuple[Rule, ...] = ()
    unread: tuple[str, ...] = ()


def find(vips: Iterable[Address]) -> Findings:
    """The rules of this network namespace that name one of `vips`."""
    wanted = sorted(set(vips))
    rules: list[Rule] = []
    unread: list[str] = []
    if not wanted:
        return Findings()
    tools = TOOLS if shutil.which("nft") else {**TOOLS, **WITHOUT_NFT}
    for name, argv in tools.items():
        if shutil.which(argv[0]) is None:
            continue
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT, check=True)
        except subprocess.CalledProcessError as error:
            unread.append(f"{argv[0]} failed: {(error.stderr.strip() or '?').splitlines()[0]}")
        except (OSError, subprocess.TimeoutExpired) as error:
            unread.append(f"{argv[0]} failed: {error}")
        else:
            read = nft_rules if name == "nft" else iptables_rules
            prefix = "" if name == "nft" else f"{name} "
            rules += (
                Rule(prefix + place, text, vip)
                for place, text, spans in read(done.stdout)
                for vip in wanted
                if any(holds(span, vip) for span in spans)
            )
    return Findings(tuple(rules), tuple(unread))


def holds(span: Span, vip: Address) -> bool:
    """Whether the address is in the span."""
    first, last = span
    return len(first.packed) == len(vip.packed) and first.packed <= vip.packed <= last.packed


def spans(text: str) -> list[Span]:
    """Addresses, prefixes and ranges in a piece of a listing."""
    return [span for token in TOKEN.findall(_bare(text)) if (span := _span(token)) is not None]


def _bare(text: str) -> str:
    """Without what stands in quotes: comments and interface names."""
    return QUOTED.sub("", text)


def _span(token: str) -> Span | None:
    if "." in token:
        token = token.partition(":")[0]  # without the port of `dnat to`
    try:
        if "-" in token:
            first, last = token.split("-")
            return ip_address(first), ip_address(last)
        network = ip_network(token, strict=False)
    except ValueError:
        return None
    return (network[0], network[-1]) if network.prefixlen else None


def nft_rules(listing: str) -> Iterator[tuple[str, str, list[Span]]]:
    """Of each rule of `nft list ruleset`: its place, its text, the addresses that it names."""
    sets: dict[str, list[Span]] = {}
    found = []
    for table, kind, name, lines in _blocks(listing):
        if kind in ("set", "map"):
            sets[f"{table} {name}"] = spans(" ".join(lines))
        elif kind == "chain":
            rules = (line for line in lines if not NOT_A_RULE.match(line))
            found += [(table, name, line) for line in rules]
    for table, chain, line in found:
        named = spans(line)
        for reference in REFERENCE.findall(_bare(line)):
            named += sets.get(f"{table} {reference}", [])
        yield f"{table} {chain}", line, named


def _blocks(listing: str) -> Iterator[tuple[str, str, str, list[str]]]:
    """The blocks inside tables: table, kind, name, lines; a line is whole when its braces are."""
    table = kind = name = ""
    lines: list[str] = []
    part = ""
    for raw in listing.splitlines():
        line = f"{part} {raw.strip()}".strip()
        if head := TABLE.match(line):
            table = head[1]
        elif not kind and (head := BLOCK.match(line)):
            kind, name, lines = head[1], head[2], []
        elif line == "}" and not part:
            if kind:
                yield table, kind, name, lines
            kind = ""
        elif _bare(line).count("{") > _bare(line).count("}"):
            part = line
            continue
        elif line:
            lines.append(line)
        part = ""


def iptables_rules(listing: str) -> Iterator[tuple[str, str, list[Span]]]:
    """The same of `iptables-save`."""
    table = ""
    for line in listing.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            yield table, line, spans(line)
