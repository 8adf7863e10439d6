"""NautilusTrader's OrderBook taking the same deltas, a hundred a call, made before the clock runs."""

# mypy: ignore-errors
# The peer is optional and its compiled classes have no types.

from __future__ import annotations

from collections.abc import Callable
from time import process_time_ns

from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, OrderSide
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider

from bench.deltas import BATCH, BUILD_UP, ROUNDS, Delta, judge, level_deltas, order_deltas

INSTRUMENT = TestInstrumentProvider.equity("AAPL", "XNAS").id
SIDES = {1: OrderSide.BUY, 2: OrderSide.SELL}
ACTIONS = {"A": BookAction.ADD, "X": BookAction.UPDATE, "D": BookAction.DELETE}


def nautilus_levels() -> Callable[[], float]:
    actions = ACTIONS | {"A": BookAction.UPDATE}
    return runner(BookType.L2_MBP, [made(delta, actions, delta.price) for delta in level_deltas()])


def nautilus_orders() -> Callable[[], float]:
    return runner(BookType.L3_MBO, [made(delta, ACTIONS, delta.ref) for delta in order_deltas()])


def made(delta: Delta, actions: dict, order_id: int) -> OrderBookDelta:
    price, quantity = Price(delta.price / 10_000, 2), Quantity.from_int(delta.quantity)
    order = BookOrder(SIDES[delta.side], price, quantity, order_id)
    return OrderBookDelta(INSTRUMENT, actions[delta.kind], order, 0, 0, 0, 0)


def runner(book_type: BookType, deltas: list[OrderBookDelta]) -> Callable[[], float]:
    batches = [OrderBookDeltas(INSTRUMENT, deltas[at : at + BATCH]) for at in range(0, len(deltas), BATCH)]

    def run() -> float:
        spent = 0
        for _ in range(ROUNDS):
            book = OrderBook(INSTRUMENT, book_type)
            for batch in batches[: BUILD_UP // BATCH]:
                book.apply_deltas(batch)
            begin = process_time_ns()
            for batch in batches[BUILD_UP // BATCH :]:
                book.apply_deltas(batch)
            spent += process_time_ns() - begin
            best = book.bids()[0], book.asks()[0]  # best_bid_size() is of the first order alone
            judge(tuple(round(number) for side in best for number in (float(side.price) * 10_000, side.size())))
        return spent / ROUNDS / (len(deltas) - BUILD_UP)

    return run
