"""README.md, "On real machines": its commands as written, on the hosts of a lab.

The addresses' last numbers are the lab's; the network's is put in its place. Left out is what
would touch the machine under the lab: the installation and the unit for the next boot.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from elvs.lab import builder, namespace, plan
from elvs.lab.state import LabState

pytestmark = pytest.mark.root

README = Path(__file__).parents[2] / "README.md"
NAME = "testreadme"
MOST_COMMANDS = 10


def block(after: str) -> list[str]:
    """The commands of the first block of code after a line of the README."""
    text = README.read_text().partition(f"\n{after}\n\n")[2]
    lines = text.partition("\n\n")[0].splitlines()
    assert lines and all(line.startswith("    ") for line in lines), f"no commands after {after}"
    return [line.strip().replace("192.0.2.", "198.51.100.") for line in lines]


@pytest.fixture
def lab() -> Iterator[LabState]:
    made = builder.up("lan", 2, NAME)
    yield made
    builder.down(made)


def on(lab: LabState, host: str, command: str) -> str:
    bare = command.partition("#")[0].replace(" --persist", "").split()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        namespace.inside(plan.namespace(lab.name, host), bare),
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{host}# {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_from_an_installation_to_a_vip_over_two_real_servers(lab: LabState) -> None:
    director, real_server = block("On the director:"), block("On each real server:")
    assert len(director) + len(real_server) <= MOST_COMMANDS
    assert director.pop(0) == real_server.pop(0) == "script/install"
    for command in director:
        on(lab, "director", command)
    for server in ("server1", "server2"):
        for command in real_server:
            on(lab, server, command)

    answers = [on(lab, "client", "curl -sS -m 5 http://198.51.100.100/") for _ in range(20)]
    assert Counter(json.loads(answer)["server"] for answer in answers).keys() == {
        "server1",
        "server2",
    }
    status, listing, check = block(SEE)
    assert "eth0" in on(lab, "director", status)
    assert "198.51.100.12:80" in on(lab, "director", listing)
    assert "WRONG" not in on(lab, "server1", check)


SEE = "Then `curl http://192.0.2.100/` from a client (not from the director or a real server). See"
