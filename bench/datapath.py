"""What one packet costs in the data plane, in nanoseconds net of an empty program.

    script/bench datapath [--json FILE]

Each round measures the empty program, then every case, with the packet restored before each
run and the path proven by the director's own outcome counters. The table is churned first:
its population is replaced three times, so that it looks like a long-running one.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import frames
from bench.report import Case, publish
from bench.stage import NEXT, ONE, RANDOM, Stage, build_network, own_namespace, stage
from elvs.dataplane.layout import MAPS, Verdict
from elvs.dataplane.sizes import SLOTS, Sizes
from elvs.director.library import Director
from elvs.model.address import Address
from elvs.model.change import AddService
from elvs.model.service import (
    Method,
    Protocol,
    RealServer,
    RealServerKey,
    Service,
    ServiceKey,
)

ROUNDS = 5
HITS = 1_000_000
BIRTHS = 200_000
MILLION = 1_000_000
SERVERS = 100
VIPS = {Method.NAT: "10.9.0.1", Method.DR: "10.9.0.2", Method.TUN: "10.9.0.3"}
OPENED = {Method.NAT: Verdict.TX_NAT, Method.DR: Verdict.TX_DR, Method.TUN: Verdict.TX_TUN}
GOALS = {Method.NAT: 90.0, Method.DR: 60.0, Method.TUN: 60.0}
CLIENT = ("11.0.0.0", 1024)
PROVEN = 0.999
"""Share of the packets that must take the path: one in a second's worth exercises a neighbour."""


class NotProven(Exception):
    """Packets did not take the path that was to be measured."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One measurement: which frames, over which flows, ending how."""

    program: str
    frame: bytes
    mode: int
    flows: int
    count: int
    verdict: Verdict | None
    base: int = 0
    reply: int = 0

    def fire(self, on: Stage) -> float:
        before = on.outcomes()
        cost = on.run(
            self.program, self.frame, self.mode, self.base, self.flows, self.count, self.reply
        )
        if self.verdict is not None:
            took = on.outcomes()[self.verdict] - before[self.verdict]
            if took < self.count * PROVEN:
                raise NotProven(f"{took} of {self.count} packets were {self.verdict.name}")
        return cost


def services() -> list[AddService]:
    """A service with one server for each method, and one with a hundred under wrr."""

    def server(i: int, method: Method, weight: int = 1) -> RealServer:
        port = 8080 if method is Method.NAT else 80
        return RealServer(RealServerKey(Address.parse(f"10.1.1.{i + 1}"), port), method, weight)

    def key(vip: str) -> ServiceKey:
        return ServiceKey(Protocol.TCP, Address.parse(vip), 80)

    adds = [
        AddService(Service(key(vip), "rr", servers=(server(i, method),)))
        for i, (method, vip) in enumerate(VIPS.items())
    ]
    many = tuple(server(i, Method.DR, 1 + i % 3) for i in range(SERVERS))
    adds.append(AddService(Service(key("10.9.0.4"), "wrr", servers=many)))
    return adds


def open_flows(on: Stage, vip: str, verdict: Verdict, first: int, count: int) -> float:
    """Open flows first..first+count-1 by a SYN each; nanoseconds each."""
    syn = frames.tcp(CLIENT, (vip, 80), frames.SYN)
    return Shot("director", syn, NEXT, 0, count, verdict, first).fire(on)


def retire(on: Stage, vip: str, first: int, count: int) -> None:
    """End flows first..first+count-1."""
    on.run("retire", frames.tcp(CLIENT, (vip, 80), frames.SYN), NEXT, first, 0, count)


def churned(on: Stage, vip: str, verdict: Verdict, flows: int) -> int:
    """Fill with `flows` established flows, population replaced three times; the first's number."""
    step = flows // 10
    for at in range(0, flows, step):
        open_flows(on, vip, verdict, at, step)
    for at in range(0, 3 * flows, step):
        retire(on, vip, at, step)
        open_flows(on, vip, verdict, at + flows, step)
    base = 3 * flows
    ack = frames.tcp(CLIENT, (vip, 80), frames.ACK)
    Shot("director", ack, NEXT, 0, flows, verdict, base).fire(on)
    return base


