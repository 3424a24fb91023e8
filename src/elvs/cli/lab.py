"""`elvs lab`: networks in namespaces to try things in, and the demo of the main job."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click

from elvs.lab import builder, demo, describe, namespace, plan, report, state
from elvs.lab.errors import LabError
from elvs.lab.state import LabState
from elvs.lab.topologies import TOPOLOGIES
from elvs.lab.verdict import faults
from elvs.model.address import Family
from elvs.model.service import Method

METHODS = {"nat": Method.NAT, "dr": Method.DR, "tun": Method.TUN}
FAMILIES = {"4": Family.IPV4, "6": Family.IPV6}


@click.group()
def lab() -> None:
    """Networks in namespaces: clients, a router, a director, real servers."""


@lab.command()
@click.argument("topology", type=click.Choice(list(TOPOLOGIES)))
@click.option("--real-servers", default=3, show_default=True, help="How many run nginx.")
@click.option("--name", help="What to call it; its topology's name if not given.")
def up(topology: str, real_servers: int, name: str | None) -> None:
    """Make a lab.

    \b
    lan     one arm, for DR: director and real servers share a network
    nat     two arms, for NAT: the director is the real servers' gateway
    routed  for TUN: the real servers are behind routers
    """
    _end_in_order()
    made = builder.up(topology, real_servers, name)
    click.echo(describe.describe(made, others=len(state.find_all()) > 1))


@lab.command(context_settings={"allow_interspersed_args": False})
@click.option("--lab", "name", help="Which lab, when several are up.")
@click.argument("host")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(name: str | None, host: str, command: tuple[str, ...]) -> None:
    """Run COMMAND on a host of a lab; its exit status is the command's."""
    chosen = _the_only_one() if name is None else state.find(name)
    hosts = [each.name for each in chosen.layout().hosts]
    if host not in hosts:
        raise LabError(f"lab {chosen.name} has no host {host!r}", f"it has {', '.join(hosts)}")
    words = command[1:] if command[0] == "--" else command
    if not words:
        raise LabError("no command given", f"elvs lab run {host} -- COMMAND")
    argv = namespace.inside(plan.namespace(chosen.name, host), words)
    beside = str(Path(sys.executable).parent)  # where elvs is, installed or in a checkout
    path = f"{os.environ.get('PATH', os.defpath)}:{beside}"
    os.execvpe(argv[0], argv, {**os.environ, "PATH": path})


@lab.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_labs(as_json: bool) -> None:
    """Show the labs that are up, with their hosts."""
    labs = state.find_all()
    if as_json:
        click.echo(json.dumps({"labs": [describe.as_json(each) for each in labs]}))
    elif labs:
        click.echo("\n".join(describe.summary(each) for each in labs))
    else:
        click.echo("no lab is up")


@lab.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="All labs that are up.")
def down(name: str | None, every: bool) -> None:
    """Remove a lab and all that runs in it; the name may be left out if only one is up."""
    labs = [each for each in state.find_all() if every or name in (None, each.name)]
    if name is None and not every and len(labs) > 1:
        raise _which(labs)
    for each in labs:
        builder.down(each)
        click.echo(f"{each.name} is gone")
    if not labs:
        click.echo("no lab is up" if name is None else f"no lab {name!r} is up")


@lab.command("demo")
@click.option("--method", type=click.Choice([*METHODS, "all"]), default="all", show_default=True)
@click.option("--family", type=click.Choice([*FAMILIES, "all"]), default="all", show_default=True)
@click.option("--requests", type=click.IntRange(1, 300_000), default=100, show_default=True)
@click.option("--real-servers", default=3, show_default=True, help="How many run nginx.")
@click.option("--connections", default=65536, show_default=True, help="Size of the table.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--quiet", is_flag=True, help="Do not show the steps and commands.")
def run_demo(
    method: str,
    family: str,
    requests: int,
    real_servers: int,
    connections: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Send real requests through a virtual address, by each method, and show what happened.

    Exit status 0 only if every request was answered rightly, the director's counters agree and
    its IP stack forwarded nothing itself.
    """
    _end_in_order()
    order = demo.Order(
        methods=[METHODS[method]] if method != "all" else list(METHODS.values()),
        families=[FAMILIES[family]] if family != "all" else list(FAMILIES.values()),
        requests=requests,
        real_servers=real_servers,
        connections=connections,
    )
    results = list(demo.run(order, _silence if quiet or as_json else _tell))
    if as_json:
        click.echo(json.dumps(report.as_json(results)))
    else:
        click.echo(report.table(results, "elvs" if shutil.which("elvs") else sys.argv[0]))
    if any(faults(result) for result in results):
        sys.exit(1)


def _the_only_one() -> LabState:
    labs = state.find_all()
    if not labs:
        raise LabError("no lab is up", f"elvs lab up {next(iter(TOPOLOGIES))}")
    if len(labs) > 1:
        raise _which(labs)
    return labs[0]


def _which(labs: Sequence[LabState]) -> LabError:
    return LabError("several labs are up", f"name one of {', '.join(each.name for each in labs)}")


def _tell(step: str) -> None:
    click.echo(step, err=True)


def _silence(step: str) -> None:
    pass


def _end_in_order() -> None:
    """On SIGTERM and SIGHUP leave as on an error, so that what is half made is removed."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
