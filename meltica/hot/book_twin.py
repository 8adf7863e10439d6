"""A book of price levels with absolute quantities, in plain Python."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from meltica.hot.layout_gen import LOTS_BOUND, TICKS_BOUND, Side

DEFAULT_MAX_LEVELS = 100_000  # On a side: twenty times what a busy venue shows


class LevelBook:
    """Levels by side (Side.BUY, Side.SELL) and price; quantity 0 takes a level away."""

    def __init__(self, max_levels: int = DEFAULT_MAX_LEVELS) -> None:
        if max_levels < 1:
            raise ValueError(f"max_levels {max_levels} is not positive")
        self.max_levels = max_levels
        self._levels: dict[int, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def update(self, side: int, price_ticks: int, quantity_lots: int) -> None:
        """ValueError for senseless numbers, OverflowError when the side is full."""
        levels = self._side(side)
        if not 1 <= price_ticks <= TICKS_BOUND:
            raise ValueError(f"price_ticks {price_ticks} is not within 1..{TICKS_BOUND}")
        if not 0 <= quantity_lots <= LOTS_BOUND:
            raise ValueError(f"quantity_lots {quantity_lots} is not within 0..{LOTS_BOUND}")
        if quantity_lots == 0:
            levels.pop(price_ticks, None)
            return
        if price_ticks not in levels and len(levels) >= self.max_levels:
            raise OverflowError(f"the book has {len(levels)} levels on a side; max_levels is {self.max_levels}")
        levels[price_ticks] = quantity_lots

    def apply(
        self,
        side: int,
        prices_ticks: Sequence[int] | npt.NDArray[np.int64],
        quantities_lots: Sequence[int] | npt.NDArray[np.int64],
    ) -> None:
        """Many updates of one side in their order; a senseless one stops all of them before the first."""
        self._side(side)
        prices = np.asarray(prices_ticks, dtype=np.int64).tolist()
        quantities = np.asarray(quantities_lots, dtype=np.int64).tolist()
        if len(prices) != len(quantities):
            raise ValueError(f"{len(prices)} prices, {len(quantities)} quantities")
        for at, (price, quantity) in enumerate(zip(prices, quantities, strict=True)):
            if not 1 <= price <= TICKS_BOUND or not 0 <= quantity <= LOTS_BOUND:
                raise ValueError(f"update {at} is senseless: price {price}, quantity {quantity}")
        for price, quantity in zip(prices, quantities, strict=True):
            self.update(side, price, quantity)

    def apply_both(
        self,
        sides: Sequence[int] | npt.NDArray[np.int64],
        prices_ticks: Sequence[int] | npt.NDArray[np.int64],
        quantities_lots: Sequence[int] | npt.NDArray[np.int64],
    ) -> None:
        """Many updates of both sides in their order; a senseless one stops all of them before the first."""
        columns = [np.asarray(column, dtype=np.int64).tolist() for column in (sides, prices_ticks, quantities_lots)]
        if len({len(column) for column in columns}) > 1:
            raise ValueError("{} sides, {} prices, {} quantities".format(*map(len, columns)))
        for at, (side, price, quantity) in enumerate(zip(*columns, strict=True)):
            if side not in self._levels:
                raise ValueError(f"update {at} is senseless: side {side}")
            if not 1 <= price <= TICKS_BOUND or not 0 <= quantity <= LOTS_BOUND:
                raise ValueError(f"update {at} is senseless: price {price}, quantity {quantity}")
        for side, price, quantity in zip(*columns, strict=True):
            self.update(side, price, quantity)

    def clear(self) -> None:
        for levels in self._levels.values():
            levels.clear()

    def best(self, side: int) -> tuple[int, int] | None:
        """(price_ticks, quantity_lots) or None."""
        levels = self._side(side)
        if not levels:
            return None
        price = max(levels) if side == Side.BUY else min(levels)
        return price, levels[price]

    def depth(self, side: int, count: int) -> list[tuple[int, int]]:
        """The best `count` levels, best first."""
        levels = self._side(side)
        return sorted(levels.items(), reverse=side == Side.BUY)[: max(0, count)]

    def count(self, side: int) -> int:
        return len(self._side(side))

    @property
    def crossed(self) -> bool:
        bid, ask = self.best(Side.BUY), self.best(Side.SELL)
        return bid is not None and ask is not None and bid[0] >= ask[0]

    def _side(self, side: int) -> dict[int, int]:
        if side not in self._levels:
            raise ValueError(f"side {side} is neither {int(Side.BUY)} (buy) nor {int(Side.SELL)} (sell)")
        return self._levels[side]
