"""Counters in ipvsadm's columns (ipvsadm.c, print_largenum)."""

STEPS = ((10**8, 1, ""), (10**9, 10**3, "K"), (10**11, 10**6, "M"), (10**14, 10**9, "G"))


def large(value: int, exact: bool) -> str:
    """A column of nine: whole, or cut to thousands, millions and so on."""
    if exact:
        return f"{value:>{max(9, len(str(value)) + 1)}}"
    for limit, divisor, letter in STEPS:
        if value < limit:
            return f"{value // divisor}{letter}".rjust(9)
    return f"{value // 10**12}T".rjust(9)
