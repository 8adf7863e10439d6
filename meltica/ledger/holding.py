"""One position: its open lots, what they cost, and what closing some of them earned. Exact by each cost method."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain.accounting import CostMethod
from meltica.domain.money import divide_half_even

SLACK: Final = 64
"""Closed lots at the front of the table that are not worth moving the rest for."""

Lot = tuple[int, int, int]
"""(lots, cost in nanos, row of the fill that opened it); the first two signed like the position."""


class Holding(msgspec.Struct, kw_only=True):
    """Signed lots. Money in nanos of the quote currency."""

    lots: int = 0
    cost: int = 0
    realised: int = 0
    """Closed profit and loss, before fees."""
    table: list[Lot] = []
    """FIFO and LIFO: what is open, oldest first, after ``skipped`` that are closed. AVERAGE keeps none."""
    skipped: int = 0

    def open_lots(self) -> list[Lot]:
        return self.table[self.skipped :]

    def copy(self) -> Holding:
        return Holding(lots=self.lots, cost=self.cost, realised=self.realised, table=self.open_lots())

    def take(self, lots: int, value: int, row: int, method: CostMethod) -> None:
        """Book signed ``lots`` worth ``value`` (signed alike). What exceeds the position opens the other side.

        Closing takes its cost rounded half to even; the remainder stays with what is open, so that realised - cost is
        what was received less what was paid, to the nano, at all times.
        """
        if self.lots == 0 or (self.lots > 0) == (lots > 0):
            self._open(lots, value, row, method)
            return
        closing = lots if abs(lots) <= abs(self.lots) else -self.lots
        closing_value = value if closing == lots else divide_half_even(value * abs(closing), abs(lots))
        self._close(closing, closing_value, method)
        if lots != closing:
            self._open(lots - closing, value - closing_value, row, method)

    def _open(self, lots: int, value: int, row: int, method: CostMethod) -> None:
        self.lots += lots
        self.cost += value
        if method is not CostMethod.AVERAGE:
            self.table.append((lots, value, row))

    def _close(self, closing: int, value: int, method: CostMethod) -> None:
        """``closing`` has the other sign than the position and is at most all of it."""
        count = abs(closing)
        if method is CostMethod.AVERAGE:
            cost = divide_half_even(self.cost * count, abs(self.lots))
        else:
            cost = self._close_lots(count, first=method is CostMethod.FIFO)
        self.realised += -value - cost
        self.cost -= cost
        self.lots += closing

    def _close_lots(self, count: int, *, first: bool) -> int:
        """Their cost, oldest or newest first."""
        table, cost = self.table, 0
        while count:
            at = self.skipped if first else -1
            lots, lot_cost, row = table[at]
            size = abs(lots)
            if size > count:
                part = divide_half_even(lot_cost * count, size)
                table[at] = (lots - count if lots > 0 else lots + count, lot_cost - part, row)
                return cost + part
            cost += lot_cost
            count -= size
            if first:
                self.skipped += 1
            else:
                table.pop()
        if self.skipped > SLACK and 2 * self.skipped > len(table):
            del table[: self.skipped]
            self.skipped = 0
        return cost

    def split(self, numerator: int, denominator: int) -> int:
        """Restate the lots, whole lots towards 0; the cost stays. The cost of a position that nothing is left of."""
        old_lots, self.lots = self.lots, scaled_down(self.lots, numerator, denominator)
        table, self.table, self.skipped = self.open_lots(), [], 0
        old_sum, kept, cost = 0, 0, 0
        for lots, lot_cost, row in table:
            old_sum += lots
            cost += lot_cost
            new = scaled_down(old_sum, numerator, denominator) - kept
            if new:  # The cost of one that vanishes goes with the next.
                self.table.append((new, cost, row))
                kept, cost = kept + new, 0
        if cost and self.table:
            lots, lot_cost, row = self.table[-1]
            self.table[-1] = (lots, lot_cost + cost, row)
        if self.lots or not old_lots:
            return 0
        gone, self.cost = self.cost, 0
        return gone


def scaled_down(lots: int, numerator: int, denominator: int) -> int:
    size = abs(lots) * numerator // denominator
    return size if lots >= 0 else -size
