"""An unresolved neighbour: the finished packet goes up with a note for tc (slow.bpf.c)."""

import struct
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from elvs.dataplane import testrun
from elvs.dataplane.layout import Handover, Hop, Method, Verdict
from elvs.model.address import Address
from tests.dataplane.walk.test_tun import wrapped
from tests.kit.packets import (
    INCOMING,
    TO_CLIENT,
    UNREACHABLE,
    Net,
    from_server,
    l3,
    same,
    tcp,
    to_server,
    udp,
)
from tests.kit.rules import TCP, UDP, Real, Rules
from tests.kit.world import FAR_ROUTER_MAC, PASS, REDIRECT, World

MAGIC = 0x656C7653
COLD = 200
"""A server that no neighbour entry knows."""
TC_REDIRECT, TC_UNSPEC = 7, 0xFFFFFFFF


def note(net: Net, ifindex: int, address: str) -> bytes:
    head = struct.pack("<III", MAGIC, ifindex, 10 if net.v6 else 2)
    return head + Address.parse(address).padded


def inside_ifindex(meta: bytes) -> int:
    return Handover.ifindex.get(meta)


@pytest.mark.parametrize("method", [Method.NAT, Method.DR, Method.TUN])
def test_a_cold_server(world: World, rules: Rules, net: Net, method: Method) -> None:
    """Written as it must leave, MACs as it came; what is to be resolved stands before it."""
    real = Real(net.rip(COLD), 80, method, tunnel_source=net.director)
    rules.service(net.vip, 80, TCP, real)
    seen = world.run(net.frame(tcp()))
    assert (seen.verdict, seen.action) == (Verdict.SLOW_NEIGHBOUR, PASS)
    assert seen.meta == note(net, inside_ifindex(seen.meta), net.rip(COLD))
    dst = net.rip(COLD) if method is Method.NAT else net.vip
    inner = net.frame(tcp(), ttl=63, dst=dst)
    outer: dict[str, Any] = {} if net.v6 else {"flags": "DF", "id": 0}
    if method is Method.TUN:
        inner = wrapped(net, l3(inner), 63, net.rip(COLD), INCOMING, **outer)
    same(seen.frame, inner)


def test_an_answer_from_a_cold_client(world: World, rules: Rules, net: Net) -> None:
    """The client is on the director's own outer network, without an entry."""
    client = "2001:db8:1::77" if net.v6 else "192.168.1.77"
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    world.run(net.frame(tcp(), src=client))
    packet: dict[str, Any] = {"dst": client, "macs": from_server(1)}
    seen = world.run(net.frame(tcp("SA", 80, 40000), src=net.rip(1), **packet))
    assert (seen.verdict, seen.action) == (Verdict.SLOW_NEIGHBOUR, PASS)
    assert seen.meta == note(net, world.ingress, client)
    same(seen.frame, net.frame(tcp("SA", 80, 40000), src=net.vip, ttl=63, **packet))


def test_icmp_to_a_cold_client(world: World, rules: Rules, net: Net) -> None:
    client = "2001:db8:1::77" if net.v6 else "192.168.1.77"
    rules.service(net.vip, 53, UDP)
    packet = net.frame(udp(), src=client)
    seen = world.run(packet)
    assert (seen.verdict, seen.action) == (Verdict.SLOW_NEIGHBOUR, PASS)
    assert seen.meta == note(net, world.ingress, client)
    fields = {} if net.v6 else {"tos": 0xC0, "id": Ether(seen.frame)[IP].id, "flags": 0}
    want = net.error(UNREACHABLE, 4 if net.v6 else 3, l3(packet))
    same(seen.frame, net.frame(want, src=net.vip, dst=client, **fields))


def test_tc_takes_what_carries_the_note(world: World, rules: Rules, net: Net) -> None:
    """Everything else is left to whatever stands behind on the interface."""
    ran = testrun.run_tc(world.programs["slow"], net.frame(tcp()))
    assert ran.retval == TC_UNSPEC


def test_neither_ip_forward_nor_the_ingress_matters(world: World, rules: Rules, net: Net) -> None:
    """Only lo's own switch, which attach turns on; without it there is no way."""
    family = "ipv6" if net.v6 else "ipv4"
    for name in (
        "ipv4/ip_forward",
        "ipv6/conf/all/forwarding",
        f"{family}/conf/elvsout/forwarding",
    ):
        assert Path("/proc/sys/net", name).read_text() == "0\n"
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    assert world.run(net.frame(tcp(sport=40001))).verdict is Verdict.TX_NAT
    switch = Path(f"/proc/sys/net/{family}/conf/lo/forwarding")
    switch.write_text("0")
    try:
        world.tick += 60
        assert world.run(net.frame(tcp(sport=40002))).verdict is Verdict.DROP_NO_ROUTE
    finally:
        switch.write_text("1")


def test_a_way_is_looked_up_once_and_kept(world: World, rules: Rules, net: Net) -> None:
    """Many servers behind one router share one hop."""
    reals = [Real(f"{net.far}{i}", 80, Method.DR) for i in range(1, 9)]
    rules.service(net.vip, 80, TCP, *reals)
    for sport in range(40000, 40016):
        seen = world.run(net.frame(tcp(sport=sport)))
        same(seen.frame, net.frame(tcp(sport=sport), ttl=63, macs=to_server(0xFE)))
    hops = world.tables.memory("hops")
    used = [row for row in range(len(hops) // Hop.SIZE) if Hop.ifindex.get(hops, row)]
    assert len(used) == 1
    assert Hop.macs.get(hops, used[0])[:6] == bytes.fromhex(FAR_ROUTER_MAC.replace(":", ""))


def test_every_five_seconds_the_kernel_sends_one(world: World, rules: Rules, net: Net) -> None:
    """Else it would never notice that the neighbour has gone: XDP is no use in its eyes."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    seen: list[Verdict] = []
    for _ in range(24):
        seen.append(world.run(net.frame(tcp("A" if seen else "S"))).verdict)
        world.tick += 51
    slow = seen.count(Verdict.SLOW_NEIGHBOUR)
    assert slow == 2
    assert seen.count(Verdict.TX_NAT) == 24 - slow


def test_a_row_that_belongs_to_another_way_by_now_is_not_used(
    world: World, rules: Rules, net: Net
) -> None:
    """After a pause longer than rows are kept, the first answer looks its way up again."""
    rules.service(net.vip, 80, TCP, Real(net.rip(1), 80))
    answer = net.frame(tcp("A", 80, 40000), src=net.rip(1), dst=net.client, macs=from_server(1))
    world.run(net.frame(tcp()))
    assert world.run(answer).action == REDIRECT
    world.tick += 7001
    hops = world.tables.memory("hops")
    for row in range(len(hops) // Hop.SIZE):
        if Hop.macs.get(hops, row)[:6] == bytes.fromhex("0200000001fe"):
            Hop.macs.set(hops, row, bytes(12))
            Hop.checked.set(hops, row, world.tick)
            Hop.used.set(hops, row, world.tick)
    seen = world.run(answer)
    same(
        seen.frame,
        net.frame(tcp("A", 80, 40000), src=net.vip, dst=net.client, ttl=63, macs=TO_CLIENT),
    )
