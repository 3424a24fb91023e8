"""`elvs vip`: virtual addresses on the director's interfaces."""

import json

import click

from elvs.dataplane import pins
from elvs.director import vips
from elvs.model.address import Address
from elvs.model.errors import InvalidValue


@click.group()
def vip() -> None:
    """Virtual IPs (VIPs) on this director's interfaces."""


@vip.command()
@click.argument("address", metavar="VIP")
@click.argument("word", metavar="dev", type=click.Choice(["dev"]))
@click.argument("interface", metavar="IFACE")
def add(address: str, word: str, interface: str) -> None:
    """Put VIP on IFACE (/32 or /128) and announce it by gratuitous ARP or neighbour advertisement.

    A VIP that nobody else may be asked for, for example behind a router, can be on lo.
    """
    click.echo(vips.add(pins.here(), parse(address), interface))


@vip.command("del")
@click.argument("address", metavar="VIP")
@click.argument("word", metavar="dev", type=click.Choice(["dev"]))
@click.argument("interface", metavar="IFACE")
def delete(address: str, word: str, interface: str) -> None:
    """Take VIP down from IFACE."""
    click.echo(vips.delete(pins.here(), parse(address), interface))


@vip.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_vips(as_json: bool) -> None:
    """Show the VIPs that elvs has put up."""
    found = vips.views(pins.here())
    if as_json:
        rows = [
            {
                "address": str(view.vip.address),
                "interface": view.vip.interface,
                "present": view.present,
            }
            for view in found
        ]
        click.echo(json.dumps({"vips": rows}))
    elif not found:
        click.echo("no VIP: add one with elvs vip add VIP dev IFACE")
    for view in [] if as_json else found:
        gone = "" if view.present else "  (not there any more: add it again)"
        click.echo(f"{view.vip.address} dev {view.vip.interface}{gone}")


def parse(text: str) -> Address:
    """A VIP as written: an address, with /32 or /128 if any prefix length at all."""
    plain, slash, length = text.partition("/")
    address = Address.parse(plain)
    if slash and length != str(len(address.packed) * 8):
        raise InvalidValue(f"{text} is no VIP", f"leave out /{length}: a VIP is a single address")
    return address
