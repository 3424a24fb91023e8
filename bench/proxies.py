"""The director's own cost per short connection and per request, against what users run today.

    script/bench proxies [--json FILE]

A two-armed lab of two real servers; eLVS NAT, nginx stream, HAProxy in TCP mode and nft DNAT
carry the same load in turn, round after round. Two figures each: CPU time that is the
contender's own (eLVS: run time of its program as the kernel measures it; proxies: their
processes, without the kernel's work for their sockets), and busy time of the whole machine,
clients and servers included. Client, servers and director share the CPUs.
"""

import argparse
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.contenders import CONTENDERS, TICKS, Contender
from bench.report import Case, publish
from elvs.lab import builder, plan, scenario
from elvs.lab.namespace import entered, inside
from elvs.lab.state import LabState
from elvs.lab.topology import Role
from elvs.model.address import Family

LAB = "bench-proxies"
REAL_SERVERS = 2
ROUNDS = 5
SECONDS = 3
CLIENTS = 64
SHARE = 1 / 20
"""Goal: eLVS's own cost as a share of the cheaper proxy's."""
LOADS = {"short connection": ("-H", "Connection: close"), "keep-alive request": ()}


@dataclass(frozen=True, slots=True)
class Reading:
    """Microseconds per connection or request, and how many there were a second."""

    own: float | None
    busy: float
    rate: float


@contextmanager
def lab() -> Iterator[LabState]:
    """A fresh two-armed lab whose director owns the VIP."""
    made = builder.up("nat", REAL_SERVERS, LAB)
    try:
        yield made
    finally:
        builder.down(made)


def busy_seconds() -> float:
    """All CPUs' time in user, system, and interrupts so far."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, first[:7])
    return (user + nice + system + irq + softirq) / TICKS


def load(made: LabState, vip: str, seconds: int, extra: tuple[str, ...]) -> int:
    """Requests that the client got answered, all of them rightly."""
    argv = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", *extra, f"http://{vip}/"]
    done = subprocess.run(
        inside(plan.namespace(made.name, "client"), argv),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"wrk had errors:\n{done.stdout}")
    found = re.search(r"(\d+) requests in", done.stdout)
    assert found is not None
    return int(found[1])


def measure(
    made: LabState, contender: Contender, vip: str, seconds: int, extra: tuple[str, ...]
) -> Reading:
    """One load through a contender that is up; called in the director's namespace."""
    busy, own = busy_seconds(), contender.cost()
    requests = load(made, vip, seconds, extra)
    busy, spent = busy_seconds() - busy, contender.cost()
    each = None if own is None or spent is None else (spent - own) / requests * 1e6
    return Reading(each, busy / requests * 1e6, requests / seconds)


def one_round(made: LabState, seconds: int, found: dict[str, list[float]]) -> None:
    """Every contender under every load, once."""
    layout = made.layout()
    director = plan.namespace(made.name, layout.of_role(Role.DIRECTOR)[0].name)
    vip = scenario.virtual(layout, Family.IPV4)
    reals = [layout.addresses(s.name, Family.IPV4)[0] for s in layout.of_role(Role.SERVER)]
    with entered(director):
        for kind in CONTENDERS:
            contender = kind()
            contender.up(vip, reals)
            try:
                for label, extra in LOADS.items():
                    got = measure(made, contender, vip, seconds, extra)
                    name = f"{contender.name}, {label}"
                    if got.own is not None:
                        found.setdefault(f"{name}: own CPU|us", []).append(got.own)
                    found.setdefault(f"{name}: machine busy|us", []).append(got.busy)
                    found.setdefault(f"{name}: rate|per second", []).append(got.rate)
            finally:
                contender.down()


def shares(found: dict[str, list[float]]) -> list[Case]:
    """eLVS's own cost over each proxy's, round by round: below SHARE is the goal."""
    cases = []
    for label in LOADS:
        ours = found[f"eLVS NAT, {label}: own CPU|us"]
        for rival in ("nginx stream", "HAProxy TCP"):
            theirs = found[f"{rival}, {label}: own CPU|us"]
            ratio = tuple(a / b for a, b in zip(ours, theirs, strict=True))
            goal = SHARE if label == "short connection" else None
            cases.append(Case(f"eLVS / {rival}, own CPU per {label}", "ratio", ratio, goal))
    return cases


def main() -> None:
    """Run all rounds and publish them."""
    arguments = argparse.ArgumentParser(prog="script/bench proxies", description=__doc__)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--seconds", type=int, default=SECONDS, help="of each load")
    options = arguments.parse_args()
    found: dict[str, list[float]] = {}
    with lab() as made:
        director = plan.namespace(made.name, "director")
        vip = scenario.virtual(made.layout(), Family.IPV4)
        subprocess.run(
            ["ip", "-n", director, "addr", "add", f"{vip}/32", "dev", "eth0"], check=True
        )
        for _ in range(options.rounds):
            one_round(made, options.seconds, found)
    cases = []
    for name, rounds in found.items():
        title, unit = name.split("|")
        cases.append(Case(title, unit, tuple(rounds)))
    publish(cases + shares(found), options.json)


if __name__ == "__main__":
    main()
