"""The groups: sums of a cell's orders, kept as orders change, so that no question looks at every order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from meltica.analytics.taking import Taking
from meltica.analytics.tallies import Cell, Share, Tally, together
from meltica.domain.errors import InvariantError
from meltica.domain.execution import ExecutionFilter, ExecutionSummary, GroupBy
from meltica.domain.instrument import Instrument

Row = tuple[Cell, Tally]


class Cells:
    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._numbers: dict[Cell, int] = {}
        self._taking: Taking | None = None

    def move(self, cell: Cell, before: Share | None, after: Share) -> None:
        """What an order adds to its cell has changed; ``before`` None: nothing of it was there."""
        if (number := self._numbers.get(cell)) is None:
            number = self._numbers[cell] = len(self._numbers) + 1
            self._rows[number] = cell, Tally()
        if self._taking is not None:
            self._taking.before_change(number)
        tally = self._rows[number][1]
        if before is not None:
            tally.add(before, -1)
        tally.add(after, 1)

    def summaries(
        self, by: GroupBy, chosen: ExecutionFilter, instruments: Mapping[str, Instrument]
    ) -> Sequence[ExecutionSummary]:
        if by is GroupBy.ORDER:
            raise InvariantError("orders have no bound: ask for pages of them")
        groups: dict[tuple[str, str], list[Tally]] = {}
        for cell, tally in self._rows.values():
            if matches(cell, chosen) and not tally.empty:
                currency = instruments[cell.instrument].quote_currency
                key: str = "" if by is GroupBy.ALL else getattr(cell, by.value)
                groups.setdefault((key, currency), []).append(tally)
        return [together(tallies).summary(*group) for group, tallies in sorted(groups.items())]

    def taking(self) -> Taking:
        self._taking = Taking(self._rows)
        return self._taking

    def adopt(self, rows: Iterable[Row]) -> None:
        """From a checkpoint."""
        for cell, tally in rows:
            self._numbers[cell] = len(self._numbers) + 1
            self._rows[self._numbers[cell]] = cell, tally


def matches(cell: Cell, chosen: ExecutionFilter) -> bool:
    return (
        chosen.account in ("", cell.account)
        and chosen.strategy in ("", cell.strategy)
        and chosen.venue in ("", cell.venue)
        and chosen.instrument in ("", cell.instrument)
        and (not chosen.first_day or chosen.first_day <= cell.day)
        and (not chosen.last_day or cell.day <= chosen.last_day)
    )
