"""The market's book of one instrument by price level: displayed lots per price, best first."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from meltica.domain.market import BookUpdate, Level
from meltica.domain.order import Side

_BUY = Side.BUY


class BookSide:
    """One side. Prices are kept sorted by ``price x side.sign``, so that the best is always the last."""

    __slots__ = ("_keys", "_sign", "lots")

    def __init__(self, side: Side) -> None:
        self._sign = side.sign
        self._keys: list[int] = []
        self.lots: dict[int, int] = {}
        """Displayed lots by price; read it, change it through ``put`` alone."""

    def put(self, price_ticks: int, quantity_lots: int) -> None:
        """Set the absolute quantity of a level; 0 removes it."""
        lots = self.lots
        if quantity_lots:
            if price_ticks not in lots:
                insort(self._keys, price_ticks * self._sign)
            lots[price_ticks] = quantity_lots
        elif price_ticks in lots:
            del lots[price_ticks]
            del self._keys[bisect_left(self._keys, price_ticks * self._sign)]

    def reset(self, levels: Iterable[Level]) -> None:
        """Forget everything and take these levels instead."""
        self.lots = {price: quantity for price, quantity in levels if quantity}
        self._keys = sorted(price * self._sign for price in self.lots)

    @property
    def best(self) -> int | None:
        """The best price."""
        return self._keys[-1] * self._sign if self._keys else None

    @property
    def best_level(self) -> Level | None:
        return None if (price := self.best) is None else (price, self.lots[price])

    def prices(self) -> Iterator[int]:
        """Best first. Don't change the side meanwhile."""
        sign = self._sign
        return (key * sign for key in reversed(self._keys))

    def top(self, depth: int) -> tuple[Level, ...]:
        """The best ``depth`` levels, best first."""
        sign, lots = self._sign, self.lots
        return tuple((key * sign, lots[key * sign]) for key in self._keys[: -depth - 1 : -1])

    def __len__(self) -> int:
        return len(self._keys)


class LevelBook:
    """Both sides."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)

    def apply(self, update: BookUpdate) -> None:
        if update.snapshot:
            self.bids.reset(update.bids)
            self.asks.reset(update.asks)
            return
        for price, quantity in update.bids:
            self.bids.put(price, quantity)
        for price, quantity in update.asks:
            self.asks.put(price, quantity)

    def clear(self) -> None:
        self.bids.reset(())
        self.asks.reset(())

    def side(self, side: Side) -> BookSide:
        """The side where orders of ``side`` rest."""
        return self.bids if side is _BUY else self.asks

    @property
    def crossed(self) -> bool:
        """Best bid at or above best ask: no sane market shows that."""
        bid, ask = self.bids.best, self.asks.best
        return bid is not None and ask is not None and bid >= ask
