"""Every order's execution: ``apply`` each record of the journal in turn, then ask.

Pure: no clock, no I/O. What it knows follows from the records alone, so it can be rebuilt from them at any time, or
from a checkpoint and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from meltica.analytics.answers import Answers
from meltica.analytics.cells import Cells, Row
from meltica.analytics.course import Course, Fill
from meltica.analytics.decisions import Asked, Decisions
from meltica.analytics.kept import Kept
from meltica.analytics.prices import Prices, prices_in
from meltica.analytics.taking import Taking
from meltica.analytics.tallies import Share, share_of
from meltica.analytics.trading_days import UtcDays
from meltica.domain.cash import InstrumentSplit
from meltica.domain.errors import InvariantError
from meltica.domain.events import DayBegan, InstrumentRegistered
from meltica.domain.execution import Outcome
from meltica.domain.groups import GROUP_ACTOR, GroupExtended, GroupOpened
from meltica.domain.inputs import Record
from meltica.domain.limits import EXTERNAL
from meltica.domain.order import Ended
from meltica.domain.order_events import (
    CancelRequested,
    HeldAmended,
    OrderAdopted,
    OrderDenied,
    OrderFilled,
    OrderHeld,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
    TradeCorrected,
)
from meltica.domain.parent_events import AlgoAmended
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.statements import PositionAdjusted
from meltica.domain.terms import Held

SETTLE_AT: Final = 32
"""Orders whose change is not in the cells yet: more would be a pause of the gateway."""

_ENDS: Final = {
    ExecType.CANCELED: Ended.CANCELED,
    ExecType.REJECTED: Ended.REJECTED,
    ExecType.EXPIRED: Ended.EXPIRED,
    ExecType.CALCULATED: Ended.CALCULATED,
}


class Executions(Answers):
    """The fold; ``Answers`` has the questions."""

    def __init__(self, kept: Kept | None = None) -> None:
        """``kept``: of a checkpoint, without its orders and groups."""
        super().__init__(kept or Kept(), Cells())
        self._touched: dict[int, Share | None] = {}
        """Orders that changed -> what of them is in the cells; None: nothing."""
        self._record: Record
        self._decisions: Decisions
        self._seen: dict[str, Prices | None] = {}
        """What the record tells of each instrument, as far as it was asked for."""
        self._time_ns = 0
        self._days = UtcDays()
        self._news: set[int] = set()
        """Orders, and the parents of slices, that this record is about."""
        self._taking: Taking | None = None
        self._apply: Final[dict[type, Callable[[Any], None]]] = {
            OrderSubmitted: self._submitted,
            OrderHeld: self._held,
            HeldAmended: self._amended,
            AlgoAmended: self._amended,
            OrderReleased: self._released,
            OrderDenied: self._denied,
            OrderAdopted: self._adopted,
            GroupOpened: self._grouped,
            GroupExtended: self._grouped,
            PositionAdjusted: self._adjusted,
            CancelRequested: self._cancel_requested,
            OrderReported: self._reported,
            OrderFilled: self._filled,
            TradeCorrected: self._corrected,
            InstrumentRegistered: self._registered,
            InstrumentSplit: self._instrument_split,
            DayBegan: self._day_began,
        }

    def apply(self, sequence: int, time_ns: int, record: Record) -> None:
        """:raises InvariantError: it is not the next record."""
        kept = self._kept
        if sequence != kept.sequence + 1:
            raise InvariantError(f"the executions are at journal entry {kept.sequence}, and were given {sequence}")
        self._record, self._time_ns, self._decisions = record, time_ns, Decisions(record)
        self._seen.clear()
        self._news.clear()
        for sight in record.sights:
            lots, value = kept.tapes.get(sight.instrument, (0, 0))
            kept.tapes[sight.instrument] = lots + sight.traded_lots, value + sight.traded_value
            self._mark(sight.instrument)
        for mark in record.input.marks:
            self._mark(mark.instrument)
        for left in record.dispatches:
            if (course := self._change(left.order_id)) is not None:
                course.stepped_ns, course.durable_ns, course.sent_ns = left.stepped_ns, left.durable_ns, left.sent_ns
        for event in record.events:
            if (change := self._apply.get(type(event))) is not None:
                change(event)
        kept.sequence = sequence
        self._note_endings()
        self._settle_many()

    def _note_endings(self) -> None:
        for order_id in sorted(self._news):
            course = self._kept.courses[order_id]
            if course.parent_id or course.denied or course.adjusts:
                continue
            if course.changed or not course.may_still_fill:
                course.changed = self._kept.sequence
                self._kept.endings.add(course.changed, order_id)

    # Events

    def _registered(self, event: InstrumentRegistered) -> None:
        self._kept.instruments[event.instrument.instrument] = event.instrument

    def _instrument_split(self, event: InstrumentSplit) -> None:
        """What the market was looked at before it says nothing of what comes."""
        self._kept.split_ns[event.instrument] = event.time_ns
        self._kept.marks.pop(event.instrument, None)
        self._seen.pop(event.instrument, None)

    def _day_began(self, event: DayBegan) -> None:
        self._kept.day = self._days.of(event.time_ns)

    def _submitted(self, event: OrderSubmitted) -> None:
        course = self._open(event, event.quantity_lots, parent_id=event.parent_id)
        course.sent, course.left_ns = True, self._time_ns
        self._arrive(course, self._decisions.behind(event))
        if (parent := self._kept.courses.get(event.parent_id)) is not None:
            self._before_change(parent)
            parent.children.append(course.order_id)  # No figure of the parent changes with that.

    def _held(self, event: OrderHeld) -> None:
        course = self._open(event, event.quantity_lots)
        course.held = True
        if event.held is Held.SLICES:
            self._arrive(course, self._decisions.behind(event))  # From now on; others begin when they are released.

    def _denied(self, event: OrderDenied) -> None:
        self._open(event, event.quantity_lots).denied = True

    def _adopted(self, event: OrderAdopted) -> None:
        course = self._open(event, event.quantity_lots)
        course.strategy = event.strategy or EXTERNAL
        course.sent = True  # At which price it arrived is not known.

    def _adjusted(self, event: PositionAdjusted) -> None:
        if (course := self._change(event.order_id)) is not None:
            course.adjusts = True

    def _grouped(self, event: GroupOpened | GroupExtended) -> None:
        if isinstance(event, GroupOpened):
            self._kept.groups[event.group_id] = []
        ids = [order_id for order_id, _ in event.members] if isinstance(event, GroupOpened) else [event.order_id]
        for order_id in ids:
            if (course := self._change(order_id)) is not None and event.group_id in self._kept.groups:
                course.group_id = event.group_id
                self._kept.groups[event.group_id].append(order_id)

    def _cancel_requested(self, event: CancelRequested) -> None:
        course = self._kept.courses.get(event.order_id)
        if course is not None and course.group_id and self._change(event.order_id) is not None:
            course.relieved = event.actor == GROUP_ACTOR

    def _amended(self, event: HeldAmended | AlgoAmended) -> None:
        if (course := self._change(event.order_id)) is not None:
            course.quantity_lots = event.quantity_lots

    def _released(self, event: OrderReleased) -> None:
        if (course := self._change(event.order_id)) is not None:
            course.held, course.sent, course.left_ns = False, True, self._time_ns
            course.quantity_lots = event.quantity_lots
            self._arrive(course)

    def _reported(self, event: OrderReported) -> None:
        course = self._change(event.order_id)
        if course is None:
            return
        if event.exec_type is ExecType.NEW:
            if not course.acknowledged_ns:
                course.acknowledged_ns, course.venue_acknowledged_ns = self._time_ns, self._venue_time_ns()
        elif event.exec_type in (ExecType.REPLACED, ExecType.RESTATED):
            course.done_for_day = False
            if event.cumulative_lots is not None:
                self._split(course, event)
            elif event.quantity_lots is not None:
                course.quantity_lots = max(event.quantity_lots, course.sums.lots)
        elif event.exec_type is ExecType.DONE_FOR_DAY:
            if not event.remainder_survives_day:
                self._end(course)
            course.done_for_day = not event.remainder_survives_day
        elif (ended := _ENDS.get(event.exec_type)) is not None:
            self._end(course)
            course.ended = ended
            course.sent = course.sent and not event.unsent

    def _split(self, course: Course, event: OrderReported) -> None:
        """Lots and prices count differently from now on: nothing that was before compares with what comes."""
        left = (event.quantity_lots or 0) - (event.cumulative_lots or 0)
        course.quantity_lots = course.sums.lots + max(left, 0)
        course.decision_half_ticks = course.arrival_half_ticks = None

    def _filled(self, event: OrderFilled) -> None:
        course = self._change(event.order_id)
        if course is None:
            return
        seen = self._prices(event.instrument)
        fill = Fill(
            execution_id=event.execution_id,
            lots=event.quantity_lots,
            price_ticks=event.price_ticks,
            fee_nanos=event.fee_nanos,
            time_ns=self._time_ns,
            venue_time_ns=self._venue_time_ns(),
            maker=event.maker,
            mid_half_ticks=None if seen is None else seen.mid_half_ticks,
            touch_ticks=None if seen is None else seen.touch_ticks(event.side),
        )
        course.fills[event.execution_id] = fill
        for each in self._upwards(course):
            each.sums.book(fill, 1)
            each.last_fill_ns = self._time_ns
            each.tape_end = self._kept.tapes.get(event.instrument, (0, 0))
            if not each.first_fill_ns:
                each.first_fill_ns, each.venue_first_fill_ns = self._time_ns, fill.venue_time_ns
        if not course.acknowledged_ns:  # A venue that trades it has it.
            course.acknowledged_ns, course.venue_acknowledged_ns = self._time_ns, fill.venue_time_ns

    def _corrected(self, event: TradeCorrected) -> None:
        course = self._change(event.order_id)
        if course is None or (found := course.fill(event.reference_execution_id)) is None:
            return
        key, fill = found
        for each in self._upwards(course):
            each.sums.book(fill, -1)
        if event.quantity_lots == 0:
            del course.fills[key]
        else:
            fill.execution_id = event.execution_id
            fill.lots, fill.price_ticks, fill.fee_nanos = event.quantity_lots, event.price_ticks, event.fee_nanos
        for each in self._upwards(course):
            if event.quantity_lots:
                each.sums.book(fill, 1)
            else:
                self._time_again(each)

    # What they have in common

    def _open(self, event: Any, quantity_lots: int, parent_id: int = 0) -> Course:
        """``event``: one that an order begins with."""
        command = self._decisions.behind(event)
        course = Course(
            order_id=event.order_id,
            account=event.account,
            strategy=event.strategy,
            instrument=event.instrument,
            side=event.side,
            quantity_lots=quantity_lots,
            received_ns=self._time_ns,
            day=self._kept.day or self._days.of(self._time_ns),  # Before a trading day began: that of the record.
            parent_id=parent_id if parent_id in self._kept.courses else 0,
        )
        if command is not None and 0 < command.decided_ns <= self._time_ns:
            course.decided_ns = command.decided_ns
        self._kept.courses[course.order_id] = course
        self._touched[course.order_id] = None
        self._news.add(course.order_id)
        return course

    def _arrive(self, course: Course, command: Asked | None = None) -> None:
        """It is ours to execute from now on."""
        course.tape_begin = course.tape_end = self._kept.tapes.get(course.instrument, (0, 0))
        if (seen := self._prices(course.instrument)) is None:
            return
        course.arrival_half_ticks = course.decision_half_ticks = seen.mark_half_ticks
        if command is not None and (command.decision_ticks or 0) > 0:
            course.decision_half_ticks = 2 * (command.decision_ticks or 0)

    def _end(self, course: Course) -> None:
        """Now, by this report. What only confirms that it was done for the day changes nothing."""
        if course.done_for_day:
            return
        if course.outcome is not Outcome.FILLED:  # One that was filled ended with its last fill.
            course.tape_end = self._kept.tapes.get(course.instrument, (0, 0))
        course.held = False
        course.ended_ns = self._time_ns
        course.end_half_ticks = self._kept.marks.get(course.instrument)

    def _mark(self, instrument: str) -> None:
        if (seen := self._prices(instrument)) is not None:
            self._kept.marks[instrument] = seen.mark_half_ticks

    def _prices(self, instrument: str) -> Prices | None:
        if instrument not in self._seen:
            self._seen[instrument] = prices_in(self._record, instrument, self._kept.split_ns.get(instrument, -1))
        return self._seen[instrument]

    def _venue_time_ns(self) -> int:
        body = self._record.input.body
        return body.venue_time_ns if isinstance(body, ExecutionReport) else 0

    def _change(self, order_id: int) -> Course | None:
        """The order, to be changed; its parents count as changed too."""
        course = self._kept.courses.get(order_id)
        if course is not None:
            for each in self._upwards(course):
                self._before_change(each)
                self._news.add(each.order_id)
                if each.order_id not in self._touched:
                    self._touched[each.order_id] = share_of(each, self._unit(each))
        return course

    def _before_change(self, course: Course) -> None:
        if self._taking is not None:
            self._taking.before_change(course.order_id)

    def _upwards(self, course: Course) -> Iterator[Course]:
        """The order, its parent, and so on."""
        yield course
        while course.parent_id:
            course = self._kept.courses[course.parent_id]
            yield course

    def _time_again(self, course: Course) -> None:
        """First and last fill after a bust."""
        fills = [fill for each in self._downwards(course) for fill in each.fills.values()]
        first = min(fills, key=lambda fill: fill.time_ns, default=None)
        course.first_fill_ns = 0 if first is None else first.time_ns
        course.venue_first_fill_ns = 0 if first is None else first.venue_time_ns
        course.last_fill_ns = max((fill.time_ns for fill in fills), default=0)

    def _downwards(self, course: Course) -> Iterator[Course]:
        yield course
        for child in course.children:
            yield from self._downwards(self._kept.courses[child])

    # Groups

    def _settle_many(self) -> None:
        if len(self._touched) >= SETTLE_AT:
            self._settle()

    def _settle(self) -> None:
        """Bring the cells up to date."""
        for order_id, before in self._touched.items():
            course = self._kept.courses[order_id]
            after = share_of(course, self._unit(course))
            self._cells.move(self._cell(course), before, after)
            if course.parent_id:
                self._slices.move(course.parent_id, before, after)
        self._touched.clear()

    # Checkpoints

    def taking(self) -> tuple[Kept, Taking, Taking]:
        """All as it is now: what is neither an order nor a group, the groups, the orders. A new one ends the last."""
        self._settle()
        self._taking = Taking(self._kept.courses)
        return msgspec.structs.replace(self._kept, courses={}), self._cells.taking(), self._taking

    def adopt_groups(self, rows: Iterable[Row]) -> None:
        """From a checkpoint."""
        self._cells.adopt(rows)

    def adopt_orders(self, courses: Iterable[Course]) -> None:
        """From a checkpoint, oldest first; their groups have them already."""
        known = {course.order_id: course for course in courses}
        self._kept.courses.update(known)
        self._slices.adopt(known.values())
