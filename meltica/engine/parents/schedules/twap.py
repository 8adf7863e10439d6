"""TWAP: after slice k of n, ``floor(Q (k + 1) / n)`` lots are due; so two slices differ by one lot at most."""

from __future__ import annotations


def curve(quantity_lots: int, slices: int) -> tuple[int, ...]:
    """Cumulative lots due with each slice; the last is all of it."""
    return tuple(quantity_lots * (number + 1) // slices for number in range(slices))
