"""Topologies as text for ip(8)."""

from elvs.lab import plan
from elvs.lab.topologies import make


def test_pairs_are_born_in_their_namespaces() -> None:
    topology = make("lan", 1)
    assert plan.link_batch("mine", topology, topology.host("server1")) == (
        "link set lo up\nlink add eth0 type veth peer name server1 netns elvs-mine-switch\n"
    )


def test_a_switch_gets_a_bridge_that_floods_neighbour_discovery() -> None:
    topology = make("lan", 1)
    assert "link add br0 type bridge mcast_snooping 0\n" in plan.link_batch(
        "mine", topology, topology.host("switch")
    )
    assert plan.address_batch(topology, topology.host("switch")) == (
        "link set router master br0 up\n"
        "link set director master br0 up\n"
        "link set server1 master br0 up\n"
        "link set br0 up\n"
    )


def test_addresses_and_routes_of_both_families() -> None:
    topology = make("nat", 2)
    assert plan.address_batch(topology, topology.host("server2")) == (
        "addr add 10.0.1.12/24 dev eth0\n"
        "addr add fd00:1::12/64 dev eth0 nodad\n"
        "link set eth0 up\n"
        "route add default via 10.0.1.1\n"
        "route add default via fd00:1::1\n"
    )


def test_a_route_to_a_segment() -> None:
    topology = make("routed", 1)
    batch = plan.address_batch(topology, topology.host("router"))
    assert "route add 10.0.1.0/24 via 10.0.2.2\n" in batch
    assert "route add fd00:1::/64 via fd00:2::2\n" in batch


def test_only_routers_forward_and_only_servers_are_strict() -> None:
    topology = make("nat", 1)
    settings = {host.name: dict(plan.sysctls(host)) for host in topology.hosts}
    forwarding = {name for name, each in settings.items() if each["ipv4/ip_forward"] == "1"}
    strict = {name for name, each in settings.items() if each["ipv4/conf/default/rp_filter"] == "1"}
    assert forwarding == {"router"}
    assert strict == {"server1"}
    assert all(
        each["ipv4/ip_forward"] == each["ipv6/conf/all/forwarding"] for each in settings.values()
    )


def test_the_ends_that_face_the_director_merge() -> None:
    ends = {(port.host, port.name) for port in plan.merging_ports(make("nat", 2))}
    assert ends == {("router", "director"), ("switch", "director")}


def test_namespaces_carry_the_labs_name() -> None:
    assert plan.namespaces("x", make("lan", 1)) == (
        "elvs-x-client",
        "elvs-x-router",
        "elvs-x-switch",
        "elvs-x-director",
        "elvs-x-server1",
    )
