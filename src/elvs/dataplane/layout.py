"""Layouts shared with the data plane. Generated from the BTF of bpf/types.h: do not edit.

`python -m elvs.dataplane.btf OBJECT > layout.py` makes it. Each class is a struct: `SIZE` in bytes,
one field per member (`Server.weight.get(memory, row)`), `ROW` for all members at once, where
nested structs, arrays and members in network order are bytes.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct

from elvs.dataplane.fields import BytesField, IntField, MapSpec

TYPE_CHECKING = False  # a listing must start within milliseconds, and typing takes three
if TYPE_CHECKING:
    from typing import Final


class ConnFlags(IntFlag):
    INACTIVE = 1
    NOOUTPUT = 2
    NO_CPORT = 4
    EXTRA = 8
    HOP_STALE = 16


class ConnLife(IntEnum):
    FREE = 0
    DEAD = 1
    CLAIM = 2
    KILLED = 3
    DYING = 4
    LIVE = 5


class ConnProtocol(IntEnum):
    TCP = 0
    UDP = 1
    SCTP = 2
    OTHER = 3


class Method(IntEnum):
    NAT = 0
    LOCAL = 1
    TUN = 2
    DR = 3
    BYPASS = 4
    FULLNAT = 5


class Scheduler(IntEnum):
    rr = 0
    wrr = 1
    lc = 2
    wlc = 3


class ServerFlags(IntFlag):
    LIVE = 1
    AVAILABLE = 2
    LOCAL = 4
    IN_SOURCES = 8


class ServiceFlags(IntFlag):
    LIVE = 1
    OWN_ADDRESS = 2


class TcpState(IntEnum):
    NONE = 0
    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT = 4
    TIME_WAIT = 5
    CLOSE = 6
    CLOSE_WAIT = 7
    LAST_ACK = 8
    LISTEN = 9
    SYNACK = 10


class Verdict(IntEnum):
    CONTINUE = 0
    PASS_NOT_IP = 1
    PASS_NOT_OURS = 2
    PASS_MALFORMED = 3
    PASS_FRAGMENT = 4
    PASS_PROTOCOL = 5
    PASS_ICMP = 6
    PASS_NO_SERVICE = 7
    PASS_NOT_OPENING = 8
    PASS_NO_CONNECTION = 9
    PASS_DIRECT_REPLY = 10
    PASS_PROTECTED = 11
    PASS_LOCAL_SERVER = 12
    SLOW_NEIGHBOUR = 13
    TX_NAT = 14
    TX_NAT_REPLY = 15
    TX_DR = 16
    TX_TUN = 17
    TX_ICMP_RELATED = 18
    TX_PORT_UNREACHABLE = 19
    TX_HOST_UNREACHABLE = 20
    TX_TIME_EXCEEDED = 21
    TX_TOO_BIG = 22
    DROP_TABLE_FULL = 23
    DROP_BUCKETS_FULL = 24
    DROP_RACE = 25
    DROP_SERVER_GONE = 26
    DROP_NO_SERVER = 27
    DROP_NO_ROUTE = 28
    DROP_TTL = 29
    DROP_TOO_BIG = 30
    DROP_NO_ROOM = 31
    DROP_UNSUPPORTED = 32
    DROP_INTERNAL = 33


class Addr:
    """struct addr"""

    SIZE: Final = 16
    v4: Final = IntField(0, 16, ">I")
    v6: Final = IntField(0, 16, ">I", 4)
    half: Final = IntField(0, 16, "<Q", 2)
    ROW: Final = Struct("<4s12x")


class Bucket:
    """struct bucket"""

    SIZE: Final = 128
    head: Final = IntField(0, 128, "<Q")
    slot: Final = BytesField(8, 128, 24, 5)
    ROW: Final = Struct("<Q120s")


class Clock:
    """struct clock"""

    SIZE: Final = 48
    ns: Final = IntField(0, 48, "<Q")
    tick: Final = IntField(8, 48, "<I")
    version: Final = IntField(12, 48, "<I")
    used: Final = IntField(16, 48, "<I", 2)
    sweep_at: Final = IntField(24, 48, "<I", 2)
    estimate_at: Final = IntField(32, 48, "<I")
    worst_ns: Final = IntField(36, 48, "<I")
    ticks: Final = IntField(40, 48, "<Q")
    ROW: Final = Struct("<QII8s8sIIQ")


class Config:
    """struct config"""

    SIZE: Final = 48
    seed: Final = IntField(0, 48, "<Q", 2)
    bucket_mask: Final = IntField(16, 48, "<I", 2)
    connections: Final = IntField(24, 48, "<I", 2)
    cpus: Final = IntField(32, 48, "<I")
    servers: Final = IntField(36, 48, "<I")
    version: Final = IntField(40, 48, "<I")
    pad: Final = IntField(44, 48, "<I")
    ROW: Final = Struct("<16s8s8sIIII")


class Counters:
    """struct counters"""

    SIZE: Final = 40
    connections: Final = IntField(0, 40, "<Q")
    in_packets: Final = IntField(8, 40, "<Q")
    in_bytes: Final = IntField(16, 40, "<Q")
    out_packets: Final = IntField(24, 40, "<Q")
    out_bytes: Final = IntField(32, 40, "<Q")
    ROW: Final = Struct("<QQQQQ")


class Explanation:
    """struct explanation"""

    SIZE: Final = 16
    verdict: Final = IntField(0, 16, "<I")
    service: Final = IntField(4, 16, "<I")
    server: Final = IntField(8, 16, "<I")
    known: Final = IntField(12, 16, "<I")
    ROW: Final = Struct("<IIII")


class FilterRow:
    """struct filter_row"""

    SIZE: Final = 136
    bits: Final = IntField(0, 136, "<Q")
    refs: Final = IntField(8, 136, "<H", 64)
    ROW: Final = Struct("<Q128s")


class Handover:
    """struct handover"""

    SIZE: Final = 28
    magic: Final = IntField(0, 28, "<I")
    ifindex: Final = IntField(4, 28, "<I")
    family: Final = IntField(8, 28, "<I")
    next: Final = IntField(12, 28, "<I", 4)
    ROW: Final = Struct("<III16s")


class Hop:
    """struct hop"""

    SIZE: Final = 128
    ifindex: Final = IntField(0, 128, "<I")
    mtu: Final = IntField(4, 128, "<H")
    vlan: Final = IntField(6, 128, "<H")
    macs: Final = BytesField(8, 128, 12)
    checked: Final = IntField(20, 128, "<I")
    used: Final = IntField(24, 128, "<I")
    probe: Final = BytesField(32, 128, 16)
    next: Final = BytesField(48, 128, 16)
    family: Final = IntField(64, 128, "<B")
    next_family: Final = IntField(65, 128, "<B")
    pad: Final = BytesField(66, 128, 6)
    claim: Final = IntField(72, 128, "<I")
    unused: Final = IntField(76, 128, "<I", 13)
    ROW: Final = Struct("<IHH12sII4x16s16sBB6sI52s")


class Load:
    """struct load"""

    SIZE: Final = 32
    active: Final = IntField(0, 32, "<I")
    inactive: Final = IntField(4, 32, "<I")
    templates: Final = IntField(8, 32, "<I")
    flags: Final = IntField(12, 32, "<I")
    upper: Final = IntField(16, 32, "<I")
    lower: Final = IntField(20, 32, "<I")
    unused: Final = IntField(24, 32, "<Q")
    ROW: Final = Struct("<IIIIIIQ")


class PoolEntry:
    """struct pool_entry"""

    SIZE: Final = 8
    server: Final = IntField(0, 8, "<I")
    weight: Final = IntField(4, 8, "<i")
    ROW: Final = Struct("<Ii")


class Rates:
    """struct rates"""

    SIZE: Final = 80
    last: Final = BytesField(0, 80, 40)
    connections: Final = IntField(40, 80, "<Q")
    in_packets: Final = IntField(48, 80, "<Q")
    in_bytes: Final = IntField(56, 80, "<Q")
    out_packets: Final = IntField(64, 80, "<Q")
    out_bytes: Final = IntField(72, 80, "<Q")
    ROW: Final = Struct("<40sQQQQQ")


class Server:
    """struct server"""

    SIZE: Final = 64
    address: Final = BytesField(0, 64, 16)
    port: Final = IntField(16, 64, ">H")
    family: Final = IntField(18, 64, "<B")
    method: Final = IntField(19, 64, "<B")
    flags: Final = IntField(20, 64, "<I")
    route: Final = IntField(24, 64, "<Q")
    service: Final = IntField(32, 64, "<I")
    weight: Final = IntField(36, 64, "<i")
    tunnel_source: Final = BytesField(40, 64, 16)
    tunnel: Final = IntField(56, 64, "<B")
    tunnel_flags: Final = IntField(57, 64, "<B")
    tunnel_port: Final = IntField(58, 64, ">H")
    removed: Final = IntField(60, 64, "<I")
    ROW: Final = Struct("<16s2sBBIQIi16sBB2sI")


class Service:
    """struct service"""

    SIZE: Final = 56
    key: Final = BytesField(0, 56, 24)
    pool: Final = IntField(24, 56, "<Q")
    scheduler: Final = IntField(32, 56, "<B")
    flags: Final = IntField(33, 56, "<B")
    ipvs_flags: Final = IntField(34, 56, "<H")
    persistence: Final = IntField(36, 56, "<I")
    netmask: Final = IntField(40, 56, "<I")
    wrr_max: Final = IntField(44, 56, "<I")
    wrr_gcd: Final = IntField(48, 56, "<I")
    generation: Final = IntField(52, 56, "<I")
    ROW: Final = Struct("<24sQBBHIIIII")


class ServiceKey:
    """struct service_key"""

    SIZE: Final = 24
    address: Final = BytesField(0, 24, 16)
    mark: Final = IntField(16, 24, "<I")
    port: Final = IntField(20, 24, ">H")
    protocol: Final = IntField(22, 24, "<B")
    family: Final = IntField(23, 24, "<B")
    ROW: Final = Struct("<16sI2sBB")


class ServiceState:
    """struct service_state"""

    SIZE: Final = 8
    cursor: Final = IntField(0, 8, "<Q")
    ROW: Final = Struct("<Q")


class Settings:
    """struct settings"""

    SIZE: Final = 296
    timeout: Final = IntField(0, 296, "<I", 64)
    services4: Final = IntField(256, 296, "<I")
    services6: Final = IntField(260, 296, "<I")
    protected_ports: Final = IntField(264, 296, "<H", 16)
    ROW: Final = Struct("<256sII32s")


class Slot:
    """struct slot"""

    SIZE: Final = 24
    w0: Final = IntField(0, 24, "<Q")
    w1: Final = IntField(8, 24, "<Q")
    w2: Final = IntField(16, 24, "<Q")
    ROW: Final = Struct("<QQQ")


class Tail:
    """struct tail"""

    SIZE: Final = 32
    client: Final = BytesField(0, 32, 16)
    virtual: Final = BytesField(16, 32, 16)
    ROW: Final = Struct("<16s16s")


class Tails:
    """struct tails"""

    SIZE: Final = 160
    tail: Final = BytesField(0, 160, 32, 5)
    ROW: Final = Struct("<160s")


class TimerRow:
    """struct timer_row"""

    SIZE: Final = 16
    timer: Final = BytesField(0, 16, 16)
    ROW: Final = Struct("<16s")


MAPS: Final[dict[str, MapSpec]] = {
    "baselines": MapSpec(2, 0x400, 4, 40, 16, "counters"),
    "births": MapSpec(6, 0x0, 4, 8, 2, ""),
    "clock": MapSpec(2, 0x400, 4, 48, 1, "clock"),
    "conn4": MapSpec(2, 0x400, 4, 128, 1024, "bucket"),
    "conn6": MapSpec(2, 0x400, 4, 128, 1024, "bucket"),
    "departed": MapSpec(2, 0x400, 4, 40, 16, "counters"),
    "estimates": MapSpec(2, 0x400, 4, 80, 16, "rates"),
    "explained": MapSpec(2, 0x400, 4, 16, 1, "explanation"),
    "hops": MapSpec(2, 0x400, 4, 128, 4096, "hop"),
    "loads": MapSpec(2, 0x400, 4, 32, 16, "load"),
    "outcomes": MapSpec(6, 0x0, 4, 8, 34, ""),
    "pool": MapSpec(2, 0x400, 4, 8, 64, "pool_entry"),
    "servers": MapSpec(2, 0x400, 4, 64, 16, "server"),
    "service_ids": MapSpec(1, 0x0, 24, 4, 16, ""),
    "services": MapSpec(2, 0x400, 4, 56, 16, "service"),
    "settings": MapSpec(2, 0x400, 4, 296, 1, "settings"),
    "sources": MapSpec(2, 0x400, 4, 136, 4096, "filter_row"),
    "states": MapSpec(2, 0x400, 4, 8, 16, "service_state"),
    "tails": MapSpec(2, 0x400, 4, 160, 1024, "tails"),
    "targets": MapSpec(2, 0x400, 4, 136, 4096, "filter_row"),
    "timer": MapSpec(2, 0x0, 4, 16, 1, "timer_row"),
    "traffic": MapSpec(6, 0x0, 4, 40, 16, "counters"),
}
"""As declared; `rows` are the least, an operator sizes the tables."""

FINGERPRINTS: Final[dict[str, int]] = {
    "struct addr": 0x055C18C9,
    "struct bucket": 0x52D1C1C5,
    "struct clock": 0xA90FAA74,
    "struct config": 0x1BAD64D0,
    "struct counters": 0xAB20592C,
    "struct explanation": 0xC40FEE09,
    "struct filter_row": 0xF67B95F8,
    "struct handover": 0x50638C60,
    "struct hop": 0xAF9E2600,
    "struct load": 0x15FE915C,
    "struct pool_entry": 0xB3D3A7B3,
    "struct rates": 0xE28A6786,
    "struct server": 0xEA09E53B,
    "struct service": 0xB8F39E77,
    "struct service_key": 0x2AC675C5,
    "struct service_state": 0x2EC053EB,
    "struct settings": 0x1F1C509A,
    "struct slot": 0xA5759C59,
    "struct tail": 0xB46120CB,
    "struct tails": 0xD98F7F4D,
    "struct timer_row": 0xDACE98F2,
    "enum conn_flags": 0x0290E4DF,
    "enum conn_life": 0x458E89DD,
    "enum conn_protocol": 0x73A630E0,
    "enum method": 0x39E416EA,
    "enum scheduler": 0xA4BE2412,
    "enum server_flags": 0x7D5F53B3,
    "enum service_flags": 0x9DB41798,
    "enum tcp_state": 0xB5C51E8D,
    "enum verdict": 0x6E6ED41A,
    "map baselines": 0x5462A158,
    "map births": 0xD4C55651,
    "map clock": 0x34CCF1AE,
    "map conn4": 0x9372BD2B,
    "map conn6": 0x9372BD2B,
    "map departed": 0x5462A158,
    "map estimates": 0x9C50E60F,
    "map explained": 0x66AE0365,
    "map hops": 0x7ECD67B8,
    "map loads": 0xB09611DF,
    "map outcomes": 0x035EA0A1,
    "map pool": 0x18097880,
    "map servers": 0xDDFC6DD3,
    "map service_ids": 0xC177B80E,
    "map services": 0x71C5EC9C,
    "map settings": 0x396D86BC,
    "map sources": 0xF7E925E6,
    "map states": 0x0A2E0A92,
    "map tails": 0xBC3B6B29,
    "map targets": 0xF7E925E6,
    "map timer": 0x225726EE,
    "map traffic": 0x504D0824,
}
"""Compared with those of the object when it is loaded."""
