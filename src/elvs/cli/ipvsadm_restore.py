"""`elvs-ipvsadm -R`: each line a command, many changes in one transaction.

What can be seen is as if each line were carried out by itself: a refused change says why and the
next line follows, a usage error ends it all, the exit status is that of the last line.
"""

from elvs.model.errors import ElvsError, PlatformError
from elvs.rules.ipvsadm.options import Verb
from elvs.rules.ipvsadm.parse import Request, parse
from elvs.rules.ipvsadm.usage import TRY_HELP, UsageError

TYPE_CHECKING = False  # typing's own would be 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elvs.cli.ipvsadm import Session
    from elvs.model.change import Change

    Numbered = tuple[int, Change]

NAME = "ipvsadm"
"""Dropped wherever it stands, as ipvsadm drops its own name."""
REFUSED = 255
ENDING = (Verb.HELP, Verb.VERSION)


def restore(session: "Session", lines: "Iterable[str]") -> int:
    """Carry out all lines; returns the exit status."""
    pending: list[Numbered] = []
    status = 0
    for number, line in enumerate(lines, 1):
        words = [word for word in line.split() if word != NAME]
        if not words:
            continue
        try:
            request = _request(words)
        except UsageError as error:
            carry_out(session, pending)
            pending.clear()
            _complain(session, number, error.text)
            if error.ends_restore:
                return error.status
            status = error.status
            continue
        if request.change is not None and request.refused is None:
            pending.append((number, request.change))
            continue
        carry_out(session, pending)
        pending.clear()
        status = session.carry_out(request)
        if status:
            _point(session, number)
        if request.verb in ENDING or (request.verb is Verb.LIST and status):
            return status
    return carry_out(session, pending) if pending else status


def _request(words: list[str]) -> Request:
    request = parse(words)
    if request.verb is Verb.RESTORE:
        raise UsageError(TRY_HELP, REFUSED)
    return request


def carry_out(session: "Session", pending: "Sequence[Numbered]") -> int:
    """Apply changes in order as if one by one; returns the status of the last.

    Where not all of them can be, the halves are tried, so that few refusals among many changes
    cost few transactions.
    """
    if not pending:
        return 0
    try:
        session.apply([change for _, change in pending])
        return 0
    except PlatformError:
        raise
    except ElvsError as error:
        if len(pending) == 1:
            number, change = pending[0]
            session.refuse(error, change)
            _point(session, number)
            return REFUSED
    half = len(pending) // 2
    carry_out(session, pending[:half])
    return carry_out(session, pending[half:])


def _complain(session: "Session", number: int, text: str) -> None:
    session.say(text)
    _point(session, number)


def _point(session: "Session", number: int) -> None:
    session.say(f"elvs-ipvsadm: line {number} was refused")
