"""A lab set up by the public commands, and hands on its hosts."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from elvs.lab import builder, namespace, plan, scenario
from elvs.lab.readings import parse_forwarded
from elvs.lab.state import LabState
from elvs.lab.topology import Role, Topology
from elvs.model.address import Family
from elvs.model.service import Method

BIN = Path(sys.executable).parent
NETWORKS = {Method.NAT: "nat", Method.DR: "lan", Method.TUN: "routed"}
CONNECTIONS = 20000
PATIENCE = 60.0


class CommandFailed(Exception):
    """A command that was to succeed did not."""


@dataclass(frozen=True, slots=True)
class Site:
    """A running lab: clients, a director, real servers."""

    lab: LabState
    topology: Topology

    def vip(self, family: Family) -> str:
        return scenario.virtual(self.topology, family)

    def real(self, server: str, family: Family) -> str:
        """The address of a real server."""
        return self.topology.addresses(server, family)[0]

    def netns(self, host: str) -> str:
        return plan.namespace(self.lab.name, host)

    def argv(self, host: str, *command: str) -> list[str]:
        """A command line that runs on a host."""
        program = BIN / command[0]
        first = str(program) if program.exists() else command[0]
        return namespace.inside(self.netns(host), [first, *command[1:]])

    def run(self, host: str, *command: str) -> str:
        """Output of a command on a host; raises CommandFailed with its complaint."""
        done = subprocess.run(
            self.argv(host, *command),
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode:
            raise CommandFailed(f"{host}# {' '.join(command)}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, host: str, *command: str) -> subprocess.Popen[bytes]:
        """A command that goes on in the background; the lab's end would end it too."""
        return subprocess.Popen(
            self.argv(host, *command),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def connect(self, family: Family, port: int = 80, timeout: float = 5.0) -> socket.socket:
        """A TCP connection from the client to the VIP."""
        with namespace.entered(self.netns("client")):
            return socket.create_connection((self.vip(family), port), timeout)

    def servers(self) -> list[str]:
        return [host.name for host in self.topology.of_role(Role.SERVER)]

    def forwarded(self) -> int:
        """Packets that the director's own stack has forwarded."""
        with namespace.entered(self.netns("director")):
            net = Path("/proc/thread-self/net")
            return parse_forwarded((net / "snmp").read_text(), (net / "snmp6").read_text())


@contextmanager
def site(method: Method, real_servers: int = 2) -> Iterator[Site]:
    """The lab of a method, serving port 80 in both families."""
    lab = builder.up(NETWORKS[method], real_servers, f"test-{method.name.lower()}-{os.getpid()}")
    try:
        made = Site(lab, lab.layout())
        for command in scenario.commands(made.topology, plan.FAMILIES, CONNECTIONS):
            made.run(command.host, *command.argv)
        yield made
    finally:
        builder.down(lab)


def ask(connection: socket.socket) -> dict[str, str]:
    """One HTTP request on a connection that stays open; the server's JSON answer."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: vip\r\n\r\n")
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096) or _closed()
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(4096) or _closed()
    answer: dict[str, str] = json.loads(body)
    return answer


def _closed() -> bytes:
    raise ConnectionError("the server closed the connection")
