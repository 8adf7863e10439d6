"""Nasdaq TotalView-ITCH 5.0: decoded messages in, market events of chosen stocks out.

Prices are in ticks of 0.0001 dollars, as the feed has them; lots are shares; times are nanoseconds since midnight. A
feed that is joined late refers to orders that were never seen: they are counted, and their levels stay unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from meltica.domain.errors import MelticaError
from meltica.domain.instrument import Instrument
from meltica.domain.market import BookUpdate, MarketEvent
from meltica.domain.order import Side
from meltica.hot.itch import ItchBatch
from meltica.venues.nasdaq.stock_book import Message, StockBook

TICK_SIZE = Decimal("0.0001")
LOT_SIZE = Decimal(1)
VENUE = "XNAS"
MAX_LIVE_ORDERS = 8_000_000
"""Of the chosen stocks; four times what the whole market has on a busy day."""
STOCK_BYTES = 8

_COLUMNS = (
    "type",
    "timestamp_ns",
    "order_ref",
    "second_ref",
    "side",
    "shares",
    "price",
    "code",
    "locate",
    "stock",
)
_SIDES = {ord("B"): Side.BUY, ord("S"): Side.SELL}


class NasdaqError(MelticaError):
    """Theirs: a feed that can't be a day of Nasdaq."""


def stock_instrument(stock: str, handle: int) -> Instrument:
    """A stock as Nasdaq trades it: limits of the price field and of an order, fees of a usual member."""
    return Instrument(
        instrument=f"{stock}@{VENUE}",
        handle=handle,
        venue_symbol=stock,
        quote_currency="USD",
        tick_size=TICK_SIZE,
        lot_size=LOT_SIZE,
        max_price_ticks=1_999_999_900,
        max_quantity_lots=999_999,
        maker_fee_ppm=-10,
        taker_fee_ppm=30,
    )


class NasdaqSession:
    """Follows the orders of the chosen stocks and tells their books by level."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._wanted = {i.venue_symbol.encode("ascii").ljust(STOCK_BYTES): i.instrument for i in instruments}
        self._stocks = np.array(list(self._wanted), dtype=f"S{STOCK_BYTES}")
        self.books: dict[int, StockBook] = {}
        """By locate code, as soon as a message told which stock that is."""

    def receive(self, batch: ItchBatch) -> list[MarketEvent]:
        """The events of one batch, in order. The first of each stock is an empty snapshot.

        :raises NasdaqError: more live orders than any day has.
        """
        events: list[MarketEvent] = []
        rows = self._concerned(batch)
        if len(rows):
            for kind, time_ns, ref, second, side, shares, price, code, locate, stock in zip(
                *(getattr(batch, name)[rows].tolist() for name in _COLUMNS), strict=True
            ):
                book = self.books.get(locate) or self._open(locate, stock, time_ns, events)
                if book is not None:
                    events += book.take(
                        Message(chr(kind), time_ns, ref, second, _SIDES.get(side), shares, price, chr(code))
                    )
            live = sum(book.live_orders for book in self.books.values())
            if live > MAX_LIVE_ORDERS:
                raise NasdaqError(f"{live} live orders: this is no feed of a day on Nasdaq")
        return events

    def _open(self, locate: int, stock: bytes, time_ns: int, events: list[MarketEvent]) -> StockBook | None:
        name = self._wanted.get(stock)
        if name is None:
            return None
        book = self.books[locate] = StockBook(name)
        events.append(BookUpdate(name, time_ns, snapshot=True))
        return book

    def _concerned(self, batch: ItchBatch) -> npt.NDArray[np.intp]:
        """Rows about a chosen stock: by name where the message has one, else by the code that some message gave it."""
        named = np.isin(batch.stock, self._stocks)
        codes = np.union1d(batch.locate[named], np.fromiter(self.books, dtype=np.uint16, count=len(self.books)))
        return np.flatnonzero(named | np.isin(batch.locate, codes))
