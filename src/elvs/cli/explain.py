"""`elvs explain`: what becomes of a packet, said by the data plane itself."""

import json
import os
import socket

import click

from elvs.dataplane import frame, libbpf, loader, pins
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.explain import Explained
from elvs.dataplane.explain import explain as walk
from elvs.dataplane.frame import TcpFlag
from elvs.dataplane.layout import Server, Service
from elvs.dataplane.verdicts import WORDS
from elvs.director import route, rows
from elvs.model.address import Address
from elvs.model.errors import ElvsError, InvalidValue
from elvs.model.service import Protocol

CLIENT_PORT = 50000
"""Where SRC has no port: any that a client might have."""
PROTOCOLS = {"tcp": Protocol.TCP, "udp": Protocol.UDP}


class NotAttached(ElvsError):
    """There are no programs that could be asked."""


@click.command()
@click.argument("source", metavar="SRC[:PORT]")
@click.argument("destination", metavar="DST:PORT")
@click.option("--proto", type=click.Choice(list(PROTOCOLS)), default="tcp", show_default=True)
@click.option("--iface", metavar="IF", help="Interface that the packet comes in on.")
@click.option("--flags", default="syn", show_default=True, metavar="FLAG[,FLAG]", help="TCP flags.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def explain(
    source: str, destination: str, proto: str, iface: str | None, flags: str, as_json: bool
) -> None:
    """Say what the director would do with a packet from SRC to DST, and change nothing.

    An IPv6 address with a port is written as [2001:db8::1]:80.
    """
    packet = frame.build(
        PROTOCOLS[proto],
        parse_endpoint(source, CLIENT_PORT),
        parse_endpoint(destination, None),
        parse_flags(flags),
    )
    ifindex = parse_interface(iface) if iface else 0
    place = pins.here()
    tables = loader.open_tables()
    if tables is None:
        raise NotAttached("no director is here yet", "attach one with elvs attach IFACE")
    with tables, pins.locked(place):
        told = tell(tables, ask(tables, packet, ifindex))
    if as_json:
        click.echo(json.dumps(told))
    else:
        width = max(map(len, told))
        for name, value in told.items():
            click.echo(f"{name + ':':<{width + 2}}{value}")


def ask(tables: BpfTables, packet: bytes, ifindex: int) -> Explained:
    """Run the pinned program; NotAttached when there is none."""
    try:
        with libbpf.opened(tables.directory / "prog_explain") as program:
            return walk(tables, program, packet, ifindex)
    except FileNotFoundError:
        raise NotAttached(
            "no director is attached here", "attach one with elvs attach IFACE"
        ) from None


def tell(tables: BpfTables, found: Explained) -> dict[str, str]:
    """The findings as lines, in the order in which they are read."""
    told = {"verdict": found.verdict.name, "meaning": WORDS[found.verdict]}
    told["connection"] = "known" if found.known else "none yet"
    if found.service is not None:
        memory = tables.memory("services")
        start = found.service * Service.SIZE
        told["service"] = str(rows.parse_service(bytes(memory[start : start + Service.SIZE])).key)
    if found.server is not None:
        memory = tables.memory("servers")
        start = found.server * Server.SIZE
        server = rows.parse_server(bytes(memory[start : start + Server.SIZE]))
        told["server"] = str(server.key)
        told["next hop"] = next_hop(found, server.key.address)
    return told


def next_hop(found: Explained, server: Address) -> str:
    """As the data plane has it, or the device by the kernel's routes."""
    if found.hop is not None:
        return f"{found.hop.mac} on {interface_name(found.hop.ifindex)}"
    way = route.look_up([server]).get(server, route.NOWHERE)
    if way.kind is route.Kind.LOCAL:
        return "the director itself"
    if way.kind is not route.Kind.UNICAST:
        return "no route"
    return f"on {interface_name(way.interface)}, not used yet"


def interface_name(ifindex: int) -> str:
    try:
        return socket.if_indextoname(ifindex)
    except OSError:
        return f"interface {ifindex}, which is gone"


def parse_endpoint(text: str, default: int | None) -> tuple[Address, int]:
    """ADDRESS:PORT, [ADDRESS]:PORT, or ADDRESS alone where a `default` port is given."""
    address, port = text, ""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    parsed = Address.parse(address)
    if not port and default is not None:
        return parsed, default
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidValue(f"{text} has no port 1 to 65535", f"write {parsed.with_port(80)}")
    return parsed, int(port)


def parse_flags(text: str) -> TcpFlag:
    """Names of TCP flags, parted by commas."""
    flags = TcpFlag(0)
    for name in text.upper().replace("|", ",").split(","):
        if name not in TcpFlag.__members__:
            known = ", ".join(flag.lower() for flag in TcpFlag.__members__)
            raise InvalidValue(f"{name.lower()!r} is no TCP flag", f"choose from {known}")
        flags |= TcpFlag[name]
    return flags


def parse_interface(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        raise InvalidValue(
            f"no interface {name}: {os.strerror(error.errno or 0)}", "see `ip link`"
        ) from None
