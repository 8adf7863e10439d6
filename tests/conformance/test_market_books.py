"""Both backends of the market book: queues, states, blocks of bytes, bounds; and random days in lockstep."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.hot import BestChanges, ItchError, Side, load
from meltica.hot.itch import END, END_OF_SESSION, MORE, TRUNCATED, UNKNOWN_TYPE, WRONG_LENGTH
from meltica.hot.layout_gen import TopOfBookRecord
from tests.conformance import itch_messages as itch
from tests.conformance.examples import examples

BACKENDS = {name: load(name) for name in ("python", "cython")}
SNIPPET = Path(os.environ.get("MELTICA_DATA", "../shared/data")) / "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50"
NS = 1_000_000_000


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> ModuleType:
    return BACKENDS[request.param]


def at(time_ns: int, message: bytes, locate: int | None = None) -> bytes:
    """The message at another time, of another locate code."""
    head = message[1:3] if locate is None else locate.to_bytes(2, "big")
    return message[:1] + head + message[3:5] + time_ns.to_bytes(6, "big") + message[11:]


def event(code: str) -> bytes:
    return b"S" + bytes(10) + code.encode()


def read(book: Any, *messages: bytes) -> Any:
    book.apply_bytes(itch.framed(*messages))
    return book


# --- queues ---


def test_orders_stand_in_the_order_in_which_they_came(backend: ModuleType) -> None:
    book = read(
        backend.ItchBook(),
        *[itch.add(ref, "B", 100 * ref, 5_000) for ref in (1, 2, 3, 4)],
        itch.add(9, "B", 7, 4_900),
    )
    assert book.queue(1, Side.BUY, 5_000) == [(1, 100), (2, 200), (3, 300), (4, 400)]
    assert (book.queue_ahead(1), book.queue_ahead(4), book.queue_ahead(9)) == ((0, 0), (3, 600), (0, 0))
    read(book, itch.delete(2), itch.execute(1, 40), itch.cancel(3, 1))
    assert book.queue(1, Side.BUY, 5_000) == [(1, 60), (3, 299), (4, 400)]
    assert book.queue_ahead(4) == (2, 359)
    read(book, itch.delete(4), itch.delete(1))
    assert book.queue(1, Side.BUY, 5_000) == [(3, 299)]
    assert (book.queue(1, Side.BUY, 1), book.queue(1, Side.SELL, 5_000), book.queue_ahead(4)) == ([], [], None)


def test_a_replaced_order_goes_to_the_end(backend: ModuleType) -> None:
    book = read(
        backend.ItchBook(),
        itch.add(1, "S", 10, 5_000),
        itch.add(2, "S", 20, 5_000),
        itch.replace(1, 3, 10, 5_000),
        itch.replace(2, 2, 25, 5_000),
    )
    assert book.queue(1, Side.SELL, 5_000) == [(3, 10), (2, 25)]
    assert (book.order(1), book.order(2)) == (None, (1, Side.SELL, 5_000, 25))


def test_a_book_without_queues_says_so(backend: ModuleType) -> None:
    book = read(backend.ItchBook(queues=False), itch.add(1, "B", 10, 5_000), itch.add(2, "B", 10, 5_000))
    assert (book.queues, book.depth(1, Side.BUY, 1)) == (False, [(5_000, 20, 2)])
    for ask in (lambda: book.queue(1, Side.BUY, 5_000), lambda: book.queue_ahead(1)):
        with pytest.raises(ValueError, match="queues=True"):
            ask()
    read(book, itch.delete(1))
    assert book.depth(1, Side.BUY, 1) == [(5_000, 10, 1)]


@pytest.mark.parametrize(
    "arguments", [{"max_orders": 0}, {"max_orders": 2**31}, {"window_log2": 3}, {"window_log2": 31}]
)
def test_senseless_sizes_are_refused(backend: ModuleType, arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        backend.ItchBook(**arguments)


def test_references_from_anywhere(backend: ModuleType) -> None:
    """They share places of a window of 16; who must leave it is found all the same and keeps its place in the queue."""
    refs = [ref << shift for shift in (0, 4, 16, 40, 60) for ref in (1, 3, 5, 15)] + [2**64 - 1, 0]
    refs = list(dict.fromkeys(refs))
    book = read(backend.ItchBook(window_log2=4), *[itch.add(ref, "B", 5, 100) for ref in refs])
    assert [ref for ref, _ in book.queue(1, Side.BUY, 100)] == refs
    assert [book.queue_ahead(ref) for ref in refs] == [(place, 5 * place) for place in range(len(refs))]
    for ref in refs[1::2]:
        read(book, itch.delete(ref))
    assert [ref for ref, _ in book.queue(1, Side.BUY, 100)] == refs[::2]
    read(book, *[itch.add(ref, "B", 5, 100) for ref in refs], *[itch.delete(ref) for ref in refs])
    assert (book.live_orders, book.counters()["duplicate_refs"]) == (0, len(refs[::2]))


def test_many_old_orders_outlive_the_window(backend: ModuleType) -> None:
    """More of them than the first hash table holds."""
    book = backend.ItchBook(window_log2=4, max_orders=5_000)
    read(book, *[itch.add(ref, "BS"[ref % 2], 1 + ref % 7, 100 + 1_000 * (ref % 2) + ref % 50) for ref in range(4_000)])
    read(book, *[itch.delete(ref) for ref in range(0, 4_000, 3)])
    assert all((book.order(ref) is None) == (ref % 3 == 0) for ref in range(4_000))
    queue = [ref for ref in range(4_000) if ref % 3 and ref % 2 == 0 and ref % 50 == 8]
    assert [ref for ref, _ in book.queue(1, Side.BUY, 108)] == queue
    read(
        book, *[itch.add(ref, "B", 1, 50) for ref in range(10_000, 12_000)], *[itch.delete(ref) for ref in range(4_000)]
    )
    assert (book.live_orders, book.counters()["unknown_refs"]) == (2_000, 1_334)


# --- states ---


def test_what_is_said_about_a_stock(backend: ModuleType) -> None:
    book = backend.ItchBook()
    nothing = {"trading_state": "", "market_halts": {}, "short_sale": "", "collar": None, "quotation": None}
    assert book.status(258) == nothing
    read(book, *[itch.message(kind) for kind in "HhYJK"])
    assert book.status(258) == {
        "trading_state": "H",
        "market_halts": {"Q": "H"},
        "short_sale": "1",
        "collar": [0x186A0, 0x18000, 0x19000, 1],
        "quotation": (36_000, "A", 123_456),
    }
    assert (book.trading_state(258), book.messages(258), book.last_time_ns(258)) == ("H", 5, 0x0A0B0C0D0E0F)
    assert (book.messages(1), book.last_time_ns(1), book.status(1)) == (0, 0, nothing)


def test_columns_say_the_same_as_bytes(backend: ModuleType) -> None:
    data = itch.framed(*[itch.message(kind) for kind in itch.BODIES])
    by_bytes, by_columns = backend.ItchBook(), backend.ItchBook()
    assert by_bytes.apply_bytes(data) == (23, len(data), END)
    by_columns.apply(backend.ItchDecoder().decode(data))
    assert view(by_bytes) == view(by_columns)


def test_trades_and_executions_at_other_prices(backend: ModuleType) -> None:
    """C takes shares where the order stands, printable or not; P, Q, B and I leave the books alone."""
    book = read(backend.ItchBook(), itch.add(1, "B", 100, 5_000, locate=258), itch.execute_at(1, 30, 4_000))
    read(book, itch.execute_at(1, 20, 4_000).replace(b"Y", b"N"), *[itch.message(kind) for kind in "PQBI"])
    assert (book.best(258), book.counters()["unknown_refs"]) == ((5_000, 50, 0, 0), 0)


def test_locked_and_crossed_books(backend: ModuleType) -> None:
    book = read(backend.ItchBook(), itch.add(1, "B", 1, 100), itch.add(2, "S", 1, 101))
    assert (book.condition(1), book.condition(7)) == ("", "")
    read(book, itch.add(3, "B", 1, 101))
    assert (book.condition(1), TopOfBookRecord.from_bytes(book.top(1)).condition) == ("locked", 1)
    read(book, itch.add(4, "B", 1, 102), itch.add(5, "B", 1, 103))
    assert book.condition(1) == "crossed"
    read(book, itch.delete(4), itch.delete(5))
    assert book.condition(1) == "locked"
    read(book, itch.delete(2))
    assert (book.condition(1), book.counters()["locked"], book.counters()["crossed"]) == ("", 2, 1)


def test_stale_books(backend: ModuleType) -> None:
    book = backend.ItchBook()
    adds = [at(NS * locate, itch.add(locate, "B", 1, 1, locate=locate)) for locate in (1, 2, 3, 4)]
    read(book, *adds, at(NS, itch.delete(4), 4), itch.trading_action(2, "H"), at(NS, itch.add(9, "S", 1, 9, locate=5)))
    assert book.stale(10 * NS, 6 * NS) == [1, 3, 5]
    assert book.stale(9 * NS, 6 * NS) == [1, 5]
    assert (book.stale(NS, 0), book.market_event()) == ([], "")
    for code, found in (("O", []), ("S", []), ("Q", [1, 3, 5]), ("M", []), ("E", []), ("C", [])):
        read(book, event(code))
        assert (book.stale(10 * NS, 6 * NS), book.market_event()) == (found, code)


# --- blocks ---


def test_touched_locate_codes_of_a_block(backend: ModuleType) -> None:
    book = read(backend.ItchBook(), *[itch.add(ref, "B", 9, 10 + ref, locate=ref % 3 + 1) for ref in range(1, 8)])
    assert book.touched() == [2, 3, 1]
    read(book, itch.delete(1), itch.message("S"), itch.add(20, "S", 1, 99, locate=3), itch.cancel(20, 0))
    assert book.touched() == [3]
    read(book, itch.cancel(20, 0))
    assert book.touched() == []
    book.apply(backend.ItchDecoder().decode(itch.framed(itch.execute(20, 1))))
    assert book.touched() == [3]


def test_the_top_of_book_record(backend: ModuleType) -> None:
    book = backend.ItchBook()
    adds = at(5, itch.add(1, "B", 10, 100)), at(6, itch.add(2, "S", 20, 110)), at(7, itch.add(3, "S", 30, 120))
    book.apply_bytes(itch.framed(*adds, itch.trading_action(1, "T")), 0, 1_000)
    assert TopOfBookRecord.from_bytes(book.top(1)) == TopOfBookRecord(
        locate=1,
        trading_status=ord("T"),
        condition=0,
        bid_price=100,
        bid_shares=10,
        ask_price=110,
        ask_shares=20,
        exchange_time_ns=6,
        receive_time_ns=1_000,
        update_count=2,
    )


@pytest.mark.parametrize(
    ("tail", "stop", "skipped"),
    [
        (b"", END, 0),
        (b"\0\0", END_OF_SESSION, 2),
        (b"\0\0junk", END_OF_SESSION, 2),
        (b"\0", TRUNCATED, 0),
        (b"\0\x13", TRUNCATED, 0),
        (itch.framed(itch.message("D"))[:-1], TRUNCATED, 0),
        (b"\0\x13" + b"Z" * 19, UNKNOWN_TYPE, 0),
        (b"\0\x14" + itch.message("D") + b"!", WRONG_LENGTH, 0),
    ],
)
def test_why_a_block_ends(backend: ModuleType, tail: bytes, stop: int, skipped: int) -> None:
    start = itch.framed(*[itch.add(ref, "B", 1, 1) for ref in range(40)])
    book = backend.ItchBook()
    assert book.apply_bytes(b"??" + start + tail, 2) == (40, 2 + len(start) + skipped, stop)
    assert (book.live_orders, book.block_messages, book.block_offset) == (40, 40, 2 + len(start) + skipped)
    with pytest.raises(ValueError, match="offset 99 is not within"):
        book.apply_bytes(b"1", 99)


def test_a_full_book_refuses_a_message_and_says_which(backend: ModuleType) -> None:
    messages = [itch.add(1, "B", 1, 1), itch.add(2, "B", 1, 1), itch.add(3, "B", 1, 2), itch.delete(1)]
    book = backend.ItchBook(max_orders=2)
    with pytest.raises(OverflowError, match="max_orders is 2; message 2 was not applied"):
        book.apply_bytes(itch.framed(*messages))
    assert (book.block_messages, book.block_offset) == (2, 2 * 38)
    assert (book.live_orders, book.best(1), book.messages(1)) == (2, (1, 2, 0, 0), 2)
    assert book.apply_bytes(itch.framed(*messages), 3 * 38) == (1, 3 * 38 + 21, END)
    read(book, itch.replace(2, 5, 3, 3), itch.add(3, "B", 1, 2))
    assert (book.live_orders, book.best(1)) == (2, (3, 3, 0, 0))
    rows = book.take_changes(itch.framed(itch.cancel(5, 1), itch.add(6, "B", 1, 9)))
    assert (rows, book.changes["bid_shares"][0]) == ((1, 25, MORE), 2)
    with pytest.raises(OverflowError, match="max_orders is 2"):
        book.take_changes(itch.framed(itch.cancel(5, 1), itch.add(6, "B", 1, 9)), 25)


def test_rows_of_changes_come_in_batches(backend: ModuleType) -> None:
    """A row for each message that leaves another best bid or offer, and none for those that do not."""
    quiet = [itch.add(1, "B", 5, 100), itch.replace(1, 2, 5, 100), itch.add(3, "B", 5, 90), itch.message("P")]
    noisy = [at(ref, itch.add(ref, "S", 1, 50_000 - ref)) for ref in range(10, 9_010)]
    data = itch.framed(*quiet, *noisy, b"Z")
    changes = BestChanges(backend.ItchBook())
    found, offset = [], 0
    while True:
        batch = changes.read(data, offset)
        found += [tuple(column[row].item() for column in batch[:6]) for row in range(len(batch.locate))]
        offset = batch.next_offset
        if batch.finished:
            break
    assert found[0] == (1, 0, 100, 5, 0, 0)
    assert found[1:] == [(1, ref, 100, 5, 50_000 - ref, 1) for ref in range(10, 9_010)]
    assert isinstance(batch.error, ItchError)
    assert (batch.error.offset, offset) == (len(data) - 3, len(data) - 3)


def test_memory_is_stated(backend: ModuleType) -> None:
    book = backend.ItchBook(max_orders=1_000, window_log2=10)
    empty = book.memory_bytes()
    read(book, *[itch.add(ref, "B", 1, ref + 1) for ref in range(1_000)])
    assert empty < book.memory_bytes() < 2**26
    book.reserve()
    assert (book.live_orders, book.best(1)) == (1_000, (1_000, 1, 0, 0))


def test_orders_that_come_and_go_take_no_more_memory(backend: ModuleType) -> None:
    book = backend.ItchBook(max_orders=100, window_log2=4)
    taken = set()
    for begin in range(0, 3_000, 60):
        refs = range(begin, begin + 60)
        read(book, *[itch.add(ref, "B", 1, 1 + ref % 60) for ref in refs], *[itch.delete(ref) for ref in refs])
        taken.add(book.memory_bytes())
    assert (book.live_orders, len(taken)) == (0, 1)


# --- in lockstep ---

near = st.integers(0, 40)
refs = st.one_of(near, near, near, st.integers(0, 2**64 - 1), st.builds(lambda ref: ref << 20, near))
shares = st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1))
prices = st.one_of(st.integers(0, 12), st.integers(0, 2**32 - 1))
locates = st.sampled_from([0, 1, 2, 65_535])
messages = st.one_of(
    st.builds(itch.add, refs, st.sampled_from("BSBSBSx"), shares, prices, locates),
    st.builds(itch.add, near, st.sampled_from("BS"), st.integers(1, 9), st.integers(5, 9), st.integers(1, 2)),
    st.builds(itch.execute, refs, shares),
    st.builds(itch.execute_at, refs, shares, prices),
    st.builds(itch.cancel, refs, shares),
    st.builds(itch.delete, refs),
    st.builds(itch.replace, refs, refs, shares, prices),
    st.builds(itch.trading_action, locates, st.sampled_from("HTPQ\0")),
    st.builds(event, st.sampled_from("OSQMEC")),
    st.builds(at, st.integers(0, 2**48 - 1), st.sampled_from([itch.message(kind) for kind in itch.BODIES]), locates),
)


def view(book: Any) -> dict[str, Any]:
    known = (0, 1, 2, 258, 65_535)
    queues = [
        (locate, side, price, book.queue(locate, side, price))
        for locate in known
        for side in (1, 2)
        for price, *_ in book.depth(locate, side, 1_000)
    ]
    return {
        "queues": queues,
        "ahead": [book.queue_ahead(ref) for *_, queue in queues for ref, _ in queue],
        "orders": [book.order(ref) for *_, queue in queues for ref, _ in queue],
        "counters": book.counters(),
        "live": (book.live_orders, book.locates(), book.market_event()),
        "stale": [book.stale(now, 2**40) for now in (0, 2**41, 2**47)],
        "stocks": [
            (book.best(one), book.level_counts(one), book.status(one), book.symbol(one), book.condition(one))
            for one in known
        ],
        "heard": [(book.messages(one), book.last_time_ns(one), book.top(one)) for one in known],
        "depth": [book.depth(one, side, count) for one in known for side in (1, 2) for count in (-1, 1, 50)],
    }


def block_of(book: Any, way: str, data: bytes, backend: ModuleType) -> tuple[Any, ...]:
    """What a block says, with whichever door; all of them must leave the same books."""
    try:
        if way == "bytes":
            said = book.apply_bytes(data, 0, 77)
        elif way == "changes":
            rows, offset, stop = book.take_changes(data, 0, 77)
            said = (rows, offset, stop, [column[:rows].tolist() for column in book.changes.values()])
        else:
            said = (book.apply(backend.ItchDecoder().decode(data)),)
    except OverflowError as error:
        said = (str(error),)
    return (*said, book.block_messages, sorted(book.touched()))


@settings(deadline=None, max_examples=examples(300), print_blob=True)
@given(
    st.lists(st.tuples(st.sampled_from(["bytes", "changes", "columns"]), st.lists(messages, max_size=60)), max_size=4),
    st.sampled_from([3, 30, 1_000, 100_000]),  # The last is searched in another way than books that fit a cache
    st.integers(4, 6),
)
def test_market_books_in_lockstep(blocks: list[tuple[str, list[bytes]]], max_orders: int, window_log2: int) -> None:
    books = {name: one.ItchBook(max_orders, window_log2=window_log2) for name, one in BACKENDS.items()}
    for way, block in blocks:
        data = itch.framed(*block)
        twin, candidate = (block_of(books[name], way, data, one) for name, one in BACKENDS.items())
        assert twin == candidate
        assert view(books["python"]) == view(books["cython"])


@settings(deadline=None, max_examples=examples(200), print_blob=True)
@given(st.lists(messages, max_size=8).map(lambda some: itch.framed(*some)), st.binary(max_size=60), st.integers(0, 400))
def test_damaged_blocks_end_alike(data: bytes, rubbish: bytes, cut: int) -> None:
    data = data[:cut] + rubbish + data[cut:]
    twin, candidate = (one.ItchBook() for one in BACKENDS.values())
    assert twin.apply_bytes(data) == candidate.apply_bytes(data)
    assert view(twin) == view(candidate)


@settings(deadline=None, max_examples=examples(60), print_blob=True)
@given(st.lists(messages, max_size=150))
def test_without_queues_the_levels_are_the_same(history: list[bytes]) -> None:
    books = [one.ItchBook(queues=queues) for one in BACKENDS.values() for queues in (True, False)]
    for book in books:
        read(book, *history)
    found = [
        [(book.best(one), book.depth(one, 1, 99), book.depth(one, 2, 99), book.top(one)) for one in book.locates()]
        for book in books
    ]
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.skipif(not SNIPPET.exists(), reason=f"no {SNIPPET}: set MELTICA_DATA")
def test_a_real_file_in_lockstep() -> None:
    data = SNIPPET.read_bytes()
    twin, candidate = (one.ItchBook(window_log2=12) for one in BACKENDS.values())
    assert twin.take_changes(data) == candidate.take_changes(data)
    assert {name: column.tolist() for name, column in twin.changes.items()} == {
        name: column.tolist() for name, column in candidate.changes.items()
    }
    assert view(twin) == view(candidate)
    for locate in twin.locates():
        for side in Side:
            for price, quantity, count in candidate.depth(locate, side, 1_000):
                queue = candidate.queue(locate, side, price)
                assert (sum(shares for _, shares in queue), len(queue)) == (quantity, count)
                assert queue == twin.queue(locate, side, price)
