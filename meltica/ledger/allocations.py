"""Fills that were booked to sub-accounts: taken from the one stream, shared out to others, and given back exactly.

Nothing is traded between accounts: the executions count as the sub-accounts' own, each at its share of the value, so
those of a whole order all have its average price. Whatever is shared adds up to what there was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from meltica.domain.accounting import Share, portions
from meltica.domain.cash import AllocationReversed, FillAllocated
from meltica.domain.errors import InvariantError
from meltica.domain.order_events import TradeCorrected
from meltica.ledger.chart import What
from meltica.ledger.holding import scaled_down
from meltica.ledger.journal import Journal
from meltica.ledger.positions import Fill
from meltica.ledger.stream import Stream
from meltica.ledger.tables import AllocationTable, LedgerTables


class Allocations:
    def __init__(self, tables: LedgerTables, journal: Journal, stream: Callable[[str, str], Stream]) -> None:
        self._tables = tables
        self._journal = journal
        self._stream = stream

    def allocate(self, event: FillAllocated) -> None:
        """:raises InvariantError: an execution is not there."""
        source = self._stream(event.account, event.instrument)
        rows = [self._row(source, event.order_id, name) for name in event.executions]
        originals = [source.table.rows[row] for row in rows]
        number, reference = event.allocation_id, f"allocation {event.allocation_id}"
        self._journal.change(
            What.ALLOCATION,
            source,
            {row: emptied(fill, number) for row, fill in zip(rows, originals, strict=True)},
            reference,
        )
        share_rows = []
        for share, fill in zip(event.shares, shared(originals, event.shares, number), strict=True):
            stream = self._stream(share.account, event.instrument)
            share_rows.append(len(stream.table.rows))
            _, cost, realised = stream.append(fill)
            change = fill.value, fill.fee, cost, realised, 0
            self._journal.trade(What.ALLOCATION, stream.table, fill, change)
        self._tables.allocations[number] = AllocationTable(
            account=event.account,
            instrument=event.instrument,
            rows=rows,
            originals=originals,
            shares=event.shares,
            share_rows=share_rows,
        )

    def reverse(self, event: AllocationReversed) -> None:
        """The executions are where they were; the sub-accounts as if they had never had them."""
        gone, reference = self._tables.allocations.pop(event.allocation_id), f"allocation {event.allocation_id}"
        for share, row in zip(gone.shares, gone.share_rows, strict=True):
            stream = self._stream(share.account, gone.instrument)
            empty = emptied(stream.table.rows[row], 0)
            self._journal.change(What.ALLOCATION, stream, {row: empty}, reference)
        source = self._stream(gone.account, gone.instrument)
        self._journal.change(What.ALLOCATION, source, dict(zip(gone.rows, gone.originals, strict=True)), reference)

    def original(self, fill: Fill, row: int) -> Fill:
        """The fill as it would stand without an allocation."""
        if not fill.allocation:
            return fill
        table = self._tables.allocations[fill.allocation]
        return table.originals[table.rows.index(row)]

    def sharers(self, event: FillAllocated | AllocationReversed | TradeCorrected) -> set[str]:
        """The sub-accounts whose fills it changes too, and no search for which: of a correction all that it may."""
        if isinstance(event, FillAllocated):
            found = [event.shares]
        elif isinstance(event, AllocationReversed):
            found = [self._tables.allocations[event.allocation_id].shares]
        else:
            at = (event.account, event.instrument)
            tables = self._tables.allocations.values()
            found = [table.shares for table in tables if (table.account, table.instrument) == at]
        return {share.account for shares in found for share in shares}

    def traded_lots(self, source: Stream) -> int:
        """What the account itself traded, whatever was allocated to whom, in today's lots."""
        lots, known, splits = 0, 0, source.table.splits
        for row, fill in enumerate(source.table.rows):
            while known < len(splits) and splits[known].before_row <= row:
                lots = scaled_down(lots, splits[known].numerator, splits[known].denominator)
                known += 1
            if not fill.allocation:
                lots += fill.lots
            elif self._tables.allocations[fill.allocation].account == source.table.account:
                lots += self.original(fill, row).lots
        for split in splits[known:]:
            lots = scaled_down(lots, split.numerator, split.denominator)
        return lots

    def correct(self, source: Stream, row: int, new: Fill) -> None:
        """An allocated execution became ``new``: its shares follow, at the parts that were given."""
        number = source.table.rows[row].allocation
        table = self._tables.allocations[number]
        table.originals[table.rows.index(row)] = new
        source.table.rows[row] = emptied(new, number)  # It was empty: only its id is another one.
        fills = shared(table.originals, table.shares, number)
        for share, at, fill in zip(table.shares, table.share_rows, fills, strict=True):
            stream = self._stream(share.account, table.instrument)
            self._journal.change(What.CORRECTION, stream, {at: fill}, new.execution_id)

    def _row(self, source: Stream, order_id: int, execution_id: str) -> int:
        row = source.find(order_id, execution_id)
        if row is None:
            raise InvariantError(f"the ledger has no execution {execution_id!r} to allocate")
        return row


def emptied(fill: Fill, allocation: int) -> Fill:
    return msgspec.structs.replace(fill, lots=0, value=0, fee=0, allocation=allocation)


def shared(originals: Sequence[Fill], shares: Sequence[Share], allocation: int) -> list[Fill]:
    """A fill for each share. Lots by largest remainder of the parts, value and fees in proportion to the lots."""
    parts = [share.parts for share in shares]
    lots = portions(sum(fill.lots for fill in originals), parts)
    weights = [abs(each) for each in lots] if any(lots) else parts
    values = portions(sum(fill.value for fill in originals), weights)
    fees = portions(sum(fill.fee for fill in originals), weights)
    first = originals[0]
    name = first.execution_id if len(originals) == 1 else f"allocation {allocation}"
    return [
        msgspec.structs.replace(
            first,
            execution_id=name,
            lots=its_lots,
            value=value,
            fee=fee,
            allocation=allocation,
            first_id="",
            position=first.position or first.order_id,
        )
        for its_lots, value, fee in zip(lots, values, fees, strict=True)
    ]
