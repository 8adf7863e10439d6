"""The newest state of each market: books, marks, and who wants to hear of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection

from meltica.domain.level_book import LevelBook
from meltica.domain.market import (
    BookInvalid,
    BookUpdate,
    Mark,
    MarketEvent,
    MarketTrade,
    MarkPrice,
    Quote,
    TopOfBook,
)
from meltica.domain.ports import Book

READERS_MAX = 256
"""Streams of top of book at a time; each costs a set of names and a wake-up per change."""


class BoardFullError(RuntimeError):
    """A normal "no": as many streams as allowed are open."""


class MarketBoard:
    """Fed by the driver, read by everybody. The mark is the mid of a valid book, else the last trade; the mark price is
    the venue's own, and does not outlive a gap."""

    def __init__(self) -> None:
        self._books: dict[str, LevelBook] = {}
        self._invalid: set[str] = set()
        self._times: dict[str, int] = {}
        self._marks: dict[str, Mark] = {}
        self._mark_prices: dict[str, MarkPrice] = {}
        self._last: dict[str, int] = {}
        self._traded: dict[str, int] = {}
        self._traded_value: dict[str, int] = {}
        self._readers: list[_Reader] = []

    def take(self, event: MarketEvent, now_ns: int) -> None:
        """``now_ns`` is when it reached us: a mark's age is counted on our clock."""
        name = event.instrument
        match event:
            case BookUpdate():
                book = self._books.setdefault(name, LevelBook())
                if event.snapshot:
                    self._invalid.discard(name)
                book.apply(event)
                self._times[name] = now_ns
                self._mark_from_book(name, book, now_ns)
            case MarketTrade():
                self._last[name] = event.price_ticks
                self._traded[name] = self._traded.get(name, 0) + event.quantity_lots
                value = event.price_ticks * event.quantity_lots
                self._traded_value[name] = self._traded_value.get(name, 0) + value
                if name not in self._books:
                    self._marks[name] = Mark(name, now_ns, event.price_ticks)
            case BookInvalid():
                self._invalid.add(name)
                self._mark_prices.pop(name, None)
            case MarkPrice():
                self._mark_prices[name] = MarkPrice(name, now_ns, event.price_ticks, event.between)
            case _:
                return
        for reader in self._readers:
            reader.tell(name)

    def _mark_from_book(self, name: str, book: LevelBook, now_ns: int) -> None:
        bid, ask = book.bids.best_level, book.asks.best_level
        if name in self._invalid:
            return
        if bid is not None and ask is not None and bid[0] < ask[0]:
            self._marks[name] = Mark(name, now_ns, (bid[0] + ask[0]) // 2, bid, ask)
        elif (last := self._marks.get(name)) is not None:
            # No price is in a crossed or one-sided book, but the gate must know that it is one.
            self._marks[name] = Mark(name, last.time_ns, last.price_ticks, bid, ask)

    def mark(self, instrument: str) -> Mark | None:
        return self._marks.get(instrument)

    def quote(self, instrument: str) -> Quote | None:
        """What triggers look at; None while the book can't be trusted, or nothing is known."""
        if instrument in self._invalid or instrument not in self._marks:
            return None
        mark, last = self._marks[instrument], self._last.get(instrument)
        traded = self._traded.get(instrument, 0)
        if (venues := self._mark_prices.get(instrument)) is None:
            return Quote(instrument, mark.time_ns, mark.bid, mark.ask, last_ticks=last, traded_lots=traded)
        return Quote(
            instrument,
            mark.time_ns,
            mark.bid,
            mark.ask,
            last_ticks=last,
            mark_ticks=venues.price_ticks,
            traded_lots=traded,
            mark_ns=venues.time_ns,
            mark_between=venues.between,
        )

    def traded(self, instrument: str) -> tuple[int, int]:
        """(lots, price_ticks x lots) of all trades since the start."""
        return self._traded.get(instrument, 0), self._traded_value.get(instrument, 0)

    def top(self, instrument: str) -> TopOfBook | None:
        if (book := self._books.get(instrument)) is None:
            return None
        bid, ask, mark = book.bids.best_level, book.asks.best_level, self._mark_prices.get(instrument)
        return TopOfBook(instrument, self._times[instrument], bid, ask, mark)

    def book(self, instrument: str, depth: int) -> Book | None:
        if (book := self._books.get(instrument)) is None:
            return None
        valid, mark = instrument not in self._invalid, self._mark_prices.get(instrument)
        return Book(instrument, self._times[instrument], book.bids.top(depth), book.asks.top(depth), valid, mark)

    async def changes(self, instruments: Collection[str]) -> AsyncIterator[TopOfBook]:
        """Top of book now, then as it changes. Whoever is slow gets the newest of each, and misses what lay between."""
        if len(self._readers) >= READERS_MAX:
            raise BoardFullError(f"{READERS_MAX} market data streams are open already")
        reader = _Reader(frozenset(instruments))
        for name in self._books:
            reader.tell(name)
        self._readers.append(reader)
        last: dict[str, TopOfBook] = {}
        try:
            while True:
                for name in await reader.changed():
                    top = self.top(name)
                    before = last.get(name)
                    if top is not None and (before is None or _shown(before) != _shown(top)):
                        last[name] = top
                        yield top
        finally:
            self._readers.remove(reader)


def _shown(top: TopOfBook) -> tuple[object, ...]:
    """What a reader of the stream sees of it, without the times."""
    return top.bid, top.ask, top.mark and (top.mark.price_ticks, top.mark.between)


class _Reader:
    """One stream: which instruments have changed since it last looked."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._changed: dict[str, None] = {}
        self._wake = asyncio.Event()

    def tell(self, instrument: str) -> None:
        if not self._wanted or instrument in self._wanted:
            self._changed[instrument] = None
            self._wake.set()

    async def changed(self) -> list[str]:
        await self._wake.wait()
        self._wake.clear()
        names = list(self._changed)
        self._changed.clear()
        return names
