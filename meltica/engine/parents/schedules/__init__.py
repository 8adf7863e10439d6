"""What each kind of schedule wants done by when: pure functions of the plan, the time and the market's volume.

``due`` never exceeds the quantity, never falls as time and volume grow, and is all of the quantity from the last slice
on (POV: once enough has traded).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import Final

from meltica.domain.schedule import Schedule, ScheduleKind
from meltica.engine.parents.schedules import iceberg, pov, shortfall, twap, vwap
from meltica.engine.parents.schedules.plan import Plan, down, spread

__all__ = ["Plan", "child_lots", "due", "late", "moments", "next_ns", "slice_began_ns", "slice_lots"]

_POV: Final = ScheduleKind.POV
_ICEBERG: Final = ScheduleKind.ICEBERG


def _curve(quantity_lots: int, schedule: Schedule) -> tuple[int, ...]:
    match schedule.kind:
        case ScheduleKind.TWAP:
            return twap.curve(quantity_lots, schedule.slices)
        case ScheduleKind.VWAP:
            return vwap.curve(quantity_lots, schedule.curve_ppm, schedule.slices)
        case ScheduleKind.SHORTFALL:
            return shortfall.curve(quantity_lots, schedule)
    raise ValueError(schedule.kind)


def slice_lots(plan: Plan) -> tuple[int, ...]:
    """Cumulative lots due with each slice of a TWAP, VWAP or SHORTFALL.

    Randomised: each but the last is off by up to ``randomise_ppm`` of the smaller one of the two slices that it parts,
    so they stay in order.
    """
    if plan.lots is None:
        plan.lots = _slice_lots(plan)
    return plan.lots


def _slice_lots(plan: Plan) -> tuple[int, ...]:
    regular = _curve(plan.quantity_lots, plan.schedule)
    sizes = [regular[0], *(after - before for before, after in pairwise(regular))]
    off = [spread(plan, k, "size", min(sizes[k], sizes[k + 1])) for k in range(len(regular) - 1)]
    return tuple(lots + shift for lots, shift in zip(regular, [*off, 0], strict=True))


def moments(plan: Plan) -> tuple[int, ...]:
    """When each slice is due: ``start + floor(k (end - start) / n)``; randomised, each but the first up to
    ``randomise_ppm`` of the distance between two later."""
    if plan.times_ns is None:
        plan.times_ns = _moments(plan)
    return plan.times_ns


def _moments(plan: Plan) -> tuple[int, ...]:
    schedule = plan.schedule
    n = schedule.slices * (len(schedule.curve_ppm) or 1)
    length = schedule.end_ns - schedule.start_ns
    later = (down(plan, k, "time", length // n) if k else 0 for k in range(n))
    return tuple(schedule.start_ns + k * length // n + off for k, off in enumerate(later))


def due(plan: Plan, now_ns: int, market_lots: int = 0) -> int:
    """Cumulative lots that are to be done, or under way, by now."""
    if now_ns < plan.schedule.start_ns:
        return 0
    if plan.sliced:
        return slice_lots(plan)[bisect_right(moments(plan), now_ns) - 1]
    if plan.schedule.kind is _POV:
        return pov.due(plan.schedule, plan.quantity_lots, market_lots)
    return plan.quantity_lots


def late(plan: Plan, now_ns: int, market_lots: int = 0) -> int:
    """The part of ``due`` that was due before the newest slice: what it lacks is behind the schedule."""
    if not plan.sliced:
        pov_lots = due(plan, now_ns, market_lots) - plan.schedule.max_child_lots
        return max(pov_lots, 0) if plan.schedule.kind is _POV else 0
    number = bisect_right(moments(plan), now_ns) - 1
    return slice_lots(plan)[number - 1] if number > 0 else 0


def slice_began_ns(plan: Plan, now_ns: int) -> int:
    """When the newest slice was due; of a POV or an ICEBERG, the start."""
    if not plan.sliced:
        return plan.schedule.start_ns
    return moments(plan)[max(bisect_right(moments(plan), now_ns) - 1, 0)]


def next_ns(plan: Plan, now_ns: int) -> int:
    """The next moment at which the clock alone makes something due, or the end; 0: there is none."""
    schedule = plan.schedule
    if now_ns < schedule.start_ns:
        return schedule.start_ns
    if plan.sliced:
        times = moments(plan)
        if (number := bisect_right(times, now_ns)) < len(times):
            return times[number]
    return schedule.end_ns if now_ns < schedule.end_ns else 0


def child_lots(plan: Plan, number: int) -> int:
    """How large child ``number`` is to be, were there enough due; 0: as large as is due."""
    size = plan.schedule.max_child_lots
    if plan.sliced:
        return size
    if plan.schedule.kind is _ICEBERG:
        return iceberg.shown(plan, number)
    return max(size - down(plan, number, "size", size), 1)
