"""What a strategy sees of the market: books by level, the last trades' prices, mark prices, halts."""

from __future__ import annotations

from collections.abc import Iterable

from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade, MarkPrice, TopOfBook, TradingStatus
from meltica.domain.ports import Book


class MarketView:
    """Books of some instruments, kept from market events. One view may serve many strategies."""

    def __init__(self, instruments: Iterable[str]) -> None:
        self._books = {name: LevelBook() for name in instruments}
        self._valid: set[str] = set()
        self._halted: set[str] = set()
        self._tops: dict[str, TopOfBook] = {}
        self._last_trades: dict[str, MarketTrade] = {}
        self._mark_prices: dict[str, MarkPrice] = {}

    def apply(self, event: MarketEvent) -> bool:
        """Take an event; True when the best bid or offer, or the validity, changed."""
        book = self._books.get(event.instrument)
        if book is None:
            return False
        match event:
            case BookUpdate():
                return self._update(book, event)
            case MarketTrade():
                self._last_trades[event.instrument] = event
                return False
            case MarkPrice():
                self._mark_prices[event.instrument] = event
                return False
            case TradingStatus():
                (self._halted.add if event.halted else self._halted.discard)(event.instrument)
                return False
            case BookInvalid():
                book.clear()
                self._valid.discard(event.instrument)
                self._mark_prices.pop(event.instrument, None)  # Of before the gap: as little worth as the book.
                return self._tops.pop(event.instrument, None) is not None
            case _:
                return False

    def _update(self, book: LevelBook, update: BookUpdate) -> bool:
        name = update.instrument
        if not update.snapshot and name not in self._valid:
            return False  # An update of a book that we never saw whole says nothing.
        book.apply(update)
        self._valid.add(name)
        bid, ask = book.bids.best_level, book.asks.best_level
        old = self._tops.get(name)
        if old is not None and old.bid == bid and old.ask == ask:
            return False
        self._tops[name] = TopOfBook(name, update.time_ns, bid, ask)
        return True

    def top(self, instrument: str) -> TopOfBook | None:
        """Best bid and offer; None while the book is not valid."""
        return self._tops.get(instrument)

    def book(self, instrument: str, depth: int) -> Book | None:
        """The best ``depth`` levels of each side; None: not an instrument of this view."""
        book = self._books.get(instrument)
        if book is None:
            return None
        top = self._tops.get(instrument)
        return Book(
            instrument=instrument,
            time_ns=0 if top is None else top.time_ns,
            bids=book.bids.top(depth),
            asks=book.asks.top(depth),
            valid=instrument in self._valid,
        )

    def last_trade(self, instrument: str) -> MarketTrade | None:
        return self._last_trades.get(instrument)

    def mark_price(self, instrument: str) -> MarkPrice | None:
        """The newest since the last gap; None: there is none."""
        return self._mark_prices.get(instrument)

    def halted(self, instrument: str) -> bool:
        return instrument in self._halted
