"""Our resting orders on one side of one instrument, in price-time priority."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from meltica.domain.order import Side
from meltica.venues.paper.order import PaperOrder

HEAP_SLACK = 64
"""Prices without orders that the heap may hold beyond twice the live ones before it is rebuilt."""


class OwnSide:
    """Per price a queue (insertion order), and a heap of prices of which only the top is ever asked.

    Adding, removing and finding the best are constant or logarithmic, however many orders rest.
    """

    __slots__ = ("_heap", "_levels", "_sign")

    def __init__(self, side: Side) -> None:
        self._sign = -side.sign  # The heap gives the smallest: the best bid is the largest price.
        self._levels: dict[int, dict[int, PaperOrder]] = {}
        self._heap: list[int] = []

    def add(self, order: PaperOrder) -> None:
        """Join the end of the queue at the order's price."""
        price = _price(order)
        level = self._levels.get(price)
        if level is None:
            level = self._levels[price] = {}
            heappush(self._heap, price * self._sign)
            if len(self._heap) > 2 * len(self._levels) + HEAP_SLACK:
                self._heap = [p * self._sign for p in self._levels]
                heapify(self._heap)
        level[order.sequence] = order
        order.resting = True

    def remove(self, order: PaperOrder) -> None:
        price = _price(order)
        level = self._levels[price]
        del level[order.sequence]
        if not level:
            del self._levels[price]
        order.resting = False

    @property
    def best(self) -> int | None:
        """Our best price on this side."""
        heap = self._heap
        while heap:
            price = heap[0] * self._sign
            if price in self._levels:
                return price
            heappop(heap)
        return None

    def at(self, price_ticks: int) -> tuple[PaperOrder, ...]:
        """Our orders at a price, first in the queue first."""
        level = self._levels.get(price_ticks)
        return tuple(level.values()) if level else ()

    def first(self, price_ticks: int) -> PaperOrder:
        return next(iter(self._levels[price_ticks].values()))

    def backwards(self, price_ticks: int) -> Iterator[PaperOrder]:
        """Our orders at a price, last in the queue first."""
        level = self._levels.get(price_ticks)
        return reversed(level.values()) if level else iter(())

    def orders(self) -> Iterator[PaperOrder]:
        """All of them; per price in the order of the queue."""
        for level in self._levels.values():
            yield from level.values()


def _price(order: PaperOrder) -> int:
    assert order.price_ticks is not None, "only priced orders rest"  # noqa: S101 - our own invariant
    return order.price_ticks
