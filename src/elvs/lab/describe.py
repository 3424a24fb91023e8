"""A lab in words: its hosts and addresses, and what to do with it. Pure."""

from typing import Any

from elvs.lab.plan import FAMILIES, namespace
from elvs.lab.state import LabState
from elvs.lab.topology import Role

NEXT = """\
Any command on any host:  elvs lab run {option}HOST -- COMMAND
For example:              elvs lab run {option}director -- curl http://{server}/
Virtual addresses:        {vips}  (yours to set up on the director)
Remove it all:            elvs lab down {name}"""


def describe(lab: LabState, others: bool = False) -> str:
    """The lab's network and how to use it; with `others` up, commands must name the lab."""
    topology = lab.layout()
    rows = [
        (host.name, host.role.value, ", ".join(_interfaces(lab, host.name)))
        for host in topology.hosts
        if host.role is not Role.SWITCH
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}" for a, b, c in rows]
    server = topology.of_role(Role.SERVER)[0].name
    following = NEXT.format(
        name=lab.name,
        option=f"--lab {lab.name} " if others else "",
        server=topology.addresses(server, FAMILIES[0])[0],
        vips=" and ".join(topology.vip.addresses(family)[0] for family in FAMILIES),
    )
    head = f"{lab.name}: {topology.summary}"
    return "\n".join((head, "", *lines, "", following))


def summary(lab: LabState) -> str:
    """One line for a list."""
    made = "" if lab.complete else "  (half made: elvs lab down removes it)"
    hosts = " ".join(host.name for host in lab.layout().hosts)
    return f"{lab.name}  {hosts}{made}"


def as_json(lab: LabState) -> dict[str, Any]:
    """The stable form of `elvs lab list --json`."""
    topology = lab.layout()
    return {
        "name": lab.name,
        "topology": lab.topology,
        "complete": lab.complete,
        "vips": [topology.vip.addresses(family)[0] for family in FAMILIES],
        "hosts": [
            {
                "name": host.name,
                "role": host.role.value,
                "namespace": namespace(lab.name, host.name),
                "addresses": [
                    each for family in FAMILIES for each in topology.addresses(host.name, family)
                ],
            }
            for host in topology.hosts
        ],
    }


def _interfaces(lab: LabState, host: str) -> list[str]:
    """`eth0 198.51.100.2 2001:db8:100::2`; of many addresses the first and the last."""
    found = []
    for port in lab.layout().ports(host):
        if port.place is not None:
            words = [port.name]
            for family in FAMILIES:
                addresses = port.place.addresses(family)
                last = f"-{addresses[-1].rpartition('.')[2].rpartition(':')[2]}"
                words.append(addresses[0] + (last if len(addresses) > 1 else ""))
            found.append(" ".join(words))
    return found
