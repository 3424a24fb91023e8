"""Rows of the maps as Python values: the library's only knowledge of bytes and their order.

The formats are the generated ones (bpf/types.h). Rows are kept as the bytes that they are for as
long as possible: packing and unpacking is what a large transaction spends its time on.
"""

import struct

from elvs.dataplane import layout
from elvs.model.address import Address
from elvs.model.service import (
    Method,
    Protocol,
    RealServer,
    RealServerKey,
    Service,
    ServiceFlag,
    ServiceKey,
    TunnelType,
)

TYPE_CHECKING = False  # typing takes 3 ms, which a listing does not have
if TYPE_CHECKING:
    from elvs.schedulers.base import Weights

SERVICE_KEY = layout.ServiceKey.ROW
SERVICE = layout.Service.ROW
SERVER = layout.Server.ROW
SERVER_REST = struct.Struct("<" + SERVER.format.removeprefix("<16s2s"))
"""A server row behind its key."""
POOL_ENTRY = layout.PoolEntry.ROW
COUNTERS = layout.Counters.ROW
RATES = layout.Rates.ROW
RATES_AVERAGES = layout.Rates.connections.offset
LOAD = layout.Load.ROW
ID = struct.Struct("<I")

SERVICE_POOL = layout.Service.pool.offset
SERVICE_FLAGS = layout.Service.flags.offset
SERVICE_GENERATION = layout.Service.generation.offset
SERVICE_LIVE = int(layout.ServiceFlags.LIVE)
SERVICE_OWN_ADDRESS = int(layout.ServiceFlags.OWN_ADDRESS)

SERVER_FLAGS = layout.Server.flags.offset
SERVER_ROUTE = layout.Server.route.offset
SERVER_REMOVED = layout.Server.removed.offset
SERVER_LIVE = int(layout.ServerFlags.LIVE)
SERVER_AVAILABLE = int(layout.ServerFlags.AVAILABLE)
SERVER_LOCAL = int(layout.ServerFlags.LOCAL)
SERVER_IN_SOURCES = int(layout.ServerFlags.IN_SOURCES)

SERVER_KEY_BYTES = 18
"""A server row begins with what tells the servers of a service apart: address and port."""

WHOLE_ADDRESS = 0xFFFFFFFF
"""The model's default netmask; IPv6 keeps a prefix length instead."""


def service_key(key: ServiceKey) -> bytes:
    return SERVICE_KEY.pack(
        key.address.padded, key.mark, key.port.to_bytes(2, "big"), key.protocol, key.family
    )


def parse_service_key(raw: bytes) -> ServiceKey:
    address, mark, port, protocol, family = SERVICE_KEY.unpack(raw)
    return ServiceKey(
        Protocol(protocol), Address.unpad(address, family), int.from_bytes(port, "big"), mark
    )


def server_key(key: RealServerKey) -> bytes:
    return key.address.padded + key.port.to_bytes(2, "big")


def service_row(service: Service, pool: int, flags: int, weights: "Weights", serial: int) -> bytes:
    """A row of services; `serial` tells the order in which services were made."""
    netmask = service.netmask
    if netmask == WHOLE_ADDRESS and len(service.key.address.packed) == 16:
        netmask = 128
    return SERVICE.pack(
        service_key(service.key),
        pool,
        layout.Scheduler[service.scheduler],
        flags,
        service.flags,
        service.persistence_timeout,
        netmask,
        max(weights.limit, 0),
        weights.step,
        serial,
    )


def parse_service(raw: bytes) -> Service:
    """The service of a row, without its servers."""
    key, _, scheduler, _, flags, persistence, netmask, _, _, _ = SERVICE.unpack(raw)
    return Service(
        parse_service_key(key),
        layout.Scheduler(scheduler).name,
        ServiceFlag(flags),
        persistence,
        netmask,
    )


def server_row(
    key: bytes, server: RealServer, flags: int, service: int, tunnel_source: bytes
) -> bytes:
    """A row of servers, its route not yet looked up; `key` is its `server_key`."""
    return key + SERVER_REST.pack(
        2 if len(server.key.address.packed) == 4 else 10,
        server.method,
        flags,
        0,
        service,
        server.weight,
        tunnel_source,
        server.tunnel,
        server.tunnel_flags,
        server.tunnel_port.to_bytes(2, "big"),
        0,
    )


def parse_server(raw: bytes) -> RealServer:
    address, port, family, method, _, _, _, weight, _, tunnel, flags, tunnel_port, _ = (
        SERVER.unpack(raw)
    )
    return RealServer(
        RealServerKey(Address.unpad(address, family), int.from_bytes(port, "big")),
        METHODS[method],
        weight,
        tunnel=TUNNELS[tunnel],
        tunnel_port=int.from_bytes(tunnel_port, "big"),
        tunnel_flags=flags,
    )


def service_pool(raw: bytes) -> int:
    """Where a service's list stands: offset | length << 32."""
    return layout.Service.pool.get(raw)


def service_wrr_max(raw: bytes) -> int:
    return layout.Service.wrr_max.get(raw)


def server_service(raw: bytes) -> int:
    """The id of the service that a server row belongs to."""
    return layout.Server.service.get(raw)


def server_removed(raw: bytes) -> int:
    return layout.Server.removed.get(raw)


METHODS = tuple(Method)
TUNNELS = tuple(TunnelType)
