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
SHRINK = 8
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
            session.say(error.text)
            _point(session, number)
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

    All at once if they can be. A batch with a refusal in it shrinks until the refused change stands
    alone; batches grow again as they succeed.
    """
    done, size, status = 0, len(pending), 0
    while done < len(pending):
        batch = pending[done : done + size]
        try:
            session.apply([change for _, change in batch])
        except PlatformError:
            raise
        except ElvsError as error:
            if len(batch) > 1:
                size = max(1, len(batch) // SHRINK)
                continue
            number, change = batch[0]
            session.refuse(error, change)
            _point(session, number)
            status = REFUSED
        else:
            status, size = 0, size * 2
        done += len(batch)
    return status


def _point(session: "Session", number: int) -> None:
    session.say(f"elvs-ipvsadm: line {number} was refused")
