"""Command lines, right and wrong, as the real ipvsadm 1.31 reads them: status, text, request."""

import json
from pathlib import Path
from typing import Any

import pytest

from elvs.model.change import (
    AddServer,
    AddService,
    Change,
    DeleteServer,
    DeleteService,
    EditServer,
    EditService,
    SetTimeouts,
    Zero,
)
from elvs.model.service import RealServerKey, ServiceKey
from tests.kit.ipvsadm import Listener, hosts, play

CASES = Path(__file__).parents[3] / "oracle" / "cases" / "usage" / "ipvsadm-1.31.json"
ROWS: list[dict[str, Any]] = json.loads(CASES.read_text())["rows"]
BRACKETS = "ipvsadm forgets the port of an IPv4 address in brackets; we refuse the brackets"
BLANK = "a form feed is blank to us, a word to ipvsadm"
DIFFERENT = {
    '["-A", "-t", "[1.2.3.4]:80", "-p"]': BRACKETS,
    '["-A", "-t", "[1.2.3.4]:80"]': BRACKETS,
    '["-R"] "\\f\\n"': BLANK,
}
"""Lines that answer differently, and why."""


def asked(change: Change) -> Any:
    """A change as the recording has it."""
    kind = type(change).__name__
    match change:
        case AddService(s) | EditService(s):
            flags = int(s.flags)
            return [kind, service(s.key), s.scheduler, flags, s.persistence_timeout, s.netmask]
        case AddServer(key, s) | EditServer(key, s):
            limits = [s.upper_threshold, s.lower_threshold]
            return [kind, service(key), server(s.key), int(s.method), s.weight, *limits]
        case DeleteServer(key, which):
            return [kind, service(key), server(which)]
        case DeleteService(key):
            return [kind, service(key)]
        case Zero(which_service):
            return [kind, service(which_service) if which_service else None]
        case SetTimeouts(tcp, tcp_fin, udp):
            return [kind, tcp, tcp_fin, udp]
    return kind


def service(key: ServiceKey) -> list[Any]:
    return [int(key.protocol), str(key.address), key.port, key.mark]


def server(key: RealServerKey) -> list[Any]:
    return [str(key.address), key.port]


def name(row: dict[str, Any]) -> str:
    text = json.dumps(row["args"])
    return f"{text} {json.dumps(row['stdin'])}" if "stdin" in row else text


def about_sync(row: dict[str, Any]) -> bool:
    return any(ask in (["start"], ["stop"]) for ask in row["asks"])


def without_line_numbers(text: str) -> str:
    lines = text.removesuffix("\n").split("\n")
    return "\n".join(line for line in lines if not line.startswith("elvs-ipvsadm: line "))


def test_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts(monkeypatch)
    unequal = {}
    for row in ROWS:
        if about_sync(row):
            continue  # there is no sync daemon yet
        director = Listener()
        answer = play(director, row["args"], row.get("stdin", ""))
        got = (
            answer.status,
            without_line_numbers(answer.err),
            [asked(change) for change in director.changes],
        )
        if got != (row["rc"], row["stderr"], row["asks"]):
            unequal[name(row)] = got
    assert set(unequal) == set(DIFFERENT), unequal
