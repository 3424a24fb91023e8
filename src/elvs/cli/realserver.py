"""`elvs realserver`: run on a real server, to make it take a director's packets."""

import json
from typing import Any

import click

from elvs.model.errors import InvalidValue
from elvs.realserver.agent import Agent
from elvs.realserver.conditions import Condition
from elvs.realserver.memory import Memory
from elvs.realserver.persist import Unit, executable
from elvs.realserver.request import Request
from elvs.realserver.system import Kernel

VIP = click.option(
    "--vip", "vips", multiple=True, metavar="VIP", help="Address of the service; can be repeated."
)
METHOD = click.option("--method", metavar="dr|tun|nat", help="How the director forwards.")
GATEWAY = click.option(
    "--gateway",
    "gateways",
    multiple=True,
    metavar="DIP",
    help="NAT: the director's address in this server's network, one for each family.",
)
PORT = click.option(
    "--port",
    "ports",
    multiple=True,
    type=click.IntRange(1, 65535),
    help="NAT: only what is answered from this port goes to the director; can be repeated.",
)
PROGRAM = click.option(
    "--program",
    is_flag=True,
    help="TUN: unpack by eLVS's own program even where the kernel has a tunnel device.",
)


@click.group()
def realserver() -> None:
    """Set up this machine as a real server."""


def _agent() -> Agent:
    return Agent(Kernel(), Memory.here(), click.echo)


@realserver.command()
@VIP
@METHOD
@GATEWAY
@PORT
@PROGRAM
@click.option("--persist", is_flag=True, help="Also at boot, by a systemd unit.")
def up(
    vips: tuple[str, ...],
    method: str | None,
    gateways: tuple[str, ...],
    ports: tuple[int, ...],
    program: bool,
    persist: bool,
) -> None:
    """Take packets for VIP, silently: nobody on the link is told. Says what it changes."""
    if method is None:
        raise InvalidValue("no forwarding method given", "add --method dr, tun or nat")
    request = Request.parse(method, vips, gateways, ports, program)
    unit = Unit()
    if persist:
        unit.judge()
    request = _agent().up(request, persist)
    if persist:
        _print(unit.write(request, executable()))


@realserver.command()
def down() -> None:
    """Put back what `up` changed."""
    record = _agent().down()
    unit = Unit()
    lines = unit.remove() if unit.here() or (record and record.unit) else []
    _print(lines)
    if not record and not lines:
        click.echo("nothing to take down")


@realserver.command()
@VIP
@METHOD
@GATEWAY
@PORT
@PROGRAM
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def check(
    ctx: click.Context,
    vips: tuple[str, ...],
    method: str | None,
    gateways: tuple[str, ...],
    ports: tuple[int, ...],
    program: bool,
    as_json: bool,
) -> None:
    """Look whether everything holds; without options, for what `up` set up.

    Prints each finding, with the command that mends what is wrong. Exit status 1 if anything is.
    """
    asked = None
    if method or vips or gateways or ports or program:
        if method is None:
            raise InvalidValue("no forwarding method given", "add --method dr, tun or nat")
        asked = Request.parse(method, vips, gateways, ports, program)
    agent = _agent()
    request, found = agent.check(asked)
    counts = agent.system.unpacked() if request.method == "tun" else {}
    if as_json:
        click.echo(json.dumps(_document(request, found, counts), indent=2))
    else:
        _print([_line(one) for one in found])
        _print([f"      {name}: {count} packets" for name, count in counts.items() if count])
    ctx.exit(0 if all(one.ok for one in found) else 1)


def _line(one: Condition) -> str:
    return f"ok    {one.finding}" if one.ok else f"WRONG {one.finding}\n      mend: {one.mend}"


def _document(request: Request, found: list[Condition], counts: dict[str, int]) -> dict[str, Any]:
    return {
        "method": request.method,
        "vips": [str(vip) for vip in request.vips],
        "ok": all(one.ok for one in found),
        "findings": [
            {"topic": one.topic, "ok": one.ok, "finding": one.finding, "mend": one.mend}
            for one in found
        ],
        "packets": counts,
    }


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)
