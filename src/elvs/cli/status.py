"""`elvs status`: how this director stands, for people and (--json) for programs."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from elvs import __version__
from elvs.dataplane import pins
from elvs.dataplane.verdicts import WORDS
from elvs.director import status as director
from elvs.director.standing import Standing
from elvs.director.status import Status, TablesStatus

MEBIBYTE = 1 << 20
BEGIN = """\
Nothing of elvs is here yet. To begin:
  elvs vip add VIP dev IFACE        the address that clients will use
  elvs attach IFACE                 put the data plane on the interface
  elvs-ipvsadm -A -t VIP:80 -s rr   a virtual service; elvs-ipvsadm -a adds real servers"""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """Show where the data plane stands, how full its tables are, and what became of packets."""
    found = director.collect(pins.here())
    if as_json:
        click.echo(json.dumps(to_json(found)))
    else:
        click.echo("\n".join(to_lines(found)))


def to_lines(found: Status) -> Iterator[str]:
    """The text, line by line."""
    if not found.interfaces and found.tables is None and not found.vips:
        yield BEGIN
        return
    yield f"elvs {__version__}"
    yield from _interfaces(found)
    if found.vips:
        names = (f"{view.vip.address} on {view.vip.interface}" for view in found.vips)
        yield f"VIPs:         {', '.join(names)}"
    if found.tables is not None:
        yield from _tables(found.tables)
    if found.firewall.rules:
        yield "firewall rules that name a VIP and are bypassed:"
        yield from (f"  {rule}" for rule in found.firewall.rules)
    yield from _faults(found.faults)


def _interfaces(found: Status) -> Iterator[str]:
    if not found.interfaces:
        yield "attached:     nowhere"
        return
    for number, each in enumerate(found.interfaces):
        head = "attached:" if number == 0 else ""
        mode = f", {each.mode} ({each.why})" if each.mode else ""
        yield f"{head:<13} {each.name}{mode}: {each.link.value}"
    if found.trial_left is not None:
        yield f"trial:        undone in {found.trial_left:.0f} s unless you say elvs confirm"


def _tables(tables: TablesStatus) -> Iterator[str]:
    for number, each in enumerate(tables.use):
        head = "tables:" if number == 0 else ""
        yield f"{head:<13} {each.name}: {each.used} of {each.limit}"
    yield f"memory:       {tables.memory / MEBIBYTE:.0f} MiB"
    yield f"clock:        {_clock(tables)}"
    if tables.protected_ports:
        ports = ", ".join(map(str, tables.protected_ports))
        yield f"protected:    ports {ports} of the director's own addresses"
    counted = {verdict: count for verdict, count in tables.verdicts.items() if count}
    yield "packets:" if counted else "packets:      none yet"
    width = max((len(str(count)) for count in counted.values()), default=0)
    yield from (f"  {count:>{width}} {WORDS[verdict]}" for verdict, count in counted.items())


def _clock(tables: TablesStatus) -> str:
    tick = tables.tick
    if tick.age is None:
        return "not started; attach does that"
    state = "running" if tick.running else f"has stood still for {tick.age:.0f} s"
    return f"{state}, longest tick {tick.worst_ns / 1e6:.2f} ms"


def _faults(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 0:
            yield "to mend:"
        yield f"  {line}"


def to_json(found: Status) -> dict[str, Any]:
    """Names and numbers that stay; nothing is left out because it is zero."""
    return {
        "version": __version__,
        "attached": any(each.works for each in found.interfaces),
        "interfaces": [_standing_json(each) for each in found.interfaces],
        "trial_seconds_left": found.trial_left,
        "tables": None if found.tables is None else _tables_json(found.tables),
        "vips": [
            {"address": str(v.vip.address), "interface": v.vip.interface, "present": v.present}
            for v in found.vips
        ],
        "firewall_rules_bypassed": [
            {"vip": str(rule.vip), "place": rule.place, "rule": rule.text}
            for rule in found.firewall.rules
        ],
        "kernel_ipvs_services": found.kernel_ipvs_services,
        "lo_forwards": found.lo_forwards,
        "faults": found.faults,
    }


def _standing_json(each: Standing) -> dict[str, Any]:
    return {
        "name": each.name,
        "ifindex": each.index,
        "mode": each.mode,
        "why": each.why,
        "link": each.link.name.lower(),
        "up": each.up,
        "tc_filter": each.filter,
        "current_program": each.current,
    }


def _tables_json(tables: TablesStatus) -> dict[str, Any]:
    return {
        "use": {
            each.name.lower().replace(" ", "_"): {"used": each.used, "limit": each.limit}
            for each in tables.use
        },
        "memory_bytes": tables.memory,
        "clock": {
            "running": tables.tick.running,
            "seconds_since_tick": tables.tick.age,
            "tick": tables.tick.tick,
            "program_version": tables.tick.version,
            "longest_tick_ns": tables.tick.worst_ns,
        },
        "verdicts": {verdict.name: count for verdict, count in tables.verdicts.items()},
        "protected_ports": list(tables.protected_ports),
    }
