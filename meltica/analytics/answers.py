"""What is asked of the execution figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from meltica.analytics.cells import Cells, matches
from meltica.analytics.course import Course
from meltica.analytics.kept import Kept
from meltica.analytics.order_view import alone, shown
from meltica.analytics.slices import Slices
from meltica.analytics.tallies import Cell, Tally, together
from meltica.domain.execution import ExecutionFilter, ExecutionSummary, GroupBy, OrderExecution


class Answers(ABC):
    """The questions of ``domain.execution.ExecutionBooks``."""

    def __init__(self, kept: Kept, cells: Cells) -> None:
        self._kept = kept
        self._cells = cells
        self._slices = Slices()

    @abstractmethod
    def _settle(self) -> None:
        """Bring the cells up to date."""

    @property
    def sequence(self) -> int:
        return self._kept.sequence

    def summaries(self, by: GroupBy, chosen: ExecutionFilter) -> Sequence[ExecutionSummary]:
        self._settle()
        return self._cells.summaries(by, chosen, self._kept.instruments)

    def orders(self, chosen: ExecutionFilter, after: int, limit: int) -> Sequence[OrderExecution]:
        found: list[OrderExecution] = []
        last = next(reversed(self._kept.courses), 0)
        for order_id in range(after + 1, last + 1):
            course = self._kept.courses.get(order_id)
            if course is None or course.parent_id or course.denied or course.adjusts:
                continue
            if matches(self._cell(course), chosen):
                found.append(self._shown(course))
                if len(found) >= limit:
                    break
        return found

    def order(self, order_id: int) -> OrderExecution | None:
        course = self._kept.courses.get(order_id)
        return None if course is None else self._shown(course)

    def group(self, group_id: int) -> tuple[Sequence[ExecutionSummary], Sequence[OrderExecution]] | None:
        if (found := self._kept.groups.get(group_id)) is None:
            return None
        self._settle()
        members = [self._kept.courses[order_id] for order_id in found]
        currencies: dict[str, list[Tally]] = {}
        for course in members:
            currency = self._kept.instruments[course.instrument].quote_currency
            tally = alone(course, self._unit(course), self._slices.of(course.order_id))
            currencies.setdefault(currency, []).append(tally)
        rows = [together(tallies).summary(str(group_id), name) for name, tallies in sorted(currencies.items())]
        return rows, [self._shown(course) for course in members]

    def ended_after(self, sequence: int) -> int:
        return self._kept.endings.after(sequence)

    def ended(self, row: int, chosen: ExecutionFilter, limit: int) -> tuple[Sequence[OrderExecution], int, int]:
        endings, courses = self._kept.endings, self._kept.courses
        end = min(row + limit, len(endings.orders))
        found = []
        for place in range(row, end):
            course = courses[endings.orders[place]]
            if course.changed == endings.sequences[place] and matches(self._cell(course), chosen):
                found.append(self._shown(course))
        return found, end, endings.resumes(end)

    def _shown(self, course: Course) -> OrderExecution:
        self._settle()
        return shown(course, self._kept.instruments[course.instrument], self._slices.of(course.order_id))

    def _cell(self, course: Course) -> Cell:
        venue = self._kept.instruments[course.instrument].venue
        return Cell(course.strategy, venue, course.instrument, course.account, course.day)

    def _unit(self, course: Course) -> int:
        return self._kept.instruments[course.instrument].value_per_tick_lot_nanos
