"""Figures as bars: `python -m bench.draw FILE.json > FILE.svg`. Plain SVG, no library.

One row a case; the bar is the median, the thin line reaches from the least to the greatest round,
a tick marks the goal.
"""

import json
import sys
from html import escape
from pathlib import Path
from typing import Any

ROW, LEFT, BARS, RIGHT, TOP = 22, 330, 420, 110, 34
MET, MISSED, PLAIN = "#2f855a", "#b7791f", "#4a5568"
"""Colours that also differ in brightness."""


def svg(document: dict[str, Any]) -> str:
    """The drawing of one bench's document; one scale for each unit."""
    cases = document["cases"]
    scale = {c["unit"]: 0.0 for c in cases}
    for c in cases:
        scale[c["unit"]] = max(scale[c["unit"]], c["value"], c["goal"] or 0, *c["rounds"])
    height = TOP + ROW * len(cases) + 12
    width = LEFT + BARS + RIGHT
    machine = document["machine"]
    caption = f"{machine['cpu']}, {machine['cpus']} CPUs, kernel {machine['kernel']}"
    rows = "".join(_row(i, c, scale[c["unit"]]) for i, c in enumerate(cases))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="8" y="18" fill="#4a5568">{escape(caption)}</text>{rows}</svg>\n'
    )


def _row(index: int, case: dict[str, Any], most: float) -> str:
    y = TOP + index * ROW

    def at(value: float) -> float:
        return round(LEFT + BARS * value / most, 1)

    colour = PLAIN if case["met"] is None else MET if case["met"] else MISSED
    low, high = min(case["rounds"]), max(case["rounds"])
    length = at(case["value"]) - LEFT
    bar = f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="14" fill="{colour}"/>'
    span = f'<path d="M{at(low)} {y + 7}H{at(high)}" stroke="black"/>'
    goal = ""
    if case["goal"] is not None:
        goal = f'<path d="M{at(case["goal"])} {y - 3}V{y + 17}" stroke="black" stroke-width="2"/>'
    name = f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(case["name"])}</text>'
    number = case["value"]
    shown = f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"
    shown += f" {case['unit'].removesuffix(' per packet')}"
    value = (
        f'<text x="{max(at(high), at(case["goal"] or 0)) + 6}" y="{y + 12}">{escape(shown)}</text>'
    )
    return name + bar + span + goal + value


if __name__ == "__main__":
    sys.stdout.write(svg(json.loads(Path(sys.argv[1]).read_text())))
