"""A topology as text for `ip -batch` and as kernel settings. Pure; one host at a time.

The first host of a link makes the pair, the other end is born in the second's namespace, so
that no interface of a lab is ever seen outside.
"""

from elvs.lab.topology import Host, Link, Port, Role, Topology
from elvs.model.address import Family

FAMILIES = (Family.IPV4, Family.IPV6)
BRIDGE = "br0"


def namespace(lab: str, host: str) -> str:
    """Name of a host's network namespace under /run/netns."""
    return f"elvs-{lab}-{host}"


def namespaces(lab: str, topology: Topology) -> tuple[str, ...]:
    return tuple(namespace(lab, host.name) for host in topology.hosts)


def sysctls(host: Host) -> tuple[tuple[str, str], ...]:
    """(path below /proc/sys/net, value); to be set before the first interface is made.

    Real servers are left as strict about source addresses as distributions are (rp_filter 1),
    so that what `elvs realserver up` has to change is really needed. Routers let answers pass
    that come by another way than the request went; a director forwards nothing itself.
    """
    forwarding = "1" if host.role is Role.ROUTER else "0"
    strict = "1" if host.role is Role.SERVER else "0"
    return (
        *((f"ipv6/conf/{scope}/accept_dad", "0") for scope in ("all", "default")),
        *((f"ipv6/conf/{scope}/accept_ra", "0") for scope in ("all", "default")),
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", strict),
        ("ipv4/ip_forward", forwarding),
        ("ipv6/conf/all/forwarding", forwarding),
    )


def link_batch(lab: str, topology: Topology, host: Host) -> str:
    """Lines that make a host's loopback, bridge, and the links of which it is the first end."""
    lines = ["link set lo up"]
    if host.role is Role.SWITCH:
        lines.append(f"link add {BRIDGE} type bridge mcast_snooping 0")
    lines += [_pair(lab, link) for link in topology.links if link.a.host == host.name]
    return _text(lines)


def address_batch(topology: Topology, host: Host) -> str:
    """Lines that bring a host's interfaces up with their addresses and set its routes."""
    lines = []
    ports = topology.ports(host.name)
    for port in ports:
        lines += _addresses(port)
        master = f" master {BRIDGE}" if host.role is Role.SWITCH else ""
        lines.append(f"link set {port.name}{master} up")
    if host.role is Role.SWITCH:
        lines.append(f"link set {BRIDGE} up")
    for route in host.routes:
        for family in FAMILIES:
            to = "default" if route.to is None else route.to.network(family)
            lines.append(f"route add {to} via {route.via.addresses(family)[0]}")
    return _text(lines)


def merging_ports(topology: Topology) -> tuple[Port, ...]:
    """The ends that face a director: they need GRO, or veth drops what XDP redirects to them."""
    directors = {host.name for host in topology.of_role(Role.DIRECTOR)}
    ends = [(link.a, link.b) for link in topology.links]
    ends += [(b, a) for a, b in ends]
    return tuple(port for port, peer in ends if peer.host in directors)


def _pair(lab: str, link: Link) -> str:
    peer = f"name {link.b.name} netns {namespace(lab, link.b.host)}"
    return f"link add {link.a.name} type veth peer {peer}"


def _addresses(port: Port) -> list[str]:
    if port.place is None:
        return []
    return [
        *(f"addr add {each}/24 dev {port.name}" for each in port.place.addresses(Family.IPV4)),
        *(
            f"addr add {each}/64 dev {port.name} nodad"
            for each in port.place.addresses(Family.IPV6)
        ),
    ]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
