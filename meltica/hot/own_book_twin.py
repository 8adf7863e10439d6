"""The gate's own working limit orders, and what becomes of an order that would trade with one of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from meltica.hot.layout_gen import SelfMatch, Side

MAX_CROSSING = 64  # own orders that one order may cross and still be judged: bounded work


@dataclass(slots=True)
class WorkingOrder:
    order_id: int
    account_id: int
    instrument_id: int
    side: int
    price_ticks: int
    leaves_lots: int

    @property
    def keys(self) -> tuple[int, int, int]:
        return self.account_id, self.instrument_id, self.side

    def crosses(self, side: int, price_ticks: int | None) -> bool:
        """Whether it would trade with an order of the other side at this price (None: at any)."""
        if self.side == side:
            return False
        if price_ticks is None:
            return True
        return self.price_ticks <= price_ticks if side == Side.BUY else self.price_ticks >= price_ticks


class OwnBook:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.orders: dict[int, WorkingOrder] = {}
        self._of_instrument: dict[int, dict[int, WorkingOrder]] = {}

    @property
    def is_full(self) -> bool:
        return len(self.orders) >= self.capacity

    def get(self, order_id: int) -> WorkingOrder | None:
        return self.orders.get(order_id)

    def put(self, order: WorkingOrder) -> None:
        self.orders[order.order_id] = order
        self._of_instrument.setdefault(order.instrument_id, {})[order.order_id] = order

    def remove(self, order_id: int) -> None:
        """Of an order that is not there: nothing to do."""
        if (order := self.orders.pop(order_id, None)) is not None:
            del self._of_instrument[order.instrument_id][order_id]

    def lessen(self, order_id: int, lots: int, *, closes: bool) -> None:
        order = self.orders[order_id]
        order.leaves_lots = max(0, order.leaves_lots - lots)
        if closes or order.leaves_lots == 0:
            self.remove(order_id)

    def crossing(self, instrument_id: int, side: int, price_ticks: int | None) -> Iterator[WorkingOrder]:
        for order in self._of_instrument.get(instrument_id, {}).values():
            if order.crosses(side, price_ticks):
                yield order


@dataclass(frozen=True, slots=True)
class SelfMatchVerdict:
    refused: bool
    allowed_lots: int
    listed: list[tuple[int, int]]  # (order_id, leaves_lots), best price first, then the lower id


def resolve(mode: int, side: int, quantity_lots: int, crossing: list[WorkingOrder]) -> SelfMatchVerdict:
    """What the account's mode makes of an order and the own orders that it crosses."""
    if not crossing:
        return SelfMatchVerdict(refused=False, allowed_lots=quantity_lots, listed=[])
    if len(crossing) > MAX_CROSSING or mode == SelfMatch.CANCEL_NEWEST:
        return SelfMatchVerdict(refused=True, allowed_lots=0, listed=[])
    best_is_low = 1 if side == Side.BUY else -1
    crossing = sorted(crossing, key=lambda order: (best_is_low * order.price_ticks, order.order_id))
    if mode != SelfMatch.DECREMENT:
        refused = mode == SelfMatch.CANCEL_BOTH
        listed = [(order.order_id, 0) for order in crossing]
        return SelfMatchVerdict(refused=refused, allowed_lots=0 if refused else quantity_lots, listed=listed)
    left, listed = quantity_lots, []
    for order in crossing:
        if left == 0:
            break
        taken = min(left, order.leaves_lots)
        left -= taken
        listed.append((order.order_id, order.leaves_lots - taken))
    return SelfMatchVerdict(refused=left == 0, allowed_lots=left, listed=listed)
