"""The mark price of the synthetic market, as a venue would compute it from its own book and trades.

Ten times a second the median of best bid, best ask and last trade is taken: the last trade, or the nearer side of the
book where that trade was outside. The mark price is the mean of the last ten of these, that is of one second, so that
neither a single trade nor a moment of an empty book moves it by more than a tenth of its way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade, MarkPrice

EVERY_NS: Final = 100_000_000
SAMPLES: Final = 10


def with_mark_prices(events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
    """The same events in the same order, and mark prices between them; each book begins with a snapshot."""
    marks: dict[str, _Mark] = {}
    for event in events:
        yield event
        if (mark := marks.get(event.instrument)) is None:
            mark = marks[event.instrument] = _Mark()
        if (found := mark.take(event)) is not None:
            yield found


class _Mark:
    """Of one instrument."""

    def __init__(self) -> None:
        self._book = LevelBook()
        self._last: int | None = None
        self._samples: deque[int] = deque(maxlen=SAMPLES)
        self._next_ns = 0

    def take(self, event: MarketEvent) -> MarkPrice | None:
        """After the event: the mark price, when one is due."""
        match event:
            case BookUpdate():
                self._book.apply(event)
            case MarketTrade():
                self._last = event.price_ticks
            case BookInvalid():  # What was seen before is no base for what comes after.
                self._book.clear()
                self._last = None
                self._samples.clear()
        if event.time_ns < self._next_ns or (price := self._median()) is None:
            return None
        self._next_ns = event.time_ns - event.time_ns % EVERY_NS + EVERY_NS
        self._samples.append(price)
        whole, rest = divmod(sum(self._samples), len(self._samples))
        return MarkPrice(event.instrument, event.time_ns, whole, rest != 0)

    def _median(self) -> int | None:
        """Of bid, ask and last; without a trade half of bid plus ask, rounded down; None: there are not both sides."""
        bid, ask = self._book.bids.best, self._book.asks.best
        if bid is None or ask is None or bid >= ask:
            return None
        return (bid + ask) // 2 if self._last is None else min(max(self._last, bid), ask)
