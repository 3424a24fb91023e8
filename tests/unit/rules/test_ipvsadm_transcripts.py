"""Every command line recorded from the real ipvsadm on a real IPVS, played on a fake director.

The recorded help text is left out of the copies: it is a GPL program's text, and ours differs.
"""

import json
from pathlib import Path

import pytest

from tests.kit.fake_director import FakeDirector
from tests.kit.ipvsadm import hosts, play

CASES = Path(__file__).parents[2] / "oracle" / "cases" / "cli"
KERNEL_ORDER = "the kernel's hash order shows through"
NO_SYNC = "there is no sync daemon yet"
MARK = "marks above 2147483647 are printed as they were given, not negative"
DIFFERENT: dict[str, dict[int, str]] = {
    "bad_addresses": dict.fromkeys([21, 22], KERNEL_ORDER),
    "daemon": dict.fromkeys([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 19, 20, 21, 25], NO_SYNC),
    "fwmark": dict.fromkeys([19, 20, 27, 30], MARK),
    "list_variants": {20: KERNEL_ORDER},
}
"""Steps that answer differently, and why."""


@pytest.mark.parametrize("path", sorted(CASES.glob("*.json")), ids=lambda path: path.stem)
def test_transcript(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts(monkeypatch)
    director = FakeDirector()
    unequal = {}
    for number, step in enumerate(json.loads(path.read_text())["transcript"]):
        answer = play(director, step["args"], step.get("stdin", ""))
        expected = (step["rc"], step.get("stdout", answer.out), step["stderr"])
        if (answer.status, answer.out, answer.err) != expected:
            unequal[number] = answer
    assert set(unequal) == set(DIFFERENT.get(path.stem, {})), unequal
