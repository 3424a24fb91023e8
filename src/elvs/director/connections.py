"""The connection tables as Connections, read from mapped memory while they change.

What many connections share - VIP, real server, service - is made once; the rest of the time goes
into the objects themselves, about 2 us each.
"""

from collections.abc import Iterator

from elvs.dataplane.layout import ConnProtocol, TcpState
from elvs.dataplane.port import Tables
from elvs.director.rows import (
    SERVICE_FLAGS,
    SERVICE_KEY,
    SERVICE_LIVE,
    parse_server,
    parse_service_key,
    server_service,
)
from elvs.director.settings import STATES, read_timeouts
from elvs.director.slots import Entry, living, swapped
from elvs.director.view import View
from elvs.model.address import Address
from elvs.model.figures import Connection
from elvs.model.service import Method, Protocol, RealServerKey, ServiceKey

Shared = tuple[Protocol, RealServerKey, RealServerKey, Method, ServiceKey | None]
Key = tuple[int, int, bytes]
"""Word w1, virtual port as loaded, address of the VIP where w1 holds only its fold."""

PROTOCOLS = {ConnProtocol.TCP: Protocol.TCP, ConnProtocol.UDP: Protocol.UDP}
METHODS = tuple(Method)


def state_names() -> list[str]:
    """By protocol and state, as settings.timeout is indexed: as ipvsadm prints them."""
    names = ["NONE"] * (len(ConnProtocol) * STATES)
    names[: len(TcpState)] = [state.name for state in TcpState]
    for protocol, known in PROTOCOLS.items():
        if protocol is not ConnProtocol.TCP:
            names[protocol * STATES : (protocol + 1) * STATES] = [known.name] * STATES
    return names


def read_connections(tables: Tables, tick: int) -> Iterator[Connection]:
    """The living connections of both families as of `tick`, in table order."""
    timeouts = read_timeouts(tables)
    ends = Ends(tables)
    for name in ("conn4", "conn6"):
        yield from connections(living(tables, name, timeouts, tick), ends)


def connections(entries: Iterator[Entry], ends: "Ends") -> Iterator[Connection]:
    names = state_names()
    known = ends.known
    for w1, vport, client, port, virtual, state, expires in entries:
        key = (w1, vport, virtual)
        protocol, at, real, method, service = known.get(key) or ends.find(key)
        yield Connection(
            protocol,
            RealServerKey(Address(client), port),
            at,
            real,
            method,
            names[state],
            expires,
            service,
        )


class Ends:
    """The ends of connections but for the client's."""

    def __init__(self, tables: Tables) -> None:
        self._view = View(tables)
        self._servers: dict[int, tuple[RealServerKey, ServiceKey | None]] = {}
        self.known: dict[Key, Shared] = {}

    def find(self, key: Key) -> Shared:
        """What is not `known` yet."""
        w1, port, virtual = key
        at = RealServerKey(Address(virtual or (w1 >> 32).to_bytes(4, "little")), swapped(port))
        number = w1 >> 12 & 0xFFFFF
        server, service = self._servers.get(number) or self._server(number)
        real = server if server.port else RealServerKey(server.address, at.port)
        protocol = PROTOCOLS.get(ConnProtocol(w1 >> 3 & 3), Protocol.SCTP)
        found = self.known[key] = (protocol, at, real, METHODS[w1 >> 9 & 7], service)
        return found

    def _server(self, number: int) -> tuple[RealServerKey, ServiceKey | None]:
        row = self._view.server(number)
        owner = self._view.service(server_service(row))
        living = owner[SERVICE_FLAGS] & SERVICE_LIVE
        service = parse_service_key(owner[: SERVICE_KEY.size]) if living else None
        found = self._servers[number] = (parse_server(row).key, service)
        return found
