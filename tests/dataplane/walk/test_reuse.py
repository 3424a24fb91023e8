"""A client's port used again: conn_reuse_mode 1 (is_new_conn_expected)."""

import pytest

from elvs.dataplane.layout import ConnFlags, Load, TcpState, Verdict
from tests.kit.connections import force, only
from tests.kit.packets import Net, same, tcp, to_server
from tests.kit.rules import TCP, Real, Rules
from tests.kit.world import World

CLOSED = (TcpState.TIME_WAIT, TcpState.CLOSE)


def opened(world: World, rules: Rules, net: Net, state: TcpState) -> int:
    """A connection to server 1 in a state; rr would now choose server 2."""
    service = rules.service(net.vip, 80, TCP, Real(net.rip(1), 80), Real(net.rip(2), 80))
    world.run(net.frame(tcp()))
    active = state in (1, 2, 3, 10)
    force(world, only(world, net.v6), net.v6, state, 0 if active else ConnFlags.INACTIVE)
    Load.active.set(world.tables.memory("loads"), 0, int(active))
    Load.inactive.set(world.tables.memory("loads"), 0, int(not active))
    return service


@pytest.mark.parametrize("state", list(TcpState)[:11], ids=lambda state: str(state.name))
@pytest.mark.parametrize("flags", ["S", "A", "F"])
def test_only_a_syn_and_only_when_closed(
    world: World, rules: Rules, net: Net, state: TcpState, flags: str
) -> None:
    opened(world, rules, net, state)
    seen = world.run(net.frame(tcp(flags)))
    anew = flags == "S" and state in CLOSED
    number = 2 if anew else 1
    same(
        seen.frame,
        net.frame(tcp(flags), dst=net.rip(number), ttl=63, macs=to_server(number)),
    )
    assert only(world, net.v6).server == number - 1
    assert sum(world.load(0)) == (0 if anew else 1)
    assert sum(world.load(1)) == (1 if anew else 0)
    assert world.born(int(net.v6)) == 1
    assert world.traffic(1)[0] == (1 if anew else 0)


@pytest.mark.parametrize("state", CLOSED, ids=lambda state: str(state.name))
def test_also_when_the_server_has_gone(
    world: World, rules: Rules, net: Net, state: TcpState
) -> None:
    """ip_vs_in_hook looks at the reuse before it looks at the server."""
    service = opened(world, rules, net, state)
    rules.remove(0)
    rules.weigh(service, 0, 1)
    seen = world.run(net.frame(tcp()))
    assert seen.verdict is Verdict.TX_NAT
    assert only(world, net.v6).server == 1


@pytest.mark.parametrize("state", CLOSED, ids=lambda state: str(state.name))
def test_nobody_to_take_it(world: World, rules: Rules, net: Net, state: TcpState) -> None:
    """The old one has ended all the same."""
    service = opened(world, rules, net, state)
    rules.weigh(service, 0, 0)
    assert world.run(net.frame(tcp())).verdict is Verdict.TX_PORT_UNREACHABLE
    assert world.load(0) == world.load(1) == (0, 0)
    assert world.born(int(net.v6)) == 0


def test_many_times_over(world: World, rules: Rules, net: Net) -> None:
    """Six times after RST: the scheduler chooses each time (ipvs-behaviour.md section 2)."""
    opened(world, rules, net, TcpState.ESTABLISHED)
    chosen = []
    for _ in range(6):
        world.run(net.frame(tcp("R")))
        world.run(net.frame(tcp()))
        chosen.append(only(world, net.v6).server)
        world.run(net.frame(tcp("A")))
    assert chosen == [1, 0, 1, 0, 1, 0]
