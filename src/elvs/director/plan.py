"""One transaction: changes are carried out on an overlay of the tables, in order.

Nothing is written here, so the first change that cannot be leaves everything as it was. What the
overlay then differs in becomes the plan (emit.py).
"""

from collections.abc import Iterable, Sequence

from elvs.dataplane.port import Tables
from elvs.director import traffic
from elvs.director.draft import Draft
from elvs.director.emit import emit
from elvs.director.ids import Clock
from elvs.director.journal import Resting
from elvs.director.ops import Plan
from elvs.director.overlay import Overlay
from elvs.director.room import Room
from elvs.director.rows import (
    SERVER_FLAGS,
    SERVER_KEY_BYTES,
    SERVICE_FLAGS,
    SERVICE_GENERATION,
    SERVICE_OWN_ADDRESS,
    parse_service,
    server_key,
    service_key,
    service_pool,
    service_row,
)
from elvs.director.server_rows import ServerRows
from elvs.director.settings import (
    TCP_ESTABLISHED,
    TCP_FIN_WAIT,
    TICKS_PER_SECOND,
    UDP_NORMAL,
    protected_ports,
)
from elvs.director.surroundings import Surroundings
from elvs.director.validate import check_server, check_service, check_timeouts
from elvs.model.address import Address
from elvs.model.change import (
    AddServer,
    AddService,
    Change,
    Clear,
    DeleteServer,
    DeleteService,
    EditServer,
    EditService,
    SetTimeouts,
    Zero,
)
from elvs.model.errors import (
    NoSuchRealServer,
    NoSuchService,
    RealServerExists,
    ServiceExists,
)
from elvs.model.service import RealServer, RealServerKey, Service, ServiceKey


def plan(
    tables: Tables,
    clock: Clock,
    changes: Iterable[Change],
    around: Surroundings,
    resting: Sequence[Resting] = (),
) -> Plan:
    """What carrying out `changes` in order writes; raises the error of the first that cannot be.

    `resting` are the areas of the pool that were given up lately. Reads the tables, writes nothing.
    """
    transaction = Transaction(tables, clock, around)
    for change in changes:
        transaction.carry_out(change)
    ops, released = emit(transaction.overlay, transaction.drafts.values(), resting)
    return Plan(ops, released, tuple(transaction.rows.warnings))


def addresses_in(changes: Iterable[Change]) -> list[Address]:
    """The addresses whose routes `plan` asks for."""
    found: list[Address] = []
    for change in changes:
        if isinstance(change, AddService):
            found.append(change.service.key.address)
            found += [server.key.address for server in change.service.servers]
        elif isinstance(change, AddServer | EditServer):
            found.append(change.server.key.address)
    return found


def bare(service: Service) -> Service:
    """The service without its servers."""
    return Service(
        service.key,
        service.scheduler,
        service.flags,
        service.persistence_timeout,
        service.netmask,
    )


