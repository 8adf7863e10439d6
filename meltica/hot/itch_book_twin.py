"""The order-tracked books of the whole market in plain Python: dicts all the way."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from meltica.hot.itch import COLUMNS, MORE, ItchBatch
from meltica.hot.itch_levels_twin import Levels, Order
from meltica.hot.itch_stock_twin import Row, Stock, hear, rows_of
from meltica.hot.itch_twin import ItchColumns
from meltica.hot.layout_gen import Side, TopOfBookRecord

DEFAULT_MAX_ORDERS = 8_000_000  # Live at once: four times the peak of a busy day
_LEAST_WINDOW_LOG2, _MOST_WINDOW_LOG2 = 4, 30
DEFAULT_WINDOW_LOG2 = 23  # Means something for the compiled book alone: see there
CHANGES: Final = {
    "locate": "u2",
    "timestamp_ns": "u8",
    "bid_price": "u4",
    "bid_shares": "u8",
    "ask_price": "u4",
    "ask_shares": "u8",
}
_CAPACITY = 8192
_SIDES = {ord("B"): Side.BUY, ord("S"): Side.SELL}


@dataclass(slots=True)
class ItchBookCounters:
    """What did not fit: a feed joined late refers to orders that this book has never seen."""

    applied: int = 0  # messages that changed the book
    unknown_refs: int = 0  # E C X D U of an order that is not in the book
    duplicate_refs: int = 0  # A F U that add an order that is already there: the first stays
    over_reductions: int = 0  # E C X of more shares than the order has: it goes
    bad_sides: int = 0  # A F that are neither B nor S
    empty_orders: int = 0  # A F U without a price or without shares: not entered
    locked: int = 0  # how often the best bid came to equal the best ask
    crossed: int = 0  # how often it came to be above it


class ItchBook:
    """Orders by reference; levels by locate code, side and price (ticks of 1e-4)."""

    def __init__(
        self, max_orders: int = DEFAULT_MAX_ORDERS, *, queues: bool = True, window_log2: int = DEFAULT_WINDOW_LOG2
    ) -> None:
        if not 1 <= max_orders < 2**31:
            raise ValueError(f"max_orders {max_orders} is not within 1..{2**31 - 1}")
        if not _LEAST_WINDOW_LOG2 <= window_log2 <= _MOST_WINDOW_LOG2:
            raise ValueError(f"window_log2 {window_log2} is not within 4..30")
        self.max_orders = max_orders
        self.queues = queues
        self.changes: dict[str, npt.NDArray[np.generic]] = {}
        self.block_messages = 0
        self.block_offset = 0
        self._orders: dict[int, Order] = {}
        self._levels: dict[tuple[int, int], Levels] = {}
        self._stocks: dict[int, Stock] = {}
        self._touched: dict[int, None] = {}
        self._counters = ItchBookCounters()
        self._event = ""
        self._now_ns = 0
        self._received_ns = 0

    # --- messages in ---

    def apply(self, batch: ItchBatch) -> None:
        """All messages of a batch, in order; OverflowError when max_orders would be passed."""
        self._begin(0)
        for row in rows_of({name: getattr(batch, name) for name in COLUMNS}, len(batch)):
            self._take(row)
            self.block_messages += 1

    def apply_bytes(
        self, buffer: bytes | bytearray | memoryview, offset: int = 0, receive_time_ns: int = 0
    ) -> tuple[int, int, int]:
        """(messages, offset of what comes next, why it stopped: see meltica.hot.itch); OverflowError as in apply()."""
        self._check_offset(buffer, offset)
        self._begin(receive_time_ns)
        return self._read(buffer, offset, None)

    def take_changes(
        self, buffer: bytes | bytearray | memoryview, offset: int = 0, receive_time_ns: int = 0
    ) -> tuple[int, int, int]:
        """The same until `changes` is full: (rows, offset of what comes next, why it stopped). A row for each message
        after which the best bid or offer of its locate code is another one; the next call writes over the rows."""
        self._check_offset(buffer, offset)
        self.changes = self.changes or {name: np.zeros(_CAPACITY, dtype) for name, dtype in CHANGES.items()}
        self._begin(receive_time_ns)
        rows: list[tuple[int, ...]] = []
        try:
            _, offset, stop = self._read(buffer, offset, rows)
        except OverflowError:
            if self.block_messages == 0:
                raise
            offset, stop = self.block_offset, MORE
        for name, column in zip(self.changes, zip(*rows, strict=True), strict=False):
            self.changes[name][: len(rows)] = column
        return len(rows), offset, stop

    def _read(
        self, buffer: bytes | bytearray | memoryview, offset: int, rows: list[tuple[int, ...]] | None
    ) -> tuple[int, int, int]:
        kernel = ItchColumns(1)
        while True:
            self.block_offset = offset
            decoded, offset, stop = kernel.decode(bytes(buffer), self.block_offset)
            if not decoded:
                self.block_offset = offset
                return self.block_messages, offset, stop
            if rows is not None and len(rows) == _CAPACITY:
                return self.block_messages, self.block_offset, MORE
            row = next(rows_of(kernel.columns, 1))
            before = self.best(row.locate)
            self._take(row)
            self.block_messages += 1
            if rows is not None and (after := self.best(row.locate)) != before:
                rows.append((row.locate, self._now_ns, *after))

    def _check_offset(self, buffer: bytes | bytearray | memoryview, offset: int) -> None:
        if not 0 <= offset <= len(buffer):
            raise ValueError(f"offset {offset} is not within 0..{len(buffer)}")

    def _begin(self, receive_time_ns: int) -> None:
        self._touched = {}
        self._received_ns = receive_time_ns
        self.block_messages = self.block_offset = 0

    def _take(self, row: Row) -> None:
        stock = self._stocks.setdefault(row.locate, Stock())
        self._now_ns = row.timestamp_ns
        match chr(row.type):
            case "A" | "F":
                self._name(stock, row.stock)
                if row.side in _SIDES:
                    self._add(Order(row.order_ref, row.locate, _SIDES[row.side], row.price, row.shares))
                else:
                    self._counters.bad_sides += 1
            case "E" | "C" | "X":
                self._reduce(row.order_ref, row.shares)
            case "D":
                self._remove(row.order_ref)
            case "U":
                self._replace(row.order_ref, row.second_ref, row.price, row.shares)
            case "R":
                self._name(stock, row.stock)
            case "S":
                self._event = chr(row.code).strip("\0")
            case _:
                hear(stock, row)
        stock.last_ns = row.timestamp_ns
        stock.messages += 1

    def _name(self, stock: Stock, name: bytes) -> None:
        if name and not stock.symbol:
            stock.symbol = name.decode("latin-1").rstrip(" ")

    # --- orders ---

    def _add(self, order: Order) -> None:
        if not order.price or not order.shares:
            self._counters.empty_orders += 1
            return
        if order.ref in self._orders:
            self._counters.duplicate_refs += 1
            return
        if len(self._orders) >= self.max_orders:
            raise OverflowError(
                f"the book has {len(self._orders)} live orders; max_orders is {self.max_orders};"
                f" message {self.block_messages} was not applied"
            )
        self._orders[order.ref] = order
        levels = self._levels.setdefault((order.locate, order.side), Levels(order.side))
        if levels.enter(order):
            self._move_best(order.locate)
        self._counters.applied += 1

    def _leave(self, order: Order) -> None:
        del self._orders[order.ref]
        if self._levels[order.locate, order.side].leave(order):
            self._move_best(order.locate)

    def _remove(self, ref: int) -> None:
        if (order := self._known(ref)) is not None:
            self._leave(order)
            self._counters.applied += 1

    def _reduce(self, ref: int, shares: int) -> None:
        if (order := self._known(ref)) is None:
            return
        self._counters.applied += 1
        if shares >= order.shares:
            self._counters.over_reductions += shares > order.shares
            self._leave(order)
        elif self._levels[order.locate, order.side].reduce(order, shares) and shares:
            self._move_best(order.locate)

    def _replace(self, ref: int, new_ref: int, price: int, shares: int) -> None:
        if (old := self._known(ref)) is not None:
            self._leave(old)
            self._add(Order(new_ref, old.locate, old.side, price, shares))

    def _known(self, ref: int) -> Order | None:
        order = self._orders.get(ref)
        self._counters.unknown_refs += order is None
        return order

    def _move_best(self, locate: int) -> None:
        """The best level of a side has changed, or there is another."""
        stock = self._stocks.setdefault(locate, Stock())
        stock.moves += 1
        stock.moved_ns = self._now_ns
        stock.received_ns = self._received_ns
        self._touched[locate] = None
        bid, _, ask, _ = self.best(locate)
        condition = "" if not bid or not ask or bid < ask else "locked" if bid == ask else "crossed"
        if condition and condition != stock.condition:
            setattr(self._counters, condition, getattr(self._counters, condition) + 1)
        stock.condition = condition

    # --- looking inside ---

    def touched(self) -> list[int]:
        """Locate codes whose best bid or offer moved in the last call of apply, apply_bytes or take_changes."""
        return list(self._touched)

    def best(self, locate: int) -> tuple[int, int, int, int]:
        """bid price, bid shares, ask price, ask shares; 0, 0 for an empty side."""
        bid, ask = self.depth(locate, Side.BUY, 1), self.depth(locate, Side.SELL, 1)
        return (*(bid[0][:2] if bid else (0, 0)), *(ask[0][:2] if ask else (0, 0)))

    def top(self, locate: int) -> bytes:
        """The record TopOfBook, as it is published; bit 0 of its condition alone is the book's to know."""
        stock = self._stocks.get(locate, Stock())
        bid, bid_shares, ask, ask_shares = self.best(locate)
        return TopOfBookRecord(
            locate=locate,
            trading_status=ord(stock.state) if stock.state else 0,
            condition=bool(stock.condition),
            bid_price=bid,
            bid_shares=bid_shares,
            ask_price=ask,
            ask_shares=ask_shares,
            exchange_time_ns=stock.moved_ns,
            receive_time_ns=stock.received_ns,
            update_count=stock.moves,
        ).to_bytes()

    def depth(self, locate: int, side: int, count: int) -> list[tuple[int, int, int]]:
        """(price, shares, orders) of the best levels, best first."""
        return self._side(locate, side).depth(count)

    def level_counts(self, locate: int) -> tuple[int, int]:
        """Levels on the bid and on the ask side."""
        return len(self._side(locate, Side.BUY)), len(self._side(locate, Side.SELL))

    def order(self, ref: int) -> tuple[int, int, int, int] | None:
        """locate, side, price, shares"""
        order = self._orders.get(ref)
        return None if order is None else (order.locate, order.side, order.price, order.shares)

    def queue(self, locate: int, side: int, price: int) -> list[tuple[int, int]]:
        """(reference, shares) of the orders at a price, first come first; ValueError without queues."""
        levels = self._side(locate, side)
        self._need_queues()
        return levels.queue(price)

    def queue_ahead(self, ref: int) -> tuple[int, int] | None:
        """(orders, shares) that stand before an order at its price; None when it is not there."""
        self._need_queues()
        order = self._orders.get(ref)
        return None if order is None else self._side(order.locate, order.side).ahead(order)

    def _side(self, locate: int, side: int) -> Levels:
        if side not in tuple(Side):
            raise ValueError(f"side {side} is neither {int(Side.BUY)} (buy) nor {int(Side.SELL)} (sell)")
        return self._levels.get((locate, side)) or Levels(side)

    def _need_queues(self) -> None:
        if not self.queues:
            raise ValueError("this book keeps no queues: make it with queues=True")

    @property
    def live_orders(self) -> int:
        return len(self._orders)

    def locates(self) -> list[int]:
        """Locate codes with at least one level."""
        return sorted({locate for (locate, _), levels in self._levels.items() if len(levels)})

    def condition(self, locate: int) -> str:
        """locked, crossed, or empty."""
        return self._stocks.get(locate, Stock()).condition

    def stale(self, now_ns: int, max_age_ns: int) -> list[int]:
        """Locate codes that have orders, are not halted, and had no message for longer than this while the market
        trades (until a feed says what the market does, it counts as trading)."""
        if self._event not in ("", "Q"):
            return []
        stocks = {locate: self._stocks[locate] for locate in self.locates()}
        return [
            locate
            for locate, stock in stocks.items()
            if stock.state not in ("H", "P") and now_ns - stock.last_ns > max_age_ns
        ]

    def messages(self, locate: int) -> int:
        """How many came for a locate code."""
        return self._stocks.get(locate, Stock()).messages

    def last_time_ns(self, locate: int) -> int:
        """Exchange time of its last message; 0 when there was none."""
        return self._stocks.get(locate, Stock()).last_ns

    def symbol(self, locate: int) -> str:
        """Of the stock directory, or of the first order; empty when unknown."""
        return self._stocks.get(locate, Stock()).symbol

    def trading_state(self, locate: int) -> str:
        """H halted, P paused, Q quotation only, T trading; empty when no message said so."""
        return self._stocks.get(locate, Stock()).state

    def market_event(self) -> str:
        """The last system event: O S Q M E C; empty when there was none."""
        return self._event

    def status(self, locate: int) -> dict[str, Any]:
        """trading_state; market_halts {Q B X: H T}; short_sale 0 1 2; collar [reference, upper, lower, extension];
        quotation (release in seconds since midnight, qualifier, price). What was never said is empty or None."""
        stock = self._stocks.get(locate, Stock())
        return {
            "trading_state": stock.state,
            "market_halts": {which: stock.market_halts[which] for which in "QBX" if stock.market_halts.get(which)},
            "short_sale": stock.short_sale,
            "collar": stock.collar,
            "quotation": stock.quotation,
        }

    def counters(self) -> dict[str, int]:
        counters = self._counters
        return {name: getattr(counters, name) for name in ItchBookCounters.__slots__}

    def reserve(self) -> None:
        """Touches all memory that max_orders orders can need, so that no page is made while messages come."""

    def memory_bytes(self) -> int:
        """Of the tables, as far as they are in use; here a guess."""
        return 400 * len(self._orders)
