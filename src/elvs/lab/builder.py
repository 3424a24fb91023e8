"""Make a lab and remove it: the only place that changes the machine.

`up` makes everything or nothing; `down` removes everything, however far `up` had come.
"""

import hashlib
import os
import random
import re
import socket
from dataclasses import replace

from elvs.lab import namespace, nginx, offload, plan, remnants, state
from elvs.lab.errors import LabError
from elvs.lab.state import LabState
from elvs.lab.topologies import make
from elvs.lab.topology import Role, Topology

BIG_BYTES = 4 << 20
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def up(topology: str, real_servers: int, name: str | None = None) -> LabState:
    """Make a lab called `name` (as its topology if None); needs root.

    Raises LabError, and leaves nothing behind, if anything fails or the name is taken.
    """
    _check_machine()
    lab = topology if name is None else name
    layout = make(topology, real_servers)
    if not NAME.fullmatch(lab):
        raise LabError(f"{lab!r} is no name for a lab", "use small letters, digits and hyphens")
    state.refuse_taken(lab)
    names = plan.namespaces(lab, layout)
    for each in names:
        if namespace.exists(each):
            raise LabError(f"namespace {each} is there already", f"ip netns delete {each}")
    made = LabState(lab, topology, real_servers, names)
    state.claim(made)
    try:
        _wire(lab, layout)
        made = _serve(made, layout)
    except BaseException:
        down(made)
        raise
    return made


def down(lab: LabState) -> None:
    """Remove a lab: its processes, namespaces and files, and what a director had pinned."""
    left = remnants.find(lab.namespaces)
    namespace.remove(lab.namespaces)
    remnants.remove(left)
    state.forget(lab)


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise LabError("a lab is made of network namespaces, which needs root", "use sudo")
    nginx.program()


def _wire(lab: str, layout: Topology) -> None:
    """Namespaces, settings, links, addresses, routes, offloads, in this order."""
    namespace.make(plan.namespaces(lab, layout))
    for host in layout.hosts:
        with namespace.entered(plan.namespace(lab, host.name)):
            namespace.write_sysctls(plan.sysctls(host))
    for host in layout.hosts:
        where = plan.namespace(lab, host.name)
        namespace.ip("-n", where, batch=plan.link_batch(lab, layout, host))
    for host in layout.hosts:
        where = plan.namespace(lab, host.name)
        namespace.ip("-n", where, batch=plan.address_batch(layout, host))
        with namespace.entered(where):
            _set_offloads(layout, host.name)


def _set_offloads(layout: Topology, host: str) -> None:
    merging = plan.merging_ports(layout)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for port in layout.ports(host):
            offload.send_whole_packets(control, port.name)
            if port in merging:
                offload.merge_received(control, port.name)


def _serve(lab: LabState, layout: Topology) -> LabState:
    """Start the web servers; returns the state with what was made, saved."""
    content = random.Random(lab.topology).randbytes(BIG_BYTES)
    lab.big.write_bytes(content)
    pids = {}
    for server in layout.of_role(Role.SERVER):
        where = plan.namespace(lab.name, server.name)
        pids[server.name] = nginx.start(where, server.name, lab.home / server.name, lab.big)
    served = replace(
        lab,
        complete=True,
        nginx=pids,
        big_bytes=len(content),
        big_sha256=hashlib.sha256(content).hexdigest(),
    )
    state.save(served)
    return served
