"""A seeded synthetic market: an endless, reproducible stream of book updates and trades.

Behind each instrument a hidden fundamental value wanders. Most flow is noise around the displayed book; some traders
know the value and take whatever is priced wrong. So a market maker earns the spread from the noise and loses to the
informed, as outside. Activity comes in clusters (each event excites the next ones), the spread returns to its usual
width, and the book always has depth on both sides and is never crossed.

Draws are floats from ``random.Random(seed)``; prices and quantities are integers from the first to the last.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Sequence

import msgspec

from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookUpdate, Level, MarketEvent, MarketTrade
from meltica.domain.order import Side
from meltica.venues.paper.flow import Clusters

NANOS_PER_SECOND = 1_000_000_000
MOVED_AT_ONCE = 12
"""Levels that one maker moves together, at most, when the value has left them behind."""


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """How one instrument's market behaves. Defaults: a liquid crypto pair."""

    start_price_ticks: int
    spread_ticks: int = 40
    """Usual width of the market."""
    depth_levels: int = 15
    """Levels kept on each side, at least."""
    typical_lots: int = 40
    """Mean quantity of an order."""
    events_per_second: float = 300.0
    volatility_ticks: float = 60.0
    """Standard deviation of the value's change over one second."""
    informed_share: float = 0.4
    """Of those who take liquidity, how many know the value."""

    def __post_init__(self) -> None:
        for field, least in (
            ("start_price_ticks", 1000),
            ("spread_ticks", 2),
            ("depth_levels", 1),
            ("typical_lots", 1),
        ):
            if getattr(self, field) < least:
                raise FieldError(field, getattr(self, field), f"must be at least {least}")
        if not 0 < self.events_per_second <= 1e6:  # noqa: PLR2004 - beyond a million a second it is a typing mistake
            raise FieldError("events_per_second", self.events_per_second, "must be within (0, 1e6]")
        if not 0 <= self.informed_share <= 1:
            raise FieldError("informed_share", self.informed_share, "must be within [0, 1]")


class SyntheticMarket:
    """Iterate it: market events of all instruments in the order of time, without end.

    The streams of the instruments are independent: adding one does not change the others.
    """

    def __init__(self, instruments: Sequence[tuple[Instrument, Character]], *, seed: int, start_ns: int = 0) -> None:
        if not instruments:
            raise FieldError("instruments", "", "a market needs at least one")
        self._streams = [
            _Stream(instrument, character, random.Random(f"{seed}/{instrument.instrument}"), start_ns)  # noqa: S311 - a simulation
            for instrument, character in instruments
        ]

    def __iter__(self) -> Iterator[MarketEvent]:
        return heapq.merge(*(stream.events() for stream in self._streams), key=lambda event: event.time_ns)


