"""Labs for real: they route, serve, isolate, and leave nothing behind."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from elvs.lab import builder, namespace, nginx, plan, remnants, state
from elvs.lab.errors import LabError
from elvs.lab.plan import FAMILIES
from elvs.lab.state import LabState
from elvs.lab.topologies import TOPOLOGIES
from elvs.model.address import Address

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

ELVS = str(Path(sys.executable).with_name("elvs"))
NAME = "testlab"


def traces() -> tuple[set[str], set[str], set[str], list[str]]:
    """What a lab could leave: namespaces, state, interfaces outside, web servers."""
    names = {path.name for path in namespace.NAMES.glob(f"elvs-{NAME}*")}
    homes = {path.name for path in state.RUN.glob(f"*{NAME}*")}
    outside = {path.name for path in Path("/sys/class/net").iterdir()}
    links = outside & {"client", "director", "far-router", "router", "server1", "switch", "br0"}
    commands = [
        text
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if (text := _read(path)) and f"/{NAME}" in text
    ]
    return names, homes, links, commands


def _read(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it ended meanwhile


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = traces()
    yield
    assert traces() == before


def on(lab: LabState, host: str, *command: str) -> subprocess.CompletedProcess[str]:
    argv = namespace.inside(plan.namespace(lab.name, host), command)
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def elvs(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ELVS, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture(params=sorted(TOPOLOGIES))
def lab(request: pytest.FixtureRequest) -> Iterator[LabState]:
    made = builder.up(str(request.param), 2, NAME)
    yield made
    builder.down(made)


def client_told(lab: LabState, sources: Sequence[str], address: str) -> dict[str, object]:
    """What the demo's client finds when it talks to a real server itself."""
    own = [word for each in sources for word in ("--source", each)]
    done = on(
        lab,
        "client",
        *(sys.executable, "-m", "elvs.lab.client", "--address", address, *own),
        *("--requests", "50", "--download-sha256", lab.big_sha256),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert isinstance(told, dict)
    return told


def test_clients_reach_real_servers_where_routers_lead(lab: LabState) -> None:
    topology = lab.layout()
    if topology.gateway is not None:
        return  # only the director leads to these servers, and it does not route
    for family in FAMILIES:
        sources = topology.addresses("client", family)
        told = client_told(lab, sources, topology.addresses("server2", family)[0])
        assert told["answered"] == 50, told
        assert told["servers"] == {"server2": 50}
        assert told["client_address_seen"]
        assert told["clients"] == sorted(sources)
        for bulk in (told["upload"], told["download"]):
            assert isinstance(bulk, dict)
            assert bulk["sha256"] == bulk["wanted"], bulk


def test_the_director_reaches_everybody_on_both_ports(lab: LabState) -> None:
    topology = lab.layout()
    for family in FAMILIES:
        for server in ("server1", "server2"):
            address = Address.parse(topology.addresses(server, family)[0])
            for port in nginx.PORTS:
                done = on(lab, "director", "curl", "-gsS", f"http://{address.with_port(port)}/")
                assert json.loads(done.stdout)["server"] == server, done.stderr


def test_the_director_does_not_route(lab: LabState) -> None:
    settings = on(lab, "director", "cat", "/proc/sys/net/ipv4/ip_forward")
    assert settings.stdout == "0\n"


def test_nobody_leaves_checksums_to_the_receiver(lab: LabState) -> None:
    topology = lab.layout()
    for host in topology.hosts:
        for port in topology.ports(host.name):
            features = on(lab, host.name, "ethtool", "-k", port.name).stdout
            assert "tx-checksumming: off" in features
            assert (
                "tx-tcp-segmentation: off" in features and "tx-tcp6-segmentation: off" in features
            )
    for port in plan.merging_ports(topology):
        features = on(lab, port.host, "ethtool", "-k", port.name).stdout
        assert "generic-receive-offload: on" in features


def test_the_second_of_a_name_is_refused_and_the_first_lives_on(lab: LabState) -> None:
    with pytest.raises(LabError, match="lab testlab is up already"):
        builder.up("lan", 1, NAME)
    assert on(lab, "server1", "test", "-s", str(lab.big)).returncode == 0
    assert namespace.exists(plan.namespace(NAME, "client"))


def test_down_ends_whatever_runs_in_the_lab(lab: LabState) -> None:
    left = subprocess.Popen(namespace.inside(plan.namespace(NAME, "client"), ["sleep", "600"]))
    while _read(Path(f"/proc/{left.pid}/comm")) != "sleep\n":
        time.sleep(0.01)  # nsenter is on its way into the namespace
    builder.down(lab)
    assert left.wait(timeout=5) == -15
    state.claim(lab)  # for the fixture


def test_down_takes_along_what_elvs_remembered_of_the_lab(lab: LabState) -> None:
    topology = lab.layout()
    vip = topology.vip.addresses(FAMILIES[0])[0]
    for host, *words in (
        ("director", "vip", "add", vip, "dev", "eth0"),
        ("director", "attach", "--connections", "1024", "eth0"),
        ("server1", "realserver", "up", "--method", "dr", "--vip", vip),
    ):
        done = on(lab, host, ELVS, *words)
        assert done.returncode == 0, done.stderr
    left = remnants.find(lab.namespaces)
    places = [path for each in left for path in (each.place.files, each.place.pins)]
    paths = [path for path in [*places, *(each.memory.path for each in left)] if path.exists()]
    assert len(paths) >= 3, paths
    builder.down(lab)
    assert not [path for path in paths if path.exists()]
    state.claim(lab)  # for the fixture


@pytest.mark.parametrize("broken", ["link_batch", "address_batch"])
def test_a_failure_half_way_leaves_nothing(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = getattr(plan, broken)

    def cut(*arguments: object) -> str:
        text = str(whole(*arguments))
        return f"{text}link set nowhere up\n" if "server1" in text else text

    monkeypatch.setattr(plan, broken, cut)
    with pytest.raises(LabError, match="nowhere"):
        builder.up("lan", 2, NAME)


def test_a_web_server_that_does_not_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "PORTS", (80, 80))
    with pytest.raises(LabError, match=r"nginx of server1 does not start: .*duplicate listen"):
        builder.up("lan", 2, NAME)


def test_what_a_killed_up_has_left_goes_by_down() -> None:
    stopper = (
        "import os, signal\n"
        "from elvs.lab import builder, nginx\n"
        "start = nginx.start\n"
        "def once(*arguments):\n"
        "    start(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "nginx.start = once\n"
        f"builder.up('lan', 2, {NAME!r})\n"
    )
    assert subprocess.run([sys.executable, "-c", stopper]).returncode == -9
    assert "half made" in elvs("lab", "list").stdout
    done = elvs("lab", "down", NAME)
    assert (done.returncode, done.stdout) == (0, f"{NAME} is gone\n")


def test_the_commands() -> None:
    made = elvs("lab", "up", "nat", "--real-servers", "1", "--name", NAME)
    assert made.returncode == 0, made.stderr
    assert "server1" in made.stdout and "server2" not in made.stdout
    ran = elvs("lab", "run", "--lab", NAME, "director", "--", "sh", "-c", "ip -br addr; exit 7")
    assert ran.returncode == 7
    assert "198.51.100.2/24" in ran.stdout
    wrong = elvs("lab", "run", "--lab", NAME, "moon", "--", "true")
    assert wrong.returncode == 1
    assert wrong.stderr == (
        f"elvs: lab {NAME} has no host 'moon'; it has client, router, director, switch, server1\n"
    )
    labs = json.loads(elvs("lab", "list", "--json").stdout)["labs"]
    assert NAME in [each["name"] for each in labs]
    assert elvs("lab", "down", NAME).stdout == f"{NAME} is gone\n"
    again = elvs("lab", "down", NAME)
    assert (again.returncode, again.stdout) == (0, f"no lab {NAME!r} is up\n")


def test_the_demo_carries_real_traffic_by_every_method() -> None:
    done = subprocess.run(
        [ELVS, "lab", "demo", "--requests", "60", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    results = json.loads(done.stdout)["results"]
    assert [fault for result in results for fault in result["faults"]] == []
    assert done.returncode == 0, done.stderr
    assert [(result["method"], result["family"]) for result in results] == [
        (method, family) for method in ("nat", "dr", "tun") for family in (4, 6)
    ]
    for result in results:
        assert result["answered"] == 60
        assert sum(result["servers"].values()) == 60 and len(result["servers"]) == 3
        assert result["forwarded_by_stack"] == 0
        assert bool(result["director"]["out_packets"]) == (result["method"] == "nat")
