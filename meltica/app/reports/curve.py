"""A value over time as inline SVG: the axis below is the clock, the one beside it fits what is shown."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from html import escape
from typing import Final

from meltica.app.reports import plots

LEFT: Final = 120
TOP, BOTTOM = 20, 250
POINTS_MOST: Final = 600
"""More than a screen can show only make the page large."""
MARKS_MOST: Final = 60
SECOND_NS: Final = 10**9
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
STEPS: Final = (
    *(1, 5, 15, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 91 * _DAY, 182 * _DAY, 365 * _DAY),
)
"""Seconds between two labels."""

Point = tuple[int, float]
"""(Unix nanoseconds, value)."""


def curve(points: Sequence[Point], ends_ns: Sequence[int], unit: str, label: str) -> str:
    """``points``: at least one, by their time. ``ends_ns``: when days ended; drawn while they can be told apart."""
    shown = thinned(points)
    begin, end = shown[0][0], max(shown[-1][0], shown[0][0] + SECOND_NS)
    right = plots.WIDTH - plots.RIGHT
    upwards = plots.axis([value for _, value in shown], BOTTOM, TOP, zero=False)
    across = plots.Axis(0, end - begin, LEFT, right, ())
    parts = []
    for tick in upwards.ticks:
        y = upwards.at(tick)
        parts += [
            plots.line((LEFT, y), (right, y), plots.FAINT if tick == 0 else plots.GRID),
            plots.text(LEFT - 8, y + 4, graded(tick, upwards.ticks), anchor="end", colour=plots.FAINT, size=11),
        ]
    for at_ns, words in moments(begin, end):
        x = across.at(at_ns - begin)
        parts.append(plots.text(x, BOTTOM + 18, words, anchor="middle", colour=plots.FAINT, size=11))
        parts.append(plots.line((x, BOTTOM), (x, BOTTOM + 4), plots.FAINT))
    inside = [at_ns for at_ns in ends_ns if begin < at_ns < end]
    if len(inside) <= MARKS_MOST:
        parts += [_day_end(across.at(at_ns - begin)) for at_ns in inside]
    path = " ".join(f"{across.at(at_ns - begin):.1f},{upwards.at(value):.1f}" for at_ns, value in shown)
    last = across.at(shown[-1][0] - begin), upwards.at(shown[-1][1])
    hint = f"<title>{escape(f'{graded(shown[-1][1], upwards.ticks)} {unit}')}</title>"
    parts += [
        f'<polyline points="{path}" fill="none" stroke="#0072B2" stroke-width="1.8" stroke-linejoin="round"/>',
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="3.5" fill="#0072B2">{hint}</circle>',
        plots.text(right + 8, TOP + 4, unit, colour=plots.FAINT, size=11),
        plots.text(LEFT - 46, BOTTOM + 18, "UTC", anchor="end", colour=plots.FAINT, size=11),
    ]
    return plots.picture(BOTTOM + 30, parts, label)


def _day_end(x: float) -> str:
    where = f'x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{BOTTOM}"'
    return f'<line {where} stroke="{plots.FAINT}" stroke-width="1" stroke-dasharray="2 4"/>'


def thinned(points: Sequence[Point], most: int = POINTS_MOST) -> list[Point]:
    """At most so many, with the first, the last, and the lowest and the highest of each stretch."""
    if len(points) <= most:
        return list(points)
    stretches = (most - 2) // 2
    inner = points[1:-1]
    found = [points[0]]
    for number in range(stretches):
        part = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        found += sorted(ends)
    return [*found, points[-1]]


def moments(begin_ns: int, end_ns: int) -> list[tuple[int, str]]:
    """Round times within, each with its words."""
    span = (end_ns - begin_ns) / SECOND_NS
    step = next((each for each in STEPS if span / each <= plots.TICKS), STEPS[-1] * math.ceil(span / STEPS[-1] / 6))
    words = "%Y-%m-%d" if step >= _DAY else "%m-%d %H:%M" if step >= _MINUTE else "%H:%M:%S"
    first, last = -(-begin_ns // (step * SECOND_NS)), end_ns // (step * SECOND_NS)
    found = [number * step for number in range(first, last + 1)]
    return [(each * SECOND_NS, dt.datetime.fromtimestamp(each, dt.UTC).strftime(words)) for each in found]


def graded(value: float, ticks: Sequence[float]) -> str:
    """With as many decimals as it takes to tell the ticks apart."""
    step = min(after - before for before, after in itertools.pairwise(ticks))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{decimals}f}"
