"""One side of a stock's book with its queues, in plain Python."""

from collections.abc import Callable
from dataclasses import dataclass

from meltica.hot.layout_gen import Side


@dataclass(slots=True)
class Order:
    ref: int
    locate: int
    side: int
    price: int
    shares: int


class Levels:
    """Orders by price, each price a queue: a dict keeps the order in which they came. Changes say whether they touched
    the best level."""

    def __init__(self, side: int) -> None:
        self._better: Callable[..., int] = max if side == Side.BUY else min
        self._side = side
        self._queues: dict[int, dict[int, Order]] = {}

    def __len__(self) -> int:
        return len(self._queues)

    def enter(self, order: Order) -> bool:
        self._queues.setdefault(order.price, {})[order.ref] = order
        return self._is_best(order)

    def reduce(self, order: Order, shares: int) -> bool:
        order.shares -= shares
        return self._is_best(order)

    def leave(self, order: Order) -> bool:
        was_best = self._is_best(order)
        queue = self._queues[order.price]
        del queue[order.ref]
        if not queue:
            del self._queues[order.price]
        return was_best

    def depth(self, count: int) -> list[tuple[int, int, int]]:
        prices = [self._better(self._queues)] if self._queues and count == 1 else self._sorted()[: max(0, count)]
        return [
            (price, sum(order.shares for order in self._queues[price].values()), len(self._queues[price]))
            for price in prices
        ]

    def queue(self, price: int) -> list[tuple[int, int]]:
        return [(order.ref, order.shares) for order in self._queues.get(price, {}).values()]

    def ahead(self, order: Order) -> tuple[int, int]:
        refs = list(self._queues[order.price])
        before = [self._queues[order.price][ref] for ref in refs[: refs.index(order.ref)]]
        return len(before), sum(one.shares for one in before)

    def _sorted(self) -> list[int]:
        return sorted(self._queues, reverse=self._side == Side.BUY)

    def _is_best(self, order: Order) -> bool:
        return self._better(self._queues) == order.price
