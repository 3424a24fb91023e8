"""Two namespaces on a wire: a director and what it has for neighbour."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elvs.lab import namespace, offload, remnants
from elvs.lab.namespace import entered

ELVS = str(Path(sys.executable).with_name("elvs"))
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Wire:
    """`elvsd0` of the director is one end, `elvsp0` of the peer the other."""

    director: str
    peer: str

    def run(self, *command: str, where: str | None = None) -> Done:
        """A command in the director's namespace, or in another."""
        argv = namespace.inside(where or self.director, command)
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    def said(self, *command: str, where: str | None = None) -> str:
        """The output of a command that must succeed."""
        done = self.run(*command, where=where)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def elvs(self, *arguments: str) -> str:
        """`elvs ARGUMENTS` must succeed; its output."""
        return self.said(ELVS, *arguments)

    def refused(self, *arguments: str) -> str:
        """`elvs ARGUMENTS` must fail with one line; that line."""
        done = self.run(ELVS, *arguments)
        assert done.returncode != 0, done.stdout
        lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
        assert len(lines) == 1 and lines[0].startswith("elvs: "), done.stderr
        return lines[0]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.elvs("status", "--json"))
        return found

    def state(self) -> dict[str, str]:
        """All that an attach may change, as the system's own tools show it."""
        sysctls = [f"net.ipv{v}.conf.{on}.forwarding" for v in (4, 6) for on in ("all", "lo")]
        return {
            "link": self.said("ip", "-d", "link"),
            "addresses": self.said("ip", "-br", "address"),
            "tc": self.said("tc", "qdisc") + self.said("tc", "filter", "show", "dev", "elvsd0"),
            "sysctls": self.said("sysctl", *sysctls),
            "offloads": self.said("ethtool", "-k", "elvsd0"),
        }


def batch(name: str, lines: Sequence[str]) -> None:
    namespace.ip("-n", name, batch="".join(f"{line}\n" for line in lines))


@contextmanager
def wire(prefix: str) -> Iterator[Wire]:
    """Make it; afterwards nothing of it is left, keepers of trials included."""
    made = Wire(f"{prefix}-d", f"{prefix}-p")
    namespace.make([made.director, made.peer])
    try:
        link = "link add elvsd0 type veth peer name elvsp0 netns " + made.peer
        batch(made.director, [link, "address add 198.18.0.1/24 dev elvsd0"])
        batch(made.director, ["address add 2001:db8::1/64 dev elvsd0 nodad"])
        batch(made.director, ["link set lo up", "link set elvsd0 up"])
        batch(made.peer, ["address add 198.18.0.2/24 dev elvsp0", "link set elvsp0 up"])
        batch(made.peer, ["address add 2001:db8::2/64 dev elvsp0 nodad"])
        with entered(made.peer), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            offload.merge_received(control, "elvsp0")
            offload.send_whole_packets(control, "elvsp0")
        yield made
    finally:
        left = remnants.find([made.director])
        made.run(ELVS, "detach", "--force")
        namespace.remove([made.director, made.peer])
        remnants.remove(left)
