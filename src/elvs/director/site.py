"""Where a director lives: its tables, its lock, its directory, and the machine around it."""

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager

from elvs.dataplane import libbpf, pins
from elvs.dataplane.bpf import BpfTables
from elvs.dataplane.port import Tables

TYPE_CHECKING = False  # typing takes 3 ms, which a listing does not have
if TYPE_CHECKING:
    from os import PathLike
    from typing import Protocol as Interface

    from elvs.director.surroundings import Surroundings
    from elvs.model.address import Address
else:
    Interface = object

LINK = "link_"


class Site(Interface):
    """What the library needs of a place. `Here` is the real one."""

    @property
    def directory(self) -> "str | PathLike[str]":
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
    def directory(self) -> str:
        return self._place.files_name

    def tables(self) -> Tables | None:
        if not self._place.exists():
            self.close()
            return None
        inode = os.stat(self._place.pins_name).st_ino  # noqa: PTH116 - pathlib takes 4 ms
        if self._tables is None or inode != self._inode:
            self.close()
            self._tables, self._inode = BpfTables(self._place.pins_name), inode
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
        import _socket  # socket itself makes enums of hundreds of constants

        from elvs.director.route import look_up
        from elvs.director.surroundings import Surroundings

        routes = look_up(addresses)
        attached = self._attached()
        names = dict(_socket.if_nameindex()) if attached else {}
        return Surroundings(routes, attached, names, self._vips())

    def _attached(self) -> frozenset[int]:
        try:
            pinned = os.listdir(self._place.pins_name)  # noqa: PTH208
        except FileNotFoundError:
            return frozenset()
        return frozenset(int(n.removeprefix(LINK)) for n in pinned if n.startswith(LINK))

    def _vips(self) -> "frozenset[Address]":
        if not os.path.exists(f"{self._place.files_name}/vips.json"):  # noqa: PTH110
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
