"""A checkpoint holds the figures as they were when it began, or is refused: damaged, of elsewhere, another version."""

from __future__ import annotations

import random

import msgspec
import pytest

from meltica.analytics import checkpoint
from meltica.analytics.checkpoint import SEAL, Head, decode, encode, reading
from meltica.analytics.executions import Executions
from meltica.analytics.taking import PIECE, Taking
from meltica.domain.execution import GroupBy
from meltica.domain.inputs import decode_record
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from meltica.domain.sealed import CheckpointError, Envelope
from tests.unit.analytics.days import ALL, Day

BOOK = (3999, 4001)
GROUPS = [by for by in GroupBy if by is not GroupBy.ORDER]


def busy(orders: int, chance: random.Random) -> Day:
    """Orders, slices, fills, busts, ends and days in any order, so that old orders change all the time."""
    day, names = Day(), iter(range(10**6))
    filled: list[tuple[int, str]] = []
    for order_id in range(1, orders + 1):
        parent = chance.choice([0, 0, max(order_id - 3, 0)])
        strategy, side = chance.choice("abc"), chance.choice(list(Side))
        day.submit(order_id, BOOK, parent_id=parent, strategy=strategy, side=side)
        for _ in range(chance.randrange(3)):
            older = chance.randrange(1, order_id + 1)
            name = f"x{next(names)}"
            match chance.randrange(4):
                case 0 | 1:
                    day.fill(older, name, chance.randrange(1, 50), 4000 + chance.randrange(9), BOOK)
                    filled.append((older, name))
                case 2 if filled:
                    day.correct(*filled.pop(chance.randrange(len(filled))), name)
                case _:
                    day.tell(older, chance.choice([ExecType.NEW, ExecType.CANCELED]), BOOK)
        if order_id % 100 == 0:
            day.now_ns += 86_400 * 10**9
            day.begin_day()
    return day


def folded(day: Day, until: int) -> Executions:
    books = Executions()
    go_on(books, day, until)
    return books


def go_on(books: Executions, day: Day, until: int) -> None:
    for sequence in range(books.sequence + 1, until + 1):
        record = decode_record(day.stored[sequence - 1])
        books.apply(sequence, record.input.time_ns, record)


def known(books: Executions) -> object:
    """All that can be asked for."""
    figures = [books.summaries(by, ALL) for by in GROUPS]
    return books.sequence, figures, msgspec.to_builtins(books.orders(ALL, 0, 10**6), enc_hook=str)


@pytest.fixture(scope="module")
def chance() -> random.Random:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    return random.Random(seed)


@pytest.fixture(scope="module")
def day(chance: random.Random) -> Day:
    return busy(2 * PIECE + 90, chance)


def test_it_goes_on_where_it_was(day: Day, chance: random.Random) -> None:
    cut = chance.randrange(len(day.stored))
    again = decode(encode(folded(day, cut), b"here"), b"here")
    go_on(again, day, len(day.stored))
    assert known(again) == known(day.books)


def test_what_happens_while_it_is_taken_is_not_in_it_and_lost_neither(day: Day, chance: random.Random) -> None:
    cut = len(day.stored) * 3 // 4
    books = folded(day, cut)
    before = known(books)
    parts = []
    for part in checkpoint.pieces(books):
        parts.append(part)
        go_on(books, day, min(books.sequence + chance.randrange(90), len(day.stored)))
    assert len(parts) > 3
    assert books.sequence > cut
    again = decode(SEAL.sealed(cut, parts, b""))
    assert known(again) == before
    for figures in (again, books):
        go_on(figures, day, len(day.stored))
        assert known(figures) == known(day.books)


def test_one_that_was_left_unfinished_does_not_matter(day: Day) -> None:
    cut = len(day.stored) // 2
    books = folded(day, cut)
    unfinished = checkpoint.pieces(books)
    next(unfinished)
    go_on(books, day, cut + 100)
    assert known(decode(encode(books))) == known(folded(day, cut + 100))


def test_rows_are_taken_as_they_were() -> None:
    rows = {number: [number] for number in range(1, 2 * PIECE + 1) if number % 7}
    taking = Taking(rows)
    pieces = taking.pieces()
    first = msgspec.json.decode(next(pieces))
    for number in (1, 2 * PIECE, 2 * PIECE, PIECE + 1, 2 * PIECE + 5):
        taking.before_change(number)
        rows.setdefault(number, []).append(-1)
    rest = [row for piece in pieces for row in msgspec.json.decode(piece)]
    assert [*first, *rest] == [[number] for number in range(1, 2 * PIECE + 1) if number % 7]
    assert taking.count == 2


def test_any_changed_byte_and_any_missing_end_is_noticed(day: Day, chance: random.Random) -> None:
    data = encode(folded(day, 60), b"here")
    for _ in range(200):
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        with pytest.raises(CheckpointError):
            decode(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :], b"here")
    for size in {0, 1, len(data) - 1, *(chance.randrange(len(data)) for _ in range(60))}:
        with pytest.raises(CheckpointError):
            decode(data[:size], b"here")


def test_another_place_another_number_and_an_entry_that_no_journal_has_are_refused(day: Day) -> None:
    data = encode(folded(day, 9), b"here")
    with pytest.raises(CheckpointError, match="of another journal"):
        decode(data, b"there")
    found = SEAL.opened(data)
    other = msgspec.msgpack.encode(Envelope(4, found.sequence, found.digest, found.pieces))
    with pytest.raises(CheckpointError, match="its format is 4, this program reads 3"):
        decode(other, b"here")
    for sequence in (-1, INT64_MAX + 1):
        other = msgspec.msgpack.encode(Envelope(3, sequence, found.digest, found.pieces))
        with pytest.raises(CheckpointError, match=f"no journal has an entry {sequence}"):
            decode(other, b"here")


def test_a_sealed_contradiction_is_refused(day: Day) -> None:
    books = folded(day, 50)
    parts = list(checkpoint.pieces(books))
    wrong = [
        (51, parts, "entry 51 outside, 50 inside"),
        (50, [], "unreadable"),
        (50, [parts[0], b"[[]]"], "unreadable"),
        (50, [parts[0], parts[1].replace(b"[[", b"[[[1]],[", 1)], "unreadable"),
        (50, [parts[0], _one_sum_less(parts[1])], "a group has other sums than"),
    ]
    for sequence, pieces, why in wrong:
        with pytest.raises(CheckpointError, match=why):
            decode(SEAL.sealed(sequence, pieces, b""))
    head = msgspec.json.decode(parts[0], type=Head)
    assert head.groups == 1
    assert [figures.sequence for figures in reading(SEAL.opened(encode(books)))] == [50] * len(parts)


def _one_sum_less(piece: bytes) -> bytes:
    rows = msgspec.json.decode(piece)
    rows[0][1][0].pop()
    return msgspec.json.encode(rows)
