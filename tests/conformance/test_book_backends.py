"""Both backends of the two books, beside each other and against stories."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.hot import LOTS_BOUND, TICKS_BOUND, Side, load
from tests.conformance import itch_messages as itch
from tests.conformance.examples import examples

BACKENDS = {name: load(name) for name in ("python", "cython")}
SNIPPET = Path(os.environ.get("MELTICA_DATA", "../shared/data")) / "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50"


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> ModuleType:
    return BACKENDS[request.param]


# --- LevelBook ---


def test_levels_are_absolute_and_zero_takes_them_away(backend: ModuleType) -> None:
    book = backend.LevelBook()
    assert (book.best(Side.BUY), book.best(Side.SELL), book.crossed) == (None, None, False)
    book.apply(Side.BUY, [100, 99, 101, 100], [5, 6, 7, 8])
    book.apply(Side.SELL, [103, 102], [1, 2])
    assert (book.best(Side.BUY), book.best(Side.SELL)) == ((101, 7), (102, 2))
    assert book.depth(Side.BUY, 2) == [(101, 7), (100, 8)]
    assert book.depth(Side.SELL, 9) == [(102, 2), (103, 1)]
    assert (book.depth(Side.BUY, 0), book.depth(Side.BUY, -1)) == ([], [])
    book.update(Side.BUY, 101, 0)
    book.update(Side.BUY, 55, 0)
    assert (book.best(Side.BUY), book.count(Side.BUY), book.count(Side.SELL)) == ((100, 8), 2, 2)
    book.update(Side.BUY, 102, 1)
    assert book.crossed
    book.clear()
    assert (book.count(Side.BUY), book.count(Side.SELL), book.crossed) == (0, 0, False)


@pytest.mark.parametrize(
    "call",
    [
        lambda book: book.update(3, 1, 1),
        lambda book: book.update(Side.BUY, 0, 1),
        lambda book: book.update(Side.BUY, TICKS_BOUND + 1, 1),
        lambda book: book.update(Side.BUY, 1, -1),
        lambda book: book.update(Side.BUY, 1, LOTS_BOUND + 1),
        lambda book: book.apply(Side.BUY, [5, 0], [1, 1]),
        lambda book: book.apply(Side.BUY, [5, 6], [1]),
        lambda book: book.apply(0, [5], [1]),
        lambda book: book.apply_both([1, 3], [5, 6], [1, 1]),
        lambda book: book.apply_both([1, 2], [5, 0], [1, 1]),
        lambda book: book.apply_both([1, 2], [5, 6], [1, LOTS_BOUND + 1]),
        lambda book: book.apply_both([1, 2], [5, 6], [1]),
        lambda book: book.apply_both([1], [5, 6], [1, 1]),
        lambda book: book.best(0),
        lambda book: book.depth(7, 1),
        lambda book: book.count(-1),
    ],
)
def test_senseless_updates_change_nothing(backend: ModuleType, call: Any) -> None:
    book = backend.LevelBook()
    book.update(Side.BUY, 10, 1)
    with pytest.raises(ValueError, match=r".+"):
        call(book)
    assert (book.depth(Side.BUY, 9), book.count(Side.SELL)) == ([(10, 1)], 0)


def test_a_book_has_a_bound(backend: ModuleType) -> None:
    book = backend.LevelBook(max_levels=2)
    book.apply(Side.SELL, [10, 11], [1, 1])
    with pytest.raises(OverflowError, match="max_levels is 2"):
        book.update(Side.SELL, 12, 1)
    book.update(Side.SELL, 11, 5)
    assert book.depth(Side.SELL, 9) == [(10, 1), (11, 5)]


updates = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.one_of(st.integers(1, 40), st.integers(1, TICKS_BOUND)), st.integers(0, 3)),
    max_size=200,
)


@settings(deadline=None, max_examples=examples(200), print_blob=True)
@given(updates, st.integers(0, 30))
def test_level_books_agree(history: list[tuple[int, int, int]], count: int) -> None:
    twin, candidate = (BACKENDS[name].LevelBook() for name in ("python", "cython"))
    for side, price, quantity in history:
        twin.update(side, price, quantity)
        candidate.apply(side, [price], [quantity])
    columns = [[update[at] for update in history] for at in range(3)]
    for backend in BACKENDS.values():
        both = backend.LevelBook()
        both.apply_both(*columns)
        assert all(both.depth(side, 200) == twin.depth(side, 200) for side in (1, 2))
    for side in (1, 2):
        assert twin.best(side) == candidate.best(side)
        assert twin.count(side) == candidate.count(side)
        assert twin.depth(side, count) == candidate.depth(side, count)
    assert twin.crossed == candidate.crossed


# --- ItchBook ---


def played(backend: ModuleType, *messages: bytes, **arguments: int) -> Any:
    book = backend.ItchBook(**arguments)
    book.apply(backend.ItchDecoder().decode(itch.framed(*messages)))
    return book


def test_a_day_in_the_life_of_an_order(backend: ModuleType) -> None:
    book = played(
        backend,
        itch.add(1, "B", 300, 10_000),
        itch.add(2, "B", 50, 10_000),
        itch.add(3, "S", 70, 10_100),
        itch.execute(1, 100),
        itch.execute_at(1, 50, 9_990),
        itch.cancel(1, 25),
    )
    assert book.best(1) == (10_000, 175, 10_100, 70)
    assert book.depth(1, Side.BUY, 5) == [(10_000, 175, 2)]
    assert (book.order(1), book.live_orders) == ((1, Side.BUY, 10_000, 125), 3)
    book.apply(
        backend.ItchDecoder().decode(itch.framed(itch.replace(1, 4, 40, 10_050), itch.delete(2), itch.execute(3, 70)))
    )
    assert (book.order(1), book.order(4)) == (None, (1, Side.BUY, 10_050, 40))
    assert (book.best(1), book.level_counts(1), book.live_orders) == ((10_050, 40, 0, 0), (1, 0), 1)
    assert (book.locates(), book.symbol(1), book.symbol(9)) == ([1], "TEST", "")
    assert book.counters() == {
        "applied": 9,
        "unknown_refs": 0,
        "duplicate_refs": 0,
        "over_reductions": 0,
        "bad_sides": 0,
        "empty_orders": 0,
        "locked": 0,
        "crossed": 0,
    }


def test_what_does_not_fit_is_counted(backend: ModuleType) -> None:
    book = played(
        backend,
        itch.add(1, "B", 10, 100),
        itch.add(1, "S", 99, 999),
        itch.execute(8, 1),
        itch.cancel(8, 1),
        itch.delete(8),
        itch.replace(8, 9, 1, 1),
        itch.cancel(1, 11),
        itch.add(2, "?", 10, 100),
    )
    assert (book.live_orders, book.locates(), book.order(9)) == (0, [], None)
    assert book.counters() == {
        "applied": 2,
        "unknown_refs": 4,
        "duplicate_refs": 1,
        "over_reductions": 1,
        "bad_sides": 1,
        "empty_orders": 0,
        "locked": 0,
        "crossed": 0,
    }


def test_trading_state(backend: ModuleType) -> None:
    book = played(backend, itch.trading_action(5, "H"), itch.trading_action(6, "T"))
    assert (book.trading_state(5), book.trading_state(6), book.trading_state(7)) == ("H", "T", "")
    assert book.symbol(5) == ""


def test_a_market_book_has_a_bound(backend: ModuleType) -> None:
    book = played(backend, itch.add(1, "B", 1, 1), itch.add(2, "B", 1, 1), max_orders=2)
    with pytest.raises(OverflowError, match="max_orders is 2"):
        book.apply(backend.ItchDecoder().decode(itch.framed(itch.add(3, "B", 1, 1))))
    assert book.live_orders == 2


def test_many_orders_come_and_go(backend: ModuleType) -> None:
    """More than the first table holds, in runs that collide, and all of them found again."""
    refs = [ref * 65_536 for ref in range(1, 40_001)]
    decoder = backend.ItchDecoder(100_000)
    book = backend.ItchBook()
    book.apply(decoder.decode(itch.framed(*[itch.add(ref, "B", 1, ref % 97 + 1) for ref in refs])))
    assert (book.live_orders, sum(row[2] for row in book.depth(1, Side.BUY, 100))) == (40_000, 40_000)
    book.apply(decoder.decode(itch.framed(*[itch.delete(ref) for ref in refs[::2]])))
    assert all((book.order(ref) is None) == (at % 2 == 0) for at, ref in enumerate(refs))
    book.apply(decoder.decode(itch.framed(*[itch.delete(ref) for ref in refs[1::2]])))
    assert (book.live_orders, book.locates(), book.counters()["unknown_refs"]) == (0, [], 0)


refs = st.integers(0, 12)
shares = st.integers(0, 5)
prices = st.integers(0, 9)
messages = st.one_of(
    st.builds(itch.add, refs, st.sampled_from("BSBSBSx"), shares, prices, st.integers(1, 2)),
    st.builds(itch.execute, refs, shares),
    st.builds(itch.execute_at, refs, shares, prices),
    st.builds(itch.cancel, refs, shares),
    st.builds(itch.delete, refs),
    st.builds(itch.replace, refs, refs, shares, prices),
    st.builds(itch.trading_action, st.integers(1, 2), st.sampled_from("HTPQ\0")),
    st.sampled_from([itch.message(kind) for kind in itch.BODIES]),
)


def view(book: Any, locates: list[int]) -> dict[str, Any]:
    return {
        "counters": book.counters(),
        "live": book.live_orders,
        "locates": book.locates(),
        "best": [book.best(locate) for locate in locates],
        "counts": [book.level_counts(locate) for locate in locates],
        "depth": [book.depth(locate, side, 100) for locate in locates for side in (1, 2)],
        "symbols": [book.symbol(locate) for locate in locates],
        "states": [book.trading_state(locate) for locate in locates],
    }


@settings(deadline=None, max_examples=examples(200), print_blob=True)
@given(st.lists(messages, max_size=120))
def test_market_books_agree(history: list[bytes]) -> None:
    twin, candidate = (played(BACKENDS[name], *history) for name in ("python", "cython"))
    assert view(twin, [1, 2, 258]) == view(candidate, [1, 2, 258])
    for ref in range(13):
        assert twin.order(ref) == candidate.order(ref)


@settings(deadline=None, max_examples=examples(100), print_blob=True)
@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from("BS"), st.booleans()), max_size=300))
def test_deep_books_agree_however_they_are_searched(history: list[tuple[int, str, bool]]) -> None:
    """More levels than are compared at once; a book that fits a cache is searched in another way than a large one."""
    steps = []
    for ref, (price, side, goes) in enumerate(history):
        steps += [itch.add(ref, side, 1 + ref % 7, price), *([itch.delete(ref // 2)] if goes else [])]
    twin, small, large = (
        played(BACKENDS[name], *steps, max_orders=bound, window_log2=10)
        for name, bound in (("python", 1_000), ("cython", 1_000), ("cython", 1_000_000))
    )
    assert view(twin, [1]) == view(small, [1]) == view(large, [1])


@pytest.mark.skipif(not SNIPPET.exists(), reason=f"no {SNIPPET}: set MELTICA_DATA")
def test_a_file_that_begins_in_the_middle_of_the_day() -> None:
    """Most deletes and replaces name orders from before its first message: counted, not crashed on."""
    books = []
    for backend in BACKENDS.values():
        book = backend.ItchBook()
        book.apply(backend.ItchDecoder().decode(SNIPPET.read_bytes()))
        books.append(book)
    twin, candidate = books
    counters = twin.counters()
    touching = 367 + 193 + 225 + 167 + 28 + 6 + 1  # A F U D E X C
    assert (counters["applied"], counters["unknown_refs"]) == (588, 399)
    assert counters["applied"] + counters["unknown_refs"] == touching
    assert counters["duplicate_refs"] == counters["over_reductions"] == 0
    assert twin.live_orders == 532
    assert view(twin, twin.locates()) == view(candidate, twin.locates())
