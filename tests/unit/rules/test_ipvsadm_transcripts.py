"""Every command line recorded from the real ipvsadm, played on a director in memory."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from elvs.cli.ipvsadm import execute
from tests.kit.fake_director import FakeDirector

CASES = Path(__file__).parents[2] / "oracle" / "cases" / "cli"
KERNEL_ORDER = "the kernel's hash order shows through"
NO_SYNC = "connection sync is not there yet"
DIFFERENT: dict[str, dict[int, str]] = {
    "bad_addresses": {21: KERNEL_ORDER, 22: KERNEL_ORDER},
    "daemon": dict.fromkeys(
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 18, 19, 20, 21, 23, 24, 25, 27, 32], NO_SYNC
    ),
    "fwmark": dict.fromkeys([19, 20, 27, 30], "marks above 2^31 are not printed negative"),
    "list_variants": {20: KERNEL_ORDER},
}
"""Steps that answer differently, and why."""


def steps() -> list[Any]:
    return [pytest.param(path.stem, id=path.stem) for path in sorted(CASES.glob("*.json"))]


@pytest.mark.parametrize("name", steps())
def test_transcript(name: str) -> None:
    transcript = json.loads((CASES / f"{name}.json").read_text())["transcript"]
    director = FakeDirector()
    played = 0
    unequal = {}
    for number, step in enumerate(transcript):
        if "args" not in step:
            continue
        out, err = io.StringIO(), io.StringIO()
        stdin = io.StringIO(step.get("stdin", ""))
        status = execute(step["args"].split(), lambda: director, stdin, out, err)
        got = (status, out.getvalue(), err.getvalue())
        if got != (step["rc"], step["stdout"], step["stderr"]):
            unequal[number] = got
        played += 1
    assert played
    assert set(unequal) == set(DIFFERENT.get(name, {})), unequal


def play(director: FakeDirector, args: str, stdin: str = "") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return execute(args.split(), lambda: director, io.StringIO(stdin), out, err), *(
        text.getvalue() for text in (out, err)
    )  # type: ignore[return-value]


RULES = """\
-A -t 192.0.2.1:80 -s wrr
ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5

-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 2
"""


def test_restore_then_save_gives_the_rules_back() -> None:
    director = FakeDirector()
    assert play(director, "-R", RULES) == (0, "", "")
    saved = play(director, "-S -n")[1]
    again = FakeDirector()
    assert play(again, "-R", saved) == (0, "", "")
    assert play(again, "-S -n")[1] == saved
    assert len(saved.splitlines()) == 3


def test_restore_goes_on_after_a_refusal_and_names_the_line() -> None:
    director = FakeDirector()
    status, _, err = play(director, "-R", RULES + "-A -t 192.0.2.1:80\n-A -t 192.0.2.2:80\n")
    assert status == 0, "the status is that of the last line"
    assert err == "Service already exists\nelvs-ipvsadm: line 5 was refused\n"
    assert "192.0.2.2:80" in play(director, "-Ln")[1]


def test_restore_ends_at_a_usage_error() -> None:
    director = FakeDirector()
    status, _, err = play(
        director, "-R", "-A -t 192.0.2.1:80\n-A -t nonsense\n-A -t 192.0.2.3:80\n"
    )
    assert status == 2
    assert "illegal virtual server address" in err
    assert "line 2" in err
    listed = play(director, "-Ln")[1]
    assert "192.0.2.1:80" in listed
    assert "192.0.2.3:80" not in listed
