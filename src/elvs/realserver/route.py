"""Kernel routes as raw netlink messages, so that a route put back is the one that was there.

Libraries model a part of the attributes (metrics, multipath, encapsulations get lost); here a route
is its bytes, of which only the metrics are understood. Pure: `netlink.py` sends and receives.
"""

import struct
from dataclasses import dataclass, replace

from elvs.model.address import Address, Family

HEADER = struct.Struct("=BBBBBBBBI")
"""struct rtmsg (linux/rtnetlink.h): family, dst_len, src_len, tos, table, protocol, scope, type,
flags."""
ATTRIBUTE = struct.Struct("=HH")
NEXTHOP = struct.Struct("=HBBi")
"""struct rtnexthop: length, flags, hops, interface."""

OIF, GATEWAY, PRIORITY, METRICS, MULTIPATH, CACHEINFO = 4, 5, 6, 8, 9, 12
TABLE, EXPIRES, NH_ID, VIA = 15, 23, 30, 18
METRIC_LOCK, METRIC_MTU, METRIC_ADVMSS = 1, 2, 8
FLAG_ONLINK = 4
PROTOCOL_STATIC, PROTOCOL_RA = 4, 9
UNICAST = 1
MAIN = 254


@dataclass(frozen=True, slots=True)
class Route:
    """One route: the fields of struct rtmsg and the attributes in the order of their numbers."""

    head: tuple[int, int, int, int, int, int, int, int]
    """family, dst_len, src_len, tos, table, protocol, scope, type."""
    flags: int
    attributes: tuple[tuple[int, bytes], ...]

    @classmethod
    def decode(cls, message: bytes) -> "Route":
        """Read the body of an RTM_NEWROUTE; what only describes the moment is left out."""
        *head, flags = HEADER.unpack_from(message)
        found = dict(split(message[HEADER.size :]))
        for transient in (CACHEINFO, EXPIRES):
            found.pop(transient, None)
        if (
            NH_ID in found
        ):  # the kernel shows what the object holds, but takes only the one or other
            for shown in (OIF, GATEWAY, VIA, MULTIPATH):
                found.pop(shown, None)
        elif MULTIPATH in found:
            found[MULTIPATH] = _steady(found[MULTIPATH])
        family, dst, src, tos, table, protocol, scope, kind = head
        return cls(
            (family, dst, src, tos, table, protocol, scope, kind),
            flags & FLAG_ONLINK,
            tuple(sorted(found.items())),
        )

    def encode(self) -> bytes:
        return HEADER.pack(*self.head, self.flags) + join(self.attributes)

    @property
    def family(self) -> Family:
        return Family(self.head[0])

    @property
    def is_default(self) -> bool:
        return self.head[1] == 0 and self.head[7] == UNICAST

    @property
    def table(self) -> int:
        raw = self.get(TABLE)
        return int.from_bytes(raw, "little") if raw else self.head[4]

    @property
    def advertised(self) -> bool:
        """Made by the kernel from a router advertisement, which keeps renewing it."""
        return self.head[5] == PROTOCOL_RA

    @property
    def priority(self) -> int:
        return int.from_bytes(self.get(PRIORITY) or b"", "little")

    @property
    def gateways(self) -> tuple[Address, ...]:
        single = [self.get(GATEWAY)]
        several = [dict(nested).get(GATEWAY) for _, nested in nexthops(self.get(MULTIPATH) or b"")]
        return tuple(Address(raw) for raw in single + several if raw)

    @property
    def devices(self) -> tuple[int, ...]:
        """Interface indexes by which it leaves."""
        single = self.get(OIF)
        several = tuple(index for index, _ in nexthops(self.get(MULTIPATH) or b""))
        return (int.from_bytes(single, "little"), *several) if single else several

    def leads_as(self, other: "Route") -> bool:
        """Whether both lead from one table over the same hops."""
        return (self.family, self.table, self.gateways, self.devices) == (
            other.family,
            other.table,
            other.gateways,
            other.devices,
        )

    def get(self, kind: int) -> bytes | None:
        return next((value for number, value in self.attributes if number == kind), None)

    def metric(self, kind: int) -> int:
        """A number among the route's metrics, 0 when it has none."""
        raw = dict(split(self.get(METRICS) or b"")).get(kind, b"")
        return int.from_bytes(raw, "little")

    def with_metric(self, kind: int, value: int) -> "Route":
        metrics = dict(split(self.get(METRICS) or b""))
        metrics[kind] = value.to_bytes(4, "little")
        attributes = dict(self.attributes)
        attributes[METRICS] = join(tuple(sorted(metrics.items())))
        return replace(self, attributes=tuple(sorted(attributes.items())))

    def text(self, names: dict[int, str]) -> str:
        """As `ip route` writes it, as far as that is needed to tell it from others."""
        words = "default"
        for gateway in self.gateways:
            words += f" via {gateway}"
        for device in self.devices:
            words += f" dev {names.get(device, f'if{device}')}"
        if self.priority and not (self.family is Family.IPV6 and self.priority == 1024):
            words += f" metric {self.priority}"
        return words


def split(raw: bytes) -> list[tuple[int, bytes]]:
    """The attributes (struct rtattr, four-byte aligned) in `raw`; flag bits of the kind dropped."""
    found = []
    while len(raw) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(raw)
        if length < ATTRIBUTE.size:
            break
        found.append((kind & 0x3FFF, raw[ATTRIBUTE.size : length]))
        raw = raw[length + 3 & ~3 :]
    return found


def join(attributes: tuple[tuple[int, bytes], ...]) -> bytes:
    return b"".join(
        ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)
        for kind, value in attributes
    )


def nexthops(raw: bytes) -> list[tuple[int, list[tuple[int, bytes]]]]:
    """(interface index, attributes) of each hop in RTA_MULTIPATH."""
    found = []
    while len(raw) >= NEXTHOP.size:
        length, _, _, index = NEXTHOP.unpack_from(raw)
        found.append((index, split(raw[NEXTHOP.size : length])))
        raw = raw[max(length, NEXTHOP.size) :]
    return found


def default_by(gateway: Address, device: int, table: int) -> Route:
    """A plain default route through `gateway`."""
    head = (gateway.family, 0, 0, 0, 0, PROTOCOL_STATIC, 0, UNICAST)
    numbers = ((OIF, device), (TABLE, table))
    attributes = [(kind, value.to_bytes(4, "little")) for kind, value in numbers]
    return Route(head, 0, tuple(sorted([*attributes, (GATEWAY, gateway.packed)])))


def _steady(multipath: bytes) -> bytes:
    """The hops without the flags of the moment (dead, linkdown, offloaded)."""
    out = bytearray(multipath)
    at = 0
    while at + NEXTHOP.size <= len(out):
        length, flags, hops, index = NEXTHOP.unpack_from(out, at)
        NEXTHOP.pack_into(out, at, length, flags & FLAG_ONLINK, hops, index)
        at += max(length, NEXTHOP.size)
    return bytes(out)
