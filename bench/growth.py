"""Does an order cost more when a million have gone before? One session, from the first order to the millionth.

``python -m bench.growth`` writes docs/engine_cost.svg and prints what it shows. A point is CPU time an order, from
submit to position, over a window of 1,000 orders: engine, compiled gate and paper venue in a loop, nothing is
journaled. The floor is measured in turn with it, at the same number of orders: plain Python objects in dicts, which
also take more as there are more of them (caches, page faults, larger dicts).
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from math import log10
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench.floors.plain_orders import PlainTrading
from bench.measure import Row, Series, cpu_microseconds, row
from bench.paper_trading import PaperTrading

DECADES: Final = (1_000, 10_000, 100_000, 1_000_000)
WINDOW: Final = 1_000
POINTS_A_DECADE: Final = 8
WINDOWS_A_POINT: Final = 5
"""The median of them is the point: what else runs on the machine disturbs some."""
PICTURE: Final = Path(__file__).parents[1] / "docs" / "engine_cost.svg"
FLOOR: Final = "plain Python dicts"
AXIS: Final = "µs of CPU an order, submit to position"


class Point(NamedTuple):
    orders: int
    ours: float
    floor: float


def rows(runs: int, last: int = DECADES[-1]) -> list[Row]:
    """One session, whatever ``runs`` says: the last of its orders take as long as all the others together."""
    del runs
    points = session(last)
    found = []
    for decade in [count for count in DECADES if count <= last]:
        near = [point for point in points if point.orders >= decade][:1]
        ours, floor = [point.ours for point in near], Series(FLOOR, [point.floor for point in near])
        found.append(row(f"growth: an order after {decade:,} others", "µs/order", ours, floor=floor))
    first, end = points[0], points[-1]
    grown = Series(FLOOR, [end.floor / first.floor])
    found.append(row(f"growth: after {last:,} orders, to after 1,000", "ratio", [end.ours / first.ours], floor=grown))
    return found


def session(last: int) -> list[Point]:
    """From the thousandth order on, evenly on a logarithmic scale."""
    trading, plain, points = PaperTrading(), PlainTrading(), list[Point]()
    gc.collect()
    done = 0
    for at in _counts(last):
        trading.market_orders(at - done)
        plain.market_orders(at - done)
        ours, floor = [], []
        for _ in range(WINDOWS_A_POINT):
            ours.append(cpu_microseconds(lambda: trading.market_orders(WINDOW), WINDOW))
            floor.append(cpu_microseconds(lambda: plain.market_orders(WINDOW), WINDOW))
        done = at + WINDOWS_A_POINT * WINDOW
        points.append(Point(at, median(ours), median(floor)))
    return points


def _counts(last: int) -> list[int]:
    counts, step = [WINDOW], 10 ** (1 / POINTS_A_DECADE)
    while counts[-1] < last:
        following = max(round(counts[-1] * step), counts[-1] + (WINDOWS_A_POINT + 1) * WINDOW)
        counts.append(min(following, last))
    return counts


def picture(points: Sequence[Point]) -> str:
    """An SVG of both lines; the horizontal axis is logarithmic."""
    width, height, left, bottom = 640, 320, 56, 44
    top = max(point.ours for point in points) * 1.25
    most = max(points[-1].orders, 10 * WINDOW)

    def place(orders: int, cost: float) -> str:
        x = left + (width - left - 16) * (log10(orders) - 3) / (log10(most) - 3)
        return f"{x:.1f},{(height - bottom) * (1 - cost / top) + 8:.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for decade in [count for count in DECADES if count <= most]:
        x = place(decade, 0).split(",")[0]
        lines += [
            f'<line x1="{x}" y1="8" x2="{x}" y2="{height - bottom + 8}" stroke="#ddd"/>',
            f'<text x="{x}" y="{height - bottom + 24}" text-anchor="middle">{decade:,}</text>',
        ]
    for cost in range(0, int(top) + 1, 10 if top > 20 else 5):
        y = place(DECADES[0], cost).split(",")[1]
        lines += [
            f'<line x1="{left}" y1="{y}" x2="{width - 16}" y2="{y}" stroke="#eee"/>',
            f'<text x="{left - 6}" y="{y}" text-anchor="end" dominant-baseline="middle">{cost}</text>',
        ]
    for name, colour, costs in (
        ("the engine, with gate and paper venue", "#1f6feb", [point.ours for point in points]),
        (FLOOR, "#888", [point.floor for point in points]),
    ):
        path = " ".join(place(point.orders, cost) for point, cost in zip(points, costs, strict=True))
        above = float(place(most, costs[-1]).split(",")[1]) - 10
        lines += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<text x="{width - 20}" y="{above:.1f}" text-anchor="end" fill="{colour}">{name}</text>',
        ]
    lines += [
        f'<text x="{(width + left) / 2}" y="{height - 6}" text-anchor="middle">orders and fills before</text>',
        f'<text x="14" y="{height / 2}" text-anchor="middle" transform="rotate(-90 14 {height / 2})">{AXIS}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description="Cost of an order against their number."
    )
    parser.add_argument("--last", type=int, default=DECADES[-1], help="orders of the session")
    parser.add_argument("--to", type=Path, default=PICTURE, help="where the picture goes")
    asked = parser.parse_args()
    points = session(asked.last)
    asked.to.write_text(picture(points), "utf-8")
    for point in points:
        print(
            f"{point.orders:>9,} orders  {point.ours:6.1f} µs  "
            f"floor {point.floor:5.2f} µs  {point.ours / point.floor:5.1f}x"
        )


if __name__ == "__main__":
    main()
