"""Which orders ended, and which changed after they had, in the order in which that happened."""

from __future__ import annotations

from bisect import bisect_right

import msgspec


class Endings(msgspec.Struct, array_like=True):
    """One row each time: ``orders[i]`` at journal entry ``sequences[i]``. Of an order's rows the last one counts."""

    sequences: list[int] = []
    orders: list[int] = []

    def add(self, sequence: int, order_id: int) -> None:
        self.sequences.append(sequence)
        self.orders.append(order_id)

    def after(self, sequence: int) -> int:
        """The first row that is newer."""
        return bisect_right(self.sequences, sequence)

    def resumes(self, row: int) -> int:
        """The journal entry after which rows from this one on are read again: none before it is told twice for
        another's sake, and none is left out."""
        if row == 0:
            return 0
        last = self.sequences[row - 1]
        whole = row == len(self.sequences) or self.sequences[row] != last
        return last if whole else last - 1
