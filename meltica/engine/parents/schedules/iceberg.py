"""Iceberg: one slice shows at a time, ``max_child_lots`` large or up to ``randomise_ppm`` millionths off it."""

from __future__ import annotations

from meltica.engine.parents.schedules.plan import Plan, spread


def shown(plan: Plan, number: int) -> int:
    """How large slice ``number`` is, were there enough left; 1 lot at least.

    ``display + u mod (2 r + 1) - r`` with ``r = display x randomise_ppm / 1e6`` rounded down and ``u`` the draw
    ``order id:number:size`` (see ``plan.draw``).
    """
    display = plan.schedule.max_child_lots
    return max(display + spread(plan, number, "size", display), 1)
