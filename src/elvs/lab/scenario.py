"""The public commands that set a lab up as a virtual service of its method. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from elvs.lab.topology import Role, Topology
from elvs.model.address import Address, Family
from elvs.model.service import Method

PORT = 80
MAPPED_PORT = 8080
"""NAT may map the port; DR and TUN leave the packet as it is."""
FLAGS = {Method.NAT: "-m", Method.DR: "-g", Method.TUN: "-i"}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that an operator would type on a host."""

    host: str
    argv: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.host}# {' '.join(self.argv)}"


def virtual(topology: Topology, family: Family) -> str:
    """The VIP of a family."""
    return topology.vip.addresses(family)[0]


def real(topology: Topology, server: str, family: Family) -> str:
    """Address and port of a real server, as ipvsadm writes them."""
    address = Address.parse(topology.addresses(server, family)[0])
    return address.with_port(MAPPED_PORT if topology.method is Method.NAT else PORT)


def service(topology: Topology, family: Family) -> str:
    """Address and port of the virtual service, as ipvsadm writes them."""
    return Address.parse(virtual(topology, family)).with_port(PORT)


def commands(
    topology: Topology, families: Sequence[Family], connections: int
) -> tuple[Command, ...]:
    """All commands in the order in which an operator gives them: director, then servers."""
    director = topology.of_role(Role.DIRECTOR)[0].name
    ports = tuple(port.name for port in topology.ports(director))
    size = ("--connections", str(connections))
    done = [
        Command(director, ("elvs", "vip", "add", virtual(topology, family), "dev", ports[0]))
        for family in families
    ]
    done.append(Command(director, ("elvs", "attach", "--mode", "native", *size, *ports)))
    for family in families:
        done += _services(topology, director, family)
    done += _servers(topology, families)
    return tuple(done)


def _services(topology: Topology, director: str, family: Family) -> list[Command]:
    named = ("-t", service(topology, family))
    flag = FLAGS[topology.method]
    reals = [real(topology, server.name, family) for server in topology.of_role(Role.SERVER)]
    return [
        Command(director, ("elvs-ipvsadm", "-A", *named, "-s", "rr")),
        *(Command(director, ("elvs-ipvsadm", "-a", *named, "-r", each, flag)) for each in reals),
    ]


def _servers(topology: Topology, families: Sequence[Family]) -> list[Command]:
    """What makes a host a real server; with NAT, the director's address is its gateway."""
    done = []
    for server in topology.of_role(Role.SERVER):
        argv = ["elvs", "realserver", "up", "--method", topology.method.name.lower()]
        if topology.method is Method.TUN:
            argv.append("--program")  # the kernel's device would load a module for the machine
        for family in families:
            argv += ["--vip", virtual(topology, family)]
            if topology.gateway is not None:
                argv += ["--gateway", topology.gateway.addresses(family)[0]]
        done.append(Command(server.name, tuple(argv)))
    return done
