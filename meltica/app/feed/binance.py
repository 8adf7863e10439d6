"""Sums up a Binance recording."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from meltica.app.feed.binance_probe import probe
from meltica.app.feed.book import TOP_LEVELS, book_fields
from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade
from meltica.domain.money import plain
from meltica.ticks.errors import RecordingError
from meltica.ticks.recording import Line, lines
from meltica.venues.binance.numbers import Steps
from meltica.venues.binance.session import BinanceError, BinanceSession, Symbol

FINEST = Decimal("0.00000001")
"""Binance prints no price or quantity finer than this."""
MAX_SYMBOLS = 10_000
"""More than Binance has; a file with more is made up."""


class Tally:
    """One symbol's book and counts."""

    def __init__(self) -> None:
        self.book = LevelBook()
        self.valid = False
        self.traded = 0

    def take(self, event: MarketEvent) -> None:
        match event:
            case BookUpdate():
                self.book.apply(event)
                self.valid |= event.snapshot
            case MarketTrade():
                self.traded += event.quantity_lots
            case BookInvalid():
                self.valid = False


class Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = probe(path)
        self.tallies: dict[str, Tally] = {}
        self.session = BinanceSession(
            [self._symbol(name) for name in self._head.grids],
            aggregate_trades=self._head.aggregate_trades and not self._head.trades,
            on_unknown=self._symbol,
        )
        self.lines = 0
        self.first_ns = self.last_ns = 0
        self.clock_steps_back = 0
        self.error = ""

    def read(self) -> None:
        try:
            for line in lines(self._path):
                self._take(line)
        except RecordingError as error:
            self.error = str(error)

    def _take(self, line: Line) -> None:
        try:
            for event in self.session.receive(line.body, line.local_ns):
                self.tallies[event.instrument].take(event)
        except BinanceError as error:
            raise RecordingError(self._path, str(error), line=line.number) from error
        self.clock_steps_back += line.local_ns < self.last_ns
        self.first_ns = self.first_ns or line.local_ns
        self.last_ns = max(self.last_ns, line.local_ns)
        self.lines = line.number

    def _symbol(self, name: str) -> Symbol:
        if len(self.tallies) >= MAX_SYMBOLS:
            raise BinanceError(f"more than {MAX_SYMBOLS} symbols")
        self.tallies[name] = Tally()
        return Symbol(name, name, Steps("price", FINEST), Steps("quantity", FINEST))

    def book(self, name: str) -> dict[str, Any]:
        tally, symbol = self.tallies[name], self.session.symbols[name]
        bids, asks = tally.book.bids, tally.book.asks
        return {
            "valid": tally.valid,
            **book_fields(
                bids.top(TOP_LEVELS),
                asks.top(TOP_LEVELS),
                (len(bids), len(asks)),
                tick_size=FINEST,
                lot_size=FINEST,
            ),
            "crossed": tally.book.crossed,
            "level_updates": symbol.level_updates,
            "gaps": symbol.gaps,
            "dropped": symbol.dropped,
            "trade_qty": plain(tally.traded * FINEST),
        }

    @property
    def market(self) -> str:
        return "usdm" if self._head.futures else "spot"


def summarise(path: Path) -> dict[str, Any]:
    reader = Reader(path)
    reader.read()
    symbols = reader.session.symbols.values()
    return {
        "market": reader.market,
        "lines": reader.lines,
        "messages": dict(sorted(reader.session.messages.items())),
        "first_time_ns": reader.first_ns,
        "last_time_ns": reader.last_ns,
        "span_s": round((reader.last_ns - reader.first_ns) / 1e9, 1),
        "clock_steps_back": reader.clock_steps_back,
        "gaps": sum(symbol.gaps for symbol in symbols),
        "dropped": sum(symbol.dropped for symbol in symbols),
        "books": {name: reader.book(name) for name in sorted(reader.tallies)},
        "error": reader.error,
    }
