"""What keeping books costs: the whole market of a made day beside C and itch-book, one stock beside NautilusTrader.

Both sides of each ratio have the same bytes in memory and keep the same books; what they end with is compared with the
day's own digest. Memory is there before the clock runs, for the floors and for us; itch-book takes its own meanwhile.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from time import process_time_ns
from typing import Any, Final

from bench.data import Day, checked, day, digest
from bench.data.recordings import check_recordings
from bench.floors import floor
from bench.measure import Row, Series, in_turn, missing, row
from meltica.hot import BestChanges, load

MAX_ORDERS: Final = 1_500_000
LEVELS: Final = 6_000_000
"""Places of levels that the floor may take."""
SMALL_WINDOW_LOG2: Final = 20
"""Less than a quarter of the made day's references, and fewer than its live orders: old ones leave it all the time, as
on a real day of 160 million references, which is nineteen of the default windows."""
PEER: Final = "itch-book"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per message, and per delta."""
    return [*market(runs), *one_symbol(runs)]


def market(runs: int) -> list[Row]:
    check_recordings()
    made = checked(day())
    data = made.path.read_bytes()
    contenders: dict[str, Callable[[], float]] = {
        "L2": partial(read, made, data, queues=False),
        "C L2": partial(c_books, made, data, queues=False),
        "L3": partial(read, made, data, queues=True),
        "C L3": partial(c_books, made, data, queues=True),
        "L2 leaving": partial(read, made, data, queues=False, window_log2=SMALL_WINDOW_LOG2),
        "L3 leaving": partial(read, made, data, queues=True, window_log2=SMALL_WINDOW_LOG2),
        "columns": partial(read_columns, made, data),
        "changes": partial(read_changes, made, data),
    }
    if find_spec("itch_book"):
        from bench.peers.itch_book_tables import itch_book  # The peer is optional

        messages = made.facts["messages"]
        contenders[PEER] = lambda: itch_book(data, messages, "")
        contenders[f"{PEER} bbo"] = lambda: itch_book(data, messages, "bbo")
    taken = in_turn(contenders, runs)
    levels, queues = Series("C, sorted levels", taken["C L2"]), Series("C, the same with queues", taken["C L3"])
    books = Series(f"{PEER}, no table", taken[PEER]) if PEER in taken else None
    table = Series(f"{PEER} bbo table", taken[f"{PEER} bbo"]) if PEER in taken else None
    found = [
        row("books: whole market, levels (L2)", "ns/message", taken["L2"], floor=levels),
        row("books: whole market, orders in queues, beside C (L3)", "ns/message", taken["L3"], floor=queues),
        row("books: whole market, orders in queues, beside itch-book", "ns/message", taken["L3"], peer=books),
        row("books: the same, decoded to columns first", "ns/message", taken["columns"], floor=queues, peer=books),
        row("books: rows of best bid and offer", "ns/message", taken["changes"], floor=queues, peer=table),
        row("books: orders leave the window (L2)", "ns/message", taken["L2 leaving"], floor=whole(levels)),
        row("books: orders leave the window (L3)", "ns/message", taken["L3 leaving"], floor=whole(queues)),
    ]
    if not books:
        for one in found[2:5]:
            one["peer"] = missing(PEER)
    return found


def whole(series: Series) -> Series:
    """The same floor: its index is flat over all references of the day, which no real day would leave room for."""
    return series._replace(name=f"{series.name}, a place for each reference")


