"""The three networks that the forwarding methods are made for.

Public networks have documentation prefixes (RFC 5737, RFC 3849), networks of servers alone
private ones. In each network a host has the same number in both families.
"""

from collections.abc import Callable

from elvs.lab.errors import LabError
from elvs.lab.topology import Host, Link, Place, Port, Role, Route, Segment, Topology
from elvs.model.service import Method

CLIENTS = Segment("203.0.113", "2001:db8:113")
SITE = Segment("198.51.100", "2001:db8:100")
"""The network of the VIP and of the director."""
SERVERS = Segment("10.0.1", "fd00:1")
TRANSIT = Segment("10.0.2", "fd00:2")
"""Between the two routers of `routed`."""

ROUTER, DIRECTOR, FIRST_SERVER, VIP = 1, 2, 11, 100
CLIENT_NUMBERS = tuple(range(11, 19))
"""The client has eight addresses, so that requests come from several."""
MOST_SERVERS = VIP - FIRST_SERVER


def lan(real_servers: int) -> Topology:
    """One arm: router, director and real servers on one network; answers go to the router."""
    default = Route(Place(SITE, (ROUTER,)))
    names = _server_names(real_servers)
    return Topology(
        name="lan",
        summary="one arm: director and real servers share a network, answers bypass the director",
        method=Method.DR,
        hosts=(
            _client(),
            Host("router", Role.ROUTER),
            Host("switch", Role.SWITCH),
            Host("director", Role.DIRECTOR, (default,)),
            *(Host(name, Role.SERVER, (default,)) for name in names),
        ),
        links=(
            _client_link(),
            _plug("router", "switch", Place(SITE, (ROUTER,)), name="switch"),
            _plug("director", "switch", Place(SITE, (DIRECTOR,))),
            *_plug_servers(names, SITE),
        ),
        vip=Place(SITE, (VIP,)),
        gateway=None,
    )


def nat(real_servers: int) -> Topology:
    """Two arms: the director stands between the router and the real servers."""
    inside = Place(SERVERS, (ROUTER,))
    names = _server_names(real_servers)
    return Topology(
        name="nat",
        summary="two arms: the director is the real servers' gateway, answers pass it",
        method=Method.NAT,
        hosts=(
            _client(),
            Host("router", Role.ROUTER),
            Host("director", Role.DIRECTOR, (Route(Place(SITE, (ROUTER,))),)),
            Host("switch", Role.SWITCH),
            *(Host(name, Role.SERVER, (Route(inside),)) for name in names),
        ),
        links=(
            _client_link(),
            Link(
                Port("router", "director", Place(SITE, (ROUTER,))),
                Port("director", "eth0", Place(SITE, (DIRECTOR,))),
            ),
            _plug("director", "switch", inside, name="eth1"),
            *_plug_servers(names, SERVERS),
        ),
        vip=Place(SITE, (VIP,)),
        gateway=inside,
    )


def routed(real_servers: int) -> Topology:
    """Real servers in another network, two routers away; answers go straight to the client."""
    near, far = Place(TRANSIT, (1,)), Place(TRANSIT, (2,))
    default = Route(Place(SERVERS, (ROUTER,)))
    names = _server_names(real_servers)
    return Topology(
        name="routed",
        summary="real servers behind routers, reached by tunnels, answers bypass the director",
        method=Method.TUN,
        hosts=(
            _client(),
            Host("router", Role.ROUTER, (Route(far, SERVERS),)),
            Host("director", Role.DIRECTOR, (Route(Place(SITE, (ROUTER,))),)),
            Host("far-router", Role.ROUTER, (Route(near),)),
            Host("switch", Role.SWITCH),
            *(Host(name, Role.SERVER, (default,)) for name in names),
        ),
        links=(
            _client_link(),
            Link(
                Port("router", "director", Place(SITE, (ROUTER,))),
                Port("director", "eth0", Place(SITE, (DIRECTOR,))),
            ),
            Link(Port("router", "far-router", near), Port("far-router", "router", far)),
            _plug("far-router", "switch", Place(SERVERS, (ROUTER,)), name="switch"),
            *_plug_servers(names, SERVERS),
        ),
        vip=Place(SITE, (VIP,)),
        gateway=None,
    )


TOPOLOGIES: dict[str, Callable[[int], Topology]] = {"lan": lan, "nat": nat, "routed": routed}
"""Name -> what makes it for a number of real servers."""


def make(name: str, real_servers: int) -> Topology:
    """The topology of that name; raises LabError for an unknown name or a wrong number."""
    if name not in TOPOLOGIES:
        raise LabError(f"there is no topology {name!r}", f"known are {', '.join(TOPOLOGIES)}")
    if not 1 <= real_servers <= MOST_SERVERS:
        raise LabError(
            f"a lab cannot have {real_servers} real servers", f"ask for 1 to {MOST_SERVERS}"
        )
    return TOPOLOGIES[name](real_servers)


def _server_names(count: int) -> list[str]:
    return [f"server{number}" for number in range(1, count + 1)]


def _client() -> Host:
    return Host("client", Role.CLIENT, (Route(Place(CLIENTS, (ROUTER,))),))


def _client_link() -> Link:
    return Link(
        Port("client", "eth0", Place(CLIENTS, CLIENT_NUMBERS)),
        Port("router", "client", Place(CLIENTS, (ROUTER,))),
    )


def _plug(host: str, switch: str, place: Place, name: str = "eth0") -> Link:
    """A cable from a host's interface into a switch, whose port is called after the host."""
    return Link(Port(host, name, place), Port(switch, host))


def _plug_servers(names: list[str], segment: Segment) -> tuple[Link, ...]:
    return tuple(
        _plug(name, "switch", Place(segment, (FIRST_SERVER + index,)))
        for index, name in enumerate(names)
    )
