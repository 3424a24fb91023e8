"""A trial: a detached process that alone holds new links, and the way back, until confirmed.

The links are not pinned, so the kernel detaches them with the keeper's end, however it ends:
deadline, `kill -9`, or a machine out of memory. Whatever else was changed the keeper undoes at the
deadline; after a violent end that is left to the next command (attach.tidy).
"""

import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from elvs.dataplane import libbpf
from elvs.dataplane.pins import Place, locked
from elvs.model.errors import ElvsError, PlatformError

SOCKET = "trial.sock"
CONFIRM, ABANDON, DONE = b"confirm", b"abandon", b"done"
PATIENCE = 10.0
"""Seconds that an answer may take; a replacement of programs waits for RCU."""


def start(place: Place, deadline: float, links: Mapping[int, int], back: ExitStack) -> int:
    """Leave `links` (descriptors by ifindex) and `back` to a new keeper; returns its process id.

    `deadline` is in seconds of CLOCK_MONOTONIC. The caller holds the lock, then closes its own
    descriptors of the links and forgets `back`.
    """
    path = place.files / SOCKET
    forget(place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(1)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _become_keeper(place, listener, deadline, links, back, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            number = told.read()
        os.waitpid(child, 0)
    if not number:
        raise PlatformError("the keeper of the trial could not be started", "look at free memory")
    return int(number)


def ask(place: Place, word: bytes) -> bool:
    """Have the keeper confirm or abandon the trial; False where no keeper lives any more.

    The caller holds the lock. Raises PlatformError with the keeper's words when it cannot.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
        asker.settimeout(PATIENCE)
        try:
            asker.connect(str(place.files / SOCKET))
            asker.sendall(word)
            answer = asker.recv(4096)
        except (FileNotFoundError, ConnectionError):
            return False
        except TimeoutError:
            raise PlatformError("the keeper of the trial does not answer", "try again") from None
    if answer and answer != DONE:
        raise PlatformError(answer.decode())
    return answer == DONE


def forget(place: Place) -> None:
    """Remove what a keeper that has ended leaves."""
    (place.files / SOCKET).unlink(missing_ok=True)


def is_alive(place: Place) -> bool:
    """Whether a keeper listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asker:
        asker.settimeout(PATIENCE)
        try:
            asker.connect(str(place.files / SOCKET))
        except (FileNotFoundError, ConnectionError):
            return False
    return True


def _become_keeper(
    place: Place,
    listener: socket.socket,
    deadline: float,
    links: Mapping[int, int],
    back: ExitStack,
    writer: int,
) -> None:
    """In the child: fork once more, so that nobody is the keeper's parent; never returns."""
    status = 1
    try:
        os.setsid()
        if os.fork() == 0:
            _let_go(keep={listener.fileno(), writer})
            with os.fdopen(writer, "wb") as told:
                told.write(str(os.getpid()).encode())
            _keep(place, listener, deadline, links, back)
        status = 0
    finally:
        os._exit(status)


def _let_go(keep: set[int]) -> None:
    """Be deaf to the terminal and to whoever waits for our output to end."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    for entry in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):  # the listing's own descriptor is in it
            if not str(entry.readlink()).startswith("anon_inode:"):
                _close_unless(int(entry.name), {0, 1, 2, *keep})


def _close_unless(descriptor: int, keep: set[int]) -> None:
    """The lock above all: it would stay locked for as long as the trial lasts."""
    if descriptor not in keep:
        os.close(descriptor)


def _keep(
    place: Place,
    listener: socket.socket,
    deadline: float,
    links: Mapping[int, int],
    back: ExitStack,
) -> None:
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([listener], [], [], left)[0]:
            break
        with listener.accept()[0] as client, suppress(OSError):
            client.settimeout(1.0)
            word = client.recv(16)
            if word == CONFIRM and _pinned(place, links, client):
                return
            if word == ABANDON:
                back.close()
                client.sendall(DONE)
                return
    listener.close()  # whoever asks from now on hears that the trial is over
    for link in links.values():
        libbpf.link_detach(link)
    with locked(place):
        forget(place)
        back.close()


def _pinned(place: Place, links: Mapping[int, int], client: socket.socket) -> bool:
    """Pin all links, or none and say why."""
    done = []
    try:
        for index, link in links.items():
            pin = place.pins / f"link_{index}"
            pin.unlink(missing_ok=True)  # of an interface that is gone
            libbpf.obj_pin(link, pin)
            done.append(pin)
    except (ElvsError, OSError) as error:
        for pin in done:
            pin.unlink(missing_ok=True)
        client.sendall(str(error).encode())
        return False
    client.sendall(DONE)
    return True
