"""Every verdict has its words."""

from elvs.dataplane.layout import Verdict
from elvs.dataplane.verdicts import WORDS


def test_no_verdict_is_without_words() -> None:
    assert set(WORDS) == set(Verdict)


def test_the_words_keep_to_the_class() -> None:
    for verdict, words in WORDS.items():
        if verdict.name.startswith("PASS_"):
            assert words.startswith("to the kernel: ")
        if verdict.name.startswith("DROP_"):
            assert words.startswith("dropped: ")
