"""POV: a share of what trades, ours included.

With ``r`` the share and ``V`` what others traded, ``own / (own + V) = r`` gives ``own = V r / (1 - r)``. Where the
public trades show ours as well, ``V`` is all of it already and ``own = V r``. Both rounded down.
"""

from __future__ import annotations

from meltica.domain.schedule import PPM, Schedule


def _rest(schedule: Schedule) -> int:
    return PPM if schedule.volume_has_ours else PPM - schedule.rate_ppm


def due(schedule: Schedule, quantity_lots: int, market_lots: int) -> int:
    return min(market_lots * schedule.rate_ppm // _rest(schedule), quantity_lots)


def volume_for(schedule: Schedule, lots: int) -> int:
    """How much must have traded for this much to be due: the least ``V`` with ``due(V) >= lots``."""
    return -(-lots * _rest(schedule) // schedule.rate_ppm)
