"""Counters in their columns."""

import pytest

from elvs.rules.ipvsadm.numbers import large


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "        0"),
        (99_999_999, " 99999999"),
        (100_000_000, "  100000K"),
        (999_999_999, "  999999K"),
        (1_000_000_000, "    1000M"),
        (99_999_999_999, "   99999M"),
        (100_000_000_000, "     100G"),
        (99_999_999_999_999, "   99999G"),
        (100_000_000_000_000, "     100T"),
    ],
)
def test_shortened(value: int, shown: str) -> None:
    assert large(value, exact=False) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "        0"), (12345678, " 12345678"), (123456789, " 123456789"), (10**12, f" {10**12}")],
)
def test_exact(value: int, shown: str) -> None:
    assert large(value, exact=True) == shown
