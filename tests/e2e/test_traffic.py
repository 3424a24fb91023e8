"""Real clients and servers through the VIP: every method, both families, unmodified programs."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from elvs.lab.namespace import entered
from elvs.model.address import Family
from elvs.model.service import Method
from tests.kit.site import Site, ask, site

pytestmark = pytest.mark.root

FLAGS = {Method.NAT: "-m", Method.DR: "-g", Method.TUN: "-i"}
families = pytest.mark.parametrize("family", list(Family), ids=lambda f: f.name)
NO_RETRANSMISSION = 0.9
"""Seconds; a lost SYN is sent again after one."""


@pytest.fixture(scope="module", params=list(FLAGS), ids=lambda m: m.name)
def world(request: pytest.FixtureRequest) -> Iterator[Site]:
    with site(request.param) as made:
        yield made
        assert made.forwarded() == 0, "the director's own stack forwarded packets"


@pytest.fixture(autouse=True)
def clean(world: Site) -> Iterator[None]:
    """Services that a test adds are gone after it."""
    before = world.run("director", "elvs-ipvsadm", "-Sn")
    yield
    if world.run("director", "elvs-ipvsadm", "-Sn") != before:
        world.run("director", "elvs-ipvsadm", "-C")
        for line in before.splitlines():
            world.run("director", "elvs-ipvsadm", *line.split())


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def add_service(world: Site, family: Family, option: str, port: int, servers: list[str]) -> None:
    """A service on another port of the VIP, the method's flag on each server."""
    virtual = f"{bracketed(world.vip(family))}:{port}"
    world.run("director", "elvs-ipvsadm", "-A", option, virtual, "-s", "rr")
    for server in servers:
        real = f"{bracketed(world.real(server, family))}:{port}"
        flag = FLAGS[world.topology.method]
        world.run("director", "elvs-ipvsadm", "-a", option, virtual, "-r", real, flag)


@families
def test_curl_reaches_both_servers_and_they_see_the_client(world: Site, family: Family) -> None:
    url = f"http://{bracketed(world.vip(family))}/"
    answers = [json.loads(world.run("client", "curl", "-sS", "-m5", url)) for _ in range(6)]
    own = world.topology.addresses("client", family)
    assert sorted({a["server"] for a in answers}) == world.servers()
    assert {a["client"] for a in answers} <= set(own)


@families
@pytest.mark.parametrize("reverse", [False, True], ids=["upload", "download"])
def test_iperf3(world: Site, family: Family, reverse: bool) -> None:
    add_service(world, family, "-t", 5201, ["server1"])
    server = world.start("server1", "iperf3", "-s", "-1")
    try:
        time.sleep(0.3)
        argv = ["iperf3", "-c", world.vip(family), "-t", "1", "-J", *(["-R"] if reverse else [])]
        report = json.loads(world.run("client", *argv))
    finally:
        server.terminate()
        server.wait(5)
    assert report["end"]["sum_received"]["bytes"] > 1_000_000


@families
def test_dig_over_udp(world: Site, family: Family) -> None:
    add_service(world, family, "-u", 53, world.servers())
    options = ["--no-resolv", "--no-hosts", "--user=root", "--pid-file=", "--conf-file=/dev/null"]
    running = [
        world.start(s, "dnsmasq", "-k", *options, f"--txt-record=who.test,{s}")
        for s in world.servers()
    ]
    try:
        time.sleep(0.5)
        dig = ("dig", "+short", "+tries=1", "+time=3", f"@{world.vip(family)}", "TXT", "who.test")
        said = {world.run("client", *dig).strip().strip('"') for _ in range(4)}
    finally:
        for process in running:
            process.terminate()
            process.wait(5)
    assert said == set(world.servers())


@families
def test_life_of_a_connection_is_counted(world: Site, family: Family) -> None:
    def counts() -> tuple[int, int]:
        rows = world.run("director", "elvs-ipvsadm", "-Ln").splitlines()
        vip = f"TCP  {bracketed(world.vip(family))}:80"
        at = next(i for i, row in enumerate(rows) if row.startswith(vip))
        mine = [row.split() for row in rows[at + 1 : at + 3]]
        return sum(int(r[-2]) for r in mine), sum(int(r[-1]) for r in mine)

    active, inactive = counts()
    with world.connect(family) as connection:
        ask(connection)
        assert counts() == (active + 1, inactive)
        listing = world.run("director", "elvs-ipvsadm", "-Lnc")
        port = connection.getsockname()[1]
        assert any(f":{port} " in row and "ESTABLISHED" in row for row in listing.splitlines())
    time.sleep(0.3)
    assert counts() == (active, inactive + 1)


