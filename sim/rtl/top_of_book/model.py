"""When the card may claim to know the best prices of a symbol, and what it knows of every symbol, in plain Python.

The prices themselves are ItchBook's to judge. Here is only the rule of the windows (fpga/docs/top_of_book.md), from
orders by reference, without levels, ranks or bitmaps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.rtl.top_of_book.stream import Message

GRAINS = {"cent": 100, "half": 50, "unit": 1}
MOST_MOVES = 255
DOLLAR = 10_000
LARGEST = 1 << 20


@dataclass(slots=True)
class Order:
    sell: bool
    price: int
    shares: int
    window: int | None  # None: outside


class Side:
    """One side of a book: orders in the window and orders outside it."""

    def __init__(self, *, sell: bool, levels: int) -> None:
        self.sell = sell
        self.levels = levels
        self.totals: dict[int, int] = {}
        self.windowed = self.outside = self.window = self.base = self.beyond = 0
        self.grain = GRAINS["unit"]

    def better(self, price: int, than: int) -> bool:
        return price < than if self.sell else price > than

    def best(self) -> int | None:
        return (min if self.sell else max)(self.totals, default=None)

    def ladder(self) -> list[int]:
        """Prices in the window, best first."""
        return sorted(self.totals, reverse=not self.sell)

    def known(self) -> bool:
        best = self.best()
        return self.outside == 0 or (best is not None and self.better(best, self.beyond))

    def fits(self, price: int) -> bool:
        within = price % self.grain == 0 and 0 <= price // self.grain - self.base < self.levels
        return self.windowed > 0 and within and price < 1 << 31

    def add(self, price: int, shares: int, grain: int) -> tuple[int | None, str]:
        """The window that the order is in, or None; and what that took."""
        best, how = self.best(), "fits"
        if not self.fits(price):
            how = "outside"
            wipe = best is not None and self.better(price, best) and self.window < MOST_MOVES
            if price < 1 << 31 and (best is None or wipe):
                how = "moved" if wipe else "placed"
                if wipe and best is not None:
                    self._leave_all(best)
                self.grain = grain
                self.base = max(price // grain - self.levels // 2, 0)
        if how == "outside":
            self.beyond = price if not self.outside or self.better(price, self.beyond) else self.beyond
            self.outside += 1
            return None, how
        self.windowed += 1
        self.totals[price] = self.totals.get(price, 0) + shares
        return self.window, how

    def _leave_all(self, best: int) -> None:
        self.beyond = best if not self.outside or self.better(best, self.beyond) else self.beyond
        self.outside += self.windowed
        self.windowed, self.totals = 0, {}
        self.window += 1

    def lessen(self, order: Order, shares: int) -> None:
        gone = shares == order.shares
        order.shares -= shares
        if order.window != self.window:
            self.outside -= gone
            return
        self.windowed -= gone
        self.totals[order.price] -= shares
        if not self.totals[order.price]:
            del self.totals[order.price]


class Book:
    """The orders of one watched symbol."""

    def __init__(self, levels: int) -> None:
        self.orders: dict[int, Order] = {}
        self.bid = Side(sell=False, levels=levels)
        self.ask = Side(sell=True, levels=levels)
        self.halves = False
        self.trusted = False
        self.told = ""  # how the last new order was placed
        self.failures: list[str] = []

    def side(self, order: Order) -> Side:
        return self.ask if order.sell else self.bid

    def known(self) -> bool:
        return self.bid.known() and self.ask.known()

    def take(self, message: Message) -> None:
        self.told, self.failures = "", []
        match message.kind:
            case "A" | "F":
                self._add(message.ref, message.sell, message.price, message.shares)
            case "U":
                old = self._lessen(message.ref, None)
                if old is not None:
                    self._add(message.new_ref, old.sell, message.price, message.shares)
            case "D":
                self._lessen(message.ref, None)
            case _:
                self._lessen(message.ref, message.shares)
        if self.failures:
            self.trusted = False

    def _add(self, ref: int, sell: bool, price: int, shares: int) -> None:
        if not price or not shares:
            return
        if ref in self.orders or shares >= LARGEST:
            self.failures.append("duplicate" if ref in self.orders else "too_large")
            return
        order = Order(sell, price, shares, None)
        order.window, self.told = self.side(order).add(price, shares, self._grain(price))
        self.orders[ref] = order
        self.halves = self.halves or (price >= DOLLAR and price % 100 == 50)

    def _grain(self, price: int) -> int:
        if price >= DOLLAR and price % 100 == 0 and not self.halves:
            return GRAINS["cent"]
        return GRAINS["half"] if price >= DOLLAR and price % 50 == 0 else GRAINS["unit"]

    def _lessen(self, ref: int, shares: int | None) -> Order | None:
        order = self.orders.get(ref)
        if order is None:
            self.failures.append("unknown_order")
            return None
        if shares is not None and shares > order.shares:
            self.failures.append("over_reduction")
        leaving = order.shares if shares is None else min(shares, order.shares)
        self.side(order).lessen(order, leaving)
        if not order.shares:
            del self.orders[ref]
        return order


@dataclass(slots=True)
class Symbol:
    """What any symbol is known for besides its orders."""

    trade_price: int = 0
    trade_timestamp_ns: int = 0
    state: str = "\0"
    stopped: bool = False
    short_sale: str = "\0"
    seen: int = 0
    trades: list[int] = field(default_factory=list)

    @property
    def halted(self) -> bool:
        return self.stopped or self.state not in "\0T"

    @property
    def restricted(self) -> bool:
        return self.short_sale not in "\x000"

    def take(self, message: Message, order_price: int | None) -> None:
        """order_price: of the order that E trades, when it is tracked."""
        self.seen += 1
        price = order_price if message.kind == "E" else message.price if message.kind in "CPQ" else None
        if price is not None and 0 < price < 1 << 31 and message.shares and message.printable:
            self.trade_price, self.trade_timestamp_ns = price, message.timestamp_ns
            self.trades.append(price)
        match message.kind:
            case "H":
                self.state = message.state
            case "h":
                self.stopped = message.state == "H" if message.market in "Q\0" else self.stopped
            case "Y":
                self.short_sale = message.state
