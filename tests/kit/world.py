"""A director in memory: a namespace with two sides, the loaded object, a clock in the test's hand.

Nothing is pinned and nothing is attached; frames come in by BPF_PROG_TEST_RUN, maps are written
and read as memory. The namespace has no name, so it ends with this process whatever happens.
"""

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from elvs.dataplane import build, kmap, libbpf, testrun
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.layout import (
    MAPS,
    Clock,
    Config,
    Counters,
    Explanation,
    Load,
    Settings,
    Verdict,
)
from elvs.dataplane.object import BpfObject, link_objects
from tests.kit.rules import DEFAULT_TIMEOUTS

CLONE_NEWNET = 0x40000000
PASS, DROP, REDIRECT = 2, 1, 4
"""XDP codes."""
SEED = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
SERVICES, SERVERS = 16, 64
PROGRAMS = ("director", "explain", "slow", "tick_start")
START_TICK = 1 << 20
"""Far from the ticks at which hops are exercised (every 512) or called stale (every 1024)."""
KIT = Path(__file__).parent
BY_HAND = ("tick_by_hand", "stress")

OUT_MAC, IN_MAC = "02:00:00:00:01:00", "02:00:00:00:02:00"
"""The director's own, towards clients and towards servers."""
ROUTER_MAC = "02:00:00:00:01:fe"
FAR_ROUTER_MAC = "02:00:00:00:02:fe"


def server_mac(number: int) -> str:
    """The MAC of 10.1.0.NUMBER and fd01::NUMBER."""
    return f"02:00:00:00:02:{number:02x}"


NETWORK = f"""
link set lo up
link add elvsout address {OUT_MAC} type veth peer name elvsoutp
link add elvsin address {IN_MAC} type veth peer name elvsinp
link set elvsout up
link set elvsoutp up
link set elvsin up
link set elvsinp up
addr add 192.168.1.1/24 dev elvsout
addr add 2001:db8:1::1/64 dev elvsout nodad
addr add 10.1.0.254/16 dev elvsin
addr add fd01::254/64 dev elvsin nodad
route add 10.9.0.0/16 via 192.168.1.254
route add fd09::/64 via 2001:db8:1::fe
neigh replace 192.168.1.254 lladdr {ROUTER_MAC} dev elvsout nud permanent
neigh replace 2001:db8:1::fe lladdr {ROUTER_MAC} dev elvsout nud permanent
neigh replace 10.1.0.253 lladdr {FAR_ROUTER_MAC} dev elvsin nud permanent
neigh replace fd01::253 lladdr {FAR_ROUTER_MAC} dev elvsin nud permanent
route add 10.2.0.0/16 via 10.1.0.253
route add fd02::/64 via fd01::253
route add 10.3.0.0/16 via 10.1.0.253 mtu lock 1400
route add fd03::/64 via fd01::253 mtu lock 1400
""" + "".join(
    f"neigh replace {address} lladdr {server_mac(i)} dev elvsin nud permanent\n"
    for i in range(1, 33)
    for address in (f"10.1.0.{i}", f"fd01::{i}")
)
"""Clients behind a router outside; servers 1 to 32 inside, more of them behind a router (10.2, and
10.3 with a smaller MTU), and without a neighbour entry whatever else is in 10.1.0.0/16."""


FORWARDING = {
    "ipv4/ip_forward": "0",
    "ipv6/conf/all/forwarding": "0",
    "ipv4/conf/lo/forwarding": "1",
    "ipv6/conf/lo/forwarding": "1",
}
"""In this order, since the first two write the others. Ways are looked up as if from lo."""


