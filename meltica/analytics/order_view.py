"""One order's execution as others read it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from meltica.analytics.counts import Counts
from meltica.analytics.course import Course
from meltica.analytics.shortfall import shortfall_of
from meltica.analytics.tallies import Tally, share_of
from meltica.domain.execution import OrderExecution, Outcome
from meltica.domain.instrument import Instrument


def shown(course: Course, instrument: Instrument, slices: Mapping[int, Counts]) -> OrderExecution:
    """``slices``: how long those of a parent took, by the stage's place in STAGES."""
    unit = instrument.value_per_tick_lot_nanos
    market_lots = course.tape_end[0] - course.tape_begin[0]
    return OrderExecution(
        order_id=course.order_id,
        parent_id=course.parent_id,
        group_id=course.group_id,
        children=tuple(course.children),
        account=course.account,
        strategy=course.strategy,
        instrument=instrument,
        side=course.side,
        outcome=course.outcome,
        day=course.day,
        quantity_lots=course.quantity_lots,
        filled_lots=course.sums.lots,
        traded_value=course.sums.value,
        decision_half_ticks=course.decision_half_ticks,
        arrival_half_ticks=course.arrival_half_ticks,
        end_half_ticks=course.end_half_ticks,
        market_lots=market_lots,
        market_value=course.tape_end[1] - course.tape_begin[1],
        shortfall=shortfall_of(course, unit),
        summary=alone(course, unit, slices).summary(str(course.order_id), instrument.quote_currency),
        decided_ns=course.decided_ns,
        received_ns=course.received_ns,
        released_ns=course.left_ns if course.left_ns > course.received_ns else 0,
        stepped_ns=course.stepped_ns,
        durable_ns=course.durable_ns,
        sent_ns=course.sent_ns,
        acknowledged_ns=course.acknowledged_ns,
        venue_acknowledged_ns=course.venue_acknowledged_ns,
        first_fill_ns=course.first_fill_ns,
        venue_first_fill_ns=course.venue_first_fill_ns,
        last_fill_ns=course.last_fill_ns,
        ended_ns=course.last_fill_ns if course.outcome is Outcome.FILLED else course.ended_ns,
    )


def alone(course: Course, unit: int, slices: Mapping[int, Counts]) -> Tally:
    """As if it were nobody's slice. The stages that a parent has not itself are those of its slices."""
    found = Tally()
    found.add(share_of(msgspec.structs.replace(course, parent_id=0) if course.parent_id else course, unit), 1)
    for place, counts in slices.items():
        if place not in found.counts:
            found.counts[place] = counts
    return found
