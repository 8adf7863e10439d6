"""Stories of one stock's book from ITCH messages, and the same book as the hot path's."""

from __future__ import annotations

import random
from struct import pack

import pytest

from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookUpdate, MarketTrade, TradingStatus
from meltica.domain.order import Side
from meltica.hot import ItchBook, ItchDecoder
from meltica.venues.nasdaq.session import NasdaqSession, stock_instrument

AAPL, MSFT = stock_instrument("AAPL", 0), stock_instrument("MSFT", 1)
NAME = AAPL.instrument


def message(kind: str, locate: int, body: bytes, time_ns: int = 5) -> bytes:
    data = kind.encode() + pack(">HHHI", locate, 0, time_ns >> 32, time_ns & 0xFFFFFFFF) + body
    return pack(">H", len(data)) + data


def add(ref: int, side: str, shares: int, price: int, *, stock: str = "AAPL", locate: int = 7) -> bytes:
    return message("A", locate, pack(">QcI8sI", ref, side.encode(), shares, stock.encode().ljust(8), price))


def execute(ref: int, shares: int, match: int = 900) -> bytes:
    return message("E", 7, pack(">QIQ", ref, shares, match))


def execute_at(ref: int, shares: int, price: int, printable: str) -> bytes:
    return message("C", 7, pack(">QIQcI", ref, shares, 901, printable.encode(), price))


def cancel(ref: int, shares: int) -> bytes:
    return message("X", 7, pack(">QI", ref, shares))


def delete(ref: int) -> bytes:
    return message("D", 7, pack(">Q", ref))


def replace(ref: int, new: int, shares: int, price: int) -> bytes:
    return message("U", 7, pack(">QQII", ref, new, shares, price))


class Feed:
    def __init__(self) -> None:
        self.session = NasdaqSession([AAPL])
        self.decoder = ItchDecoder()

    def __call__(self, *messages: bytes) -> list[str]:
        batch = self.decoder.decode(b"".join(messages))
        assert batch.error is None
        return [in_words(event) for event in self.session.receive(batch)]


def in_words(event) -> str:
    match event:
        case BookUpdate() if event.snapshot:
            assert not event.bids
            assert not event.asks
            return "empty"
        case BookUpdate():
            side, levels = ("bid", event.bids) if event.bids else ("ask", event.asks)
            return f"{side} " + " ".join(f"{quantity}@{price}" for price, quantity in levels)
        case MarketTrade():
            return f"trade {event.quantity_lots}@{event.price_ticks} {event.aggressor and event.aggressor.name}"
        case TradingStatus():
            return "halted" if event.halted else "trading"


@pytest.fixture
def feed() -> Feed:
    feed = Feed()
    assert feed(add(1, "B", 100, 50_0000), add(2, "B", 50, 50_0000), add(3, "S", 70, 50_1000)) == [
        "empty",
        "bid 100@500000",
        "bid 150@500000",
        "ask 70@501000",
    ]
    return feed


class TestMessages:
    def test_execution(self, feed: Feed):
        assert feed(execute(1, 40)) == ["trade 40@500000 SELL", "bid 110@500000"]
        assert feed(execute(1, 60)) == ["trade 60@500000 SELL", "bid 50@500000"]
        assert feed(execute(3, 70)) == ["trade 70@501000 BUY", "ask 0@501000"]

    def test_execution_at_another_price(self, feed: Feed):
        assert feed(execute_at(1, 10, 50_0500, "Y")) == ["trade 10@500500 SELL", "bid 140@500000"]
        assert feed(execute_at(1, 10, 50_0500, "N")) == ["bid 130@500000"]

    def test_cancel_and_delete(self, feed: Feed):
        assert feed(cancel(1, 30), delete(1), delete(2)) == ["bid 120@500000", "bid 50@500000", "bid 0@500000"]

    def test_replace_moves_in_one_update(self, feed: Feed):
        assert feed(replace(1, 11, 80, 49_9900)) == ["bid 50@500000 80@499900"]
        assert feed(replace(11, 12, 20, 49_9900)) == ["bid 20@499900"]
        assert feed(delete(11)) == []
        assert feed(delete(12)) == ["bid 0@499900"]

    def test_trades_that_the_book_does_not_show(self, feed: Feed):
        hidden = message("P", 7, pack(">QcI8sIQ", 0, b"B", 25, b"AAPL    ", 50_0500, 77))
        cross = message("Q", 7, pack(">Q8sIQc", 1000, b"AAPL    ", 50_0700, 78, b"O"))
        nothing = message("Q", 7, pack(">Q8sIQc", 0, b"AAPL    ", 0, 79, b"O"))
        assert feed(hidden, cross, nothing) == ["trade 25@500500 None", "trade 1000@500700 None"]

    def test_trading_status(self, feed: Feed):
        status = [message("H", 7, pack(">8scc4s", b"AAPL    ", state, b" ", b"T1  ")) for state in (b"H", b"Q", b"T")]
        assert feed(*status) == ["halted", "halted", "trading"]

    def test_what_does_not_fit_is_counted(self, feed: Feed):
        assert feed(execute(99, 1), cancel(99, 1), delete(99), replace(99, 100, 1, 1)) == []
        assert feed(add(1, "B", 5, 1)) == []
        assert feed(cancel(3, 71)) == ["ask 0@501000"]
        book = feed.session.books[7]
        assert (book.unknown_references, book.misfits) == (4, 2)

    def test_other_stocks_are_no_concern(self, feed: Feed):
        assert feed(add(20, "B", 5, 100, stock="MSFT", locate=8), add(21, "S", 5, 100, stock="AAPLW", locate=9)) == []

    def test_a_name_that_comes_late_in_a_batch(self):
        feed = Feed()
        assert feed(delete(5), add(6, "B", 1, 10), delete(6)) == ["empty", "bid 1@10", "bid 0@10"]


def test_random_days_give_the_same_book_as_the_hot_path():
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    dice = random.Random(seed)
    refs = range(1, 40)
    messages = []
    for _ in range(5_000):
        ref, shares, price = dice.choice(refs), dice.randint(1, 300), dice.randint(1, 15) * 100
        messages.append(
            dice.choice(
                [
                    add(ref, dice.choice("BS"), shares, price),
                    add(ref, dice.choice("BS"), shares, price),
                    execute(ref, shares),
                    execute_at(ref, shares, price, dice.choice("YN")),
                    cancel(ref, shares),
                    delete(ref),
                    replace(ref, dice.choice(refs), shares, price),
                ]
            )
        )
    session, book, hot, decoder = NasdaqSession([AAPL]), LevelBook(), ItchBook(), ItchDecoder()
    first = add(1000, "B", 1, 1)  # So that both know the stock from the start.
    for piece in (first, *(b"".join(messages[i : i + 50]) for i in range(0, len(messages), 50))):
        batch = decoder.decode(piece)
        hot.apply(batch)
        for event in session.receive(batch):
            if isinstance(event, BookUpdate):
                book.apply(event)
        for side in Side:
            assert book.side(side).top(100) == tuple((p, q) for p, q, _ in hot.depth(7, side, 100))
    assert session.books[7].unknown_references == hot.counters()["unknown_refs"]
