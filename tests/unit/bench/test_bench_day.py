"""The made day, small: the same each time, clean, and the same best prices in both books and in the floors."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from bench.books import c_bests, judge
from bench.data import Day, day, digest
from bench.deltas import last_best
from bench.floors import floor
from meltica.hot import BestChanges, load

MESSAGES, SYMBOLS, SEED = 12_000, 40, 7
BUILD_UP = MESSAGES // 4 + 3 * SYMBOLS


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return day(MESSAGES, SYMBOLS, SEED, cache=tmp_path_factory.mktemp("day"))


@pytest.mark.parametrize("name", ["python", "cython"])
def test_books_end_with_the_best_prices_of_the_generator(small: Day, name: str) -> None:
    """Nothing is unknown, entered twice, crossed or locked, and states are as said."""
    book, data = load(name).ItchBook(10_000, window_log2=10), small.path.read_bytes()
    messages, offset, _ = book.apply_bytes(data)
    judge(small, messages, ((locate, *book.best(locate)) for locate in book.locates()))
    counters = book.counters()
    assert counters.pop("applied") == sum(small.facts["counts"][kind] for kind in "AFECXDU")
    assert (set(counters.values()), offset, book.live_orders) == ({0}, len(data), small.facts["live"])
    assert (book.trading_state(1), book.market_event(), book.symbol(40)) == ("T", "C", "S00039")


@pytest.mark.parametrize("queues", [False, True])
def test_the_floors_end_with_them_too(small: Day, queues: bool) -> None:
    c, data, best = floor("books"), small.path.read_bytes(), ctypes.c_uint64()
    assert c.books_setup(ctypes.c_uint64(0), ctypes.c_uint64(40_000), ctypes.c_uint64(100_000)) == 0
    run = c.books_queues if queues else c.books_levels
    run.restype = ctypes.c_long
    judge(small, run(data, ctypes.c_size_t(len(data)), ctypes.byref(best)), c_bests(c, queues=queues))
    c.books_free()


def test_rows_of_changes_end_with_them_too(small: Day) -> None:
    changes, data, last, offset = BestChanges(load("cython").ItchBook(10_000)), small.path.read_bytes(), {}, 0
    while True:
        batch = changes.read(data, offset)
        last |= {row[0]: row for row in zip(*(column.tolist() for column in batch[:6]), strict=True)}
        offset = batch.next_offset
        if batch.finished:
            break
    judge(small, MESSAGES, ((locate, *last[locate][2:]) for locate in sorted(last) if any(last[locate][2:])))


def test_the_day_is_like_the_published_ones(small: Day) -> None:
    facts = small.facts
    assert facts["messages"] == sum(facts["counts"].values()) == MESSAGES
    assert 1.25 < facts["refs_per_insert"] < 1.4
    assert 0.2 < facts["out_of_order"] < 0.4
    assert 0.75 * BUILD_UP < facts["live_at_open"] < 0.9 * BUILD_UP
    assert 0.3 < facts["counts"]["D"] / (MESSAGES - BUILD_UP) < 0.5


def test_the_same_arguments_make_the_same_day(small: Day, tmp_path: Path) -> None:
    again, other = day(MESSAGES, SYMBOLS, SEED, cache=tmp_path), day(MESSAGES, SYMBOLS, SEED + 1, cache=tmp_path)
    assert (again.path.read_bytes(), again.facts) == (small.path.read_bytes(), small.facts)
    assert other.facts["digest"] != small.facts["digest"]
    before = again.path.stat().st_mtime_ns
    assert day(MESSAGES, SYMBOLS, SEED, cache=tmp_path).path.stat().st_mtime_ns == before


def test_another_book_has_another_digest(small: Day) -> None:
    assert digest([(1, 2, 3, 4, 5)]) == "a73c4fcedb1fd5a4"
    with pytest.raises(RuntimeError, match=small.facts["digest"]):
        judge(small, MESSAGES, [(1, 2, 3, 4, 5)])
    with pytest.raises(RuntimeError, match="read 1 of"):
        judge(small, 1, [])


def test_deltas_of_one_stock_are_those_of_its_messages() -> None:
    from bench import deltas

    book = load("python").ItchBook()
    book.apply_bytes(b"".join(deltas.messages()))
    assert book.best(1) == last_best(deltas.level_deltas())
    assert len(deltas.order_deltas()) == len(deltas.messages()) + sum(one[2:3] == b"U" for one in deltas.messages())
