"""The board: marks, invalid books, and readers that are slower than the market."""

from __future__ import annotations

import asyncio

import pytest

from meltica.app.board import READERS_MAX, BoardFullError, MarketBoard
from meltica.domain.market import BookInvalid, BookUpdate, Mark, MarketTrade, MarkPrice, Quote
from tests.unit.app.live import turns

A, B = "A@X", "B@X"


def book(name: str, bid: int, ask: int, *, snapshot: bool = True) -> BookUpdate:
    return BookUpdate(name, 1, ((bid, 5),), ((ask, 7),), snapshot=snapshot)


def test_the_mark_is_the_mid_of_the_book_and_as_old_as_its_news() -> None:
    board = MarketBoard()
    assert board.mark(A) is None
    board.take(book(A, 100, 103), 10)
    assert board.mark(A) == Mark(A, 10, 101, (100, 5), (103, 7))
    board.take(MarketTrade(A, 2, 90, 1), 11)
    assert board.mark(A) == Mark(A, 10, 101, (100, 5), (103, 7)), "where there is a book, a trade is no mark"


def test_without_a_book_the_last_trade_is_the_mark() -> None:
    board = MarketBoard()
    board.take(MarketTrade(A, 2, 90, 1), 11)
    board.take(MarketTrade(A, 3, 91, 1), 12)
    assert board.mark(A) == Mark(A, 12, 91)


@pytest.mark.parametrize(("bid", "ask"), [(103, 103), (104, 103)])
def test_a_crossed_book_makes_no_mark(bid: int, ask: int) -> None:
    board = MarketBoard()
    board.take(book(A, 100, 102), 10)
    board.take(book(A, bid, ask), 11)
    crossed = Mark(A, 10, 101, (bid, 5), (ask, 7))
    assert board.mark(A) == crossed, "the old price, which goes stale, with the quote that the gate must know of"


def test_a_book_with_one_side_makes_no_mark() -> None:
    board = MarketBoard()
    board.take(BookUpdate(A, 1, ((100, 5),), (), snapshot=True), 10)
    assert board.mark(A) is None
    top = board.top(A)
    assert top is not None
    assert (top.bid, top.ask) == ((100, 5), None)


def test_an_invalid_book_is_shown_as_such_and_makes_no_marks_until_its_snapshot() -> None:
    board = MarketBoard()
    board.take(BookInvalid(A, 1, "never seen"), 1)
    assert board.book(A, 5) is None
    board.take(book(A, 100, 102), 10)
    board.take(BookInvalid(A, 2, "gap"), 11)
    board.take(book(A, 99, 106, snapshot=False), 12)
    found = board.book(A, 5)
    assert found is not None
    assert not found.valid
    assert board.mark(A) == Mark(A, 10, 101, (100, 5), (102, 7))
    board.take(book(A, 104, 106), 13)
    found = board.book(A, 1)
    assert found is not None
    assert found.valid
    assert (found.bids, found.asks) == (((104, 5),), ((106, 7),))
    assert board.mark(A) == Mark(A, 13, 105, (104, 5), (106, 7))


async def test_a_slow_reader_gets_the_newest_of_each() -> None:
    board = MarketBoard()
    board.take(book(A, 1, 3), 1)
    stream = board.changes(())
    assert (await anext(stream)).bid == (1, 5)
    for n in range(2, 50):
        board.take(book(A, n, n + 2), n)
        board.take(book(B, n, n + 2), n)
    tops = [await anext(stream), await anext(stream)]
    assert [(top.instrument, top.bid) for top in tops] == [(A, (49, 5)), (B, (49, 5))]
    rest = asyncio.ensure_future(anext(stream))
    board.take(book(A, 49, 51), 60)  # Nothing new at the top
    await turns()
    assert not rest.done()
    rest.cancel()


async def test_a_reader_hears_of_what_it_asked_for() -> None:
    board = MarketBoard()
    stream = board.changes([B])
    waiting = asyncio.ensure_future(anext(stream))
    await turns()
    board.take(book(A, 1, 3), 1)
    await turns()
    assert not waiting.done()
    board.take(book(B, 5, 7), 2)
    assert (await waiting).instrument == B
    await stream.aclose()


async def test_readers_are_bounded_and_places_are_given_back() -> None:
    board = MarketBoard()
    board.take(book(A, 1, 3), 1)
    streams = [board.changes(()) for _ in range(READERS_MAX)]
    for stream in streams:
        await anext(stream)
    with pytest.raises(BoardFullError):
        await anext(board.changes(()))
    await streams[0].aclose()
    assert (await anext(board.changes(()))).instrument == A


def test_the_venues_mark_price_has_an_age_of_its_own_and_ends_with_a_gap() -> None:
    board = MarketBoard()
    board.take(MarkPrice(A, 1, 101, between=True), 9)
    assert board.quote(A) is None, "nothing to judge by is known yet"
    board.take(book(A, 100, 103), 10)
    board.take(MarketTrade(A, 2, 90, 4), 11)
    assert board.quote(A) == Quote(
        A, 10, (100, 5), (103, 7), last_ticks=90, mark_ticks=101, traded_lots=4, mark_ns=9, mark_between=True
    )
    found = MarkPrice(A, 9, 101, between=True)
    shown = board.book(A, 1)
    assert shown is not None
    assert (board.top(A).mark, shown.mark) == (found, found)  # type: ignore[union-attr]
    assert board.mark(A) == Mark(A, 10, 101, (100, 5), (103, 7)), "the gate judges by the book"
    board.take(BookInvalid(A, 3, "gap"), 12)
    board.take(book(A, 100, 103), 13)
    assert board.quote(A) == Quote(A, 13, (100, 5), (103, 7), last_ticks=90, traded_lots=4)


async def test_a_new_mark_price_is_told_although_the_book_stays() -> None:
    board = MarketBoard()
    board.take(book(A, 100, 103), 10)
    stream = board.changes([A])
    first = await anext(stream)
    assert first.mark is None
    for time_ns, price, between in ((11, 101, False), (12, 101, True)):
        board.take(MarkPrice(A, 1, price, between), time_ns)
        assert (await anext(stream)).mark == MarkPrice(A, time_ns, price, between)
    board.take(MarkPrice(A, 1, 101, between=True), 13)
    waiting = asyncio.ensure_future(anext(stream))
    await turns()
    assert not waiting.done(), "the same again is no news"
    waiting.cancel()
