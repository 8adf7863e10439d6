"""What orders add to their group's figures, and what the groups add up to.

Each order belongs to one cell (strategy, venue, instrument, account, day). Cells hold sums alone, so a question about
groups looks at as many cells as there are, however many orders were counted in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from meltica.analytics.counts import NEVER, Counts, bucket_of
from meltica.analytics.course import Course
from meltica.analytics.shortfall import against_arrival, against_mid, against_touch, shortfall_of
from meltica.domain.execution import Cost, ExecutionSummary, Outcome, Shortfall, Stage

STAGES: Final = tuple(Stage)
NO_SHORTFALL: Final = Shortfall()


class Cell(NamedTuple):
    strategy: str
    venue: str
    instrument: str
    account: str
    day: str


class Share(NamedTuple):
    """What one order adds: counts and money as in ``ExecutionSummary``, and its durations as buckets."""

    sums: tuple[int, ...]
    buckets: tuple[int, ...]


_COUNTED: Final = (
    "orders", "denied", "sent", "rejected", "filled", "canceled", "expired", "working", "unknown", "executions",
    "traded", "fees", "maker", "told", "ordered", "done",
)  # fmt: skip
WIDTH: Final = len(_COUNTED) + 10
_NO_STAGES: Final = (NEVER,) * len(STAGES)
NOTHING: Final = Share((0,) * WIDTH, _NO_STAGES)


def share_of(course: Course, unit: int) -> Share:
    """A slice adds its way to the venue alone: the rest is its parent's."""
    if course.adjusts:
        return NOTHING
    outcome = course.outcome
    refused = outcome is Outcome.REJECTED
    buckets = buckets_of(course, outcome)
    if course.parent_id:
        return Share((0, 0, int(course.sent), int(course.sent and refused), *(0,) * (WIDTH - 4)), buckets)
    sums, arrival = course.sums, course.arrival_half_ticks
    wanted = sums.lots if course.relieved else max(course.quantity_lots, sums.lots)
    denied = outcome is Outcome.DENIED
    known = arrival is not None and not denied
    fall = shortfall_of(course, unit) or NO_SHORTFALL
    arrived, mid, touch = against_arrival(course, unit), against_mid(course, unit), against_touch(course, unit)
    counted = (
        int(not denied),
        int(denied),
        int(course.sent),
        int(course.sent and refused),
        int(outcome is Outcome.FILLED),
        int(outcome is Outcome.CANCELED),
        int(outcome is Outcome.EXPIRED),
        int(outcome in (Outcome.WORKING, Outcome.HELD)),
        int(arrival is None and not denied),
        sums.executions,
        2 * sums.value * unit,
        2 * sums.fees_nanos,
        2 * sums.maker_value * unit,
        2 * sums.told_value * unit,
        wanted * (arrival or 0) * unit if known else 0,
        arrived.base,
    )
    parts = (fall.delay, fall.impact, fall.opportunity, fall.fees, fall.paper)
    return Share((*counted, arrived.cost, mid.cost, mid.base, touch.cost, touch.base, *parts), buckets)


def buckets_of(course: Course, outcome: Outcome) -> tuple[int, ...]:
    """One for each of STAGES. A duration below 0 is none: the clocks disagree. What was denied went through none."""
    if outcome is Outcome.DENIED:
        return _NO_STAGES
    begin = course.left_ns or course.received_ns
    first, last = course.first_fill_ns, course.last_fill_ns
    ends = (
        (course.decided_ns, course.received_ns),
        (course.received_ns if course.left_ns > course.received_ns else 0, course.left_ns),
        (course.left_ns, course.stepped_ns),
        (course.stepped_ns, course.durable_ns),
        (course.durable_ns, course.sent_ns),
        (course.sent_ns, course.acknowledged_ns),
        (course.acknowledged_ns, first),
        (first, last if course.sums.executions > 1 else 0),
        (begin, first),
        (begin, last if outcome is Outcome.FILLED else 0),
        (course.decided_ns, first),
    )
    return tuple([bucket_of(end - start) if start and end >= start else NEVER for start, end in ends])


class Tally(msgspec.Struct, array_like=True):
    """The sums of a cell, of several together, or of one order."""

    sums: list[int] = msgspec.field(default_factory=lambda: [0] * WIDTH)
    counts: dict[int, Counts] = {}
    """By the stage's place in STAGES."""

    def add(self, share: Share, times: int) -> None:
        """Add it (1), or take it out (-1)."""
        sums = self.sums
        for place, value in enumerate(share.sums):
            if value:
                sums[place] += times * value
        for place, bucket in enumerate(share.buckets):
            if bucket != NEVER:
                if (counts := self.counts.get(place)) is None:
                    counts = self.counts[place] = Counts()
                counts.count(bucket, times)

    def merge(self, other: Tally) -> None:
        self.sums = [mine + its for mine, its in zip(self.sums, other.sums, strict=True)]
        for place, counts in other.counts.items():
            self.counts.setdefault(place, Counts()).merge(counts)

    @property
    def empty(self) -> bool:
        return not any(self.sums)

    def summary(self, key: str, currency: str) -> ExecutionSummary:
        counted = dict(zip(_COUNTED, self.sums, strict=False))
        arrival, mid, mid_base, touch, touch_base, *parts = self.sums[len(_COUNTED) :]
        return ExecutionSummary(
            key=key,
            currency=currency,
            **counted,
            arrival=Cost(arrival, counted["done"]),
            mid=Cost(mid, mid_base),
            touch=Cost(touch, touch_base),
            shortfall=Shortfall(*parts),
            stages=tuple(
                counts.figures(stage)
                for place, stage in enumerate(STAGES)
                if (counts := self.counts.get(place)) is not None and counts.total
            ),
        )


def together(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total
