"""Virtual services and real servers as an operator declares them."""

from enum import IntEnum, IntFlag

from elvs.model.address import Address, Family
from elvs.model.value import dataclass


class Protocol(IntEnum):
    """IP protocol numbers that a virtual service may have."""

    TCP = 6
    UDP = 17
    SCTP = 132


class Method(IntEnum):
    """Forwarding methods, numbered as IPVS's IP_VS_CONN_F_FWD_MASK (linux/ip_vs.h)."""

    NAT = 0
    LOCAL = 1
    TUN = 2
    DR = 3
    BYPASS = 4
    FULLNAT = 5


class TunnelType(IntEnum):
    """Encapsulations of TUN, numbered as IP_VS_CONN_F_TUNNEL_TYPE_* (linux/ip_vs.h)."""

    IPIP = 0
    GUE = 1
    GRE = 2


class ServiceFlag(IntFlag):
    """Flags of a virtual service, numbered as IP_VS_SVC_F_* (linux/ip_vs.h)."""

    PERSISTENT = 0x1
    ONE_PACKET = 0x4
    SCHED1 = 0x8
    SCHED2 = 0x10
    SCHED3 = 0x20


NO_FLAGS = ServiceFlag(0)


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """What makes a virtual service: protocol, VIP and port, or a mark with its family.

    A mark service (`mark` != 0) has an all-zero address and port 0; its protocol is TCP, as IPVS
    stores it, and means nothing.
    """

    protocol: Protocol
    address: Address
    port: int
    mark: int = 0

    @property
    def family(self) -> Family:
        return self.address.family

    def __str__(self) -> str:
        if self.mark:
            return f"mark {self.mark}" + (" IPv6" if self.family is Family.IPV6 else "")
        return f"{self.protocol.name} {self.address.with_port(self.port)}"


@dataclass(frozen=True, slots=True)
class RealServerKey:
    """What makes a real server within its service: RIP and port."""

    address: Address
    port: int

    def __str__(self) -> str:
        return self.address.with_port(self.port)


@dataclass(frozen=True, slots=True)
class RealServer:
    """A real server with its forwarding method; `weight` 0 quiesces it."""

    key: RealServerKey
    method: Method = Method.DR
    weight: int = 1
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel: TunnelType = TunnelType.IPIP
    tunnel_port: int = 0
    tunnel_flags: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """A virtual service with its real servers, newest first as IPVS keeps them."""

    key: ServiceKey
    scheduler: str = "wlc"
    flags: ServiceFlag = NO_FLAGS
    persistence_timeout: int = 0
    """Seconds; 0 when not persistent."""
    netmask: int = 0xFFFFFFFF
    """IPv4: mask in host order; IPv6: prefix length 1..128."""
    servers: tuple[RealServer, ...] = ()
