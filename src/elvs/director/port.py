"""What the commands need of a director. `elvs.director.library.Director` is the real one."""

from collections.abc import Iterable, Sequence
from typing import Protocol as Interface

from elvs.model.change import Change
from elvs.model.figures import Connection, ServiceView
from elvs.model.service import ServiceKey


class DirectorPort(Interface):
    """A director's tables, in the network namespace of the caller.

    Reading creates nothing: where no tables exist yet every listing is empty. `apply` creates
    them. All methods raise PlatformError where the machine lacks root, BPF or a library.
    """

    def services(self, key: ServiceKey | None = None) -> Sequence[ServiceView]:
        """All services, newest first; with `key` that one alone (or NoSuchService)."""

    def connections(self) -> Iterable[Connection]:
        """The living connections, in table order (not stable)."""

    def timeouts(self) -> tuple[int, int, int]:
        """Seconds: TCP established, TCP FIN_WAIT, UDP."""

    def connection_limit(self) -> int:
        """How many IPv4 connections the table is made for; the default size where there is none."""

    def apply(self, changes: Sequence[Change]) -> Sequence[str]:
        """Carry the changes out as one transaction, all or none; returns warnings, a line each.

        Raises the error of the first change that cannot be done (ServiceExists, NoSuchService,
        RealServerExists, NoSuchRealServer, SchedulerNotFound, InvalidValue) and changes nothing.
        """