def one_symbol(runs: int) -> list[Row]:
    """What a strategy's process does: a hundred changes of one book in a call from Python."""
    from bench import deltas

    ours: dict[str, Callable[[], float]] = {"levels": deltas.levels, "orders": deltas.orders}
    if find_spec("nautilus_trader"):
        from bench.peers.nautilus_books import nautilus_levels, nautilus_orders  # The peer is optional

        ours |= {"nautilus levels": nautilus_levels(), "nautilus orders": nautilus_orders()}
    taken = in_turn(ours, runs)
    found = []
    for kind, book in (("levels", "L2_MBP"), ("orders", "L3_MBO")):
        theirs = taken.get(f"nautilus {kind}")
        name = f"books: one stock, {kind}, {deltas.BATCH} a call"
        peer = Series(f"NautilusTrader {book} apply_deltas", theirs) if theirs else None
        found.append(row(name, "ns/delta", taken[kind], peer=peer))
        if peer is None:
            found[-1]["peer"] = missing("nautilus_trader")
    return found


def fresh(*, queues: bool, window_log2: int = 23) -> Any:
    book = load("cython").ItchBook(MAX_ORDERS, queues=queues, window_log2=window_log2)
    book.reserve()
    return book


def read(made: Day, data: bytes, *, queues: bool, window_log2: int = 23) -> float:
    """Bytes in, in one call."""
    book = fresh(queues=queues, window_log2=window_log2)
    begin = process_time_ns()
    messages: int = book.apply_bytes(data)[0]
    spent = process_time_ns() - begin
    judge(made, messages, ((locate, *book.best(locate)) for locate in book.locates()))
    return spent / messages


def read_columns(made: Day, data: bytes) -> float:
    """Decoded to columns first, batch by batch, as who wants both does it."""
    book, decoder, messages, offset = fresh(queues=True), load("cython").ItchDecoder(), 0, 0
    begin = process_time_ns()
    while True:
        batch = decoder.decode(data, offset)
        book.apply(batch)
        messages, offset = messages + len(batch), batch.next_offset
        if batch.finished:
            break
    spent = process_time_ns() - begin
    judge(made, messages, ((locate, *book.best(locate)) for locate in book.locates()))
    return spent / messages


def read_changes(made: Day, data: bytes) -> float:
    """Books, and a row for each change of a best bid or offer."""
    book, offset = fresh(queues=True), 0
    changes = BestChanges(book)
    begin = process_time_ns()
    while True:
        batch = changes.read(data, offset)
        offset = batch.next_offset
        if batch.finished:
            break
    spent = process_time_ns() - begin
    messages: int = sum(book.messages(locate) for locate in range(1 << 16))
    judge(made, messages, ((locate, *book.best(locate)) for locate in book.locates()))
    return spent / messages


def c_books(made: Day, data: bytes, *, queues: bool) -> float:
    c = floor("books")
    best, size = ctypes.c_uint64(), ctypes.c_size_t(len(data))
    span = int(made.facts["inserts"] * made.facts["refs_per_insert"] * 1.01) + 1_000
    if c.books_setup(ctypes.c_uint64(0), ctypes.c_uint64(span), ctypes.c_uint64(LEVELS)):
        raise MemoryError("no room for the floor's books")
    run = c.books_queues if queues else c.books_levels
    run.restype = ctypes.c_long
    begin = process_time_ns()
    messages: int = run(data, size, ctypes.byref(best))
    spent = process_time_ns() - begin
    judge(made, messages, c_bests(c, queues=queues))
    c.books_free()
    return spent / messages


def c_bests(c: ctypes.CDLL, *, queues: bool) -> Iterable[tuple[int, int, int, int, int]]:
    found = (ctypes.c_uint64 * 4)()
    for locate in range(1 << 16):
        c.books_best(ctypes.c_uint32(locate), ctypes.c_int(queues), found)
        if any(found):
            bid, bid_shares, ask, ask_shares = found
            yield locate, bid, bid_shares, ask, ask_shares


def judge(made: Day, messages: int, bests: Iterable[tuple[int, int, int, int, int]]) -> None:
    if messages != made.facts["messages"]:
        raise RuntimeError(f"read {messages} of {made.facts['messages']} messages")
    if (found := digest(bests)) != made.facts["digest"]:
        raise RuntimeError(f"other best prices at the end of the day: {found}, not {made.facts['digest']}")
