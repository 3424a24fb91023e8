"""`elvs-ipvsadm`: ipvsadm's commands on a director's tables.

Imports are few and late: scripts call this often, and it is to cost little over the interpreter.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TextIO

from elvs.model.change import Change
from elvs.model.errors import ElvsError, NoSuchService, PlatformError
from elvs.rules.ipvsadm.answers import refusal
from elvs.rules.ipvsadm.options import Verb
from elvs.rules.ipvsadm.parse import Request, parse
from elvs.rules.ipvsadm.scan import TRY_HELP, UsageError

if TYPE_CHECKING:
    from elvs.director.port import DirectorPort

VERSION = "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)"
REFUSED = 255
NO_IPVS = 2
COMMENT = "#"


class Session:
    """One invocation: where it reads, writes and finds its director."""

    def __init__(self, director: "DirectorPort", stdin: TextIO, out: TextIO, err: TextIO) -> None:
        self._director, self._stdin, self._out, self._err = director, stdin, out, err

    def run(self, argv: list[str]) -> int:
        """Carry out a command line; returns the exit status."""
        try:
            request = parse(argv)
        except UsageError as error:
            print(error.text, file=self._err)
            return error.status
        match request.verb:
            case Verb.HELP:
                self._out.write(_help())
            case Verb.VERSION:
                print(VERSION, file=self._out)
            case Verb.LIST:
                return self._list(request)
            case Verb.SAVE:
                self._save(request)
            case Verb.RESTORE:
                return self._restore()
            case Verb.START_DAEMON | Verb.STOP_DAEMON:
                print("connection sync is not there yet", file=self._err)
                return REFUSED
        return self._apply(request) if request.change else 0

    def _apply(self, request: Request) -> int:
        assert request.change is not None
        try:
            self._warn(self._director.apply([request.change]))
        except ElvsError as error:
            if isinstance(error, PlatformError):
                raise
            print(refusal(error, request.change), file=self._err)
            return REFUSED
        return 0

    def _warn(self, warnings: Iterable[str]) -> None:
        for text in warnings:
            print(f"elvs-ipvsadm: warning: {text}", file=self._err)

    def _list(self, request: Request) -> int:
        from elvs.rules.ipvsadm import listing, names

        shows = request.shows
        name = names.numeric if "numeric" in shows else names.resolved
        if "connection" in shows:
            self._print(listing.connections(self._director.connections(), shows, name))
        elif "timeout" in shows:
            tcp, fin, udp = self._director.timeouts()
            self._print([f"Timeout (tcp tcpfin udp): {tcp} {fin} {udp}"])
        elif "daemon" not in shows:
            try:
                views = self._director.services(request.service)
            except NoSuchService as error:
                print(refusal(error), file=self._err)
                return 1
            if request.service is None:
                self._print([listing.header(self._director.connection_limit())])
            self._print(listing.listing(views, shows, name))
        return 0

    def _save(self, request: Request) -> None:
        from elvs.rules.ipvsadm import names, save

        name = names.numeric if "numeric" in request.shows else names.resolved
        self._print(save.save(self._director.services(), name))

    def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._out.write(line + "\n")

    def _restore(self) -> int:
        """Each line a command: a refusal goes on, a usage error ends, the last status counts.

        Lines are carried out together where all of them can be, one by one where not.
        """
        pending: list[tuple[int, Change]] = []
        status, failure = 0, 0
        for number, line in enumerate(self._stdin, 1):
            words = line.split()
            if words and words[0] == "ipvsadm":
                words = words[1:]
            if not words:
                continue
            try:
                request = _restorable(words)
            except UsageError as error:
                self._flush(pending)
                self._say_line(number, error.text)
                return error.status
            if request.change is not None:
                pending.append((number, request.change))
                status = 0
            else:
                failure = self._flush(pending)
                pending = []
                status = self.run(words)
        failure = self._flush(pending) if pending else failure
        return failure if pending else status

    def _flush(self, pending: Sequence[tuple[int, Change]]) -> int:
        """Carry out what has been collected; returns the status of its last line."""
        try:
            self._warn(self._director.apply([change for _, change in pending]))
            return 0
        except ElvsError as error:
            if isinstance(error, PlatformError):
                raise
        status = 0
        for number, change in pending:
            try:
                self._warn(self._director.apply([change]))
                status = 0
            except ElvsError as error:
                self._say_line(number, refusal(error, change))
                status = REFUSED
        return status

    def _say_line(self, number: int, text: str) -> None:
        print(text, file=self._err)
        print(f"elvs-ipvsadm: line {number} was refused", file=self._err)


def _restorable(words: list[str]) -> Request:
    if words[0].startswith(COMMENT):
        raise UsageError(TRY_HELP, REFUSED)
    request = parse(words)
    if request.verb is Verb.RESTORE:
        raise UsageError("-R cannot stand in what -R reads")
    return request


def _help() -> str:
    from importlib.resources import files

    return files("elvs.rules.ipvsadm").joinpath("help.txt").read_text()


def execute(
    argv: list[str],
    open_director: "Callable[[], AbstractContextManager[DirectorPort]]",
    stdin: TextIO,
    out: TextIO,
    err: TextIO,
) -> int:
    """One invocation on a director that is opened for it."""
    try:
        with open_director() as director:
            return Session(director, stdin, out, err).run(argv)
    except PlatformError as error:
        print(f"Can't initialize ipvs: {error}", file=err)
        print("Are you sure that IP Virtual Server is built in the kernel or as module?", file=err)
        return NO_IPVS


def main() -> None:
    """Entry point of `elvs-ipvsadm`."""
    from elvs.director.library import Director

    sys.exit(execute(sys.argv[1:], Director.here, sys.stdin, sys.stdout, sys.stderr))
