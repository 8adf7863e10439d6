"""What the market says: book updates, trades, trading status, and the mark that the engine sees."""

from __future__ import annotations

import msgspec

from meltica.domain.order import Side

Level = tuple[int, int]
"""(price_ticks, quantity_lots); in an update a quantity of 0 removes the level."""


class BookUpdate(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Absolute quantities per price level. A snapshot replaces the whole book of the instrument."""

    instrument: str
    time_ns: int
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    snapshot: bool = False


class MarketTrade(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A trade of others. ``aggressor`` took liquidity; None where the feed does not say."""

    instrument: str
    time_ns: int
    price_ticks: int
    quantity_lots: int
    aggressor: Side | None = None
    trade_id: str = ""


class BookInvalid(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The book of this instrument can't be trusted (gap, disconnect) until the next snapshot."""

    instrument: str
    time_ns: int
    reason: str


class TradingStatus(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Trading of the instrument halted or resumed, as the market says."""

    instrument: str
    time_ns: int
    halted: bool
    reason: str = ""


class ShortSaleStatus(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The price test for short sales is in force, or no longer (Reg SHO 201; ITCH Y)."""

    instrument: str
    time_ns: int
    restricted: bool


class MarketPriceBand(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The market's own price limits (ITCH J, limit-up limit-down); both 0: none are in force."""

    instrument: str
    time_ns: int
    low_ticks: int
    high_ticks: int


class MarkPrice(msgspec.Struct, frozen=True, tag=True, gc=False):
    """The price by which a venue values positions: smoother than its trades. The instrument names the venue."""

    instrument: str
    time_ns: int
    price_ticks: int
    between: bool = False
    """It lies between this tick and the next. Of a price that is finer than the grid no more need be known: a trigger
    is on the grid, so whether it is reached is the same."""


MarketEvent = BookUpdate | MarketTrade | BookInvalid | TradingStatus | ShortSaleStatus | MarketPriceBand | MarkPrice


class Mark(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The reference price of an instrument when something was decided; travels with the input that it decided.

    ``bid`` and ``ask`` are the market's best at that moment, where a book is known.
    """

    instrument: str
    time_ns: int
    price_ticks: int
    bid: Level | None = None
    ask: Level | None = None


class Quote(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """All prices of an instrument that a trigger may look at, at one moment."""

    instrument: str
    time_ns: int
    bid: Level | None = None
    ask: Level | None = None
    last_ticks: int | None = None
    mark_ticks: int | None = None
    """The venue's mark price, where it publishes one."""
    traded_lots: int = 0
    """All that others traded since the driver began to count."""
    mark_ns: int = 0
    """When the venue's mark price reached us: it has an age of its own."""
    mark_between: bool = False
    """The mark price lies between ``mark_ticks`` and the next tick."""

    @property
    def mark_half_ticks(self) -> int | None:
        """Twice the venue's mark price; odd: it lies between two ticks."""
        return None if self.mark_ticks is None else 2 * self.mark_ticks + self.mark_between

    @property
    def mid_half_ticks(self) -> int | None:
        """Twice the mid, which may lie between two ticks; None with a side missing."""
        return None if self.bid is None or self.ask is None else self.bid[0] + self.ask[0]


class TopOfBook(msgspec.Struct, frozen=True, gc=False):
    """Best bid and offer; a side without orders is None."""

    instrument: str
    time_ns: int
    bid: Level | None
    ask: Level | None
    mark: MarkPrice | None = None
    """The venue's mark price, where it publishes one."""

    @property
    def mid_ticks(self) -> int | None:
        """The mid in ticks, rounded to the bid's side; None with a side missing."""
        return None if self.bid is None or self.ask is None else (self.bid[0] + self.ask[0]) // 2