class LoadedTables(BpfTables):
    """`BpfTables` of an object that pins nothing."""

    def __init__(self, program: BpfObject) -> None:
        super().__init__(Path("/nonexistent"))
        self._program = program

    def fd(self, name: str) -> int:
        return self._program.map_fd(name)


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a frame. `verdict` is the outcome that was counted, or that explain found."""

    verdict: Verdict
    action: int
    frame: bytes
    meta: bytes = b""


@dataclass(slots=True)
class World:
    """The loaded director; `tables` are its maps."""

    tables: BpfTables
    programs: dict[str, int]
    """Descriptors of PROGRAMS and BY_HAND."""
    ingress: int
    buckets: int

    def run(self, frame: bytes) -> Seen:
        """One frame that comes in from outside."""
        before = self.outcomes()
        ran = testrun.run_xdp(self.programs["director"], frame, ifindex=self.ingress)
        (verdict,) = [v for v, n in self.outcomes().items() if n != before[v]]
        return Seen(verdict, ran.retval, ran.data, ran.meta)

    def explain(self, frame: bytes) -> Seen:
        """The same walk, run dry."""
        ran = testrun.run_xdp(self.programs["explain"], frame, ifindex=self.ingress)
        found = Explanation.verdict.get(self.tables.memory("explained"))
        return Seen(Verdict(found), ran.retval, ran.data, ran.meta)

    def outcomes(self) -> dict[Verdict, int]:
        """How often each verdict was counted since the object was loaded."""
        rows = self.tables.per_cpu("outcomes", 0, len(Verdict))
        return {
            verdict: sum(int.from_bytes(cpu, "little") for cpu in row)
            for verdict, row in zip(Verdict, rows, strict=True)
        }

    def traffic(self, server: int) -> tuple[int, int, int, int, int]:
        """connections, packets and bytes in, packets and bytes out, of all CPUs."""
        (row,) = self.tables.per_cpu("traffic", server, 1)
        sums = [sum(column) for column in zip(*map(Counters.ROW.unpack, row), strict=True)]
        return sums[0], sums[1], sums[2], sums[3], sums[4]

    def load(self, server: int) -> tuple[int, int]:
        """Active and inactive connections of a server."""
        memory = self.tables.memory("loads")
        return Load.active.get(memory, server), Load.inactive.get(memory, server)

    def born(self, family: int) -> int:
        """Connections born less died, of one family (0: IPv4, 1: IPv6)."""
        (row,) = self.tables.per_cpu("births", family, 1)
        return sum(int.from_bytes(cpu, "little", signed=True) for cpu in row)

    @property
    def tick(self) -> int:
        return Clock.tick.get(self.tables.memory("clock"))

    @tick.setter
    def tick(self, tick: int) -> None:
        Clock.tick.set(self.tables.memory("clock"), 0, tick)

    def sweep(self, ticks: int) -> None:
        """What the timer does, `ticks` times, the clock going on by one each time."""
        testrun.run_syscall(self.programs["tick_by_hand"], ticks.to_bytes(4, "little"))

    def snapshot(self) -> dict[str, bytes]:
        """Every byte of every map that the walk could write."""
        arrays = {name: bytes(self.tables.memory(name)) for name in MEMORY if name != "explained"}
        for name in PER_CPU:
            rows = self.tables.per_cpu(name, 0, self.tables.rows(name))
            arrays[name] = b"".join(cpu for row in rows for cpu in row)
        arrays["service_ids"] = b"".join(k + v for k, v in sorted(self.tables.items("service_ids")))
        return arrays

    def clear(self) -> None:
        """As freshly made, the clock at START_TICK."""
        for name in MEMORY:
            memory = self.tables.memory(name)
            memory[:] = bytes(len(memory))
        for name in PER_CPU:
            rows = self.tables.rows(name)
            row = bytes(MAPS[name].value_size * libbpf.possible_cpus())
            keys = [i.to_bytes(4, "little") for i in range(rows)]
            kmap.update_batch(self.tables.fd(name), keys, [row] * rows)
        for key, _ in list(self.tables.items("service_ids")):
            self.tables.delete("service_ids", key)
        settings = self.tables.memory("settings")
        for protocol, states in DEFAULT_TIMEOUTS.items():
            for state, seconds in enumerate(states):
                Settings.timeout.set(settings, 0, seconds * 100, protocol * 16 + state)
        for i, port in enumerate((22, 179, 3784, 4784)):
            Settings.protected_ports.set(settings, 0, port, i)
        self.tick = START_TICK


MEMORY = tuple(name for name, spec in MAPS.items() if spec.is_memory)
PER_CPU = tuple(name for name, spec in MAPS.items() if spec.is_per_cpu)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _here() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """This thread, and what it starts, in a network namespace for a while."""
    home = _here()
    try:
        if _libc().setns(namespace, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        _libc().setns(home, CLONE_NEWNET)
        os.close(home)


def new_namespace() -> int:
    """The descriptor of a new network namespace, which ends when that is closed."""
    home = _here()
    try:
        if _libc().unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        return _here()
    finally:
        _libc().setns(home, CLONE_NEWNET)
        os.close(home)


def build_network() -> int:
    """Both sides, neighbours known, ip_forward off; returns the outside's ifindex."""
    subprocess.run(["ip", "-batch", "-"], input=NETWORK, text=True, check=True)
    for setting, value in FORWARDING.items():
        Path("/proc/sys/net", setting).write_text(value)
    # a veth has receive queues for XDP only with GRO (or a program)
    subprocess.run(["ethtool", "-K", "elvsout", "gro", "on"], check=True, capture_output=True)
    return socket.if_nametoindex("elvsout")


