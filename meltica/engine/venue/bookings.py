"""Executions in the order in which they were booked, so that a correction books anew only what came after it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from meltica.domain.accounting import SplitMark
from meltica.domain.instrument import Instrument
from meltica.domain.order import Execution, Order
from meltica.domain.position import Position
from meltica.engine.venue.positions import split_up_to

EVERY: Final = 256
"""Executions between two remembered positions: a correction books at most so many that it would not have had to."""

_NONE: Final[dict[str, Sequence[SplitMark]]] = {}


class Bookings:
    """One account's executions in one instrument. Average cost depends on their order, so taking one back means
    booking again all that came after it.

    ``earlier``: orders with executions of before a restart, which begin with ``position``, and whose executions are
    only looked at when a correction reaches back so far.
    """

    def __init__(
        self,
        instrument: Instrument,
        position: Position,
        since: int,
        earlier: Iterable[Order] = (),
        splits: Mapping[str, Sequence[SplitMark]] = _NONE,
    ) -> None:
        """``splits``: by instrument; they grow from outside. ``position`` knows those that are there now."""
        self._instrument = instrument
        self._since = since
        """Executions with a lower sequence are those of ``earlier``."""
        self._earlier = tuple(earlier)
        self._sequences = array("q")
        self._signs = array("b")
        self._executions: list[Execution | None] = []
        """None: busted."""
        self._marks = [0]
        self._positions = [msgspec.structs.replace(position)]
        """As they were before the executions at ``_marks``."""
        self._splits = splits
        self._known = [len(self._split())]
        """How many splits they know."""

    def add(self, sign: int, execution: Execution, before: Position) -> None:
        """The newest; ``before``: the position without it. Corrections change the order's own object, and so this."""
        at = len(self._executions)
        if at - self._marks[-1] >= EVERY:
            self._mark(at, before, len(self._split()))
        self._sequences.append(execution.sequence)
        self._signs.append(sign)
        self._executions.append(execution)

    def lots_since(self, time_ns: int) -> list[int]:
        """Signed lots of what was booked at that time or later, the newest first."""
        found: list[int] = []
        for at in range(len(self._executions) - 1, -1, -1):
            if (execution := self._executions[at]) is not None:
                if execution.time_ns < time_ns:
                    break
                found.append(self._signs[at] * execution.quantity_lots)
        return found

    def money_since(self, time_ns: int) -> list[tuple[int, int]]:
        """(when, nanos that it brought) of what was booked at that time or later, the newest first."""
        unit, found = self._instrument.value_per_tick_lot_nanos, []
        for at in range(len(self._executions) - 1, -1, -1):
            if (execution := self._executions[at]) is not None:
                if execution.time_ns < time_ns:
                    break
                value = self._signs[at] * execution.quantity_lots * execution.price_ticks * unit
                found.append((execution.time_ns, -value - execution.fee_nanos))
        return found

    def corrected(self, execution: Execution, *, busted: bool) -> Position:
        """The position after this execution was corrected in place, or taken back."""
        if execution.sequence < self._since:
            self._reach_back()
        at = bisect_left(self._sequences, execution.sequence)
        if busted and at < len(self._sequences) and self._sequences[at] == execution.sequence:
            self._executions[at] = None
        known = bisect_right(self._marks, at)
        del self._marks[known:], self._positions[known:], self._known[known:]
        return self._book()

    def _reach_back(self) -> None:
        """Put the executions of before the restart in front. What was busted is not among them any more."""
        if not self._earlier:
            return
        found = [(x, order) for order in self._earlier for x in order.executions.values() if x.sequence < self._since]
        found.sort(key=lambda entry: entry[0].sequence)
        self._sequences = array("q", [x.sequence for x, _ in found]) + self._sequences
        self._signs = array("b", [order.side.sign for _, order in found]) + self._signs
        self._executions[:0] = [x for x, _ in found]
        first = self._positions[0]
        self._marks, self._positions = [0], [Position(account=first.account, instrument=first.instrument)]
        self._known = [0]
        self._earlier = ()

    def _split(self) -> Sequence[SplitMark]:
        return self._splits.get(self._instrument.instrument, ())

    def _mark(self, at: int, before: Position, known: int) -> None:
        self._marks.append(at)
        self._known.append(known)
        self._positions.append(msgspec.structs.replace(before))

    def _book(self) -> Position:
        """Book all that came after the last remembered position."""
        unit_nanos = self._instrument.value_per_tick_lot_nanos
        position, known = msgspec.structs.replace(self._positions[-1]), self._known[-1]
        splits = self._split()
        for at in range(self._marks[-1], len(self._executions)):
            known = split_up_to(position, splits, known, self._sequences[at])
            if at - self._marks[-1] >= EVERY:
                self._mark(at, position, known)
            if (execution := self._executions[at]) is not None:
                signed_lots = self._signs[at] * execution.quantity_lots
                position.apply(signed_lots, execution.price_ticks, unit_nanos, execution.fee_nanos)
        split_up_to(position, splits, known, None)
        return position
