"""How a figure is taken: contenders in turn, the order reversed every other round, the median of the rounds.

The machine is shared, so an absolute figure swings by tens of percent; a ratio of two figures of the same round does
not. That is why each row carries ratios, and why they are medians of the rounds' ratios, not a ratio of medians.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import process_time_ns
from typing import Any, Final, NamedTuple

Row = dict[str, Any]
"""name, unit, ours, floor and peer ({name, value}, or None), ratio (ours / peer), floor_ratio (ours / floor), runs."""
Contender = Callable[[], float]

SIGNIFICANT: Final = 4
"""Digits kept: more would pretend."""


class Series(NamedTuple):
    """A contender's name and its figure of each round."""

    name: str
    values: Sequence[float]


def in_turn(contenders: Mapping[str, Contender], runs: int) -> dict[str, list[float]]:
    """Each contender's figure of each round."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(runs):
        names = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in names:
            gc.collect()  # Nobody pays for the garbage of the one before
            taken[name].append(contenders[name]())
    return taken


def row(name: str, unit: str, ours: Sequence[float], *, floor: Series | None = None, peer: Series | None = None) -> Row:
    """``ratio`` and ``floor_ratio`` are None without something to compare with."""
    return {
        "name": name,
        "unit": unit,
        "ours": rounded(median(ours)),
        "peer": _shown(peer),
        "floor": _shown(floor),
        "ratio": _ratio(ours, peer),
        "floor_ratio": _ratio(ours, floor),
        "runs": len(ours),
    }


def missing(name: str, how_to_install: str = "tools/bootstrap.sh bench") -> Row:
    """A peer that is not there: in the place of ``row``'s peer, so that the table says what to do."""
    return {"name": name, "value": None, "note": f"not installed: {how_to_install}"}


def cpu_microseconds(work: Callable[[], object], count: int) -> float:
    """Process CPU time, which another process can't take away, per one of ``count``."""
    begin = process_time_ns()
    work()
    return (process_time_ns() - begin) / 1000 / count


def rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")


def _shown(series: Series | None) -> Row | None:
    return None if series is None else {"name": series.name, "value": rounded(median(series.values))}


def _ratio(ours: Sequence[float], other: Series | None) -> float | None:
    if other is None:
        return None
    return rounded(median(mine / its for mine, its in zip(ours, other.values, strict=True)))