@families
def test_weight_zero_quiesces(world: Site, family: Family) -> None:
    virtual = f"{bracketed(world.vip(family))}:80"
    with world.connect(family) as connection:
        held = ask(connection)["server"]
        port = 8080 if world.topology.method is Method.NAT else 80
        real = f"{bracketed(world.real(held, family))}:{port}"
        flag = FLAGS[world.topology.method]
        world.run("director", "elvs-ipvsadm", "-e", "-t", virtual, "-r", real, flag, "-w", "0")
        assert ask(connection)["server"] == held
        for _ in range(4):
            with world.connect(family) as fresh:
                assert ask(fresh)["server"] != held


@families
def test_no_server_is_refused(world: Site, family: Family) -> None:
    """The answer may come while connect() still holds its socket: then the second one counts."""
    virtual = f"{bracketed(world.vip(family))}:81"
    world.run("director", "elvs-ipvsadm", "-A", "-t", virtual)
    with pytest.raises(ConnectionRefusedError):
        world.connect(family, 81)


@families
def test_cold_neighbour_loses_no_packet(world: Site, family: Family) -> None:
    for host in ("director", "router"):
        world.run(host, "ip", "neigh", "flush", "all")
    time.sleep(0.6)  # interned ways are looked up again after half a second
    began = time.monotonic()
    with world.connect(family) as connection:
        ask(connection)
    assert time.monotonic() - began < NO_RETRANSMISSION


@families
def test_carrier_loss_and_return(world: Site, family: Family) -> None:
    far = "router" if world.topology.method is not Method.DR else "switch"
    with world.connect(family, timeout=20.0) as connection:
        first = ask(connection)
        world.run(far, "ip", "link", "set", "director", "down")
        time.sleep(0.5)
        world.run(far, "ip", "link", "set", "director", "up")
        _restore_ipv6(world, far)
        assert ask(connection) == first


def _restore_ipv6(world: Site, host: str) -> None:
    """An interface that goes down loses its IPv6 addresses; the lab's come back."""
    ports = [p for p in world.topology.ports(host) if p.name == "director" and p.place]
    for port in ports:
        for address in port.place.addresses(Family.IPV6) if port.place else ():
            world.run(host, "ip", "addr", "replace", f"{address}/64", "dev", port.name, "nodad")


def test_all_of_user_space_killed(world: Site) -> None:
    """Readers of the tables are killed by -9 over and over; connections do not notice."""
    connections = [world.connect(family) for family in Family for _ in range(20)]
    try:
        for _ in range(4):
            readers = [
                world.start("director", "elvs-ipvsadm", "-Lnc"),
                world.start("director", "elvs", "status"),
                world.start("director", "elvs-ipvsadm", "-Z"),
            ]
            time.sleep(0.1)
            for process in readers:
                process.kill()
                process.wait(5)
            for connection in connections:
                assert ask(connection)["server"] in world.servers()
    finally:
        for connection in connections:
            connection.close()


ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: answer from the address that was asked
s.bind(("", 5300))
while True:
    data, (info, *_), _, client = s.recvmsg(4096, 256)
    s.sendmsg([data], [info], 0, client)
"""


def test_udp_echo_of_every_size(world: Site) -> None:
    """Datagrams of odd and even lengths up to what the method's way carries."""
    add_service(world, Family.IPV4, "-u", 5300, ["server1"])
    server = world.start("server1", "python3", "-c", ECHO)
    try:
        time.sleep(0.5)
        with entered(world.netns("client")):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client:
            client.settimeout(3.0)
            for size in (0, 1, 2, 3, 100, 101, 1399, 1400):
                client.sendto(b"x" * size, (world.vip(Family.IPV4), 5300))
                assert client.recv(4096) == b"x" * size
    finally:
        server.terminate()
        server.wait(5)
