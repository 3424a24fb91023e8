"""Rows of real servers, and whether and how they are reached."""

from elvs.dataplane.layout import Server
from elvs.director.overlay import Overlay
from elvs.director.route import Kind, Route
from elvs.director.rows import (
    SERVER_AVAILABLE,
    SERVER_FLAGS,
    SERVER_IN_SOURCES,
    SERVER_LIVE,
    SERVER_LOCAL,
    server_row,
)
from elvs.director.surroundings import Surroundings
from elvs.director.validate import check_route
from elvs.model.address import Address
from elvs.model.service import Method, RealServer

TUNNEL_SOURCE = slice(
    Server.tunnel_source.offset, Server.tunnel_source.offset + Server.tunnel_source.size
)


class ServerRows:
    """Writes the rows that a transaction's servers need. An address is looked at once."""

    def __init__(self, overlay: Overlay, around: Surroundings) -> None:
        self._overlay = overlay
        self._around = around
        self.warnings: list[str] = []
        self._nat: set[bytes] = set()
        """RIPs whose way back has been looked at."""
        self._reached: dict[bytes, tuple[int, bytes]] = {}
        """RIP -> flags and tunnel source of the servers that have it."""

    def add(self, service: int, number: int, key: bytes, server: RealServer, flags: int) -> None:
        """Write the row of a server that comes in; `flags` are those that the row has."""
        address = server.key.address
        reached = self._reached.get(address.packed) or self._reach(address)
        self._put(service, number, key, server, flags, reached)

    def edit(self, service: int, number: int, key: bytes, server: RealServer) -> None:
        """Write a server's row anew. That there is no route to it just now is no reason to refuse.

        IPVS does not look at the address again either, and weight 0 must be possible in an outage.
        """
        row = self._overlay.server(number)
        route = self._around.route(server.key.address)
        reached = (row[SERVER_FLAGS], row[TUNNEL_SOURCE])
        if route.kind is not Kind.NONE:
            reached = facts(route)
        self._put(service, number, key, server, row[SERVER_FLAGS], reached)

    def _put(
        self,
        service: int,
        number: int,
        key: bytes,
        server: RealServer,
        flags: int,
        reached: tuple[int, bytes],
    ) -> None:
        """A reference in `sources` stays with the row once it is there: a server that is not NAT
        any more may have connections that are."""
        flags = flags & SERVER_IN_SOURCES | reached[0]
        if server.method is Method.NAT:
            if not flags & SERVER_IN_SOURCES:
                flags |= SERVER_IN_SOURCES
                self._overlay.sources.hold(key[:16])
            if key[:16] not in self._nat:
                self._nat.add(key[:16])
                self._warn_of_way_back(server.key.address)
        self._overlay.servers[number] = server_row(key, server, flags, service, reached[1])

    def _reach(self, address: Address) -> tuple[int, bytes]:
        """Check the route to a real server, once."""
        route = self._around.route(address)
        check_route(address, route)
        found = self._reached[address.packed] = facts(route)
        return found

    def _warn_of_way_back(self, address: Address) -> None:
        interface = self._around.unattached(address)
        if interface is not None:
            self.warnings.append(
                f"{address} is reached by {interface}, which is not attached: answers that come "
                f"in there are not translated; elvs attach {interface}"
            )


def facts(route: Route) -> tuple[int, bytes]:
    """Flags and tunnel source of a server that is reached by `route`."""
    flags = SERVER_LIVE | SERVER_AVAILABLE
    if route.kind is Kind.LOCAL:
        flags |= SERVER_LOCAL
    return flags, b"" if route.source is None else route.source.packed
