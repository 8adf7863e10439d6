"""One stock's book from ITCH messages: orders by reference, totals by price, and the market events that follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from meltica.domain.market import BookUpdate, Level, MarketEvent, MarketTrade, ShortSaleStatus, TradingStatus
from meltica.domain.order import Side

TRADING = "T"
STATES: Final = {"H": "halted", "P": "paused", "Q": "quotation only", TRADING: "trading"}


class Message(NamedTuple):
    """The fields of one decoded message; 0 where its type has none."""

    kind: str
    time_ns: int
    order_ref: int
    second_ref: int
    side: Side | None
    shares: int
    price_ticks: int
    code: str


NO_PRICE_TEST = "0"


class LiveOrder(msgspec.Struct):
    side: Side
    price_ticks: int
    shares: int


class StockBook:
    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.unknown_references = 0
        """Messages about orders that were never seen: the feed was joined late, or has lost something."""
        self.misfits = 0
        """Reductions of more than an order has, orders added twice, orders of no side: the feed contradicts itself."""
        self._orders: dict[int, LiveOrder] = {}
        self._totals: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._trades = 0
        self._handlers: dict[str, Callable[[Message], list[MarketEvent]]] = {
            "A": self._add,
            "F": self._add,
            "E": self._execute,
            "C": self._execute,
            "X": self._reduce,
            "D": self._delete,
            "U": self._replace,
            "P": self._trade_elsewhere,
            "Q": self._trade_elsewhere,
            "H": self._status,
            "Y": self._short_sale,
        }

    @property
    def live_orders(self) -> int:
        return len(self._orders)

    def take(self, message: Message) -> list[MarketEvent]:
        """What follows from one message; nothing from types that are no concern of a book."""
        handler = self._handlers.get(message.kind)
        return [] if handler is None else handler(message)

    def _add(self, message: Message) -> list[MarketEvent]:
        if message.side is None or message.order_ref in self._orders:
            self.misfits += 1
            return []
        order = LiveOrder(message.side, message.price_ticks, message.shares)
        self._orders[message.order_ref] = order
        return [self._update(message, order.side, (self._change(order, order.shares),))]

    def _execute(self, message: Message) -> list[MarketEvent]:
        """E: at the order's price. C: at another, and printed only if the message says so."""
        order = self._orders.get(message.order_ref)
        if order is None:
            self.unknown_references += 1
            return []
        price = message.price_ticks if message.kind == "C" else order.price_ticks
        printed = message.kind == "E" or message.code == "Y"
        trade = [self._trade(message, price, order.side.opposite)] if printed and message.shares else []
        return [*trade, *self._reduce(message)]

    def _reduce(self, message: Message) -> list[MarketEvent]:
        order = self._orders.get(message.order_ref)
        if order is None:
            self.unknown_references += 1
            return []
        if message.shares > order.shares:
            self.misfits += 1
        gone = min(message.shares, order.shares)
        order.shares -= gone
        if not order.shares:
            del self._orders[message.order_ref]
        return [self._update(message, order.side, (self._change(order, -gone),))]

    def _delete(self, message: Message) -> list[MarketEvent]:
        order = self._orders.pop(message.order_ref, None)
        if order is None:
            self.unknown_references += 1
            return []
        return [self._update(message, order.side, (self._change(order, -order.shares),))]

    def _replace(self, message: Message) -> list[MarketEvent]:
        old = self._orders.pop(message.order_ref, None)
        if old is None:
            self.unknown_references += 1
            return []
        levels = [self._change(old, -old.shares)]
        if message.second_ref in self._orders:
            self.misfits += 1
        else:
            new = LiveOrder(old.side, message.price_ticks, message.shares)
            self._orders[message.second_ref] = new
            levels.append(self._change(new, new.shares))
        return [self._update(message, old.side, tuple(dict(levels).items()))]

    def _trade_elsewhere(self, message: Message) -> list[MarketEvent]:
        """A hidden order's trade or a cross: the displayed book does not change."""
        return [self._trade(message, message.price_ticks, None)] if message.shares else []

    def _status(self, message: Message) -> list[MarketEvent]:
        reason = STATES.get(message.code, f"state {message.code}")
        return [TradingStatus(self.instrument, message.time_ns, message.code != TRADING, reason)]

    def _short_sale(self, message: Message) -> list[MarketEvent]:
        """Reg SHO action: 0 no price test, 1 in force since today, 2 still in force."""
        return [ShortSaleStatus(self.instrument, message.time_ns, message.code != NO_PRICE_TEST)]

    def _change(self, order: LiveOrder, shares: int) -> Level:
        """Add to the total at the order's price; the level as it is now."""
        totals = self._totals[order.side]
        total = totals.get(order.price_ticks, 0) + shares
        if total:
            totals[order.price_ticks] = total
        else:
            totals.pop(order.price_ticks, None)
        return order.price_ticks, total

    def _update(self, message: Message, side: Side, levels: tuple[Level, ...]) -> BookUpdate:
        bids, asks = (levels, ()) if side is Side.BUY else ((), levels)
        return BookUpdate(self.instrument, message.time_ns, bids, asks)

    def _trade(self, message: Message, price_ticks: int, aggressor: Side | None) -> MarketTrade:
        self._trades += 1
        trade_id = str(message.second_ref or self._trades)
        return MarketTrade(self.instrument, message.time_ns, price_ticks, message.shares, aggressor, trade_id)
