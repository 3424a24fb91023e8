"""Virtual services and real servers straight into the maps: what the control plane would write.

Written anew from bpf/types.h on purpose, so that data plane and control plane are not tested
against a shared mistake.
"""

import math
from dataclasses import dataclass, field

from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.layout import (
    FilterRow,
    Method,
    PoolEntry,
    Scheduler,
    Server,
    ServerFlags,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceState,
)
from elvs.model.address import Address

TCP, UDP = 6, 17
DEFAULT_TIMEOUTS = {
    0: (2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120),
    1: (300,),
    2: (60,),
    3: (60,),
}
"""Seconds by enum conn_protocol and state (IPVS's, ipvs-behaviour.md section 5)."""


@dataclass(frozen=True, slots=True)
class Real:
    """A real server; `port` 0 keeps the packet's."""

    address: str
    port: int = 0
    method: Method = Method.NAT
    weight: int = 1
    tunnel_source: str = ""
    flags: int = ServerFlags.LIVE | ServerFlags.AVAILABLE


@dataclass(slots=True)
class Rules:
    """Services and servers of one world, numbered from 0 on."""

    tables: BpfTables
    services: int = 0
    servers: int = 0
    pool: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    """Number of each server's row, by address; of several services the last."""

    def service(
        self,
        vip: str,
        port: int,
        protocol: int,
        *reals: Real,
        scheduler: Scheduler = Scheduler.rr,
        flags: int = ServiceFlags.LIVE,
    ) -> int:
        """A service whose list is `reals` in this order (newest first); returns its number."""
        number, address = self.services, Address.parse(vip)
        self.services += 1
        memory = self.tables.memory("services")
        key = bytearray(ServiceKey.SIZE)
        ServiceKey.address.set(key, 0, address.padded)
        ServiceKey.port.set(key, 0, port)
        ServiceKey.protocol.set(key, 0, protocol)
        ServiceKey.family.set(key, 0, address.family)
        Service.key.set(memory, number, key)
        Service.scheduler.set(memory, number, scheduler)
        self.list(number, reals)
        self._hold("targets", address)
        self._hold("sources", address)
        Service.flags.set(memory, number, flags)
        self.tables.put_all("service_ids", [(bytes(key), number.to_bytes(4, "little"))])
        return number

    def list(self, number: int, reals: tuple[Real, ...]) -> None:
        """Give a service new servers; the cursor goes to where IPVS's would be after a bind."""
        pool, services = self.tables.memory("pool"), self.tables.memory("services")
        for i, real in enumerate(reals):
            PoolEntry.server.set(pool, self.pool + i, self._server(number, real))
            PoolEntry.weight.set(pool, self.pool + i, real.weight)
        weights = [real.weight for real in reals if real.weight > 0]
        step = math.gcd(*weights) or 1
        limit = max(weights, default=0) - (step - 1)
        Service.wrr_gcd.set(services, number, step)
        Service.wrr_max.set(services, number, max(limit, 0))
        ServiceState.cursor.set(self.tables.memory("states"), number, max(limit, 0) << 32)
        Service.pool.set(services, number, len(reals) << 32 | self.pool)
        self.pool += len(reals)

    def weigh(self, number: int, *weights: int) -> None:
        """Other weights for the entries of a service's list; wrr's constants stay."""
        at = Service.pool.get(self.tables.memory("services"), number) & 0xFFFFFFFF
        for i, weight in enumerate(weights):
            PoolEntry.weight.set(self.tables.memory("pool"), at + i, weight)

    def remove(self, server: int) -> None:
        """Clear SERVER_AVAILABLE, as when a server is taken out of its list."""
        memory = self.tables.memory("servers")
        flags = Server.flags.get(memory, server)
        Server.flags.set(memory, server, flags & ~ServerFlags.AVAILABLE)

    def _server(self, service: int, real: Real) -> int:
        number, address = self.servers, Address.parse(real.address)
        self.servers += 1
        memory = self.tables.memory("servers")
        Server.address.set(memory, number, address.padded)
        Server.port.set(memory, number, real.port)
        Server.family.set(memory, number, address.family)
        Server.method.set(memory, number, real.method)
        Server.service.set(memory, number, service)
        Server.weight.set(memory, number, real.weight)
        if real.tunnel_source:
            Server.tunnel_source.set(memory, number, Address.parse(real.tunnel_source).padded)
        if real.method is Method.NAT:
            self._hold("sources", address)
        Server.flags.set(memory, number, real.flags)
        self.ids[real.address] = number
        return number

    def _hold(self, filter_name: str, address: Address) -> None:
        memory, fold = self.tables.memory(filter_name), 0
        for at in range(0, 16, 4):
            fold ^= int.from_bytes(address.padded[at : at + 4], "little")
        mixed = fold * 0x9E3779B1 & 0xFFFFFFFF
        row, bit = mixed >> 20, mixed >> 14 & 63
        FilterRow.bits.set(memory, row, FilterRow.bits.get(memory, row) | 1 << bit)
