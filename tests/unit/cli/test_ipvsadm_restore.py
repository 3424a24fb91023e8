"""`-R`: as if line by line, in as few transactions as that allows."""

from collections.abc import Sequence

import pytest

from elvs.model.change import Change
from elvs.model.errors import ElvsError, PlatformError
from tests.kit.fake_director import FakeDirector
from tests.kit.ipvsadm import Answer, Listener, play

EXISTS = "Service already exists\n"


class Counting(FakeDirector):
    """Counts transactions and the changes in them."""

    def __init__(self) -> None:
        super().__init__()
        self.transactions = self.tried = 0

    def apply(self, changes: Sequence[Change]) -> Sequence[str]:
        self.transactions += 1
        self.tried += len(changes)
        return super().apply(changes)


def add(*numbers: int) -> str:
    return "".join(f"-A -t 192.0.{n // 250}.{n % 250}:80\n" for n in numbers)


def listed(director: FakeDirector) -> int:
    return len(play(director, "-Sn").out.splitlines())


def test_many_lines_are_one_transaction() -> None:
    director = Listener()
    assert play(director, "-R", "\n" + add(*range(1000))) == Answer(0, "", "")
    assert [len(batch) for batch in director.batches] == [1000]


def test_it_goes_on_after_a_refusal_and_names_the_line() -> None:
    director = Counting()
    answer = play(director, "-R", add(1, 2, 3, 2, 4, 5))
    assert answer == Answer(0, "", f"{EXISTS}elvs-ipvsadm: line 4 was refused\n")
    assert listed(director) == 5


def test_the_status_is_that_of_the_last_line() -> None:
    assert play(FakeDirector(), "-R", add(1, 2, 1)).status == 255
    assert play(FakeDirector(), "-R", add(1, 1) + "-Ln\n").status == 0
    assert play(FakeDirector(), "-R", add(1) + "--stop-daemon master\n").status == 255
    assert play(FakeDirector(), "-R", "-A -t\n" + add(1)).status == 0


@pytest.mark.parametrize("bad", [[0], [5000], [9999], [17, 4000, 4001, 8888]])
def test_few_refusals_cost_few_transactions(bad: list[int]) -> None:
    director = Counting()
    numbers = [0 if n in bad and n else n for n in range(10_000)]
    if bad == [0]:
        play(director, "-R", add(0))
    answer = play(director, "-R", add(*numbers))
    lines = [f"{EXISTS}elvs-ipvsadm: line {n + 1} was refused\n" for n in bad]
    assert answer.err == "".join(lines)
    assert listed(director) == 10_000 - len(bad) + (bad == [0])
    assert director.transactions < 40 * len(bad)
    assert director.tried < 20 * 10_000


def test_nothing_but_refusals() -> None:
    director = Counting()
    play(director, "-R", add(*range(500)))
    director.transactions = 0
    answer = play(director, "-R", add(*range(500)))
    assert answer.err.count(EXISTS) == 500
    assert director.transactions < 510


def test_a_usage_error_ends_it_behind_what_stands_before() -> None:
    director = FakeDirector()
    answer = play(director, "-R", add(1, 1) + "-A -t nonsense:99999\n" + add(3))
    assert answer.status == 2
    assert answer.err.splitlines() == [
        EXISTS.strip(),
        "elvs-ipvsadm: line 2 was refused",
        "illegal virtual server address[:port] specified",
        "elvs-ipvsadm: line 3 was refused",
    ]
    assert listed(director) == 1


def test_a_listing_sees_the_lines_before_it() -> None:
    answer = play(FakeDirector(), "-R", add(1) + "-Sn\n" + add(2))
    assert answer.out == "-A -t 192.0.0.1:80 -s wlc\n"


@pytest.mark.parametrize(("line", "status"), [("-h", 0), ("-L -t 1.1.1.1:1", 1), ("-R", 255)])
def test_what_ends_a_restore(line: str, status: int) -> None:
    director = FakeDirector()
    assert play(director, "-R", f"{add(1)}{line}\n{add(2)}").status == status
    assert listed(director) == 1


def test_an_engine_is_refused_in_its_place() -> None:
    director = FakeDirector()
    answer = play(director, "-R", add(1) + "-A -u 192.0.2.1:5060 -p --pe sip\n" + add(2))
    assert answer.status == 0
    assert answer.err.endswith("line 2 was refused\n")
    assert listed(director) == 2


class Broken(FakeDirector):
    def apply(self, changes: Sequence[Change]) -> Sequence[str]:
        error: ElvsError = PlatformError("the lock is out of reach", "run it with sudo")
        raise error


def test_a_fault_of_the_machine_ends_it() -> None:
    answer = play(Broken(), "-R", add(1, 2))
    assert answer.status == 2
    assert answer.err == "Can't initialize ipvs: the lock is out of reach; run it with sudo\n"