Take = Callable[[str, float], None]


def measure_method(on: Stage, method: Method, take: Take, rounds: int) -> None:
    """Hits of one method, requests and for NAT answers, over 1, 64 k and 1 M flows."""
    vip, verdict = VIPS[method], OPENED[method]
    base = churned(on, vip, verdict, MILLION)
    ack = frames.tcp(CLIENT, (vip, 80), frames.ACK)
    answer = frames.tcp(("10.1.1.1", 8080), CLIENT, frames.ACK)
    for _ in range(rounds):
        for label, mode, flows in (
            ("1 flow", ONE, 1),
            ("64 k", RANDOM, 65536),
            ("1 M", RANDOM, MILLION),
        ):
            empty = Shot("empty", ack, mode, flows, HITS, None, base).fire(on)
            cost = Shot("director", ack, mode, flows, HITS, verdict, base).fire(on)
            take(f"{method.name} request, {label}", cost - empty)
            if method is Method.NAT:
                cost = Shot(
                    "director", answer, mode, flows, HITS, Verdict.TX_NAT_REPLY, base, 1
                ).fire(on)
                take(f"NAT answer, {label}", cost - empty)
    retire(on, vip, base, MILLION)


def measure_rest(on: Stage, take: Take, rounds: int) -> None:
    """New connections, foreign packets, and one look-up in a kernel hash for scale."""
    syn = frames.tcp(CLIENT, ("10.9.0.4", 80), frames.SYN)
    foreign = frames.tcp(CLIENT, ("10.8.0.1", 80), frames.ACK)
    on.run("hash_fill", foreign, NEXT, 0, 0, MILLION)
    first = churned(on, "10.9.0.4", Verdict.TX_DR, BIRTHS) + BIRTHS
    for _ in range(rounds):
        empty = Shot("empty", syn, NEXT, 0, BIRTHS, None).fire(on)
        take(
            "new TCP connection, wrr, 100 servers",
            open_flows(on, "10.9.0.4", Verdict.TX_DR, first, BIRTHS) - empty,
        )
        retire(on, "10.9.0.4", first, BIRTHS)
        first += BIRTHS
        empty = Shot("empty", foreign, ONE, 1, HITS, None).fire(on)
        cost = Shot("director", foreign, ONE, 1, HITS, Verdict.PASS_NOT_OURS).fire(on)
        take("packet that is not ours", cost - empty)
        for label, flows in (("1 flow", 1), ("64 k", 65536), ("1 M", MILLION)):
            empty = Shot("empty", foreign, RANDOM, flows, HITS, None).fire(on)
            cost = Shot("hash_lookup", foreign, RANDOM, flows, HITS, None).fire(on)
            take(f"for scale: one kernel hash look-up, {label}", cost - empty)


def goal_of(name: str) -> float | None:
    """Goals of the design; None where a case has none."""
    if name.startswith("new TCP"):
        return 250.0
    if name.startswith("packet that is not"):
        return 30.0
    if name.startswith("for scale") or name.endswith("64 k"):
        return None
    if name.endswith("1 M"):
        return 200.0
    return GOALS[Method[name.split()[0]]]


def main() -> None:
    """Run all cases and publish them."""
    arguments = argparse.ArgumentParser(prog="script/bench datapath", description=__doc__)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    options = arguments.parse_args()
    rounds: dict[str, list[float]] = {}

    def take(name: str, cost: float) -> None:
        rounds.setdefault(name, []).append(cost)

    own_namespace()
    build_network(SERVERS)
    sizes = Sizes(MILLION, 1024, 4096)
    with stage(sizes) as on:
        with Director.here() as director:
            director.apply(services())
        for method in VIPS:
            measure_method(on, method, take, options.rounds)
        measure_rest(on, take, options.rounds)
    cases = [Case(name, "ns per packet", tuple(r), goal_of(name)) for name, r in rounds.items()]
    bucket = MAPS["conn4"].value_size
    each = bucket * sizes.buckets / (sizes.buckets * SLOTS / 2)
    cases.append(Case("table, each IPv4 connection at the limit", "bytes", (each,), 64.0))
    publish(cases, options.json)


if __name__ == "__main__":
    main()
