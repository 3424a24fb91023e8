"""`elvs attach`, `elvs confirm`, `elvs detach`: the data plane on interfaces."""

import click

from elvs.dataplane import detach as dataplane
from elvs.dataplane import libbpf, pins
from elvs.dataplane.attach import Order
from elvs.dataplane.survey import Mode
from elvs.director import attaching
from elvs.director.attaching import Prospect
from elvs.model.errors import InvalidValue

MEBIBYTE = 1 << 20
SIZE = click.IntRange(min=1)


@click.command()
@click.argument("interfaces", metavar="IFACE...", nargs=-1, required=True)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.AUTO.value,
    show_default=True,
    help="auto: native, or not at all. generic is slower and works on every interface.",
)
@click.option("--dry-run", is_flag=True, help="Check and show what would be done; change nothing.")
@click.option(
    "--confirm",
    "trial",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Undo it after SECONDS unless `elvs confirm` is given.",
)
@click.option("--connections", type=SIZE, help="Size of each connection table.  [about 1 % memory]")
@click.option("--services", type=SIZE, help="Size of the table of virtual services.  [16384]")
@click.option("--servers", type=SIZE, help="Size of the table of real servers.  [65536]")
@click.option(
    "--accept-firewall-bypass", "accept", is_flag=True, help="Also if firewall rules name a VIP."
)
def attach(
    interfaces: tuple[str, ...],
    mode: str,
    dry_run: bool,
    trial: int | None,
    connections: int | None,
    services: int | None,
    servers: int | None,
    accept: bool,
) -> None:
    """Put the data plane on interfaces: those by which clients and answers of servers come in.

    On an interface that has it already, the program is replaced by this version without a gap.
    """
    asked = {"connections": connections, "services": services, "servers": servers}
    sizes = {name: value for name, value in asked.items() if value is not None}
    order = Order(interfaces, Mode(mode), sizes, trial)
    place = pins.here()
    if dry_run:
        show(attaching.consider(place, order), "would attach to", "would replace the program on")
        return
    show(attaching.attach(place, order, accept_bypass=accept), "attached to", "replaced on")
    if trial is not None:
        click.echo(f"on trial for {trial} s: `elvs confirm` keeps it, `elvs detach` ends it")


def show(prospect: Prospect, attached: str, replaced: str) -> None:
    """Print what is or would be done, in the words given, then what to know about it."""
    for target in prospect.plan.targets:
        verb = replaced if target.replaces else attached
        off = f"; off there: {', '.join(target.turned_off)}" if target.turned_off else ""
        click.echo(f"{verb} {target.interface.name}, {target.mode.value}: {target.why}{off}")
    sizes = prospect.plan.sizes
    memory = sizes.bytes(libbpf.possible_cpus()) / MEBIBYTE
    click.echo(
        f"tables: {sizes.limit} connections, {sizes.services} services,"
        f" {sizes.servers} real servers, {memory:.0f} MiB"
    )
    for rule in prospect.bypassed:
        click.echo(f"bypassed: {rule.vip} in {rule}")
    for line in prospect.warnings:
        click.echo(f"warning: {line}", err=True)


@click.command()
def confirm() -> None:
    """Keep what was attached on trial."""
    kept = dataplane.confirm(pins.here())
    names = ", ".join(each.name for each in kept.interfaces.values())
    click.echo(f"confirmed: {names}")


@click.command()
@click.argument("interfaces", metavar="[IFACE]...", nargs=-1)
@click.option("--force", is_flag=True, help="Also if living connections are cut by it.")
@click.option("--purge", is_flag=True, help="Remove services, connections and all tables as well.")
def detach(interfaces: tuple[str, ...], force: bool, purge: bool) -> None:
    """Take the data plane off interfaces (all, if none is named) and restore them.

    Services stay, and forward again after the next attach; --purge removes them too.
    """
    if purge and interfaces:
        raise InvalidValue("--purge is for all interfaces", "leave the names out")
    place = pins.here()
    gone = dataplane.detach(place, interfaces, force=force)
    for name in gone:
        click.echo(f"detached from {name}")
    if not gone:
        click.echo("nothing is attached: nothing to do")
    if purge and dataplane.purge(place):
        click.echo("tables removed")
