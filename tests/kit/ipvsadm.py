"""`elvs-ipvsadm` in process: what it answers, on a director of the test's choice."""

import io
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from elvs.cli.ipvsadm import execute
from elvs.director.port import DirectorPort
from elvs.model.change import Change
from elvs.model.figures import Connection, ServiceView
from elvs.model.service import ServiceKey
from elvs.rules.ipvsadm import addresses, names


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    out: str
    err: str


def play(director: DirectorPort, args: str | Sequence[str], stdin: str = "") -> Answer:
    """One invocation; `args` as text are cut at blanks, as the recorder did."""
    argv = args.split() if isinstance(args, str) else args
    out, err = io.StringIO(), io.StringIO()
    status = execute(argv, lambda: nullcontext(director), io.StringIO(stdin), out, err)
    return Answer(status, out.getvalue(), err.getvalue())


class Listener:
    """A director that agrees to everything and keeps what it was asked for, in batches."""

    def __init__(self, warnings: Sequence[str] = ()) -> None:
        self.batches: list[list[Change]] = []
        self._warnings = warnings

    @property
    def changes(self) -> list[Change]:
        return [change for batch in self.batches for change in batch]

    def services(self, key: ServiceKey | None = None) -> Sequence[ServiceView]:
        return ()

    def connections(self) -> Iterable[Connection]:
        return ()

    def timeouts(self) -> tuple[int, int, int]:
        return 900, 120, 300

    def connection_limit(self) -> int:
        return 4096

    def apply(self, changes: Sequence[Change]) -> Sequence[str]:
        self.batches.append(list(changes))
        return self._warnings


def hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No resolver is asked: localhost is known, and no other name or address."""

    def by_name(name: str) -> str:
        if name != "localhost":
            raise OSError("unknown host")
        return "127.0.0.1"

    def by_address(address: str) -> tuple[str, list[str], list[str]]:
        raise OSError("unknown host")

    monkeypatch.setattr(addresses, "host_by_name", by_name)
    monkeypatch.setattr(names, "gethostbyaddr", by_address)
