"""VWAP: what is due follows a given curve of volume; within a bucket in equal slices."""

from __future__ import annotations

from meltica.domain.schedule import PPM


def curve(quantity_lots: int, curve_ppm: tuple[int, ...], slices: int) -> tuple[int, ...]:
    """Cumulative lots due with each of the ``slices`` of each bucket, rounded down; the last is all of it."""
    before, due = 0, []
    for share in curve_ppm:
        due += [quantity_lots * (before * slices + share * (part + 1)) // (PPM * slices) for part in range(slices)]
        before += share
    return tuple(due)