def config(buckets: int) -> bytes:
    """struct config with a known hash key."""
    raw = bytearray(Config.SIZE)
    for family in (0, 1):
        Config.seed.set(raw, 0, SEED[family], family)
        Config.bucket_mask.set(raw, 0, buckets - 1, family)
        Config.connections.set(raw, 0, buckets * 5 // 2, family)
    Config.cpus.set(raw, 0, libbpf.possible_cpus())
    Config.servers.set(raw, 0, SERVERS)
    Config.version.set(raw, 0, 1)
    return bytes(raw)


def sized(program: BpfObject, buckets: int) -> None:
    """Small tables, before the load."""
    rows = dict.fromkeys(("conn4", "conn6", "tails"), buckets)
    rows |= dict.fromkeys(("services", "states", "departed", "service_ids"), SERVICES)
    rows |= dict.fromkeys(("servers", "loads", "traffic", "estimates", "baselines"), SERVERS)
    for name, count in (rows | {"pool": 3 * SERVERS}).items():
        program.resize(name, count)


def hand_object(directory: Path) -> Path:
    """The programs of this folder, linked with the product's table: run by a test's hand."""
    tree = build.Tree()
    parts = [tree.compiled(tree.bpf / name) for name in ("maps.bpf.c", "conn.bpf.c")]
    for source in (KIT / "tick.bpf.c", KIT / "stress.bpf.c"):
        target = directory / source.with_suffix(".o").name
        includes = (f"-I{tree.bpf}", f"-I{build.MACHINE}")
        argv = [build.CLANG, *build.FLAGS, *includes, "-c", str(source), "-o", str(target)]
        subprocess.run(argv, check=True)
        parts.append(target)
    linked = directory / "hand.bpf.o"
    link_objects(linked, parts)
    return linked


@contextmanager
def loaded(elvs_object: Path, hand_object: Path, ingress: int, buckets: int) -> Iterator[World]:
    """The director with small tables, in the caller's namespace."""
    with BpfObject.open(elvs_object) as program, BpfObject.open(hand_object) as hand:
        program.load_only(PROGRAMS)
        sized(program, buckets)
        program.set_constant("config", config(buckets))
        program.load()
        tables = LoadedTables(program)
        hand.load_only(BY_HAND)
        for name in MAPS:
            if name in hand.maps():
                hand.reuse(name, tables.fd(name))
        hand.set_constant("config", config(buckets))
        hand.load()
        fds = {name: program.program_fd(name) for name in PROGRAMS}
        fds |= {name: hand.program_fd(name) for name in BY_HAND}
        yield World(tables, fds, ingress, buckets)
