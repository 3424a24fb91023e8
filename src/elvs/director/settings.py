"""Timeouts and protected ports as tables begin with them, and where they stand in the settings.

Timeouts are ticks of 10 ms by protocol (enum conn_protocol) and state, 16 states each. The values
are IPVS's (ip_vs_proto_tcp.c, ip_vs_proto_udp.c).
"""

from collections.abc import Sequence
from struct import Struct

from elvs.dataplane.layout import ConnProtocol, Settings, TcpState
from elvs.dataplane.port import Tables

TICKS_PER_SECOND = 100
STATES = 16
TIMEOUTS = Struct("<64I")
PORTS = Struct("<16H")
PORTS_OFFSET = Settings.protected_ports.offset
COUNTS = Struct("<2I")
COUNTS_OFFSET = Settings.services4.offset

TCP_SECONDS = (2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120)
UDP_SECONDS = 300
OTHER_SECONDS = 60

PROTECTED_PORTS = (22, 179, 3784, 4784)
"""ssh, BGP, BFD: of the director's own addresses, they never go to a real server."""

TCP_ESTABLISHED = ConnProtocol.TCP * STATES + TcpState.ESTABLISHED
TCP_FIN_WAIT = ConnProtocol.TCP * STATES + TcpState.FIN_WAIT
UDP_NORMAL = ConnProtocol.UDP * STATES


def default_timeouts() -> list[int]:
    """Ticks by protocol and state."""
    seconds = [OTHER_SECONDS] * (len(ConnProtocol) * STATES)
    seconds[: len(TCP_SECONDS)] = TCP_SECONDS
    seconds[UDP_NORMAL] = UDP_SECONDS
    return [value * TICKS_PER_SECOND for value in seconds]


def read_timeouts(tables: Tables) -> list[int]:
    """Ticks by protocol and state, all 0 in tables that nobody has changed yet."""
    return list(TIMEOUTS.unpack(bytes(tables.memory("settings")[: TIMEOUTS.size])))


def settable(ticks: Sequence[int]) -> tuple[int, int, int]:
    """Seconds of the timeouts that an operator sets: TCP established, TCP FIN_WAIT, UDP."""
    tcp, tcp_fin, udp = (
        ticks[place] // TICKS_PER_SECOND for place in (TCP_ESTABLISHED, TCP_FIN_WAIT, UDP_NORMAL)
    )
    return tcp, tcp_fin, udp


def protected_ports(tables: Tables) -> set[int]:
    """Ports of the director's own addresses that no service gets."""
    memory = tables.memory("settings")
    raw = bytes(memory[PORTS_OFFSET : PORTS_OFFSET + PORTS.size])
    if not any(raw) and not any(read_timeouts(tables)):
        raw = default_ports()
    return set(PORTS.unpack(raw)) - {0}


def default_ports() -> bytes:
    return PORTS.pack(*PROTECTED_PORTS, *[0] * (16 - len(PROTECTED_PORTS)))
