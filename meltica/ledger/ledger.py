"""The books as a fold over the journal: ``apply`` each record once, in order. No clock, no I/O, no decisions.

Balances, positions, statements and differences of fees follow from the records alone; ints throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from meltica.domain.accounting import PICOS, AccountBooks, PositionMode, rate_key
from meltica.domain.cash import (
    AccountBooksSet,
    AllocationReversed,
    CashBooked,
    CashKind,
    ConversionRateSet,
    FeeScheduleSet,
    FillAllocated,
    FundingSettled,
    InstrumentSplit,
)
from meltica.domain.commands import Revalue
from meltica.domain.errors import InvariantError
from meltica.domain.events import DayBegan, InstrumentRegistered
from meltica.domain.inputs import Record
from meltica.domain.instrument import Instrument
from meltica.domain.money import divide_half_even
from meltica.domain.order_events import OrderAdopted, OrderFilled, OrderHeld, OrderSubmitted, TradeCorrected
from meltica.domain.statements import PositionAdjusted
from meltica.ledger.allocations import Allocations
from meltica.ledger.chart import AGAINST, Book, What
from meltica.ledger.custody import Custody
from meltica.ledger.days import Days
from meltica.ledger.fees import ROUNDED_NANOS, FeeBook, FeeDifference, expected_fee
from meltica.ledger.journal import Journal, Place
from meltica.ledger.positions import Fill
from meltica.ledger.stream import Stream, StreamTable
from meltica.ledger.tables import DIFFERENCES_KEPT, LedgerTables, Linked
from meltica.ledger.worth import Worth


class Ledger:
    """One per journal. ``tables`` of a checkpoint continue where that was taken."""

    def __init__(self, tables: LedgerTables | None = None) -> None:
        self.tables = LedgerTables() if tables is None else tables
        self.worth = Worth(self.tables)
        self.days = Days(self.tables, self.worth)
        self.journal = Journal(self.tables, self.days)
        self.fees = FeeBook(self.tables.fees, self.tables.rates)
        self.custody = Custody(self.tables.custody)
        self._streams: dict[tuple[str, str], Stream] = {}
        for table in self.tables.streams.values():
            self._open(Stream(table))
        self._allocations = Allocations(self.tables, self.journal, self.stream)
        self._apply: Final[dict[type, Callable[[Any], None]]] = {
            OrderFilled: self._filled,
            TradeCorrected: self._corrected,
            OrderSubmitted: self._ordered,
            OrderHeld: self._ordered,
            OrderAdopted: self._ordered,
            InstrumentRegistered: self._registered,
            DayBegan: self._day_began,
            CashBooked: self._cash,
            ConversionRateSet: self._rate,
            AccountBooksSet: self._books,
            FeeScheduleSet: self._schedule,
            FundingSettled: self._funding,
            PositionAdjusted: self._adjusted,
            InstrumentSplit: self._split,
            FillAllocated: self._allocations.allocate,
            AllocationReversed: self._allocations.reverse,
        }

    def apply(self, sequence: int, time_ns: int, record: Record) -> None:
        """Book one journal entry.

        :raises InvariantError: it is not the next one, or it can't follow from the ones before.
        """
        tables = self.tables
        if sequence != tables.sequence + 1:
            raise InvariantError(f"journal entry {sequence} follows {tables.sequence} in the ledger")
        tables.sequence, tables.time_ns = sequence, time_ns
        marks = record.input.marks
        for mark in marks:
            if mark.price_ticks > 0 and mark.time_ns > tables.split_ns.get(mark.instrument, -1):
                tables.prices[mark.instrument] = mark.price_ticks
        for event in record.events:
            if (apply := self._apply.get(type(event))) is not None:
                apply(event)
        if type(record.input.body) is Revalue:
            for account in self.worth.holders(mark.instrument for mark in marks):
                self.days.sample(account, time_ns)

    def rebooked(self, record: Record) -> int:
        """At most how many rows ``apply`` books again: 0 for all but corrections and allocations."""
        most = 0
        for event in record.events:
            if isinstance(event, TradeCorrected | FillAllocated):
                at = (event.account, event.instrument)
            elif isinstance(event, AllocationReversed) and event.allocation_id in self.tables.allocations:
                gone = self.tables.allocations[event.allocation_id]
                at = (gone.account, gone.instrument)
            else:
                continue
            for account in (at[0], *self._allocations.sharers(event)):
                found = self._streams.get((account, at[1]))
                most = max(most, len(found.table.rows) if found is not None else 0)
        return most

    def stream(self, account: str, instrument: str) -> Stream:
        """The fills of an account in an instrument; a new one is kept as the account's books say."""
        if (found := self._streams.get((account, instrument))) is not None:
            return found
        books = self.worth.books(account)
        table = StreamTable(
            account=account,
            instrument=instrument,
            currency=self.tables.instruments[instrument].quote_currency,
            method=books.method,
            mode=books.mode,
        )
        self.tables.streams[f"{account}|{instrument}"] = table
        return self._open(Stream(table))

    def _open(self, stream: Stream) -> Stream:
        self._streams[stream.table.account, stream.table.instrument] = stream
        self.worth.add(stream)
        return stream

    # Trades

    def _filled(self, event: OrderFilled) -> None:
        account, name = event.account, event.instrument
        stream, instrument = self.stream(account, name), self.tables.instruments[name]
        lots = event.side.sign * event.quantity_lots
        value = lots * event.price_ticks * instrument.value_per_tick_lot_nanos
        fill = Fill(
            event.execution_id,
            event.order_id,
            event.strategy,
            lots,
            value,
            event.fee_nanos,
            event.time_ns,
            event.maker,
        )
        if stream.table.mode is PositionMode.HEDGING:
            linked = self.tables.linked.get(event.order_id)
            fill.position = event.order_id if linked is None else linked.position
            fill.closes = linked is not None and linked.closes
        _, cost, realised = stream.append(fill)
        self.journal.trade(What.FILL, stream.table, fill, (value, fill.fee, cost, realised, 0))
        self.custody.traded(account, instrument, lots, -value - fill.fee)
        self.days.traded(account, instrument.quote_currency, abs(value))
        stream.charge(self.fees.charge(account, instrument, fill.time_ns))
        self._judge_fee(instrument, stream, len(stream.table.rows) - 1, fill)
        self.fees.traded(account, instrument, fill.time_ns, abs(value))

    def _judge_fee(self, instrument: Instrument, stream: Stream, row: int, fill: Fill) -> None:
        """List the fee if the venue's schedule said another one when the trade was made."""
        ppm = stream.ppm(row, maker=fill.maker)
        if ppm is None or abs((expected := expected_fee(fill.value, ppm)) - fill.fee) <= ROUNDED_NANOS:
            return
        tables = self.tables
        tables.differences_found += 1
        tables.differences.append(
            FeeDifference(
                number=tables.differences_found,
                sequence=tables.sequence,
                time_ns=tables.time_ns,
                account=stream.table.account,
                strategy=fill.strategy,
                instrument=instrument.instrument,
                execution_id=fill.execution_id,
                currency=instrument.quote_currency,
                maker=fill.maker,
                ppm=ppm,
                expected=expected,
                reported=fill.fee,
            )
        )
        if len(tables.differences) > 2 * DIFFERENCES_KEPT:
            del tables.differences[:-DIFFERENCES_KEPT]

    def _corrected(self, event: TradeCorrected) -> None:
        stream, instrument = self.stream(event.account, event.instrument), self.tables.instruments[event.instrument]
        row = stream.find(event.order_id, event.reference_execution_id)
        if row is None:
            raise InvariantError(f"the ledger has no execution {event.reference_execution_id!r} to correct")
        here = stream.table.rows[row]
        old = self._allocations.original(here, row)
        lots = event.quantity_lots if old.lots > 0 else -event.quantity_lots
        new = msgspec.structs.replace(
            old,
            execution_id=event.execution_id,
            first_id=old.first_id or old.execution_id,
            lots=lots,
            value=lots * event.price_ticks * instrument.value_per_tick_lot_nanos,
            fee=event.fee_nanos,
        )
        if here.allocation:
            self._allocations.correct(stream, row, new)
        else:
            self.journal.change(What.CORRECTION, stream, {row: new}, event.execution_id)
        paid = new.value + new.fee - old.value - old.fee
        self.custody.traded(event.account, instrument, new.lots - old.lots, -paid)
        if stream.is_before_split(row):
            self.custody.restate(event.account, instrument, self._allocations.traded_lots(stream))
        tables = self.tables
        gone = (old.execution_id, event.account, event.instrument)
        tables.differences = [d for d in tables.differences if (d.execution_id, d.account, d.instrument) != gone]
        self._judge_fee(instrument, stream, row, new)
        self.fees.traded(event.account, instrument, old.time_ns, abs(new.value) - abs(old.value))

    def _adjusted(self, event: PositionAdjusted) -> None:
        """No venue charged for what persons booked: its fee is no other than the schedule's."""
        gone = (event.execution_id, event.account, event.instrument)
        kept = self.tables.differences
        self.tables.differences = [
            d for d in kept if (d.execution_id.partition("|")[0], d.account, d.instrument) != gone
        ]

    def _ordered(self, event: OrderSubmitted | OrderHeld | OrderAdopted) -> None:
        """When hedging: which position the order's fills will belong to, where that is not one of its own."""
        if self.worth.books(event.account).mode is not PositionMode.HEDGING or isinstance(event, OrderAdopted):
            return
        linked, parent = self.tables.linked, getattr(event, "parent_id", 0)
        position = event.order_id
        if parent:
            position = linked[parent].position if parent in linked else parent
        elif event.group_id:
            position = self.tables.groups.setdefault(event.group_id, event.order_id)
        if position != event.order_id or event.reduce_only:
            linked[event.order_id] = Linked(closes=event.reduce_only, position=position)

    # Facts

    def _registered(self, event: InstrumentRegistered) -> None:
        self.tables.instruments[event.instrument.instrument] = event.instrument

    def _rate(self, event: ConversionRateSet) -> None:
        self.tables.rates[rate_key(event.rate.base, event.rate.quote)] = event.rate

    def _schedule(self, event: FeeScheduleSet) -> None:
        self.fees.set(event.schedule)

    def _books(self, event: AccountBooksSet) -> None:
        tables, books = self.tables, event.books
        old = self.worth.books(books.account)
        tables.books[books.account] = books
        tables.balances.setdefault(books.account, {})
        if (old.method, old.mode) != (books.method, books.mode):
            for stream in self.worth.streams(books.account):
                stream.keep_as(books.method, books.mode)
        if old.base_currency != books.base_currency:
            self._change_base(books)

    def _change_base(self, books: AccountBooks) -> None:
        """The day's opening is told anew, at today's rates; the curve of another currency ends."""
        self.tables.equity.pop(books.account, None)
        day = self.days.day(books.account)
        opening = {
            currency: balance[Book.CASH] + balance[Book.POSITION] + day.unrealised.get(currency, 0)
            for currency, balance in day.opening.items()
        }
        day.base_opening = self.worth.in_base(books.account, opening)

    def _day_began(self, event: DayBegan) -> None:
        self.days.end(event.time_ns)

    # Money

    def _cash(self, event: CashBooked) -> None:
        what, against, sign = AGAINST[event.kind]
        nanos = sign * event.nanos
        postings = [(Book.CASH, event.currency, nanos), (against, event.currency, -nanos)]
        if event.kind is CashKind.CONVERSION:
            postings += [(Book.CASH, event.to_currency, event.to_nanos), (against, event.to_currency, -event.to_nanos)]
        self.journal.book(what, Place(event.account, event.strategy, event.instrument), event.reason, postings)
        self.custody.booked(event)
        if not event.instrument or against in (Book.CAPITAL, Book.CONVERSION):
            return
        stream = self.stream(event.account, event.instrument)
        if stream.table.currency == event.currency:
            costs = stream.costs(event.strategy)
            if against is Book.FEES:
                costs.fees -= nanos
            else:
                costs.other += nanos

    def _funding(self, event: FundingSettled) -> None:
        """Each account by its whole position; its strategies by theirs, which add up to the same: also to nothing."""
        self.custody.funded(event, self.tables.instruments[event.instrument])
        per_lot = event.mark_ticks * self.tables.instruments[event.instrument].value_per_tick_lot_nanos
        per_lot *= event.rate_picos
        for (account, name), stream in sorted(self._streams.items()):
            if name != event.instrument or not stream.holds:
                continue
            table, held = stream.table, stream.sums.lots
            nanos = -divide_half_even(held * per_lot, PICOS)
            if held:
                reference = f"rate {event.rate_picos} / {PICOS}"
                postings = [(Book.CASH, table.currency, nanos), (Book.FUNDING, table.currency, -nanos)]
                self.journal.book(What.FUNDING, Place(account, "", name), reference, postings)
            lots = told = 0
            for strategy in sorted(table.strategies):
                lots += table.strategies[strategy].sums[0]
                so_far = -divide_half_even(lots * per_lot, PICOS)
                stream.costs(strategy).funding += so_far - told
                told = so_far
            stream.costs("").funding += nanos - told

    def _split(self, event: InstrumentSplit) -> None:
        """Lots are restated, their cost stays. An entry says so, also where no money moves."""
        numerator, denominator = event.numerator, event.denominator
        self.tables.split_ns[event.instrument] = event.time_ns
        self.custody.split(event)
        for (account, name), stream in sorted(self._streams.items()):
            if name != event.instrument or not stream.table.rows:
                continue
            change = stream.split(numerator, denominator)
            currency = stream.table.currency
            postings = [(Book.POSITION, currency, change.cost), (Book.ROUNDING, currency, change.rounding)]
            reference = f"{numerator} for {denominator}: {event.reason}"
            self.journal.book(What.SPLIT, Place(account, "", name), reference, postings)
        if (price := self.tables.prices.get(event.instrument)) is not None:
            self.tables.prices[event.instrument] = divide_half_even(price * denominator, numerator)
