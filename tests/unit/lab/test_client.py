"""The demo's client against a small HTTP server on the loopback."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from elvs.lab.client import Answer, Bulk, Dialler, ask, download, run, tally, upload

BIG = b"big" * 1000
SUM = hashlib.sha256(BIG).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers as a lab's real server does; spoils what `spoil` names."""

    protocol_version = "HTTP/1.1"
    kept: ClassVar[dict[str, bytes]] = {}
    spoil = ""

    def do_GET(self) -> None:
        told = json.dumps({"server": "one", "client": self.client_address[0]}).encode()
        bodies = {"/": told, "/big": BIG, **self.kept}
        body = bodies.get(self.path, b"")
        if self.path == self.spoil:
            body = body[:-1] + b"!"
        self._answer(200 if self.path in bodies else 404, body)

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"")

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("X-Server", "one")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def handler() -> type[Handler]:
    return type("Fresh", (Handler,), {"kept": {}})


@pytest.fixture
def port(handler: type[Handler]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def dialler(port: int) -> Dialler:
    return Dialler("127.0.0.1", port, ["127.0.0.2", "127.0.0.3"])


def test_requests_come_from_every_source(dialler: Dialler) -> None:
    done = run(dialler, requests=20, workers=4, size=5000, wanted=SUM)
    assert (done.requests, done.answered, done.errors) == (20, 20, {})
    assert done.servers == {"one": 20}
    assert done.clients == ("127.0.0.2", "127.0.0.3")
    assert done.client_address_seen
    assert done.upload.right and done.upload.bytes == 5000
    assert done.download.right and done.download.server == "one"


def test_no_source_pair_comes_twice(dialler: Dialler) -> None:
    plugs = [dialler.dial().sock for _ in range(4)]
    assert len({plug.getsockname() for plug in plugs}) == 4
    for plug in plugs:
        plug.close()


def test_a_spoilt_download_is_seen(dialler: Dialler, handler: type[Handler]) -> None:
    handler.spoil = "/big"
    assert not download(dialler, SUM).right


def test_an_answer_that_is_no_json_is_a_failure(dialler: Dialler, handler: type[Handler]) -> None:
    handler.spoil = "/"
    answer = ask(dialler)
    assert answer.error and answer.source.startswith("127.0.0.")


def test_nobody_there() -> None:
    dialler = Dialler("127.0.0.1", 1, ["127.0.0.1"])
    assert "refused" in ask(dialler).error
    assert "refused" in upload(dialler, 10).error
    assert not upload(dialler, 10).right


def test_a_tally_tells_whether_addresses_were_kept() -> None:
    right = Answer("10.0.0.1", "one", "10.0.0.1")
    hidden = Answer("10.0.0.1", "two", "10.9.9.9")
    lost = Answer("10.0.0.1", error="timed out")
    bulk = Bulk(1, "one", "a", "a")
    done = tally([right, hidden, lost], bulk, bulk)
    assert (done.requests, done.answered) == (3, 2)
    assert done.errors == {"timed out": 1}
    assert not done.client_address_seen
    assert tally([right, lost], bulk, bulk).client_address_seen
    assert not tally([lost], bulk, bulk).client_address_seen
