"""Where a director lives: its tables, its lock, its directory, and the machine around it."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Protocol as Interface

from elvs.dataplane import libbpf, pins
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.port import Tables

if TYPE_CHECKING:
    from elvs.director.surroundings import Surroundings
    from elvs.model.address import Address

LINK = "link_"


class Site(Interface):
    """What the library needs of a place. `Here` is the real one."""

    @property
    def directory(self) -> Path:
        """The directory of plain files; it exists while the lock is held."""

    def tables(self) -> Tables | None:
        """The tables, None where there are none."""

    def create(self) -> Tables:
        """The tables, made if need be. The caller holds the lock."""

    def locked(self) -> AbstractContextManager[None]:
        """The right to read what others change, and to change it."""

    def surroundings(self, addresses: "Iterable[Address]") -> "Surroundings":
        """The machine as a plan over these addresses must know it."""

    def default_limit(self) -> int:
        """How many IPv4 connections tables made now would be made for."""

    def close(self) -> None:
        """Give back what was opened."""


class Here:
    """The caller's network namespace. Raises PlatformError without privilege."""

    def __init__(self) -> None:
        libbpf.require_privilege()
        self._place = pins.here()
        self._tables: BpfTables | None = None
        self._inode = 0

    @property
    def directory(self) -> Path:
        return self._place.files

    def tables(self) -> Tables | None:
        if not self._place.exists():
            self.close()
            return None
        inode = self._place.pins.stat().st_ino
        if self._tables is None or inode != self._inode:
            self.close()
            self._tables, self._inode = BpfTables(self._place.pins), inode
        return self._tables

    def create(self) -> Tables:
        found = self.tables()
        if found is not None:
            return found
        from elvs.dataplane import loader  # listings must not pay for it

        made = loader.open_tables(create=True)
        assert made is not None
        made.close()
        found = self.tables()
        assert found is not None
        return found

    def locked(self) -> AbstractContextManager[None]:
        return pins.locked(self._place)

    def surroundings(self, addresses: "Iterable[Address]") -> "Surroundings":
        import socket  # like the rest: listings need none of it

        from elvs.director.route import look_up
        from elvs.director.surroundings import Surroundings

        routes = look_up(addresses)
        attached = self._attached()
        names = dict(socket.if_nameindex()) if attached else {}
        return Surroundings(routes, attached, names, self._vips())

    def _attached(self) -> frozenset[int]:
        try:
            pinned = [path.name for path in self._place.pins.iterdir()]
        except FileNotFoundError:
            return frozenset()
        return frozenset(int(n.removeprefix(LINK)) for n in pinned if n.startswith(LINK))

    def _vips(self) -> "frozenset[Address]":
        if not (self._place.files / "vips.json").exists():
            return frozenset()
        from elvs.director import vips  # json and netlink, only where there are any

        return frozenset(vip.address for vip in vips.remembered(self._place.files))

    def default_limit(self) -> int:
        from elvs.dataplane.sizes import Sizes

        return Sizes.by_memory().limit

    def close(self) -> None:
        if self._tables is not None:
            self._tables.close()
            self._tables = None