class _Stream:
    """The market of one instrument."""

    def __init__(self, instrument: Instrument, character: Character, draw: random.Random, start_ns: int) -> None:
        self._id = instrument.instrument
        self._max_price_ticks = instrument.max_price_ticks
        self._character = character
        self._draw = draw
        self._clock = Clusters(character.events_per_second, draw)
        self._time_ns = start_ns
        self._value = float(character.start_price_ticks)
        self._book = LevelBook()
        self._trades = 0

    def events(self) -> Iterator[MarketEvent]:
        yield self._open()
        while True:
            elapsed = self._clock.next_gap_seconds()
            self._time_ns += max(1, int(elapsed * NANOS_PER_SECOND))
            self._drift(elapsed)
            yield from self._act()

    def _open(self) -> BookUpdate:
        middle, half = self._character.start_price_ticks, self._character.spread_ticks // 2
        bids = tuple((middle - half - i, self._lots()) for i in range(2 * self._character.depth_levels))
        asks = tuple((middle + half + i, self._lots()) for i in range(2 * self._character.depth_levels))
        update = BookUpdate(self._id, self._time_ns, bids, asks, snapshot=True)
        self._book.apply(update)
        return update

    def _drift(self, elapsed: float) -> None:
        step = self._character.volatility_ticks * math.sqrt(elapsed) * self._draw.gauss(0.0, 1.0)
        reach = 4 * self._character.depth_levels + self._character.spread_ticks
        self._value = min(max(self._value + step, float(reach)), float(self._max_price_ticks - reach))

    # What somebody does next

    def _act(self) -> Iterator[MarketEvent]:
        bid, ask = self._best()
        excess = (ask - bid) / self._character.spread_ticks
        mispriced = max(self._value - ask, bid - self._value)
        if mispriced > 0 and self._draw.random() < self._character.informed_share:
            yield from self._correct(Side.BUY if self._value > ask else Side.SELL)
            return
        choice = self._draw.random()
        if choice < 0.12:  # noqa: PLR2004 - the shares of the kinds of flow, here and below
            yield from self._noise_trade()
        elif choice < 0.12 + min(0.5, 0.12 * excess * excess):
            yield self._improve(bid, ask)
        elif choice < 0.65:  # noqa: PLR2004
            yield self._add()
        else:
            yield from self._cancel()

    def _correct(self, aggressor: Side) -> Iterator[MarketEvent]:
        """Who knows the value takes what is mispriced; where there is nothing left to take, its maker goes."""
        if len(self._book.side(aggressor.opposite)) > self._character.depth_levels:
            yield from self._sweep(aggressor, self._lots() * 2)
        else:
            yield self._retreat(aggressor.opposite)

    def _noise_trade(self) -> Iterator[MarketEvent]:
        side = Side.BUY if self._coin() else Side.SELL
        yield from self._sweep(side, max(1, self._lots() // 2))

    def _sweep(self, aggressor: Side, lots: int) -> Iterator[MarketEvent]:
        """Take liquidity level by level; each level is a trade and the update that follows from it."""
        side = self._book.side(aggressor.opposite)
        while lots and len(side) > self._character.depth_levels:
            level = side.best_level
            if level is None:
                return
            price, available = level
            done = min(lots, available)
            lots -= done
            self._trades += 1
            yield MarketTrade(self._id, self._time_ns, price, done, aggressor, str(self._trades))
            yield self._put(aggressor.opposite, price, available - done)

    def _improve(self, bid: int, ask: int) -> MarketEvent:
        """Somebody quotes inside a wide spread, about half the usual width from the value; else adds depth."""
        narrowest = max(2, self._character.spread_ticks * 2 // 3)
        if ask - bid <= narrowest:
            return self._add()
        away = self._character.spread_ticks * (0.3 + 0.4 * self._draw.random())
        if self._value - bid > ask - self._value:
            price = min(max(int(self._value - away), bid + 1), ask - narrowest)
            return self._put(Side.BUY, price, self._lots())
        price = max(min(int(self._value + away), ask - 1), bid + narrowest)
        return self._put(Side.SELL, price, self._lots())

    def _add(self) -> MarketEvent:
        return self._join(Side.BUY if self._coin() else Side.SELL)

    def _join(self, side: Side) -> MarketEvent:
        """One more order at the best price or some ticks behind it."""
        best = self._best()[0 if side is Side.BUY else 1]
        depth = self._character.depth_levels
        price = best - side.sign * min(int(self._draw.expovariate(2.0 / depth)), 4 * depth)
        if not 0 < price <= self._max_price_ticks:
            price = best
        return self._put(side, price, self._book.side(side).lots.get(price, 0) + self._lots())

    def _cancel(self) -> Iterator[MarketEvent]:
        """Part or all of a level goes, if the side is deep enough."""
        bid, ask = self._best()
        if bid >= self._value or ask <= self._value:
            yield self._retreat(Side.BUY if bid >= self._value else Side.SELL)
            return
        side = Side.BUY if self._coin() else Side.SELL
        book = self._book.side(side)
        if len(book) <= self._character.depth_levels:
            yield self._join(side)
            return
        price, lots = book.top(self._which_level(len(book)) + 1)[-1]
        gone = 1 + int(self._draw.random() * lots) if self._coin() else lots
        yield self._put(side, price, max(lots - gone, 0))

    def _retreat(self, side: Side) -> MarketEvent:
        """A maker whose quotes the value has left behind moves them to the back of the book."""
        book, sign = self._book.side(side), side.sign
        levels = book.top(len(book))
        stale = [price for price, _ in levels if (price - self._value) * sign >= 0]
        moved = stale[: 1 + int(self._draw.random() * MOVED_AT_ONCE)]
        last = levels[-1][0]
        missing = self._character.depth_levels - (len(levels) - len(moved))
        behind = [last - sign * (1 + i) for i in range(max(missing, 0))]
        if not all(0 < price <= self._max_price_ticks for price in behind):
            return self._join(side)
        return self._publish(side, (*((price, 0) for price in moved), *((price, self._lots()) for price in behind)))

    def _which_level(self, levels: int) -> int:
        """Most cancels are near the best price; the rest, anywhere, keep forgotten levels from piling up."""
        if self._coin():
            return min(int(self._draw.expovariate(0.25)), levels - 1)
        return int(self._draw.random() * levels)

    # Small parts

    def _put(self, side: Side, price_ticks: int, quantity_lots: int) -> BookUpdate:
        return self._publish(side, ((price_ticks, quantity_lots),))

    def _publish(self, side: Side, levels: tuple[Level, ...]) -> BookUpdate:
        bids, asks = (levels, ()) if side is Side.BUY else ((), levels)
        update = BookUpdate(self._id, self._time_ns, bids, asks)
        self._book.apply(update)
        return update

    def _best(self) -> tuple[int, int]:
        bid, ask = self._book.bids.best, self._book.asks.best
        assert bid is not None and ask is not None, "the book has depth on both sides"  # noqa: S101, PT018 - our own invariant
        return bid, ask

    def _coin(self) -> bool:
        return self._draw.getrandbits(1) == 1

    def _lots(self) -> int:
        return 1 + int(self._draw.expovariate(1.0 / self._character.typical_lots))
