"""Schedules by name: how an order is spread over time, or over the market's volume.

Moments are Unix nanoseconds, shares millionths. What contradicts itself the engine says, as a refusal with the field.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict, Unpack

from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle, Schedule, ScheduleKind


class Pace(TypedDict, total=False):
    """What all schedules have in common; see ``domain.schedule.Schedule``."""

    start_ns: int
    randomise_ppm: int
    style: ChildStyle
    catch_up: CatchUp
    at_end: AtEnd


class Slicing(Pace, total=False):
    max_child_lots: int
    """No slice is larger."""


def twap(*, end_ns: int, slices: int, **how: Unpack[Slicing]) -> Schedule:
    """Equal slices at equal distances."""
    return Schedule(kind=ScheduleKind.TWAP, end_ns=end_ns, slices=slices, **how)


def vwap(*, end_ns: int, curve_ppm: tuple[int, ...], slices: int = 1, **how: Unpack[Slicing]) -> Schedule:
    """Slices that follow a curve of volume: the share of each of equally long buckets, together a million."""
    return Schedule(kind=ScheduleKind.VWAP, end_ns=end_ns, curve_ppm=curve_ppm, slices=slices, **how)


def pov(
    *, end_ns: int, rate_ppm: int, max_child_lots: int, volume_has_ours: bool = False, **how: Unpack[Pace]
) -> Schedule:
    """A share of all that trades, ours included; ``volume_has_ours``: the venue's public trades show ours as well."""
    return Schedule(
        kind=ScheduleKind.POV,
        end_ns=end_ns,
        rate_ppm=rate_ppm,
        max_child_lots=max_child_lots,
        volume_has_ours=volume_has_ours,
        **how,
    )


def shortfall(
    *,
    end_ns: int,
    slices: int,
    risk_aversion: Decimal,
    volatility: Decimal,
    temporary_impact: Decimal,
    permanent_impact: Decimal = Decimal(0),
    **how: Unpack[Slicing],
) -> Schedule:
    """The trajectory of Almgren and Chriss: the more risk costs, the earlier it is done. Units: ``Schedule``."""
    return Schedule(
        kind=ScheduleKind.SHORTFALL,
        end_ns=end_ns,
        slices=slices,
        risk_aversion=risk_aversion,
        volatility=volatility,
        temporary_impact=temporary_impact,
        permanent_impact=permanent_impact,
        **how,
    )


def iceberg(*, display_lots: int, end_ns: int = 0, **how: Unpack[Pace]) -> Schedule:
    """One slice at a time at the order's price, the next when it is filled."""
    how.setdefault("style", ChildStyle.LIMIT)
    return Schedule(kind=ScheduleKind.ICEBERG, end_ns=end_ns, max_child_lots=display_lots, **how)