class Transaction:
    """The changes of one call of `apply` at work."""

    def __init__(self, tables: Tables, clock: Clock, around: Surroundings) -> None:
        self.overlay = Overlay(tables, clock)
        self.room = Room(self.overlay)
        self.around = around
        self.drafts: dict[int, Draft] = {}
        """Living services that have been touched, by id."""
        self.gone: set[int] = set()
        self.rows = ServerRows(self.overlay, around)

    def carry_out(self, change: Change) -> None:
        match change:
            case AddServer(service, server):
                self.add_servers(self.draft(service), (server,))
            case AddService(service):
                self.add_service(service)
            case EditServer(service, server):
                self.edit_server(self.draft(service), server)
            case EditService(service):
                self.edit_service(service)
            case DeleteServer(service, key):
                self.delete_server(self.draft(service), key)
            case DeleteService(key):
                self.delete_service(self.draft(key))
            case Clear():
                for number in self.living():
                    self.delete_service(self.load(number))
            case Zero(None):
                self.zero([self.load(number) for number in self.living()])
            case Zero(ServiceKey() as key):
                self.zero([self.draft(key)])
            case SetTimeouts(tcp, tcp_fin, udp):
                self.set_timeouts(tcp, tcp_fin, udp)

    # --- services ---

    def living(self) -> list[int]:
        """Ids of all services as of now."""
        return sorted((set(self.overlay.living_services()) - self.gone) | self.drafts.keys())

    def draft(self, key: ServiceKey) -> Draft:
        number = self.overlay.service_id(service_key(key))
        if number is None:
            raise NoSuchService(f"there is no service {key}", "add it first")
        return self.load(number)

    def load(self, number: int) -> Draft:
        found = self.drafts.get(number)
        if found is None:
            found = self.drafts[number] = self.read(number)
        return found

    def read(self, number: int) -> Draft:
        """A service as the maps have it."""
        row = self.overlay.service(number)
        serial = int.from_bytes(row[SERVICE_GENERATION : SERVICE_GENERATION + 4], "little")
        draft = Draft(number, parse_service(row), serial)
        draft.own_address = bool(row[SERVICE_FLAGS] & SERVICE_OWN_ADDRESS)
        servers = [
            (self.overlay.server(server)[:SERVER_KEY_BYTES], server, weight)
            for server, weight in self.overlay.pool(service_pool(row))
        ]
        draft.fill(reversed(servers), self.overlay.cursor(number))
        return draft

    def add_service(self, service: Service) -> None:
        check_service(service)
        packed = service_key(service.key)
        if self.overlay.service_id(packed) is not None:
            raise ServiceExists(f"there is a service {service.key} already", "edit or delete it")
        number = self.room.removed.take_service(packed)
        revived = number is not None
        if number is None:
            number = self.room.service_id()
            self.overlay.targets.hold(packed[:16])
            self.overlay.sources.hold(packed[:16])
        self.start_counting(number)
        draft = Draft(number, bare(service), self.room.serial(), fresh=True)
        draft.revived = revived or number in self.gone
        draft.own_address = self.around.is_own(service.key.address)
        if draft.own_address:
            self.warn_of_protected(service.key)
        self.drafts[number] = draft
        self.gone.discard(number)
        self.overlay.services.pop(number, None)
        self.overlay.set_service_id(packed, number)
        self.overlay.count_service(service.key.family, 1)
        self.add_servers(draft, reversed(service.servers))

    def warn_of_protected(self, key: ServiceKey) -> None:
        if key.port in protected_ports(self.overlay.tables):
            self.rows.warnings.append(
                f"{key}: port {key.port} of the director's own address stays the director's; "
                f"take another address for it, put up by elvs vip add"
            )

    def start_counting(self, number: int) -> None:
        """A service begins at zero, whatever removed servers of a former life still count."""
        self.overlay.departed[number] = self.undone(self.room.removed.servers_of(number).values())

    def undone(self, servers: Iterable[int]) -> traffic.Row:
        """What to add to the counts of `servers` to come out at zero."""
        total = traffic.NOTHING
        for row in self.overlay.since_baseline(servers).values():
            total = traffic.minus(total, row)
        return total

    def edit_service(self, service: Service) -> None:
        check_service(service)
        self.draft(service.key).edit(bare(service))

    def delete_service(self, draft: Draft) -> None:
        overlay = self.overlay
        for number, _ in draft.servers.values():
            self.room.removed.add(number)
        packed = service_key(draft.key)
        overlay.services[draft.id] = service_row(draft.service, 0, 0, draft.weights, draft.serial)
        overlay.set_service_id(packed, None)
        overlay.count_service(draft.key.family, -1)
        del self.drafts[draft.id]
        self.gone.add(draft.id)
        if self.room.removed.holds(draft.id):
            self.room.removed.service_died(draft.id)
        else:
            overlay.targets.release(packed[:16])
            overlay.sources.release(packed[:16])

    def zero(self, drafts: list[Draft]) -> None:
        servers = [number for draft in drafts for number, _ in draft.servers.values()]
        for number, row in traffic.counted(self.overlay.tables, servers).items():
            self.overlay.baselines[number] = row
            self.overlay.rates_reset.add(number)
        for draft in drafts:
            self.start_counting(draft.id)

    def set_timeouts(self, tcp: int, tcp_fin: int, udp: int) -> None:
        check_timeouts(tcp, tcp_fin, udp)
        for place, seconds in ((TCP_ESTABLISHED, tcp), (TCP_FIN_WAIT, tcp_fin), (UDP_NORMAL, udp)):
            if seconds:
                self.overlay.timeouts[place] = seconds * TICKS_PER_SECOND

    # --- real servers ---

    def add_servers(self, draft: Draft, servers: Iterable[RealServer]) -> None:
        """Servers come in at the head of the list, one after the other.

        What large transactions spend their time in, so nothing is looked up twice here.
        """
        service, listed, room = draft.key, draft.servers, self.room
        kept = room.removed.servers_of(draft.id)
        for server in servers:
            check_server(service, server)
            key = server_key(server.key)
            if key in listed:
                raise RealServerExists(
                    f"{service} has a real server {server.key} already", "edit or delete it"
                )
            number = kept.pop(key, None)
            flags = 0
            if number is None:
                number = room.server_id(len(listed))
            else:
                flags = self.overlay.server(number)[SERVER_FLAGS]
            self.rows.add(draft.id, number, key, server, flags)
            draft.insert(key, number, server.weight)

    def edit_server(self, draft: Draft, server: RealServer) -> None:
        check_server(draft.key, server)
        key = server_key(server.key)
        number = self.number(draft, server.key)
        self.rows.edit(draft.id, number, key, server)
        draft.reweigh(key, server.weight)

    def delete_server(self, draft: Draft, key: RealServerKey) -> None:
        self.number(draft, key)
        self.room.removed.add(draft.remove(server_key(key)))

    def number(self, draft: Draft, key: RealServerKey) -> int:
        found = draft.servers.get(server_key(key))
        if found is None:
            raise NoSuchRealServer(f"{draft.key} has no real server {key}", "add it first")
        return found[0]
