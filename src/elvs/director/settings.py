"""Timeouts and protected ports as tables begin with them, and where they stand in the settings.

Timeouts are ticks of 10 ms by protocol (enum conn_protocol) and state, 16 states each. The values
are IPVS's (ip_vs_proto_tcp.c, ip_vs_proto_udp.c).
"""

from struct import Struct

from elvs.dataplane.layout import ConnProtocol, Settings, TcpState

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


def default_ports() -> bytes:
    return PORTS.pack(*PROTECTED_PORTS, *[0] * (16 - len(PROTECTED_PORTS)))
