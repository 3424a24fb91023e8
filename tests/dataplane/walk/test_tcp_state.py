"""IPVS's TCP states, every cell of its table (ipvs-behaviour.md section 5), and the counts."""

import pytest

from elvs.dataplane.layout import ConnFlags, Load, Method, TcpState, Verdict
from tests.kit.connections import force, only
from tests.kit.packets import IPV4, Net, from_server, tcp, udp
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import World

STATES = ["NO", "ES", "SS", "SR", "FW", "TW", "CL", "CW", "LA", "LI", "SA"]
TABLE = """
IN     syn SR ES ES SR SR SR SR SR SR SR SR
IN     fin CL CW SS TW TW TW CL CW LA LI TW
IN     ack ES ES SS ES FW TW CL CW CL LI ES
IN     rst CL CL CL SR CL CL CL CL LA LI SR
OUT    syn SS ES SS SR SS SS SS SS SS LI SR
OUT    fin TW FW SS TW FW TW CL TW LA LI TW
OUT    ack ES ES SS ES FW TW CL CW LA ES ES
OUT    rst CL CL SS CL CL TW CL CL CL CL CL
INONLY syn SR ES ES SR SR SR SR SR SR SR SR
INONLY fin CL FW SS TW FW TW CL CW LA LI TW
INONLY ack ES ES SS ES FW TW CL CW CL LI ES
INONLY rst CL CL CL SR CL CL CL CL LA LI CL
"""
ACTIVE = {TcpState.ESTABLISHED, TcpState.SYN_SENT, TcpState.SYN_RECV, TcpState.SYNACK}
FLAGS = {
    "syn": ("S", "SA", "SF", "SFA"),
    "fin": ("F", "FA", "FPA"),
    "ack": ("A", "PA", "AU"),
    "rst": ("R", "RA", "RFA"),
}
"""Flags that mean an event: RST before SYN before FIN before ACK."""
ROWS = [line.split() for line in TABLE.split("\n") if line]


def state(short: str) -> TcpState:
    return TcpState(STATES.index(short))


def counts(of: TcpState) -> tuple[int, int]:
    return (1, 0) if of in ACTIVE else (0, 1)


def opened(world: World, rules: Rules, net: Net, direction: str) -> None:
    method = Method.DR if direction == "INONLY" else Method.NAT
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80, method))
    world.run(net.frame(tcp()))


def step(world: World, net: Net, direction: str, flags: str) -> Verdict:
    if direction == "OUT":
        packet = net.frame(
            tcp(flags, 80, 40000), src=net.rip(1), dst=net.client, macs=from_server(1)
        )
    else:
        packet = net.frame(tcp(flags))
    return world.run(packet).verdict


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_every_cell(world: World, rules: Rules, row: list[str]) -> None:
    net = IPV4
    direction, event, *cells = row
    opened(world, rules, net, direction)
    for before, after in zip(map(state, STATES), map(state, cells), strict=True):
        for flags in FLAGS[event]:
            put(world, net, before, direction)
            verdict = step(world, net, direction, flags)
            reused = direction != "OUT" and event == "syn" and before in (5, 6)
            assert verdict in (Verdict.TX_NAT, Verdict.TX_NAT_REPLY, Verdict.TX_DR)
            found = only(world, net.v6)
            got = TcpState(found.state)
            assert got is after, f"{direction} {flags} in {before.name}: {got.name}"
            assert bool(found.flags & ConnFlags.INACTIVE) is (after not in ACTIVE)
            assert bool(found.flags & ConnFlags.NOOUTPUT) is (direction == "INONLY")
            assert world.load(0) == counts(after), f"{direction} {flags} in {before.name}"
            if reused:
                world.tick += 3  # the old slot may be taken again


def put(world: World, net: Net, to: TcpState, direction: str) -> None:
    """The connection in a state, its server's counts with it."""
    flags = ConnFlags.NOOUTPUT if direction == "INONLY" else ConnFlags(0)
    flags |= ConnFlags(0) if to in ACTIVE else ConnFlags.INACTIVE
    force(world, only(world, net.v6), net.v6, to, flags)
    active, inactive = counts(to)
    Load.active.set(world.tables.memory("loads"), 0, active)
    Load.inactive.set(world.tables.memory("loads"), 0, inactive)


@pytest.mark.parametrize("direction", ["IN", "OUT", "INONLY"])
@pytest.mark.parametrize("flags", ["", "U", "P", "EC"])
def test_no_event_closes(world: World, rules: Rules, net: Net, direction: str, flags: str) -> None:
    opened(world, rules, net, direction)
    step(world, net, direction, flags)
    assert only(world, net.v6).state == TcpState.CLOSE
    assert world.load(0) == (0, 1)


LIVES = {
    "NAT, the client closes first": (
        "NAT",
        [
            ("IN", "S", "SR"),
            ("OUT", "SA", "SR"),
            ("IN", "A", "ES"),
            ("OUT", "A", "ES"),
            ("IN", "FA", "CW"),
            ("OUT", "FA", "TW"),
            ("IN", "A", "TW"),
        ],
    ),
    "NAT, the server closes first": (
        "NAT",
        [
            ("IN", "S", "SR"),
            ("OUT", "SA", "SR"),
            ("IN", "A", "ES"),
            ("OUT", "FA", "FW"),
            ("IN", "FA", "TW"),
            ("OUT", "A", "TW"),
        ],
    ),
    "NAT, RST in the handshake stays": ("NAT", [("IN", "S", "SR"), ("IN", "R", "SR")]),
    "NAT, RST": ("NAT", [("IN", "S", "SR"), ("IN", "A", "ES"), ("OUT", "R", "CL")]),
    "DR, only the client is seen": (
        "DR",
        [("IN", "S", "SR"), ("IN", "A", "ES"), ("IN", "FA", "FW"), ("IN", "A", "FW")],
    ),
}


@pytest.mark.parametrize("life", LIVES)
def test_lives(world: World, rules: Rules, net: Net, life: str) -> None:
    method, steps = LIVES[life]
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80, Method[method]))
    for direction, flags, after in steps:
        step(world, net, direction, flags)
        assert TcpState(only(world, net.v6).state) is state(after), f"after {direction} {flags}"
        assert world.load(0) == counts(state(after))


@pytest.mark.parametrize("method", [Method.NAT, Method.DR])
def test_udp_is_always_inactive(world: World, rules: Rules, net: Net, method: Method) -> None:
    rules.service(net.vip, 53, UDP, Real(net.rip(1), 53, method))
    for _ in range(3):
        world.run(net.frame(udp()))
        found = only(world, net.v6)
        assert (found.state, found.flags & ConnFlags.INACTIVE) == (0, ConnFlags.INACTIVE)
        assert world.load(0) == (0, 1)


def test_the_first_answer_ends_input_only(world: World, rules: Rules, net: Net) -> None:
    """NOOUTPUT goes for good; from then on the two-sided table holds."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80, Method.DR))
    world.run(net.frame(tcp()))
    world.run(net.frame(tcp("SA", 80, 40000), src=net.vip, dst=net.client, macs=from_server(1)))
    world.run(net.frame(tcp("A")))
    world.run(net.frame(tcp("FA")))
    assert TcpState(only(world, net.v6).state) is TcpState.CLOSE_WAIT
