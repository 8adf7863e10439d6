"""Every order's execution: ``apply`` each record of the journal in turn, then ask.

Pure: no clock, no I/O. What it knows follows from the records alone, so it can be rebuilt from them at any time, or
from a checkpoint and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from meltica.analytics.cells import Cells, Row, matches
from meltica.analytics.course import Course, Fill
from meltica.analytics.kept import Kept
from meltica.analytics.order_view import shown
from meltica.analytics.prices import Prices, prices_in
from meltica.analytics.taking import Taking
from meltica.analytics.tallies import Cell, Share, share_of
from meltica.domain.commands import SubmitOrder, SubmitOrders
from meltica.domain.errors import InvariantError
from meltica.domain.events import DayBegan, InstrumentRegistered
from meltica.domain.execution import ExecutionFilter, ExecutionSummary, GroupBy, OrderExecution
from meltica.domain.inputs import Record
from meltica.domain.limits import EXTERNAL
from meltica.domain.order import Ended
from meltica.domain.order_events import (
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
from meltica.domain.terms import Held

SETTLE_AT: Final = 32
"""Orders whose change is not in the cells yet: more would be a pause of the gateway."""

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS

_ENDS: Final = {
    ExecType.CANCELED: Ended.CANCELED,
    ExecType.REJECTED: Ended.REJECTED,
    ExecType.EXPIRED: Ended.EXPIRED,
    ExecType.CALCULATED: Ended.CALCULATED,
}


class Executions:
    """Implements ``domain.execution.ExecutionBooks``."""

    def __init__(self, kept: Kept | None = None) -> None:
        """``kept``: of a checkpoint, without its orders and groups."""
        self._kept = kept or Kept()
        self._cells = Cells()
        self._touched: dict[int, Share | None] = {}
        """Orders that changed -> what of them is in the cells; None: nothing."""
        self._record: Record
        self._seen: dict[str, Prices | None] = {}
        """What the record tells of each instrument, as far as it was asked for."""
        self._time_ns = 0
        self._days: tuple[int, str] = (-1, "")
        self._taking: Taking | None = None
        self._apply: Final[dict[type, Callable[[Any], None]]] = {
            OrderSubmitted: self._submitted,
            OrderHeld: self._held,
            HeldAmended: self._amended,
            AlgoAmended: self._amended,
            OrderReleased: self._released,
            OrderDenied: self._denied,
            OrderAdopted: self._adopted,
            OrderReported: self._reported,
            OrderFilled: self._filled,
            TradeCorrected: self._corrected,
            InstrumentRegistered: self._registered,
            DayBegan: self._day_began,
        }

    @property
    def sequence(self) -> int:
        return self._kept.sequence

    def apply(self, sequence: int, time_ns: int, record: Record) -> None:
        """:raises InvariantError: it is not the next record."""
        kept = self._kept
        if sequence != kept.sequence + 1:
            raise InvariantError(f"the executions are at journal entry {kept.sequence}, and were given {sequence}")
        self._record, self._time_ns = record, time_ns
        self._seen.clear()
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
        self._settle_many()

    # Events

    def _registered(self, event: InstrumentRegistered) -> None:
        self._kept.instruments[event.instrument.instrument] = event.instrument

    def _day_began(self, event: DayBegan) -> None:
        self._kept.day = _utc_day(event.time_ns)

    def _submitted(self, event: OrderSubmitted) -> None:
        course = self._open(event, event.quantity_lots, parent_id=event.parent_id)
        course.sent, course.left_ns = True, self._time_ns
        self._arrive(course, self._command(event))
        if (parent := self._kept.courses.get(event.parent_id)) is not None:
            self._before_change(parent)
            parent.children.append(course.order_id)

    def _held(self, event: OrderHeld) -> None:
        course = self._open(event, event.quantity_lots)
        course.held = True
        if event.held is Held.SLICES:
            self._arrive(course, self._command(event))  # From now on; others begin when they are released.

    def _denied(self, event: OrderDenied) -> None:
        self._open(event, event.quantity_lots).denied = True

    def _adopted(self, event: OrderAdopted) -> None:
        course = self._open(event, event.quantity_lots)
        course.strategy = event.strategy or EXTERNAL
        course.sent = True  # At which price it arrived is not known.

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
            course.done_for_day = not event.remainder_survives_day
            if course.done_for_day:
                self._end(course)
        elif (ended := _ENDS.get(event.exec_type)) is not None:
            course.ended = ended
            course.sent = course.sent and not event.unsent
            self._end(course)

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
        command = self._command(event)
        course = Course(
            order_id=event.order_id,
            account=event.account,
            strategy=event.strategy,
            instrument=event.instrument,
            side=event.side,
            quantity_lots=quantity_lots,
            received_ns=self._time_ns,
            day=self._kept.day or self._today(),
            parent_id=parent_id if parent_id in self._kept.courses else 0,
        )
        if command is not None and 0 < command.decided_ns <= self._time_ns:
            course.decided_ns = command.decided_ns
        self._kept.courses[course.order_id] = course
        self._touched[course.order_id] = None
        return course

    def _command(self, event: OrderSubmitted | OrderHeld | OrderDenied | OrderAdopted) -> SubmitOrder | None:
        """What asked for the order that begins with this event; None: nobody did, or it can't be told from others."""
        body = self._record.input.body
        if isinstance(body, SubmitOrders):
            return next((each for each in body.orders if each.client_order_id == event.client_order_id), None)
        is_slice = isinstance(event, OrderSubmitted) and event.parent_id != 0
        return body if isinstance(body, SubmitOrder) and not is_slice else None

    def _arrive(self, course: Course, command: SubmitOrder | None = None) -> None:
        """It is ours to execute from now on."""
        course.tape_begin = course.tape_end = self._kept.tapes.get(course.instrument, (0, 0))
        if (seen := self._prices(course.instrument)) is None:
            return
        course.arrival_half_ticks = course.decision_half_ticks = seen.mark_half_ticks
        if command is not None and (command.decision_ticks or 0) > 0:
            course.decision_half_ticks = 2 * (command.decision_ticks or 0)

    def _end(self, course: Course) -> None:
        course.held = False
        course.ended_ns = self._time_ns
        course.end_half_ticks = self._kept.marks.get(course.instrument)
        course.tape_end = self._kept.tapes.get(course.instrument, (0, 0))

    def _mark(self, instrument: str) -> None:
        if (seen := self._prices(instrument)) is not None:
            self._kept.marks[instrument] = seen.mark_half_ticks

    def _prices(self, instrument: str) -> Prices | None:
        if instrument not in self._seen:
            self._seen[instrument] = prices_in(self._record, instrument)
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

    def _unit(self, course: Course) -> int:
        return self._kept.instruments[course.instrument].value_per_tick_lot_nanos

    def _today(self) -> str:
        """Before a trading day began: the day of the record."""
        number = self._time_ns // DAY_NS
        if self._days[0] != number:
            self._days = number, _utc_day(self._time_ns)
        return self._days[1]

    # Groups

    def _settle_many(self) -> None:
        if len(self._touched) >= SETTLE_AT:
            self._settle()

    def _settle(self) -> None:
        """Bring the cells up to date."""
        for order_id, before in self._touched.items():
            course = self._kept.courses[order_id]
            self._cells.move(self._cell(course), before, share_of(course, self._unit(course)))
        self._touched.clear()

    def _cell(self, course: Course) -> Cell:
        venue = self._kept.instruments[course.instrument].venue
        return Cell(course.strategy, venue, course.instrument, course.account, course.day)

    def summaries(self, by: GroupBy, chosen: ExecutionFilter) -> Sequence[ExecutionSummary]:
        self._settle()
        return self._cells.summaries(by, chosen, self._kept.instruments)

    # Orders

    def orders(self, chosen: ExecutionFilter, after: int, limit: int) -> Sequence[OrderExecution]:
        found: list[OrderExecution] = []
        last = next(reversed(self._kept.courses), 0)
        for order_id in range(after + 1, last + 1):
            course = self._kept.courses.get(order_id)
            if course is None or course.parent_id or course.denied:
                continue
            if matches(self._cell(course), chosen):
                found.append(shown(course, self._kept.instruments[course.instrument]))
                if len(found) >= limit:
                    break
        return found

    def order(self, order_id: int) -> OrderExecution | None:
        course = self._kept.courses.get(order_id)
        return None if course is None else shown(course, self._kept.instruments[course.instrument])

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
        self._kept.courses.update((course.order_id, course) for course in courses)


def _utc_day(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).date().isoformat()
