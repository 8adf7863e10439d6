"""The real ITCH snippet: counts as published, books as an independent few lines of Python keep them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from meltica.app.feed.sources import open_market
from meltica.app.feed.summary import summary
from meltica.domain.errors import FieldError
from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookUpdate

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[3] / "shared" / "data"))
SNIPPET = DATA / "nasdaq" / "12302019_SNIPPET.NASDAQ_ITCH50"

pytestmark = pytest.mark.skipif(
    not SNIPPET.exists(), reason=f"no ITCH snippet at {SNIPPET}; MELTICA_DATA says where the data is"
)

COUNTS = {"A": 367, "U": 225, "F": 193, "D": 167, "E": 28, "X": 6, "I": 4, "P": 4, "Q": 4, "S": 1, "C": 1}


def number(body: bytes, offset: int, size: int) -> int:
    return int.from_bytes(body[offset : offset + size], "big")


class NaiveBooks:
    """Slices by the offsets of the specification; shares nothing with the decoder."""

    def __init__(self) -> None:
        self.orders: dict[int, list] = {}
        self.names: dict[int, str] = {}
        self.traded: Counter[int] = Counter()
        self.unknown = 0
        data, at = SNIPPET.read_bytes(), 0
        while at < len(data):
            body = data[at + 2 : at + 2 + number(data, at, 2)]
            at += 2 + len(body)
            self.take(chr(body[0]), number(body, 1, 2), body)
        self.books = defaultdict(lambda: {"B": Counter(), "S": Counter()})
        for locate, side, price, shares in self.orders.values():
            self.books[locate][side][price] += shares

    def take(self, kind: str, locate: int, body: bytes) -> None:
        if kind in "AF":
            self.names[locate] = body[24:32].decode().strip()
            self.orders[number(body, 11, 8)] = [locate, chr(body[19]), number(body, 32, 4), number(body, 20, 4)]
        if kind == "E" or (kind == "C" and body[31:32] == b"Y"):
            self.traded[locate] += number(body, 19, 4)
        if kind == "P":
            self.traded[locate] += number(body, 20, 4)
        if kind == "Q":
            self.traded[locate] += number(body, 11, 8)
        if kind in "ECXDU":
            self.change(kind, body, number(body, 11, 8))

    def change(self, kind: str, body: bytes, ref: int) -> None:
        if ref not in self.orders:
            self.unknown += 1
            return
        order = self.orders.pop(ref)
        if kind == "U":
            new = [order[0], order[1], number(body, 31, 4), number(body, 27, 4)]
            self.orders[number(body, 19, 8)] = new
        elif kind in "ECX" and order[3] > number(body, 19, 4):
            self.orders[ref] = [*order[:3], order[3] - number(body, 19, 4)]


def test_counts_and_times():
    found = summary(SNIPPET)
    assert found["messages"] == COUNTS
    assert found["error"] == ""
    assert found["first_time_ns"] // 10**9 == 9 * 3600 + 30 * 60
    assert found["first_time_ns"] < found["last_time_ns"]
    assert (found["duplicate_references"], found["over_reductions"], found["bad_sides"]) == (0, 0, 0)


def test_every_book_equals_the_naive_one():
    naive = NaiveBooks()
    books, names, traded, unknown = naive.books, naive.names, naive.traded, naive.unknown
    found = summary(SNIPPET)
    assert found["unknown_references"] == unknown
    by_locate = {book["locate"]: (name, book) for name, book in found["books"].items()}
    assert set(books) <= set(by_locate)
    for locate, (name, ours) in by_locate.items():
        assert name == names.get(locate, str(locate))
        sides = [sorted(books[locate]["B"].items(), reverse=True), sorted(books[locate]["S"].items())]
        words = [f"{Decimal(p) / 10_000:f}:{q}" for side in sides for p, q in side[:20]]
        words = [f"{Decimal(word.split(':')[0]).normalize():f}:{word.split(':')[1]}" for word in words]
        assert ours["levels"] == [len(side) for side in sides], name
        assert ours["top20sha"] == hashlib.sha256("|".join(words).encode()).hexdigest()[:16], name
        assert ours["final_bbo"] == [
            f"{(Decimal(side[0][0]) / 10_000).normalize():f}" if side else None for side in sides
        ]
        assert ours["trade_qty"] == str(traded[locate])


def test_the_market_source_keeps_the_same_books():
    naive = NaiveBooks()
    books, names = naive.books, naive.names
    source = open_market(SNIPPET)
    ours = {instrument.instrument: LevelBook() for instrument in source.instruments}
    times = []
    for event in source.events:
        times.append(event.time_ns)
        if isinstance(event, BookUpdate):
            ours[event.instrument].apply(event)
    assert times == sorted(times)
    assert times[0] == source.start_ns
    assert len(ours) == 3
    for locate, name in names.items():
        if (book := ours.get(f"{name}@XNAS")) is not None:
            assert book.bids.lots == books[locate]["B"]
            assert book.asks.lots == books[locate]["S"]


def test_named_stocks():
    source = open_market(SNIPPET, instruments=["XOP@XNAS"])
    assert [instrument.instrument for instrument in source.instruments] == ["XOP@XNAS"]
    assert {event.instrument for event in source.events} == {"XOP@XNAS"}
    with pytest.raises(FieldError, match="ZZZZ@XNAS"):
        open_market(SNIPPET, instruments=["ZZZZ@XNAS"])
    with pytest.raises(FieldError, match="stocks of Nasdaq"):
        open_market(SNIPPET, instruments=["BTC/USDT@BINANCE"])


def test_a_damaged_file_is_summed_up_to_the_damage(tmp_path: Path):
    data = SNIPPET.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[:20_000])
    found = summary(cut)
    assert "the last message is cut off" in found["error"]
    assert 500 < sum(found["messages"].values()) < 600
