"""`elvs-ipvsadm`: ipvsadm's commands on a director's tables.

Imports are few and late: scripts call this often, and it is to cost little over the interpreter.
"""

import sys

from elvs.model.errors import ElvsError, NoSuchService, PlatformError
from elvs.rules.ipvsadm.options import Verb
from elvs.rules.ipvsadm.parse import Request, parse
from elvs.rules.ipvsadm.usage import UsageError

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import TextIO

    from elvs.director.port import DirectorPort
    from elvs.model.change import Change

REFUSED = 255
NOT_LISTED = 1
NO_DIRECTOR = 2
DAEMONS = {
    Verb.START_DAEMON: "connection synchronisation is not supported yet: there is no sync daemon",
    Verb.STOP_DAEMON: "No daemon is running",
}


class Session:
    """Commands of one invocation, on its director."""

    def __init__(self, director: "DirectorPort", out: "TextIO", err: "TextIO") -> None:
        self._director, self._out, self._err = director, out, err

    def carry_out(self, request: Request) -> int:
        """Do what a command line other than -R asks for; returns the exit status."""
        if request.verb in TEXTS:
            self._out.write(TEXTS[request.verb]())
            return 0
        if request.verb is Verb.LIST:
            return self._list(request)
        if request.verb is Verb.SAVE:
            from elvs.rules.ipvsadm.save import save

            self._print(save(self._director.services(), _names(request)))
            return 0
        if request.verb in DAEMONS:
            self.say(DAEMONS[request.verb])
            return REFUSED
        if request.refused is not None:
            self.refuse(request.refused, request.change)
            return REFUSED
        assert request.change is not None
        try:
            self.apply([request.change])
        except PlatformError:
            raise
        except ElvsError as error:
            self.refuse(error, request.change)
            return REFUSED
        return 0

    def apply(self, changes: "Sequence[Change]") -> None:
        """Change the tables, all or nothing; warnings go to stderr."""
        for text in self._director.apply(changes):
            self.say(f"elvs-ipvsadm: warning: {text}")

    def refuse(self, error: ElvsError, change: "Change | None") -> None:
        """Say why a change is refused, in ipvsadm's words if it has any."""
        from elvs.rules.ipvsadm.answers import refusal

        self.say(refusal(error, change))

    def say(self, text: str) -> None:
        print(text, file=self._err)

    def _list(self, request: Request) -> int:
        from elvs.rules.ipvsadm import listing

        director, shows = self._director, request.shows
        if "connection" in shows:
            self._print(listing.connections(director.connections(), shows, _names(request)))
        elif "timeout" in shows:
            tcp, tcp_fin, udp = director.timeouts()
            self._print([f"Timeout (tcp tcpfin udp): {tcp} {tcp_fin} {udp}"])
        elif "daemon" not in shows:
            try:
                views = director.services(request.service)
            except NoSuchService as error:
                self.refuse(error, None)
                return NOT_LISTED
            if request.service is None:
                self._print([listing.header(director.connection_limit())])
            self._print(listing.listing(views, shows, _names(request)))
        return 0

    def _print(self, lines: "Iterable[str]") -> None:
        self._out.writelines(line + "\n" for line in lines)


def _names(request: Request) -> "Callable[..., str]":
    from elvs.rules.ipvsadm import names

    return names.numeric if "numeric" in request.shows else names.resolver()


def _help() -> str:
    from elvs.rules.ipvsadm.help import HELP

    return HELP


def _version() -> str:
    from elvs.rules.ipvsadm.help import VERSION

    return VERSION


TEXTS = {Verb.HELP: _help, Verb.VERSION: _version}
"""Commands that need no director."""


def execute(
    argv: "Sequence[str]",
    open_director: "Callable[[], AbstractContextManager[DirectorPort]]",
    stdin: "Iterable[str]",
    out: "TextIO",
    err: "TextIO",
) -> int:
    """One invocation; the director is opened when the command line is right and needs one."""
    try:
        request = parse(argv)
    except UsageError as error:
        print(error.text, file=err)
        return error.status
    if request.verb in TEXTS:
        out.write(TEXTS[request.verb]())
        return 0
    try:
        with open_director() as director:
            session = Session(director, out, err)
            if request.verb is Verb.RESTORE:
                from elvs.cli.ipvsadm_restore import restore

                return restore(session, stdin)
            return session.carry_out(request)
    except PlatformError as error:
        print(f"Can't initialize ipvs: {error}", file=err)
        return NO_DIRECTOR


def _open() -> "AbstractContextManager[DirectorPort]":
    from elvs.director.library import Director

    return Director.here()


def main() -> None:
    """Entry point of `elvs-ipvsadm`."""
    from signal import SIG_DFL, SIGINT, SIGPIPE, signal

    for number in (SIGINT, SIGPIPE):
        signal(number, SIG_DFL)  # end quietly, as ipvsadm does; the journal covers a change
    sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    sys.exit(execute(sys.argv[1:], _open, sys.stdin, sys.stdout, sys.stderr))
