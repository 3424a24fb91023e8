"""The main job from end to end in a lab: set up by the public commands, real traffic, counters.

The commands are run as an operator would run them, each in its host's namespace.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elvs.lab import builder, plan, scenario
from elvs.lab.errors import LabError
from elvs.lab.namespace import entered, inside
from elvs.lab.readings import parse_forwarded, parse_stats, parse_tally
from elvs.lab.scenario import Command
from elvs.lab.state import LabState
from elvs.lab.topology import Role, Topology
from elvs.lab.verdict import Failure, Result
from elvs.model.address import Family
from elvs.model.errors import ElvsError
from elvs.model.service import Method

NETWORKS = {Method.NAT: "nat", Method.DR: "lan", Method.TUN: "routed"}
"""Method -> the topology that it is made for."""
COMMAND_TIMEOUT = 60.0
SECONDS_PER_REQUEST = 0.1
"""A client that needs longer on average is given up."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What a demo is to do."""

    methods: Sequence[Method]
    families: Sequence[Family]
    requests: int
    real_servers: int
    connections: int
    """Size of the director's connection table."""


def run(order: Order, say: Say) -> Iterator[Result | Failure]:
    """One result per method and family; each method's lab is gone when its results are out.

    `say` is told each step and each command. What cannot be set up becomes a Failure; that no
    lab can be made at all raises LabError.
    """
    for method in order.methods:
        network = NETWORKS[method]
        say(f"{_word(method)}: a {network} network with {order.real_servers} real servers")
        lab = builder.up(network, order.real_servers, f"demo-{network}")
        try:
            yield from _in_lab(lab, order, say)
        finally:
            builder.down(lab)


def _in_lab(lab: LabState, order: Order, say: Say) -> list[Result | Failure]:
    topology = lab.layout()
    try:
        for command in scenario.commands(topology, order.families, order.connections):
            say(f"  {command}")
            _execute(lab, command)
    except ElvsError as error:
        return [_failure(topology, family, order, error) for family in order.families]
    done: list[Result | Failure] = []
    for family in order.families:
        say(f"  client: {order.requests} requests, an upload and a download over {family.name}")
        try:
            done.append(_traffic(lab, topology, family, order.requests))
        except ElvsError as error:
            done.append(_failure(topology, family, order, error))
    return done


def _traffic(lab: LabState, topology: Topology, family: Family, requests: int) -> Result:
    director = topology.of_role(Role.DIRECTOR)[0].name
    told = _execute(
        lab,
        Command("client", _client(lab, topology, family, requests)),
        timeout=COMMAND_TIMEOUT + requests * SECONDS_PER_REQUEST,
    )
    listing = _execute(lab, Command(director, ("elvs-ipvsadm", "-L", "-n", "--stats", "--exact")))
    stats = parse_stats(listing).get(scenario.service(topology, family))
    if stats is None:
        raise LabError("the director does not list its virtual service any more")
    return Result(
        method=_word(topology.method),
        family=_number(family),
        tally=parse_tally(json.loads(told)),
        director=stats,
        real_servers={
            server.name: scenario.real(topology, server.name, family)
            for server in topology.of_role(Role.SERVER)
        },
        forwarded_by_stack=_forwarded(plan.namespace(lab.name, director)),
        answers_pass_director=topology.gateway is not None,
    )


def _client(lab: LabState, topology: Topology, family: Family, requests: int) -> tuple[str, ...]:
    where = ("--address", scenario.virtual(topology, family), "--port", str(scenario.PORT))
    own = [word for each in topology.addresses("client", family) for word in ("--source", each)]
    amount = ("--requests", str(requests), "--download-sha256", lab.big_sha256)
    return (sys.executable, "-m", "elvs.lab.client", *where, *own, *amount)


def _execute(lab: LabState, command: Command, timeout: float = COMMAND_TIMEOUT) -> str:
    """Run a command on its host; its output, or LabError with its complaint."""
    argv = inside(
        plan.namespace(lab.name, command.host), (_program(command.argv[0]), *command.argv[1:])
    )
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{command}: no end after {timeout:.0f} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise LabError(f"{command}: {said[-1]}")
    return done.stdout


def _program(name: str) -> str:
    """A command as installed beside this interpreter, or else in the path."""
    if Path(name).is_absolute():
        return name
    beside = str(Path(sys.executable).parent)
    path = shutil.which(name, path=f"{beside}:{os.environ.get('PATH', '')}")
    if path is None:
        raise LabError(f"the command {name} is not installed", "sudo script/install")
    return path


def _forwarded(namespace: str) -> int:
    with entered(namespace):
        net = Path("/proc/thread-self/net")
        return parse_forwarded((net / "snmp").read_text(), (net / "snmp6").read_text())


def _failure(topology: Topology, family: Family, order: Order, error: ElvsError) -> Failure:
    return Failure(_word(topology.method), _number(family), order.requests, str(error))


def _word(method: Method) -> str:
    return method.name.lower()


def _number(family: Family) -> int:
    return 4 if family is Family.IPV4 else 6
