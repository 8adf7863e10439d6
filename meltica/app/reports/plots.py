"""Small plots as inline SVG: no script, no font and nothing else is fetched when the page is opened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 860
LABELS: Final = 170
"""Room for the names of rows."""
RIGHT: Final = 90
ROW: Final = 34
TICKS: Final = 6
OVERLAP: Final = 6
NUMBER: Final = 60
"""Room for a value beside its bar."""
INK, FAINT, GRID = "#1b1f24", "#6a737d", "#e3e6ea"
FONT: Final = 'font-family="system-ui, Segoe UI, Helvetica, Arial, sans-serif"'


class Series(NamedTuple):
    name: str
    colour: str
    values: Sequence[float]


class Span(NamedTuple):
    """A row of ``ranges``: from its median to its 99th percentile, and the longest."""

    name: str
    note: str
    p50: float
    p99: float
    longest: float


class Axis(NamedTuple):
    """Maps values to places; ``ticks`` are round numbers within."""

    low: float
    high: float
    left: float
    right: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)


def axis(values: Sequence[float], left: float, right: float, *, zero: bool = True) -> Axis:
    """From 0, or around it, to a round number beyond the largest; without ``zero`` only around the values."""
    low, high = (min(0.0, *values, 0.0), max(0.0, *values, 0.0)) if zero else (min(values), max(values))
    if low == high:
        low, high = (0.0, 1.0) if zero else (low - 0.5, high + 0.5)
    rough = (high - low) / TICKS
    power: float = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(round(number * step, 12) for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], left, right, ticks)


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = INK, size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{escape(words)}</text>'


def line(begin: tuple[float, float], end: tuple[float, float], colour: str = GRID, width: float = 1) -> str:
    places = f'x1="{begin[0]:.1f}" y1="{begin[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {places} stroke="{colour}" stroke-width="{width}"/>'


def box(x: float, y: float, width: float, height: float, colour: str, *, title: str = "") -> str:
    hint = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">{hint}</rect>'


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004 - thousands get commas


def picture(height: float, parts: Sequence[str], label: str) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="100%" role="img" aria-label="{escape(label)}" {FONT}'
    return f'{head} xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'


def legend(series: Sequence[Series], y: float) -> list[str]:
    parts, x = [], float(LABELS)
    for each in series:
        parts += [box(x, y - 9, 11, 11, each.colour), text(x + 16, y, each.name, colour=FAINT)]
        x += 34 + 7 * len(each.name)
    return parts


def _grid(scale: Axis, top: float, bottom: float, unit: str) -> list[str]:
    parts = []
    for tick in scale.ticks:
        x = scale.at(tick)
        parts += [
            line((x, top), (x, bottom), FAINT if tick == 0 else GRID),
            text(x, bottom + 16, number(tick), anchor="middle", colour=FAINT, size=11),
        ]
    return [*parts, text(scale.right + 8, bottom + 16, unit, colour=FAINT, size=11)]


def stacked(names: Sequence[str], series: Sequence[Series], totals: Sequence[float], unit: str, label: str) -> str:
    """A bar a row: what costs is stacked to the right of 0, what gains to its left, and a mark shows the sum."""
    ends = [sum(max(s.values[row], 0) for s in series) for row in range(len(names))]
    ends += [sum(min(s.values[row], 0) for s in series) for row in range(len(names))]
    scale = axis([*ends, *totals], LABELS, WIDTH - RIGHT)
    top, bottom = 30, 30 + ROW * len(names)
    parts = [*legend([*series, Series("total", INK, ())], 14), *_grid(scale, top, bottom, unit)]
    for row, name in enumerate(names):
        y = top + ROW * row + 8
        up = down = 0.0
        for each in series:
            value = each.values[row]
            begin = up if value >= 0 else down + value
            shown = f"{name}: {each.name} {number(value)} {unit}"
            parts.append(
                box(scale.at(begin), y, abs(scale.at(value) - scale.at(0)), ROW - 16, each.colour, title=shown)
            )
            up, down = (up + value, down) if value >= 0 else (up, down + value)
        x = scale.at(totals[row])
        parts += [
            line((x, y - 4), (x, y + ROW - 12), INK, 2.5),
            text(LABELS - 10, y + 13, shortened(name), anchor="end"),
            text(scale.at(min(down, totals[row])) - 8, y + 13, number(totals[row]), anchor="end")
            if totals[row] < 0 and scale.at(min(down, totals[row])) > LABELS + NUMBER
            else text(scale.at(max(up, totals[row])) + 8, y + 13, number(totals[row])),
        ]
    return picture(bottom + 26, parts, label)


def dots(names: Sequence[str], series: Sequence[Series], unit: str, label: str) -> str:
    """Several values a row on one axis; NaN: there is none."""
    known = [value for each in series for value in each.values if not math.isnan(value)]
    scale = axis(known, LABELS, WIDTH - RIGHT)
    top, bottom = 30, 30 + ROW * len(names)
    parts = [*legend(series, 14), *_grid(scale, top, bottom, unit)]
    for row, name in enumerate(names):
        y = top + ROW * (row + 0.5)
        parts += [line((scale.left, y), (scale.right, y)), text(LABELS - 10, y + 4, shortened(name), anchor="end")]
        for place, each in enumerate(series):
            if not math.isnan(value := each.values[row]):
                off = OVERLAP * (place - (len(series) - 1) / 2)  # So that equal values are all seen.
                hint = f"<title>{escape(f'{name}: {each.name} {number(value)} {unit}')}</title>"
                where = f'cx="{scale.at(value):.1f}" cy="{y + off:.1f}"'
                parts.append(
                    f'<circle {where} r="6" fill="{each.colour}" stroke="white" stroke-width="1.5">{hint}</circle>'
                )
    return picture(bottom + 26, parts, label)


def ranges(spans: Sequence[Span], label: str) -> str:
    """Durations in nanoseconds on a logarithmic axis: a bar from the median to the 99th percentile."""
    least = min(max(span.p50, 1) for span in spans)
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(max(least * 10, *(s.longest for s in spans))))
    scale = Axis(low, high, LABELS + 40, WIDTH - RIGHT, tuple(float(power) for power in range(low, high + 1)))
    top, bottom = 30, 30 + ROW * len(spans)
    parts = [*legend([Series("median to 99th percentile", "#0072B2", ()), Series("longest", "#D55E00", ())], 14)]
    for tick in scale.ticks:
        x = scale.at(tick)
        parts += [
            line((x, top), (x, bottom)),
            text(x, bottom + 16, power_of(tick), anchor="middle", colour=FAINT, size=11),
        ]
    for row, span in enumerate(spans):
        y = top + ROW * row + 9
        begin, end, last = (scale.at(math.log10(max(ns, 1))) for ns in (span.p50, span.p99, span.longest))
        parts += [
            text(LABELS + 30, y + 12, span.name, anchor="end"),
            line((end, y + 8), (last, y + 8), "#D55E00", 1.5),
            box(begin, y, max(end - begin, 3), ROW - 18, "#0072B2", title=span.note),
            line((last, y + 2), (last, y + 14), "#D55E00", 2),
            text(last + 8, y + 12, span.note, colour=FAINT, size=11)
            if last < WIDTH - 2 * RIGHT
            else text(begin - 8, y + 12, span.note, anchor="end", colour=FAINT, size=11),
        ]
    return picture(bottom + 26, parts, label)


def power_of(tick: float) -> str:
    """10^tick nanoseconds in words."""
    units = ("ns", "us", "ms", "s", "ks", "Ms")
    unit, power = divmod(int(tick), 3)
    return f"{10**power} {units[min(unit, len(units) - 1)]}"


def bars(edges: Sequence[float], counts: Sequence[int], unit: str, label: str) -> str:
    """A histogram: ``counts[i]`` values lie between ``edges[i]`` and ``edges[i + 1]``."""
    across = Axis(edges[0], edges[-1], 60, WIDTH - RIGHT, axis([edges[0], edges[-1]], 0, 1).ticks)
    upwards = axis([float(count) for count in counts], 190, 20)
    parts = []
    for tick in upwards.ticks:
        y = upwards.at(tick)
        parts += [line((60, y), (WIDTH - RIGHT, y)), text(52, y + 4, number(tick), anchor="end", colour=FAINT, size=11)]
    for place, count in enumerate(counts):
        x, end, y = across.at(edges[place]), across.at(edges[place + 1]), upwards.at(count)
        shown = f"{number(edges[place])} to {number(edges[place + 1])} {unit}: {count}"
        parts.append(box(x + 0.5, y, max(end - x - 1, 1), 190 - y, "#0072B2", title=shown))
    for tick in across.ticks:
        if edges[0] <= tick <= edges[-1]:
            x = across.at(tick)
            parts.append(text(x, 207, number(tick), anchor="middle", colour=FAINT, size=11))
            parts += [line((x, 20), (x, 190), FAINT)] if tick == 0 else []
    return picture(216, [*parts, text(WIDTH - RIGHT + 8, 207, unit, colour=FAINT, size=11)], label)


def steps(times: Sequence[str], series: Sequence[Series], unit: str, label: str) -> str:
    """Sums as they grow, a point an order; ``times`` label the ends of the axis."""
    count = max(len(each.values) for each in series)
    upwards = axis([value for each in series for value in each.values], 210, 34)
    across = Axis(0, max(count - 1, 1), 80, WIDTH - RIGHT, ())
    parts = legend(series, 14)
    for tick in upwards.ticks:
        y = upwards.at(tick)
        parts += [
            line((80, y), (WIDTH - RIGHT, y), FAINT if tick == 0 else GRID),
            text(72, y + 4, number(tick), anchor="end", colour=FAINT, size=11),
        ]
    for each in series:
        points = " ".join(f"{across.at(at):.1f},{upwards.at(value):.1f}" for at, value in enumerate(each.values))
        width = 2.4 if each.colour == INK else 1.6
        parts.append(f'<polyline points="{points}" fill="none" stroke="{each.colour}" stroke-width="{width}"/>')
    parts += [
        text(80, 230, times[0], colour=FAINT, size=11),
        text(WIDTH - RIGHT, 230, times[-1], anchor="end", colour=FAINT, size=11),
        text(WIDTH - RIGHT + 8, 40, unit, colour=FAINT, size=11),
    ]
    return picture(240, parts, label)


def shortened(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
