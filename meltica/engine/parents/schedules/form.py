"""What contradicts itself in a schedule: (reason, field, text), before anything else happens."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meltica.domain.money import INT64_MAX
from meltica.domain.schedule import PPM, AtEnd, CatchUp, ChildStyle, Schedule, ScheduleKind
from meltica.engine.parents.schedules import shortfall

Fault = tuple[str, str, str]

SLICES_MAX: Final = 1_000
"""A curve is computed in one step; and a parent of more slices is two parents."""
INTERVAL_MIN_NS: Final = 100_000_000
"""Between two slices: each is a journal entry and a message to the venue."""
LENGTH_MAX_NS: Final = 31 * 86_400_000_000_000
RANDOMISE_MAX_PPM: Final = 500_000
"""With more, a slice could come before the one in front of it."""
RATE_MAX_PPM: Final = 900_000
FACTOR_MAX: Final = Decimal(10) ** 12

_SLICED: Final = frozenset({ScheduleKind.TWAP, ScheduleKind.VWAP, ScheduleKind.SHORTFALL})
_FACTORS: Final = ("risk_aversion", "volatility", "temporary_impact", "permanent_impact")
_BELONGS: Final[tuple[tuple[str, str, frozenset[ScheduleKind]], ...]] = (
    ("slices", "slices", _SLICED),
    ("curve_ppm", "volume_curve", frozenset({ScheduleKind.VWAP})),
    ("rate_ppm", "participation_rate", frozenset({ScheduleKind.POV})),
    ("volume_has_ours", "volume_has_ours", frozenset({ScheduleKind.POV})),
    *((name, name, frozenset({ScheduleKind.SHORTFALL})) for name in _FACTORS),
)
"""(attribute, field of the API, kinds that have it)."""


def schedule_fault(schedule: Schedule, price_ticks: int | None, now_ns: int) -> Fault | None:
    """``start_ns`` is filled in already."""
    for name, field, kinds in _BELONGS:
        if getattr(schedule, name) and schedule.kind not in kinds:
            return "INVALID_SCHEDULE", f"schedule.{field}", f"a {schedule.kind.name} has no such thing"
    if (fault := _time_fault(schedule, now_ns)) is not None:
        return fault
    if not 0 <= schedule.max_child_lots <= INT64_MAX:
        return "INVALID_SCHEDULE", "schedule.max_child_quantity", "no child has so many lots"
    if schedule.max_child_lots == 0 and schedule.kind in (ScheduleKind.POV, ScheduleKind.ICEBERG):
        return "INVALID_SCHEDULE", "schedule.max_child_quantity", f"a {schedule.kind.name} needs the size of a child"
    if not 0 <= schedule.randomise_ppm <= RANDOMISE_MAX_PPM:
        return "INVALID_SCHEDULE", "schedule.randomisation", f"is 0 to {RANDOMISE_MAX_PPM / PPM}"
    return _kind_fault(schedule) or _style_fault(schedule, price_ticks)


def _time_fault(schedule: Schedule, now_ns: int) -> Fault | None:
    start, end = schedule.start_ns, schedule.end_ns
    if not 0 < start <= INT64_MAX or not 0 <= end <= INT64_MAX:
        field = "schedule.end_time" if 0 < start <= INT64_MAX else "schedule.start_time"
        return "INVALID_SCHEDULE", field, "no clock shows such a moment"
    if end == 0:
        if schedule.kind is ScheduleKind.ICEBERG:
            return None
        return "INVALID_SCHEDULE", "schedule.end_time", "is required: when the schedule ends"
    if end <= now_ns:
        return "INVALID_SCHEDULE", "schedule.end_time", "has passed already"
    if end <= start:
        return "INVALID_SCHEDULE", "schedule.end_time", "must be later than the start"
    if end - start > LENGTH_MAX_NS:
        days = LENGTH_MAX_NS // 86_400_000_000_000
        return "INVALID_SCHEDULE", "schedule.end_time", f"a schedule takes {days} days at most"
    return None


def _kind_fault(schedule: Schedule) -> Fault | None:
    if schedule.kind in _SLICED and (fault := _slices_fault(schedule)) is not None:
        return fault
    match schedule.kind:
        case ScheduleKind.POV if not 0 < schedule.rate_ppm <= RATE_MAX_PPM:
            return "INVALID_SCHEDULE", "schedule.participation_rate", f"is more than 0 and at most {RATE_MAX_PPM / PPM}"
        case ScheduleKind.SHORTFALL:
            return _factors_fault(schedule)
    return None


def _slices_fault(schedule: Schedule) -> Fault | None:
    if schedule.kind is ScheduleKind.VWAP:
        if not schedule.curve_ppm:
            return "INVALID_SCHEDULE", "schedule.volume_curve", "is required: the share of each bucket"
        if any(share < 0 for share in schedule.curve_ppm) or sum(schedule.curve_ppm) != PPM:
            return "INVALID_SCHEDULE", "schedule.volume_curve", "the shares are 0 or more, and together 1"
    slices = schedule.slices * (len(schedule.curve_ppm) or 1)
    if schedule.slices <= 0 or slices > SLICES_MAX:
        return "INVALID_SCHEDULE", "schedule.slices", f"1 to {SLICES_MAX} in all"
    if schedule.end_ns - schedule.start_ns < slices * INTERVAL_MIN_NS:
        return "INVALID_SCHEDULE", "schedule.slices", f"less than {INTERVAL_MIN_NS // 1_000_000} ms between two"
    return None


def _factors_fault(schedule: Schedule) -> Fault | None:
    for name in _FACTORS:
        if not (value := getattr(schedule, name)).is_finite() or not 0 <= value <= FACTOR_MAX:
            return "INVALID_SCHEDULE", f"schedule.{name}", f"is a decimal from 0 to {FACTOR_MAX:f}"
    if schedule.temporary_impact == 0 or shortfall.effective_impact(schedule) <= 0:
        text = "must be more than half of permanent_impact x seconds between two slices, and more than 0"
        return "INVALID_SCHEDULE", "schedule.temporary_impact", text
    return None


def _style_fault(schedule: Schedule, price_ticks: int | None) -> Fault | None:
    if schedule.style is ChildStyle.LIMIT and price_ticks is None:
        return "PRICE_REQUIRED", "price", "children that are LIMIT orders at the parent's price need one"
    if schedule.kind is ScheduleKind.ICEBERG and schedule.style is not ChildStyle.LIMIT:
        return "INVALID_SCHEDULE", "schedule.child_style", "an ICEBERG shows LIMIT orders at its price"
    if schedule.kind is ScheduleKind.ICEBERG and schedule.catch_up is not CatchUp.KEEP:
        return "INVALID_SCHEDULE", "schedule.catch_up", "a slice of an ICEBERG stays until it is filled"
    if schedule.end_ns == 0 and schedule.at_end is not AtEnd.CANCEL:
        return "INVALID_SCHEDULE", "schedule.at_end", "there is no end at which to cross"
    return None
