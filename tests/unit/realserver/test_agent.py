"""Up, down and check against a machine in memory: once is enough, and every step goes back."""

from dataclasses import replace
from pathlib import Path

import pytest

from elvs.model.address import Address
from elvs.model.errors import ElvsError, InvalidValue, PlatformError
from elvs.realserver.agent import Agent
from elvs.realserver.memory import Memory
from elvs.realserver.request import Request
from tests.kit.realserver import Fake, machine

DR = Request.parse("dr", ["192.0.2.9", "2001:db8::9"], [])
TUN = Request.parse("tun", ["192.0.2.9", "2001:db8::9"], [])
NAT = Request.parse("nat", ["192.0.2.9", "2001:db8::9"], ["10.0.0.1", "fd00::1"])
EVERY = [DR, TUN, NAT]
STRICT = machine(all_rp_filter=1)


class Session:
    """An agent on a machine, with what it said."""

    def __init__(self, directory: Path, system: Fake) -> None:
        self.said: list[str] = []
        self.system = system
        self.memory = Memory(directory / "1.json")
        self.agent = Agent(system, self.memory, self.said.append)

    def hear(self) -> list[str]:
        said, self.said[:] = list(self.said), []
        return said


@pytest.mark.parametrize("request_", EVERY, ids=lambda one: one.method)
@pytest.mark.parametrize("tunnels", [False, True])
def test_up_again_down(tmp_path: Path, request_: Request, tunnels: bool) -> None:
    session = Session(tmp_path, Fake(STRICT, tunnels))
    session.agent.up(request_)
    assert len(session.hear()) >= session.system.changes
    up = session.system.now
    assert all(one.ok for one in session.agent.check(None)[1])

    session.agent.up(request_)
    assert session.hear() == ["nothing to change"]
    assert session.system.now == up

    assert session.agent.down()
    assert session.system.now == STRICT
    assert not session.memory.path.exists()
    assert session.agent.down() is None


@pytest.mark.parametrize("request_", EVERY, ids=lambda one: one.method)
def test_a_refusal_leaves_nothing(tmp_path: Path, request_: Request) -> None:
    session = Session(tmp_path, Fake(STRICT))
    session.agent.up(request_)
    steps = session.system.changes
    for refused in range(steps):
        broken = Session(tmp_path / str(refused), Fake(STRICT, refuse=refused))
        with pytest.raises(PlatformError, match="the kernel refuses"):
            broken.agent.up(request_)
        assert broken.system.now == STRICT
        assert broken.memory.read() is None


class Killed(Fake):
    """Dies, as a process does, at a change; nothing that follows is carried out."""

    def _change(self, **changes: object) -> None:
        if self.changes == self.refuse:
            raise SystemExit
        super()._change(**changes)


@pytest.mark.parametrize("request_", EVERY, ids=lambda one: one.method)
def test_down_mends_what_a_killed_up_left(
    tmp_path: Path, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agent, "_back", lambda self, steps: tuple(steps))
    dead = Session(tmp_path, Killed(STRICT, refuse=2))
    with pytest.raises(SystemExit):
        dead.agent.up(request_)
    monkeypatch.undo()
    assert dead.system.now != STRICT
    next_ = Session(tmp_path, Fake(dead.system.now))
    assert next_.agent.down()
    assert next_.system.now == STRICT


def test_vips_come_one_after_the_other(tmp_path: Path) -> None:
    session = Session(tmp_path, Fake(STRICT))
    session.agent.up(Request.parse("tun", ["192.0.2.9"], []))
    session.agent.up(Request.parse("tun", ["192.0.2.10"], []))
    there = session.system.now.decapsulator
    assert there
    assert [str(vip) for vip in there.vips] == ["192.0.2.9", "192.0.2.10"]
    session.agent.down()
    assert session.system.now == STRICT


def test_what_others_changed_is_left_and_said(tmp_path: Path) -> None:
    session = Session(tmp_path, Fake(machine()))
    session.agent.up(DR)
    session.system.now = replace(session.system.now, all_arp_ignore=8)
    session.hear()
    session.agent.down()
    assert session.system.now.all_arp_ignore == 8
    assert session.system.now.all_arp_announce == 0
    assert (
        "left alone, changed by others since: net.ipv4.conf.all.arp_ignore: 0 -> 1"
        in session.hear()
    )


def test_what_others_undid_is_no_matter(tmp_path: Path) -> None:
    session = Session(tmp_path, Fake(machine()))
    session.agent.up(DR)
    session.system.remove_address(Address.parse("192.0.2.9"), "lo")
    assert [one.finding for one in session.agent.check(None)[1] if not one.ok] == [
        "192.0.2.9 is not on lo"
    ]
    session.agent.down()
    assert session.system.now == machine()


def test_down_that_fails_remembers_the_rest(tmp_path: Path) -> None:
    session = Session(tmp_path, Fake(machine()))
    session.agent.up(DR)
    session.system.refuse = session.system.changes
    with pytest.raises(PlatformError, match="1 changes stay"):
        session.agent.down()
    session.agent.down()
    assert session.system.now == machine()


def test_nothing_is_done_for_what_cannot_be(tmp_path: Path) -> None:
    session = Session(tmp_path, Fake(machine()))
    with pytest.raises(InvalidValue):
        session.agent.up(Request.parse("nat", ["192.0.2.9"], ["10.9.0.1"]))
    assert session.system.changes == 0
    assert session.memory.read() is None


def test_check_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ElvsError, match="no real server is set up here"):
        Session(tmp_path, Fake(machine())).agent.check(None)


def test_check_changes_nothing(tmp_path: Path) -> None:
    session = Session(tmp_path, Fake(machine()))
    _, found = session.agent.check(TUN)
    assert not all(one.ok for one in found)
    assert session.system.now == machine()
    assert all(one.mend for one in found if not one.ok)


def test_a_record_that_makes_no_sense(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "1.json")
    memory.path.write_text('{"version": 99}')
    with pytest.raises(PlatformError, match="cannot be understood"):
        memory.read()
