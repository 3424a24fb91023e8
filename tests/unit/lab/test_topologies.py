"""The declared networks hold together: addresses, links, gateways, for each of them."""

from collections import Counter

import pytest

from elvs.lab.errors import LabError
from elvs.lab.plan import FAMILIES
from elvs.lab.topologies import MOST_SERVERS, TOPOLOGIES, make
from elvs.lab.topology import Role, Topology
from elvs.model.service import Method


@pytest.fixture(params=sorted(TOPOLOGIES))
def topology(request: pytest.FixtureRequest) -> Topology:
    name = request.param
    assert isinstance(name, str)
    return make(name, MOST_SERVERS)


def test_each_method_has_its_network() -> None:
    methods = {name: make(name, 2).method for name in TOPOLOGIES}
    assert methods == {"lan": Method.DR, "nat": Method.NAT, "routed": Method.TUN}


def test_every_address_is_there_once(topology: Topology) -> None:
    for family in FAMILIES:
        held = Counter(
            address for host in topology.hosts for address in topology.addresses(host.name, family)
        )
        assert max(held.values()) == 1
        assert topology.vip.addresses(family)[0] not in held


def test_every_port_belongs_to_a_host_and_has_a_name_of_its_own(topology: Topology) -> None:
    ends = [port for link in topology.links for port in (link.a, link.b)]
    assert {port.host for port in ends} == {host.name for host in topology.hosts}
    assert max(Counter((port.host, port.name) for port in ends).values()) == 1
    assert all(len(port.name) <= 15 for port in ends)  # IFNAMSIZ


def test_both_ends_of_a_routed_link_are_in_one_segment(topology: Topology) -> None:
    for link in topology.links:
        if link.a.place is not None and link.b.place is not None:
            assert link.a.place.segment == link.b.place.segment


def test_every_next_hop_is_an_address_on_a_segment_of_the_host(topology: Topology) -> None:
    for host in topology.hosts:
        segments = {port.place.segment for port in topology.ports(host.name) if port.place}
        for route in host.routes:
            assert route.via.segment in segments
            holders = [
                other.name
                for other in topology.hosts
                if route.via.addresses(FAMILIES[0])[0]
                in topology.addresses(other.name, FAMILIES[0])
            ]
            assert len(holders) == 1 and holders[0] != host.name


def test_only_nat_answers_pass_the_director() -> None:
    for name in TOPOLOGIES:
        topology = make(name, 2)
        director = topology.of_role(Role.DIRECTOR)[0].name
        addresses = topology.addresses(director, FAMILIES[0])
        default = [route.via for route in topology.host("server1").routes if route.to is None]
        passes = default[0].addresses(FAMILIES[0])[0] in addresses
        assert passes == (name == "nat") == (topology.gateway is not None)


def test_between_director_and_servers_of_routed_there_is_a_router() -> None:
    topology = make("routed", 2)
    director = {port.place.segment for port in topology.ports("director") if port.place}
    server = {port.place.segment for port in topology.ports("server1") if port.place}
    assert not director & server


@pytest.mark.parametrize("count", [0, -1, MOST_SERVERS + 1])
def test_a_wrong_number_of_servers_is_refused(count: int) -> None:
    with pytest.raises(LabError, match="real servers; ask for 1 to"):
        make("lan", count)


def test_an_unknown_topology_is_refused() -> None:
    with pytest.raises(LabError, match="no topology 'ring'; known are lan, nat, routed"):
        make("ring", 2)
