"""What a schedule is asked about, and its pseudo-random numbers."""

from __future__ import annotations

import hashlib
from typing import Final

from meltica.domain.schedule import PPM, Schedule, ScheduleKind

_SLICED: Final = (ScheduleKind.TWAP, ScheduleKind.VWAP, ScheduleKind.SHORTFALL)


class Plan:
    """One parent order; what it wants at a moment is a pure function of this and of what has traded."""

    __slots__ = ("lots", "order_id", "quantity_lots", "schedule", "sliced", "times_ns")

    def __init__(self, order_id: int, quantity_lots: int, schedule: Schedule) -> None:
        self.order_id = order_id
        self.quantity_lots = quantity_lots
        self.schedule = schedule
        self.sliced = schedule.kind in _SLICED
        """The clock alone makes something due: it has a curve."""
        self.times_ns: tuple[int, ...] | None = None
        self.lots: tuple[int, ...] | None = None
        """Its curve, computed when it is asked for first, not once for a slice: when each slice is due, and how much
        is due with it in all."""


def draw(order_id: int, number: int, what: str) -> int:
    """A number of 64 bits for a slice: the first 8 bytes, big-endian, of SHA-256 over ``order id:number:what``.

    The same on every machine and after every restart. Nobody outside knows the order's id.
    """
    return int.from_bytes(hashlib.sha256(f"{order_id}:{number}:{what}".encode()).digest()[:8])


def spread(plan: Plan, number: int, what: str, size: int) -> int:
    """Evenly from -reach to +reach, where the reach is ``size x randomise_ppm / 1e6``, rounded down."""
    reach = size * plan.schedule.randomise_ppm // PPM
    return draw(plan.order_id, number, what) % (2 * reach + 1) - reach if reach else 0


def down(plan: Plan, number: int, what: str, size: int) -> int:
    """Evenly from 0 to ``size x randomise_ppm / 1e6``, rounded down."""
    reach = size * plan.schedule.randomise_ppm // PPM
    return draw(plan.order_id, number, what) % (reach + 1) if reach else 0
