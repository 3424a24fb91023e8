"""What the commands of an operator cost: processor time to start, and time for large tables.

    script/bench cli [--json FILE]

`elvs-ipvsadm` is started as script/install sets it up; net means without what the bare
interpreter takes. Every large case begins with new tables in a network namespace of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.report import Case, publish
from bench.stage import build_network, own_namespace
from elvs.cli import entry
from elvs.dataplane import loader, pins
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.layout import Bucket, ConnLife, TcpState
from elvs.dataplane.sizes import Sizes
from elvs.director.library import Director
from elvs.model.address import Address
from elvs.model.change import AddService, EditServer
from elvs.model.service import Method, Protocol, RealServer, RealServerKey, Service, ServiceKey

ROUNDS = 5
STARTS = 15
VIP_NET, SERVER_NET = 0x0A090000, 0x0A010100
LARGE = Sizes(connections=2560, servers=131072)
LISTED = Sizes(connections=1_000_000)
GOALS = {
    "elvs-ipvsadm -Ln, net": 40.0,
    "elvs-ipvsadm -R, 10,000 rules": 2.0,
    "10,000 services x 10 servers, applied": 1.0,
    "one change among them, applied": 10.0,
    "elvs-ipvsadm -Lnc, 1 M connections": 5.0,
}


class Figures:
    """Rounds by case, in the order of their first."""

    def __init__(self) -> None:
        self._rounds: dict[tuple[str, str], list[float]] = {}

    def take(self, name: str, unit: str, value: float) -> None:
        self._rounds.setdefault((name, unit), []).append(value)

    def cases(self) -> list[Case]:
        return [Case(n, u, tuple(r), GOALS.get(n)) for (n, u), r in self._rounds.items()]


@contextmanager
def fresh_place(sizes: Sizes | None = None) -> Iterator[BpfTables | None]:
    """A new namespace with routes, and with tables if `sizes` are given; nothing stays of it."""
    own_namespace()
    build_network(0)
    place = pins.here()
    try:
        if sizes is None:
            yield None
            return
        with pins.locked(place):
            tables = loader.open_tables(create=True, sizes=sizes)
        assert tables is not None
        with tables:
            yield tables
    finally:
        pins.remove(place)


def cpu_ms(argv: Sequence[str]) -> float:
    """Processor time, user and system, of one command that must succeed."""
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, argv)
    return (used.ru_utime + used.ru_stime) * 1000


def seconds(argv: Sequence[str], text: str | None = None) -> float:
    """Time of one command that must succeed, from start to end."""
    start = time.perf_counter()
    subprocess.run(argv, input=text, text=True, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def address(net: int, number: int) -> str:
    return str(Address((net + number).to_bytes(4, "big")))


def rules(services: int, servers: int) -> str:
    """The lines that `-S` would print."""
    lines = []
    for number in range(services):
        which = f"-t {address(VIP_NET, number)}:80"
        lines.append(f"-A {which} -s wrr\n")
        lines += [
            f"-a {which} -r {address(SERVER_NET, at)}:8080 -m -w {1 + at % 3}\n"
            for at in range(servers)
        ]
    return "".join(lines)


def measure_starts(command: str, figures: Figures) -> None:
    """A short listing, bare interpreter and command in turns."""
    with fresh_place():
        seconds([command, "-R"], rules(1, 3))
        for _ in range(STARTS):
            bare = cpu_ms([sys.executable, "-c", "pass"])
            figures.take("bare interpreter", "ms CPU", bare)
            listing = cpu_ms([command, "-Ln"])
            figures.take("elvs-ipvsadm -Ln, net", "ms CPU", listing - bare)
            edit = ["-e", "-t", "10.9.0.0:80", "-r", "10.1.1.0:8080", "-m", "-w", "2"]
            figures.take("elvs-ipvsadm -e, net", "ms CPU", cpu_ms([command, *edit]) - bare)


def measure_rules(command: str, figures: Figures) -> None:
    """1,000 services with 9 servers each, from nothing, and what then lists and saves them."""
    with fresh_place():
        figures.take("elvs-ipvsadm -R, 10,000 rules", "s", seconds([command, "-R"], rules(1000, 9)))
        figures.take("elvs-ipvsadm -Ln of them", "s", seconds([command, "-Ln"]))
        figures.take("elvs-ipvsadm -Sn of them", "s", seconds([command, "-Sn"]))


def large_change() -> list[AddService]:
    servers = tuple(
        RealServer(RealServerKey(Address.parse(address(SERVER_NET, at)), 8080), Method.NAT, 1)
        for at in range(10)
    )
    return [
        AddService(Service(service_key(number), "wrr", servers=servers)) for number in range(10_000)
    ]


def service_key(number: int) -> ServiceKey:
    return ServiceKey(Protocol.TCP, Address.parse(address(VIP_NET, number)), 80)


def measure_library(figures: Figures) -> None:
    """The library in this process: what a daemon pays."""
    changes = large_change()
    with fresh_place(LARGE), Director.here() as director:
        start = time.perf_counter()
        director.plan(changes)
        figures.take("10,000 services x 10 servers, planned", "s", time.perf_counter() - start)
        start = time.perf_counter()
        director.apply(changes)
        figures.take("10,000 services x 10 servers, applied", "s", time.perf_counter() - start)
        key = RealServerKey(Address.parse(address(SERVER_NET, 3)), 8080)
        edit = EditServer(service_key(7000), RealServer(key, Method.NAT, 5))
        start = time.perf_counter()
        director.apply([edit])
        figures.take("one change among them, applied", "ms", (time.perf_counter() - start) * 1000)


def fill(tables: BpfTables) -> None:
    """A million connections to server 0, two in each bucket; no data plane is looking."""
    rows = tables.rows("conn4")
    words = np.frombuffer(tables.memory("conn4"), dtype="<u8").reshape(rows, Bucket.SIZE // 8)
    clients = np.arange(rows, dtype="<u8") << 32
    vip = int.from_bytes(Address.parse("10.9.0.0").packed, "little")
    for slot in range(2):
        at = 1 + slot * 3
        words[:, at] = clients | (40000 + slot) << 16 | 0x5000
        words[:, at + 1] = vip << 32
        words[:, at + 2] = TcpState.ESTABLISHED << 35 | ConnLife.LIVE << 32


def measure_connections(command: str, figures: Figures, rounds: int) -> None:
    with fresh_place(LISTED) as tables:
        assert tables is not None
        seconds([command, "-R"], rules(1, 1))
        fill(tables)
        for _ in range(rounds):
            took = seconds([command, "-Lnc"])
            figures.take("elvs-ipvsadm -Lnc, 1 M connections", "s", took)


def main() -> None:
    """Run all cases and publish them."""
    arguments = argparse.ArgumentParser(prog="script/bench cli", description=__doc__)
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    options = arguments.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory() as directory:
        command = str(Path(directory, "elvs-ipvsadm"))
        if not entry.write(Path(command)):
            raise SystemExit(f"{sys.executable} cannot be named in a script's first line")
        measure_starts(command, figures)
        for _ in range(options.rounds):
            measure_rules(command, figures)
            measure_library(figures)
        measure_connections(command, figures, options.rounds)
    publish(figures.cases(), options.json)


if __name__ == "__main__":
    main()
