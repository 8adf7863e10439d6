"""Implementation shortfall (Perold 1988) in whole numbers.

The paper portfolio trades all lots at the decision price, at once and for free; the shortfall is what it earns beyond
the real one. With side s (+1 BUY, -1 SELL), Q lots wanted, q filled in executions (q_i, p_i), decision price P_d,
arrival price P_a, price at the end P_n and fees F:

    paper gain = s Q (P_n - P_d)              real gain = s sum q_i (P_n - p_i) - F

    total = paper gain - real gain
          = s q (P_a - P_d)                   delay: from the decision until the order was ours to execute
          + s sum q_i (p_i - P_a)             impact: what its execution cost against the arrival price
          + s (Q - q) (P_n - P_d)             opportunity: what was wanted and not done
          + F                                 fees

As long as the order may still be filled Q is what is filled: nothing was missed yet. So it is of an order that its
group cancelled: another one has the rest. An overfill counts as wanted.
"""

from __future__ import annotations

from meltica.analytics.course import Course
from meltica.domain.execution import Cost, Outcome, Shortfall

NOTHING = Cost(0, 0)


def shortfall_of(course: Course, unit: int) -> Shortfall | None:
    """``unit``: nanos of one lot moving one tick. None: a price that it needs is not known, or it was denied."""
    outcome, decision, arrival = course.outcome, course.decision_half_ticks, course.arrival_half_ticks
    if outcome is Outcome.DENIED or decision is None or arrival is None:
        return None
    sums, sign = course.sums, course.side.sign
    nothing_missed = course.relieved or outcome in (Outcome.HELD, Outcome.WORKING)
    missed = 0 if nothing_missed else max(course.quantity_lots - sums.lots, 0)
    end = course.end_half_ticks
    if missed and end is None:
        return None
    return Shortfall(
        delay=sign * sums.lots * (arrival - decision) * unit,
        impact=sign * (2 * sums.value - sums.lots * arrival) * unit,
        opportunity=sign * missed * ((end or 0) - decision) * unit,
        fees=2 * sums.fees_nanos,
        paper=(sums.lots + missed) * decision * unit,
    )


def against_arrival(course: Course, unit: int) -> Cost:
    sums, arrival = course.sums, course.arrival_half_ticks
    if arrival is None or course.denied:
        return NOTHING
    at_arrival = sums.lots * arrival
    return Cost(course.side.sign * (2 * sums.value - at_arrival) * unit, at_arrival * unit)


def against_mid(course: Course, unit: int) -> Cost:
    """Each execution against the mid when its report came: half of the effective spread."""
    sums = course.sums
    return Cost(course.side.sign * (2 * sums.mid_paid - sums.mid_value) * unit, sums.mid_value * unit)


def against_touch(course: Course, unit: int) -> Cost:
    """Each execution against the best price of the other side at that moment; a maker's is negative."""
    sums = course.sums
    return Cost(2 * course.side.sign * (sums.touch_paid - sums.touch_value) * unit, 2 * sums.touch_value * unit)
