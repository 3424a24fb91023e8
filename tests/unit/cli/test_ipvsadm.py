"""The shell of `elvs-ipvsadm`: where a director is opened, what goes to stderr, start-up."""

import io
import subprocess
import sys

from elvs.cli.ipvsadm import execute
from elvs.director.port import DirectorPort
from elvs.model.errors import PlatformError
from tests.kit.fake_director import FakeDirector
from tests.kit.ipvsadm import Answer, Listener, play

NO_ROOT = PlatformError("the data plane needs root", "run it with sudo")


def refuse() -> "DirectorPort":
    raise NO_ROOT


def without_root(*argv: str) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    status = execute(argv, refuse, io.StringIO(), out, err)  # type: ignore[arg-type]
    return Answer(status, out.getvalue(), err.getvalue())


def test_without_root() -> None:
    text = "Can't initialize ipvs: the data plane needs root; run it with sudo\n"
    assert without_root("-Ln") == Answer(2, "", text)


def test_what_needs_no_director_needs_no_root() -> None:
    assert without_root("-h").status == 0
    assert without_root("-v").out.startswith("ipvsadm v1.31 ")
    assert without_root("-A", "-t") == Answer(255, "", "-t: missing argument\n")


def test_an_empty_director_lists_its_title() -> None:
    answer = play(FakeDirector(), "-Ln")
    assert answer.status == 0
    assert len(answer.out.splitlines()) == 3


def test_warnings_go_to_stderr() -> None:
    answer = play(Listener(["no way back"]), "-A -t 192.0.2.1:80")
    assert answer == Answer(0, "", "elvs-ipvsadm: warning: no way back\n")


def test_the_sync_daemon_is_not_there() -> None:
    answer = play(FakeDirector(), "--start-daemon master --mcast-interface eth0")
    assert answer.status == 255
    assert answer.err.count("\n") == 1
    assert play(FakeDirector(), "--stop-daemon master").err == "No daemon is running\n"


def test_a_persistence_engine_is_refused() -> None:
    director = FakeDirector()
    answer = play(director, "-A -u 192.0.2.1:5060 -p --pe sip")
    assert answer == Answer(255, "", "Scheduler or persistence engine not found\n")
    assert not director.services()


def test_start_up_imports_nothing_heavy() -> None:
    heavy = (
        "argparse asyncio click dataclasses inspect ipaddress json numpy pathlib pydantic"
        " pyroute2 re socket typing"
    )
    code = (
        "import sys; before = set(sys.modules)\n"
        "import elvs.cli.ipvsadm, elvs.cli.ipvsadm_restore, elvs.rules.ipvsadm.listing\n"
        "import elvs.rules.ipvsadm.save, elvs.rules.ipvsadm.names, elvs.rules.ipvsadm.answers\n"
        f"print(*(set(sys.modules) - before) & set({heavy.split()}))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
