"""A market for each instrument: a mid that wanders, a book around it, trades of others; gaps and halts on the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from meltica.domain.instrument import Instrument
from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade, TradingStatus
from meltica.domain.order import Side
from sim.world.clock import MS, SECOND, Clock

EVENT_EVERY_S: Final = 0.8
"""Of one instrument, on average."""
FEED_NS: Final = (MS, 30 * MS)
LEVELS: Final = 3


def instrument(name: str, symbol: str, tick: str, lot: str) -> Instrument:
    return Instrument(
        instrument=name,
        handle=0,
        venue_symbol=symbol,
        quote_currency="USDT",
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        max_price_ticks=100_000_000,
        max_quantity_lots=1_000_000,
        maker_fee_ppm=-20,
        taker_fee_ppm=40,
    )


INSTRUMENTS: Final = (
    (instrument("BTC/USDT@ALPHA", "BTCUSDT", "0.1", "0.001"), 600_000),
    (instrument("ETH/USDT@ALPHA", "ETHUSDT", "0.01", "0.01"), 250_000),
    (instrument("BTC/USDT@BETA", "XBTUSDT", "0.1", "0.001"), 600_000),
)
"""With the price that each begins at, in ticks."""
HOT_INSTRUMENTS: Final = (
    (instrument("ACME@GAMMA", "ACME", "0.01", "1"), 15_000),
    (instrument("WILE@GAMMA", "WILE", "0.01", "1"), 4_000),
)
"""Those of the hot gates' venue."""


class Market:
    """``venue`` hears each event as it happens, ``feed`` a little later, unless there is a gap."""

    def __init__(
        self,
        clock: Clock,
        dice: random.Random,
        venues: Sequence[Callable[[MarketEvent], None]],
        feed: Callable[[MarketEvent], None],
        instruments: Iterable[tuple[Instrument, int]] = INSTRUMENTS,
    ) -> None:
        self._clock, self._dice, self._venues, self._feed = clock, dice, venues, feed
        self.prices = {each.instrument: start for each, start in instruments}
        """Mids, in ticks."""
        self._gap_ns: dict[str, int] = {}
        """Instrument -> until when its feed is lost."""
        self._feed_ns = 0
        self.halted: set[str] = set()

    def begin(self) -> None:
        for name in self.prices:
            self._move(name)

    def _move(self, name: str) -> None:
        self._clock.after(int(self._dice.expovariate(1 / EVENT_EVERY_S) * SECOND), partial(self._move, name))
        if name in self.halted:
            return
        dice, now_ns = self._dice, self._clock.now_ns
        mid = self.prices[name] = max(1_000, self.prices[name] + round(dice.gauss(0, 6)))
        if dice.random() < 0.35:  # noqa: PLR2004 - trades of others
            price = mid + dice.choice([-2, -1, 1, 2])
            side = dice.choice(list(Side))
            self._tell(MarketTrade(name, now_ns, price, dice.randrange(1, 120), side))
            return
        bids = tuple((mid - 1 - step, dice.randrange(1, 150)) for step in range(LEVELS))
        asks = tuple((mid + 1 + step, dice.randrange(1, 150)) for step in range(LEVELS))
        self._tell(BookUpdate(name, now_ns, bids, asks, snapshot=True))

    def _tell(self, event: MarketEvent) -> None:
        for venue in self._venues:
            venue(event)
        if self._gap_ns.get(event.instrument, 0) <= self._clock.now_ns:
            self._feed_ns = max(self._feed_ns, self._clock.now_ns + self._dice.randrange(*FEED_NS))
            self._clock.at(self._feed_ns, partial(self._feed, event))

    # What goes wrong

    def lose_feed(self) -> None:
        name = self._dice.choice(sorted(self.prices))
        self._gap_ns[name] = self._clock.now_ns + self._dice.randrange(SECOND, 15 * SECOND)
        self._feed(BookInvalid(name, self._clock.now_ns, "a gap in the feed"))

    def halt(self) -> None:
        name = self._dice.choice(sorted(self.prices))
        if name not in self.halted:
            self.halted.add(name)
            self._tell(TradingStatus(name, self._clock.now_ns, halted=True, reason="news"))
            self._clock.after(self._dice.randrange(SECOND, 20 * SECOND), partial(self.resume, name))

    def resume(self, name: str) -> None:
        if name in self.halted:
            self.halted.discard(name)
            self._gap_ns.pop(name, None)
            self._tell(TradingStatus(name, self._clock.now_ns, halted=False))
