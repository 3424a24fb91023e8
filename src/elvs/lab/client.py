"""The client of a demo: real HTTP requests to a VIP, a bulk upload and a download, counted.

Run inside a client's namespace: `python -m elvs.lab.client --address VIP ...`; the tally comes
out as one JSON object. Every request is a connection of its own from the next pair of source
address and port, and the client closes first: no pair comes twice while a director may still
remember it.
"""

import argparse
import hashlib
import http.client
import json
import random
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import product
from threading import Lock

PORTS = range(10_000, 60_000)
TIMEOUT = 5.0
"""Seconds that any step of an exchange may take; a lost SYN is sent again after one."""


class WrongAnswer(Exception):
    """The server answered, but not what was asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; `error` is empty for a right answer."""

    source: str = ""
    server: str = ""
    client: str = ""
    """The client's address as the server saw it."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A large body over one connection: how long it was and which checksum it should have had."""

    bytes: int
    server: str
    sha256: str
    """Checksum of what arrived."""
    wanted: str
    """Checksum of what was sent."""
    error: str = ""

    @property
    def right(self) -> bool:
        return not self.error and self.sha256 == self.wanted


@dataclass(frozen=True, slots=True)
class Tally:
    """What a client reports."""

    requests: int
    answered: int
    servers: dict[str, int]
    clients: tuple[str, ...]
    """Client addresses that servers saw."""
    client_address_seen: bool
    """Whether every answer named the very address that its request came from."""
    errors: dict[str, int]
    upload: Bulk
    download: Bulk


class Dialler:
    """Makes connections to one address and port, each from a source pair not used before."""

    def __init__(self, address: str, port: int, addresses: Sequence[str]) -> None:
        self._to = (address, port)
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._sources = ((each, port) for port, each in product(PORTS, addresses))
        self._lock = Lock()

    def dial(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(*self._to)
        plug = self._bound()
        try:
            plug.connect(self._to)
        except OSError:
            plug.close()
            raise
        connection.sock = plug
        return connection

    def _bound(self) -> socket.socket:
        """A socket bound to the next pair; pairs in use are passed over."""
        while True:
            with self._lock:
                source = next(self._sources, None)
            if source is None:
                raise WrongAnswer("all source addresses and ports are used up")
            plug = socket.socket(self._family, socket.SOCK_STREAM)
            plug.settimeout(TIMEOUT)
            try:
                plug.bind(source)
            except OSError:
                plug.close()
                continue
            return plug


FAULTS = (OSError, http.client.HTTPException, WrongAnswer, ValueError)
"""What a failed exchange raises; ValueError is an answer that is no JSON."""


def ask(dialler: Dialler) -> Answer:
    """GET / and read who answered and whom it saw."""
    source = ""
    try:
        with closing(dialler.dial()) as connection:
            source = connection.sock.getsockname()[0]
            _, body = _exchange(connection, "GET", "/")
            told = json.loads(body)
            return Answer(source, str(told["server"]), str(told["client"]))
    except (*FAULTS, KeyError, TypeError) as error:
        return Answer(source, error=_name(error))


def upload(dialler: Dialler, size: int) -> Bulk:
    """PUT random bytes and fetch them again over the same connection."""
    content = random.randbytes(size)
    checksum = hashlib.sha256(content).hexdigest()
    path = f"/upload/{checksum[:16]}"

    def talk(connection: http.client.HTTPConnection) -> tuple[str, bytes]:
        _exchange(connection, "PUT", path, content)
        return _exchange(connection, "GET", path)

    return _bulk(dialler, talk, checksum)


def download(dialler: Dialler, wanted: str) -> Bulk:
    """GET /big, whose checksum is known."""
    return _bulk(dialler, lambda connection: _exchange(connection, "GET", "/big"), wanted)


def tally(answers: Iterable[Answer], sent: Bulk, got: Bulk) -> Tally:
    """Count the answers. Pure."""
    answers = tuple(answers)
    right = [answer for answer in answers if not answer.error]
    return Tally(
        requests=len(answers),
        answered=len(right),
        servers=_count(answer.server for answer in right),
        clients=tuple(sorted({answer.client for answer in right})),
        client_address_seen=bool(right) and all(a.client == a.source for a in right),
        errors=_count(answer.error for answer in answers if answer.error),
        upload=sent,
        download=got,
    )


def run(dialler: Dialler, requests: int, workers: int, size: int, wanted: str) -> Tally:
    """The requests, `workers` at a time; then the upload and the download."""
    with ThreadPoolExecutor(workers) as pool:
        answers = tuple(pool.map(lambda _: ask(dialler), range(requests)))
    return tally(answers, upload(dialler, size), download(dialler, wanted))


def _exchange(
    connection: http.client.HTTPConnection, verb: str, path: str, body: bytes | None = None
) -> tuple[str, bytes]:
    """One request; the name of the server and the body of the answer."""
    connection.request(verb, path, body)
    response = connection.getresponse()
    content = response.read()
    if response.status not in (200, 201, 204):
        raise WrongAnswer(f"{verb} {path}: status {response.status}")
    return response.getheader("X-Server", ""), content


def _bulk(
    dialler: Dialler,
    talk: Callable[[http.client.HTTPConnection], tuple[str, bytes]],
    wanted: str,
) -> Bulk:
    try:
        with closing(dialler.dial()) as connection:
            server, body = talk(connection)
    except FAULTS as error:
        return Bulk(0, "", "", wanted, _name(error))
    return Bulk(len(body), server, hashlib.sha256(body).hexdigest(), wanted)


def _name(error: Exception) -> str:
    return str(error) or type(error).__name__


def _count(words: Iterable[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for word in words:
        counted[word] = counted.get(word, 0) + 1
    return dict(sorted(counted.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Send HTTP requests to a virtual address.")
    parser.add_argument("--address", required=True, help="address to connect to")
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--source", action="append", required=True, help="own address; repeat")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--workers", type=int, default=8, help="requests at the same time")
    parser.add_argument("--upload-bytes", type=int, default=4 << 20)
    parser.add_argument("--download-sha256", required=True, help="checksum of /big")
    options = parser.parse_args()
    dialler = Dialler(options.address, options.port, options.source)
    done = run(
        dialler, options.requests, options.workers, options.upload_bytes, options.download_sha256
    )
    print(json.dumps(asdict(done)))


if __name__ == "__main__":
    main()
