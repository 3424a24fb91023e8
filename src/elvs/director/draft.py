"""A service while a transaction works on it: its list and where its scheduler stands.

Knows lists and schedulers; knows nothing of filters, ids or what may be. Insertion is at the head
of the list, as in IPVS, so the dict below runs from the oldest server to the newest.
"""

from collections.abc import Iterable, Iterator

from elvs.model.service import Service, ServiceKey
from elvs.schedulers import BY_NAME
from elvs.schedulers.base import Cursor, Weights


class Draft:
    """One service: `service.servers` is empty, its servers stand in the list here."""

    __slots__ = (
        "cursor",
        "cursor_before",
        "edited",
        "fresh",
        "id",
        "own_address",
        "relisted",
        "revived",
        "reweighed",
        "scheduler",
        "serial",
        "servers",
        "service",
        "weights",
    )

    def __init__(self, number: int, service: Service, serial: int, *, fresh: bool = False) -> None:
        self.id = number
        self.service = service
        self.serial = serial
        self.fresh = fresh
        """Made by this transaction."""
        self.revived = False
        """Made by this transaction on the row that a service of the same key had before."""
        self.own_address = False
        self.scheduler = BY_NAME[service.scheduler]
        self.servers: dict[bytes, tuple[int, int]] = {}
        """Key of a server row -> id and weight, oldest first."""
        self.weights = Weights()
        self.cursor = self.scheduler.bound(self.weights)
        self.cursor_before = self.cursor.word
        self.relisted = False
        self.reweighed: set[bytes] = set()
        self.edited = False

    def fill(self, servers: Iterable[tuple[bytes, int, int]], cursor: int) -> None:
        """The list as the maps have it: key, id and weight, oldest first."""
        self.servers = {key: (number, weight) for key, number, weight in servers}
        self.weights = Weights.of(weight for _, weight in self.servers.values())
        self.cursor = Cursor.unpack(cursor)
        self.cursor_before = cursor

    @property
    def touched(self) -> bool:
        """Whether anything of the service's own rows is to be written."""
        moved = self.cursor.word != self.cursor_before
        return self.fresh or self.relisted or self.edited or moved or bool(self.reweighed)

    @property
    def key(self) -> ServiceKey:
        return self.service.key

    def insert(self, key: bytes, number: int, weight: int) -> None:
        """A server comes in at the head."""
        self.servers[key] = (number, weight)
        self.weights = self.weights.joined(weight)
        self.cursor = self.scheduler.inserted(self.cursor, self.weights)
        self.relisted = True

    def remove(self, key: bytes) -> int:
        """A server goes; returns its id."""
        index = len(self.servers) - 1 - list(self.servers).index(key)
        number, _ = self.servers.pop(key)
        self.weights = Weights.of(weight for _, weight in self.servers.values())
        self.cursor = self.scheduler.removed(self.cursor, index, self.weights)
        self.relisted = True
        return number

    def reweigh(self, key: bytes, weight: int) -> None:
        """A server gets another weight in its place; the same weight again counts as an edit."""
        number, before = self.servers[key]
        if weight != before:
            self.servers[key] = (number, weight)
            self.reweighed.add(key)
            self.weights = Weights.of(weight for _, weight in self.servers.values())
        self.cursor = self.scheduler.edited(self.cursor, self.weights)

    def edit(self, service: Service) -> None:
        """Other scheduler, flags or netmask; a new scheduler starts from its beginning."""
        if service.scheduler != self.service.scheduler:
            self.scheduler = BY_NAME[service.scheduler]
            self.cursor = self.scheduler.bound(self.weights)
        self.service = service
        self.edited = True

    def newest_first(self) -> Iterator[tuple[int, int]]:
        """Id and weight of each server, as the pool holds them."""
        return reversed(self.servers.values())
