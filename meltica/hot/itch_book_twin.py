"""The order-tracked market book of ITCH in plain Python: dicts all the way."""

from collections import defaultdict
from dataclasses import dataclass

from meltica.hot.itch import ItchBatch
from meltica.hot.layout_gen import Side

DEFAULT_MAX_ORDERS = 8_000_000  # Live at once: four times the peak of a busy day
_SIDES = {ord("B"): Side.BUY, ord("S"): Side.SELL}


@dataclass(slots=True)
class Order:
    locate: int
    side: int
    price: int
    shares: int


@dataclass(slots=True)
class ItchBookCounters:
    """What did not fit: a feed joined late refers to orders that this book has never seen."""

    applied: int = 0  # messages that changed the book
    unknown_refs: int = 0  # E C X D U of an order that is not in the book
    duplicate_refs: int = 0  # A F U that add an order that is already there: the first stays
    over_reductions: int = 0  # E C X of more shares than the order has: it goes
    bad_sides: int = 0  # A F that are neither B nor S


class ItchBook:
    """Orders by reference; levels by locate code, side and price (ticks of 1e-4)."""

    def __init__(self, max_orders: int = DEFAULT_MAX_ORDERS) -> None:
        if max_orders < 1:
            raise ValueError(f"max_orders {max_orders} is not positive")
        self.max_orders = max_orders
        self._orders: dict[int, Order] = {}
        self._levels: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(dict)
        self._symbols: dict[int, str] = {}
        self._states: dict[int, str] = {}
        self._counters = ItchBookCounters()

    def apply(self, batch: ItchBatch) -> None:
        """All messages of a batch, in order; OverflowError when max_orders would be passed."""
        columns = (batch.type, batch.locate, batch.order_ref, batch.second_ref, batch.side, batch.shares, batch.price)
        rows = zip(*(column.tolist() for column in columns), batch.code.tolist(), batch.stock.tolist(), strict=True)
        for kind, locate, ref, second, side, shares, price, code, stock in rows:
            match chr(kind):
                case "A" | "F":
                    self._name(locate, stock)
                    if side in _SIDES:
                        self._add(ref, Order(locate, _SIDES[side], price, shares))
                    else:
                        self._counters.bad_sides += 1
                case "E" | "C" | "X":
                    self._reduce(ref, shares)
                case "D":
                    self._remove(ref)
                case "U":
                    self._replace(ref, second, price, shares)
                case "R":
                    self._name(locate, stock)
                case "H":
                    self._states[locate] = chr(code)

    def _name(self, locate: int, stock: bytes) -> None:
        if stock and locate not in self._symbols:
            self._symbols[locate] = stock.decode("latin-1").rstrip(" ")

    def _add(self, ref: int, order: Order) -> None:
        if ref in self._orders:
            self._counters.duplicate_refs += 1
            return
        if len(self._orders) >= self.max_orders:
            raise OverflowError(f"the book has {len(self._orders)} live orders; max_orders is {self.max_orders}")
        self._orders[ref] = order
        level = self._levels[order.locate, order.side].setdefault(order.price, [0, 0])
        level[0] += order.shares
        level[1] += 1
        self._counters.applied += 1

    def _take(self, ref: int) -> Order | None:
        """Removes the order from the book."""
        order = self._orders.pop(ref, None)
        if order is None:
            self._counters.unknown_refs += 1
            return None
        self._shrink(order, order.shares, orders=1)
        return order

    def _shrink(self, order: Order, shares: int, *, orders: int) -> None:
        levels = self._levels[order.locate, order.side]
        level = levels[order.price]
        level[0] -= shares
        level[1] -= orders
        if level[1] == 0:
            del levels[order.price]

    def _reduce(self, ref: int, shares: int) -> None:
        order = self._orders.get(ref)
        if order is not None and shares < order.shares:
            order.shares -= shares
            self._shrink(order, shares, orders=0)
            self._counters.applied += 1
            return
        if order is not None and shares > order.shares:
            self._counters.over_reductions += 1
        self._remove(ref)

    def _remove(self, ref: int) -> None:
        if self._take(ref) is not None:
            self._counters.applied += 1

    def _replace(self, ref: int, new_ref: int, price: int, shares: int) -> None:
        old = self._take(ref)
        if old is not None:
            self._add(new_ref, Order(old.locate, old.side, price, shares))

    # --- looking inside ---

    def best(self, locate: int) -> tuple[int, int, int, int]:
        """bid price, bid shares, ask price, ask shares; 0, 0 for an empty side."""
        bid, ask = self.depth(locate, Side.BUY, 1), self.depth(locate, Side.SELL, 1)
        return (*(bid[0][:2] if bid else (0, 0)), *(ask[0][:2] if ask else (0, 0)))

    def depth(self, locate: int, side: int, count: int) -> list[tuple[int, int, int]]:
        """(price, shares, orders) of the best levels, best first."""
        if side not in tuple(Side):
            raise ValueError(f"side {side} is neither {int(Side.BUY)} (buy) nor {int(Side.SELL)} (sell)")
        levels = self._levels.get((locate, side), {})
        ordered = sorted(levels.items(), reverse=side == Side.BUY)[: max(0, count)]
        return [(price, shares, orders) for price, (shares, orders) in ordered]

    def level_counts(self, locate: int) -> tuple[int, int]:
        """Levels on the bid and on the ask side."""
        return len(self._levels.get((locate, Side.BUY), ())), len(self._levels.get((locate, Side.SELL), ()))

    def order(self, ref: int) -> tuple[int, int, int, int] | None:
        """locate, side, price, shares"""
        order = self._orders.get(ref)
        return None if order is None else (order.locate, order.side, order.price, order.shares)

    @property
    def live_orders(self) -> int:
        return len(self._orders)

    def locates(self) -> list[int]:
        """Locate codes with at least one level."""
        return sorted({locate for (locate, _), levels in self._levels.items() if levels})

    def symbol(self, locate: int) -> str:
        """Of the stock directory, or of the first order; empty when unknown."""
        return self._symbols.get(locate, "")

    def trading_state(self, locate: int) -> str:
        """H halted, P paused, Q quotation only, T trading; empty when no message said so."""
        return self._states.get(locate, "").strip("\0")

    def counters(self) -> dict[str, int]:
        counters = self._counters
        return {name: getattr(counters, name) for name in ItchBookCounters.__slots__}
