"""What it costs to book a fill: from the journal's record to balanced entries, positions and tiers; CPU time.

Floor: plain dicts and tuples that keep balances and an average cost of the same fills (``floors/plain_books.py``). No
peer keeps a ledger as it trades, so there is none.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from bench.floors.plain_books import PlainBooks
from bench.measure import Row, Series, cpu_microseconds, in_turn, row
from meltica.domain.accounting import AccountBooks, CostMethod
from meltica.domain.cash import AccountBooksSet
from meltica.domain.commands import Wake
from meltica.domain.events import InstrumentRegistered
from meltica.domain.inputs import Input, Record
from meltica.domain.instrument import Instrument
from meltica.domain.order import Side
from meltica.domain.order_events import OrderFilled, TradeCorrected
from meltica.ledger.ledger import Ledger

FILLS: Final = 20_000
"""Booked at each size; what came before is there already."""
SIZES: Final = (1_000, 1_000_000)
FLOOR: Final = "plain Python dicts"
BTC: Final = "BTC/USDT@BINANCE"
UNIT: Final = "µs/fill"

_TRADED: Final = Instrument(
    instrument=BTC,
    handle=0,
    venue_symbol="BTCUSDT",
    quote_currency="USDT",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.00001"),
    max_price_ticks=10**9,
    max_quantity_lots=10**9,
    maker_fee_ppm=100,
    taker_fee_ppm=200,
)
_BODY: Final = Wake(request_id="", actor="system:bench")


def rows(runs: int, sizes: tuple[int, int] = SIZES, fills: int = FILLS) -> list[Row]:
    """Microseconds a fill by cost method; how they grow with the fills before; a correction of the newest fill."""
    small, large = sizes
    books = {method: _Books(method, fills) for method in CostMethod}
    plain = _Plain(fills)
    taken = in_turn({**{m.value: books[m].booked for m in CostMethod}, "floor": plain.booked}, runs)
    grown, floor = _Books(CostMethod.FIFO, fills), _Plain(fills)
    before, floor_before = grown.grow_to(small), floor.grow_to(small)
    empty_mb = _resident_mb()
    after = grown.grow_to(large)
    held_mb = _resident_mb() - empty_mb
    floor_after = floor.grow_to(large)
    found = [
        row(f"ledger: fill to balanced entries, {m.value}", UNIT, taken[m.value], floor=Series(FLOOR, taken["floor"]))
        for m in CostMethod
    ]
    name = f"ledger: cost of a fill at {large:,} to that at {small:,}"
    found.append(row(name, "ratio", [after / before], floor=Series(FLOOR, [floor_after / floor_before])))
    found.append(row(f"ledger: memory of {large:,} fills and the newest entries", "MB", [held_mb]))
    corrections = [grown.corrected() for _ in range(runs)]
    found.append(row(f"ledger: correct the newest of {large:,} fills", "ms", corrections))
    return found


def _resident_mb() -> float:
    """What this process has in memory."""
    gc.collect()
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def _records() -> Iterator[Record]:
    """A market maker's fills: both sides, a position that goes up and down, two strategies."""
    for number in itertools.count(1):
        wave = number % 64 < 32
        fill = OrderFilled(
            order_id=number,
            account="main",
            strategy="a" if number % 5 else "b",
            instrument=BTC,
            side=Side.BUY if wave else Side.SELL,
            execution_id=f"x{number}",
            quantity_lots=100 + number % 7,
            price_ticks=6_000_000 + number % 101,
            fee_nanos=(100 + number % 7) * (6_000_000 + number % 101) * 100 // 5_000,
            maker=False,
            cumulative_lots=100,
            leaves_lots=0,
            sequence=number,
            time_ns=number * 1_000_000,
        )
        yield Record(Input(fill.time_ns, _BODY), (fill,))


class _Books:
    def __init__(self, method: CostMethod, fills: int) -> None:
        self.ledger = Ledger()
        self._fills = fills
        self._records = _records()
        self._filled = 0
        self._apply(
            Record(
                Input(0, _BODY),
                (
                    InstrumentRegistered(instrument=_TRADED, actor="", time_ns=0),
                    AccountBooksSet(books=AccountBooks(account="main", method=method), actor="", time_ns=0),
                ),
            )
        )

    def _apply(self, record: Record) -> None:
        self.ledger.apply(self.ledger.tables.sequence + 1, record.input.time_ns, record)

    def booked(self) -> float:
        """The next ones."""
        return self._book(self._fills)

    def grow_to(self, size: int) -> float:
        """Until there are that many; then the cost of each of those that follow."""
        for record in itertools.islice(self._records, size - self._filled):
            self._apply(record)
        self._filled = size
        return self._book(self._fills)

    def _book(self, count: int) -> float:
        records = list(itertools.islice(self._records, count))
        self._filled += count
        first, apply = self.ledger.tables.sequence + 1, self.ledger.apply

        def work() -> None:
            for sequence, record in enumerate(records, first):
                apply(sequence, record.input.time_ns, record)

        return cpu_microseconds(work, count)

    def corrected(self) -> float:
        """Milliseconds: one more fill, and then another price for it."""
        record = next(self._records)
        self._filled += 1
        self._apply(record)
        (fill,) = record.events
        assert isinstance(fill, OrderFilled)
        correction = TradeCorrected(
            order_id=fill.order_id,
            account=fill.account,
            instrument=BTC,
            reference_execution_id=fill.execution_id,
            execution_id=f"{fill.execution_id}c",
            quantity_lots=fill.quantity_lots,
            price_ticks=fill.price_ticks + 1,
            fee_nanos=fill.fee_nanos,
            cumulative_lots=100,
            leaves_lots=0,
            time_ns=fill.time_ns,
        )
        changed = msgspec.structs.replace(record, events=(correction,))
        return cpu_microseconds(partial(self._apply, changed), 1) / 1000


class _Plain:
    def __init__(self, fills: int) -> None:
        self._fills = fills
        self.books = PlainBooks(_TRADED.value_per_tick_lot_nanos)
        self._records = _records()
        self._filled = 0

    def booked(self) -> float:
        return self._book(self._fills)

    def grow_to(self, size: int) -> float:
        for record in itertools.islice(self._records, size - self._filled):
            self.books.apply(0, 0, record)
        self._filled = size
        return self._book(self._fills)

    def _book(self, count: int) -> float:
        records = list(itertools.islice(self._records, count))
        self._filled += count
        apply = self.books.apply

        def work() -> None:
            for record in records:
                apply(1, 2, record)

        return cpu_microseconds(work, count)
