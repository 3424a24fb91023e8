"""A library process that dies at any step of a transaction, and what the next one finds."""

import copy
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from elvs.dataplane.fake import FakeTables
from elvs.dataplane.layout import MAPS
from elvs.dataplane.port import Tables
from elvs.director import apply, changing
from elvs.director.journal import Journal, JournalDamaged
from elvs.director.ops import Op, Store
from elvs.model.address import Address
from elvs.model.change import (
    AddServer,
    AddService,
    Change,
    Clear,
    DeleteServer,
    DeleteService,
    EditServer,
    EditService,
    SetTimeouts,
    Zero,
)
from elvs.model.service import Method, Protocol, RealServer, RealServerKey, Service, ServiceKey
from tests.kit.directors import FakeSite
from tests.kit.invariants import check_tables, check_visible

WEB = ServiceKey(Protocol.TCP, Address.parse("192.0.2.1"), 80)
DNS = ServiceKey(Protocol.UDP, Address.parse("2001:db8::53"), 53)


def server(rip: str, port: int, method: Method = Method.NAT, weight: int = 1) -> RealServer:
    return RealServer(RealServerKey(Address.parse(rip), port), method, weight)


FIRST: list[Change] = [
    AddService(Service(WEB, "wrr", servers=(server("10.1.0.1", 80), server("10.1.0.2", 8080)))),
    AddService(Service(DNS, "rr", servers=(server("fd00::1", 53, Method.DR),))),
]
SECOND: dict[str, list[Change]] = {
    "add a server": [AddServer(WEB, server("10.1.0.3", 80, weight=4))],
    "edit a weight": [EditServer(WEB, server("10.1.0.1", 80, weight=7))],
    "edit a method": [EditServer(WEB, server("10.1.0.1", 80, Method.DR))],
    "delete a server": [DeleteServer(WEB, server("10.1.0.1", 80).key)],
    "swap servers": [
        DeleteServer(WEB, server("10.1.0.1", 80).key),
        AddServer(WEB, server("10.1.0.9", 80)),
        AddServer(WEB, server("10.1.0.1", 80, weight=2)),
    ],
    "change the scheduler": [EditService(Service(WEB, "lc"))],
    "replace a service": [DeleteService(DNS), AddService(Service(DNS, "wlc"))],
    "clear": [Clear()],
    "clear and rebuild": [Clear(), *FIRST],
    "zero and timeouts": [Zero(), SetTimeouts(tcp=10, udp=20)],
}


class Died(Exception):
    """The process is gone."""


def words(ops: Iterable[Op]) -> Iterator[Op]:
    """Ops torn into the single stores that a process can die between."""
    for op in ops:
        if isinstance(op, Store):
            for at in range(0, len(op.data), 8):
                yield Store(op.map, op.offset + at, op.data[at : at + 8])
        else:
            yield op


def dying(after: int) -> Callable[[Tables, Iterable[Op]], None]:
    def carry_out(tables: Tables, ops: Iterable[Op]) -> None:
        torn = list(words(ops))
        apply.carry_out(tables, torn[:after])
        if after < len(torn):
            raise Died

    return carry_out


def snapshot(tables: FakeTables) -> dict[str, object]:
    arrays = {n: bytes(tables.memory(n)) for n, spec in MAPS.items() if spec.is_memory}
    return {**arrays, "service_ids": dict(tables.items("service_ids"))}


def prepared(directory: Path) -> FakeSite:
    site = FakeSite(directory)
    site.tick(1000)
    site.director().apply(FIRST)
    site.tick(2000)
    return site


@pytest.mark.parametrize("case", list(SECOND))
def test_the_next_one_finishes_what_a_dead_one_began(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = prepared(tmp_path)
    wanted.director().apply(SECOND[case])
    after = snapshot(wanted.fake)
    shown = wanted.director().services()
    step, alive = 0, False
    while not alive:
        (directory := tmp_path / f"{step}").mkdir()
        site = prepared(directory)
        monkeypatch.setattr(changing, "carry_out", dying(step))
        try:
            site.director().apply(SECOND[case])
            alive = True
        except Died:
            assert Journal(directory).is_open()
            check_visible(site.fake)
        monkeypatch.setattr(changing, "carry_out", apply.carry_out)
        assert site.director().services() == shown
        assert snapshot(site.fake) == after
        assert not Journal(directory).is_open()
        check_tables(site.fake)
        step += 1
    assert step > 1


@pytest.mark.parametrize("case", list(SECOND))
def test_a_death_before_the_journal_is_in_place_changes_nothing(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = prepared(tmp_path)
    before = snapshot(site.fake)

    def die(fresh: str, target: str) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("os.rename", die)
        with pytest.raises(Died):
            site.director().apply(SECOND[case])
    assert snapshot(site.fake) == before
    site.director().services()
    assert snapshot(site.fake) == before


def test_finishing_may_die_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = prepared(tmp_path)
    wanted.director().apply(SECOND["swap servers"])
    (directory := tmp_path / "other").mkdir()
    site = prepared(directory)
    for step in (9, 3, 12):
        monkeypatch.setattr(changing, "carry_out", dying(step))
        with pytest.raises(Died):
            site.director().apply(SECOND["swap servers"])
    monkeypatch.setattr(changing, "carry_out", apply.carry_out)
    site.director().services()
    assert snapshot(site.fake) == snapshot(wanted.fake)


def test_what_the_dead_one_wanted_is_done_before_the_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = prepared(tmp_path)
    monkeypatch.setattr(changing, "carry_out", dying(2))
    with pytest.raises(Died):
        site.director().apply([AddServer(WEB, server("10.1.0.7", 80))])
    monkeypatch.setattr(changing, "carry_out", apply.carry_out)
    site.director().apply([AddServer(WEB, server("10.1.0.8", 80))])
    keys = [view.server.key for view in site.director().services(WEB)[0].servers]
    assert [str(key) for key in keys[:2]] == ["10.1.0.8:80", "10.1.0.7:80"]


def test_a_damaged_journal_is_not_guessed_at(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    before = copy.deepcopy(snapshot(site.fake))
    (tmp_path / "journal").write_bytes(b"elvsjnl1" + bytes(40))
    with pytest.raises(JournalDamaged, match="journal"):
        site.director().apply(SECOND["clear"])
    assert snapshot(site.fake) == before
