"""A director in a network namespace of its own, and the harness that feeds it packets.

Everything is the product's: tables, programs, rules by the library. Only the frames come from
BPF_PROG_TEST_RUN instead of an interface.
"""

import ctypes
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from elvs.dataplane import kmap, libbpf, loader, pins, testrun, tick
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.layout import MAPS, Verdict
from elvs.dataplane.object import BpfObject, link_objects
from elvs.dataplane.record import Record
from elvs.dataplane.sizes import Sizes

CLONE_NEWNET = 0x40000000
ONE, RANDOM, NEXT = range(3)
"""enum flow_mode of datapath.bpf.c."""
CLIENT_NET = "11.0.0.0/8"
GATEWAY = "192.168.1.254"
SERVER_MAC = "02:00:00:00:02:%02x"
BENCH = struct.Struct("<64sIIIIIIII")
MACHINE = f"/usr/include/{os.uname().machine}-linux-gnu"
PROGRAMS = ("wrap", "empty", "hash_lookup", "hash_fill", "retire")


def own_namespace() -> None:
    """Move this process into a new network namespace, which ends with it."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "unshare: run it as root")


def ip(commands: str) -> None:
    """Run `ip` commands, one a line."""
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)


def build_network(servers: int) -> None:
    """A client's side and a server's side, neighbours known."""
    ip(
        "link set lo up\n"
        "link add elvsout type veth peer name elvsoutp\n"
        "link add elvsin type veth peer name elvsinp\n"
        "addr add 192.168.1.1/24 dev elvsout\n"
        "addr add 10.1.0.1/16 dev elvsin\n"
        + "".join(f"link set {n} up\n" for n in ("elvsout", "elvsoutp", "elvsin", "elvsinp"))
        + f"route add {CLIENT_NET} via {GATEWAY}\n"
        + f"neigh replace {GATEWAY} lladdr 02:00:00:00:01:01 dev elvsout nud permanent\n"
        + "".join(
            f"neigh replace 10.1.1.{i + 1} lladdr {SERVER_MAC % i} dev elvsin nud permanent\n"
            for i in range(servers)
        )
    )
    Path("/proc/sys/net/ipv4/conf/lo/forwarding").write_text("1")


@dataclass(slots=True)
class Stage:
    """The loaded director and the harness around it."""

    tables: BpfTables
    programs: loader.Programs
    harness: BpfObject

    def fd(self, name: str) -> int:
        """A program of the harness, or of the director."""
        if name in PROGRAMS:
            return self.harness.program_fd(name)
        return int(getattr(self.programs, name))

    def run(
        self,
        program: str,
        frame: bytes,
        mode: int,
        base: int,
        flows: int,
        count: int,
        reply: int = 0,
    ) -> float:
        """Nanoseconds per packet of `count` packets through `program`, harness included."""
        memory = kmap.memory(self.harness.map_fd("bench"))
        memory[: BENCH.size] = BENCH.pack(frame, mode, base, flows, 0, 2463534242, reply, 0, 0)
        kmap.update(self.harness.map_fd("target"), bytes(4), struct.pack("<I", self.fd(program)))
        ran = testrun.run_xdp(self.harness.program_fd("wrap"), frame, repeat=count)
        return float(ran.duration)

    def outcomes(self) -> dict[Verdict, int]:
        """How often each verdict was given so far."""
        rows = self.tables.per_cpu("outcomes", 0, MAPS["outcomes"].rows)
        return {Verdict(i): sum(int.from_bytes(v, "little") for v in r) for i, r in enumerate(rows)}


def harness_object(directory: Path, tables: BpfTables) -> BpfObject:
    """datapath.bpf.c with the director's maps and constants, loaded."""
    root = Path(__file__).resolve().parent.parent
    objects = []
    for source in ("bpf/maps", "bpf/conn", "bench/datapath"):
        target = directory / (source.replace("/", "_") + ".o")
        command = ["clang-19", "-O2", "-g", "-target", "bpf", "-mcpu=v3", f"-I{root}/bpf"]
        command += [f"-I{MACHINE}", "-c", str(root / f"{source}.bpf.c"), "-o", str(target)]
        subprocess.run(command, check=True)
        objects.append(target)
    linked = directory / "bench.o"
    link_objects(linked, objects)
    harness = BpfObject.open(linked)
    harness.load_only(PROGRAMS)
    for name in MAPS:
        if name in harness.maps():
            harness.reuse(name, tables.fd(name))
    config = Record.read(pins.here()).config(libbpf.possible_cpus(), 1)
    harness.set_constant("config", config)
    harness.load()
    return harness


@contextmanager
def stage(sizes: Sizes) -> Iterator[Stage]:
    """Tables, programs and tick of a fresh director; everything ends with the `with`."""
    with tempfile.TemporaryDirectory(prefix="elvs-bench-") as directory:
        with pins.locked(pins.here()):
            tables = loader.open_tables(create=True, sizes=sizes)
            assert tables is not None
            programs = loader.load_programs(tables)
            tick.start(programs)
        try:
            with harness_object(Path(directory), tables) as harness:
                yield Stage(tables, programs, harness)
        finally:
            programs.close()
            tables.close()
            pins.remove(pins.here())
