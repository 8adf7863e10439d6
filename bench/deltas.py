"""The changes of one stock's book, the same for us and for the peer: a made day with about 4,000 live orders."""

from __future__ import annotations

from functools import cache
from time import process_time_ns
from typing import Final, NamedTuple

import numpy as np

from bench.data import day
from meltica.hot import ItchDecoder, load

MESSAGES: Final = 20_000
ROUNDS: Final = 5
"""Fresh books, one after another, in one measurement."""
BATCH: Final = 100
BUILD_UP: Final = MESSAGES // 4
"""Messages before the open, at least: books take them before the clock runs."""
BOOK_TYPES: Final = frozenset(b"AFECXDU")


class Delta(NamedTuple):
    kind: str
    """A add, X less of it, D delete; for levels A is any quantity above 0."""
    ref: int
    side: int
    """1 buy, 2 sell"""
    price: int
    quantity: int
    """What is there afterwards."""


@cache
def messages() -> list[bytes]:
    """Those that change the book, framed."""
    data, at, found = day(MESSAGES, 1).path.read_bytes(), 0, []
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if data[at + 2] in BOOK_TYPES:
            found.append(data[at:end])
        at = end
    return found


@cache
def order_deltas() -> list[Delta]:
    """A replace is a delete and an add."""
    batch, live, found = ItchDecoder(MESSAGES).decode(b"".join(messages())), dict[int, Delta](), list[Delta]()
    columns = batch.type, batch.order_ref, batch.second_ref, batch.side, batch.price, batch.shares
    for kind, ref, new_ref, side, price, shares in zip(*(column.tolist() for column in columns), strict=True):
        if chr(kind) in "AF":
            live[ref] = Delta("A", ref, 1 if chr(side) == "B" else 2, price, shares)
            found.append(live[ref])
            continue
        old = live.pop(ref)
        left = old.quantity - shares if chr(kind) in "ECX" else 0
        found.append(old._replace(kind="X" if left else "D", quantity=left))
        if left:
            live[ref] = old._replace(quantity=left)
        if chr(kind) == "U":
            live[new_ref] = Delta("A", new_ref, old.side, price, shares)
            found.append(live[new_ref])
    return found


@cache
def level_deltas() -> list[Delta]:
    """The same as quantities of levels; a level that is left is deleted."""
    quantities: dict[tuple[int, int], int] = {}
    orders: dict[int, int] = {}
    found = []
    for delta in order_deltas():
        place = delta.side, delta.price
        quantities[place] = quantities.get(place, 0) + delta.quantity - orders.get(delta.ref, 0)
        orders[delta.ref] = delta.quantity
        found.append(delta._replace(kind="A" if quantities[place] else "D", quantity=quantities[place]))
    return found


def last_best(deltas: list[Delta]) -> tuple[int, int, int, int]:
    """bid, its quantity, ask, its quantity, after all deltas of levels."""
    sides: dict[int, dict[int, int]] = {1: {}, 2: {}}
    for delta in deltas:
        sides[delta.side][delta.price] = delta.quantity
    bid = max(price for price, quantity in sides[1].items() if quantity)
    ask = min(price for price, quantity in sides[2].items() if quantity)
    return bid, sides[1][bid], ask, sides[2][ask]


@cache
def level_columns() -> list[list[np.ndarray]]:
    columns = [np.array([getattr(one, name) for one in level_deltas()]) for name in ("side", "price", "quantity")]
    return [[column[at : at + BATCH] for column in columns] for at in range(0, len(columns[0]), BATCH)]


@cache
def order_blocks() -> list[bytes]:
    """As the feed has them, a hundred messages to a block."""
    return [b"".join(messages()[at : at + BATCH]) for at in range(0, len(messages()), BATCH)]


def levels() -> float:
    spent, batches, clocked = 0, level_columns(), BUILD_UP // BATCH
    for _ in range(ROUNDS):
        book = load("cython").LevelBook()
        for batch in batches[:clocked]:
            book.apply_both(*batch)
        begin = process_time_ns()
        for sides, prices, quantities in batches[clocked:]:
            book.apply_both(sides, prices, quantities)
        spent += process_time_ns() - begin
        judge((*book.best(1), *book.best(2)))
    return spent / ROUNDS / (len(level_deltas()) - BUILD_UP)


def orders() -> float:
    """Per delta as the peer counts them; ours come out of the bytes of the feed, the peer's are objects already."""
    spent, blocks = 0, order_blocks()
    before = b"".join(blocks[: BUILD_UP // BATCH])
    clocked = len(order_deltas()) - sum(2 if one[2] == ord("U") else 1 for one in messages()[:BUILD_UP])
    for _ in range(ROUNDS):
        book = load("cython").ItchBook(MESSAGES, window_log2=15)
        book.reserve()
        book.apply_bytes(before)
        begin = process_time_ns()
        for block in blocks[BUILD_UP // BATCH :]:
            book.apply_bytes(block)
        spent += process_time_ns() - begin
        judge(book.best(1))
    return spent / ROUNDS / clocked


def judge(best: tuple[int, ...]) -> None:
    if best != last_best(level_deltas()):
        raise RuntimeError(f"the book ends with {best}, not with {last_best(level_deltas())}")
