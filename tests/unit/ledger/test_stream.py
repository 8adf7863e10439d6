"""Corrections of old trades: the same as if the trade had been right, and not the whole stream each time."""

from __future__ import annotations

import random

import msgspec
import pytest

from meltica.domain.accounting import CostMethod, PositionMode
from meltica.ledger.positions import Fill
from meltica.ledger.stream import CHECKPOINT_ROWS, Stream, StreamTable

ROWS = 5 * CHECKPOINT_ROWS


class Counted(Stream):
    """Counts the rows that are booked."""

    taken = 0

    def _take(self, fill, row):
        self.taken += 1
        return super()._take(fill, row)


def fill(number: int, lots: int, price: int) -> Fill:
    strategy = "st"[number % 2]
    return Fill(
        f"x{number}", number, strategy, lots, lots * price, number % 7, number, position=number, closes=number % 3 == 0
    )


def filled(method: CostMethod, mode: PositionMode, chance: random.Random) -> Counted:
    stream = Counted(StreamTable(account="a", instrument="X@XX", currency="USD", method=method, mode=mode))
    for number in range(ROWS):
        if number in (1500, 3000):
            stream.split(2, 1)
        stream.append(fill(number, chance.choice((-1, 1)) * chance.randint(1, 9), chance.randint(1, 99)))
    return stream


def anew(stream: Stream) -> Stream:
    """The same rows and splits, booked from the beginning."""
    old = stream.table
    fresh = Stream(StreamTable(account="a", instrument="X@XX", currency="USD", method=old.method, mode=old.mode))
    splits = list(old.splits)
    for at, row in enumerate(old.rows):
        while splits and splits[0].before_row == at:
            fresh.split(splits[0].numerator, splits.pop(0).denominator)
        fresh.append(row)
    return fresh


def state(stream: Stream):
    table = stream.table
    held = [
        (name, position_id, holding.lots, holding.cost, holding.realised, holding.open_lots())
        for name, positions in sorted(table.strategies.items())
        for position_id, holding in positions.listed()
    ]
    return stream.sums, held, {name: msgspec.structs.astuple(each) for name, each in table.costs.items()}


@pytest.mark.parametrize("mode", PositionMode)
@pytest.mark.parametrize("method", CostMethod)
def test_a_corrected_stream_is_the_one_that_was_right_at_once(method, mode):
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    chance = random.Random(seed)
    stream = filled(method, mode, chance)
    assert state(stream) == state(anew(stream))
    for row in (ROWS - 1, 3000, 2999, 1024, 1023, 0, chance.randrange(ROWS)):
        old = stream.table.rows[row]
        before = stream.sums
        new = msgspec.structs.replace(old, lots=old.lots * 2, value=old.value * 2 + old.lots)
        change = stream.replace({row: new})
        assert stream.sums == tuple(a + b for a, b in zip(before, change, strict=True))
        assert state(stream) == state(anew(stream)), row
        stream.append(fill(ROWS, 3, 5))
        stream.replace({len(stream.table.rows) - 1: fill(ROWS, 0, 0)})


def test_a_correction_books_again_no_more_than_must_be():
    stream = filled(CostMethod.FIFO, PositionMode.NETTING, random.Random(1))
    stream.taken = 0
    stream.replace({ROWS - 1: fill(ROWS - 1, 1, 1)})
    assert stream.taken <= 2 * CHECKPOINT_ROWS
    stream.taken = 0
    stream.replace({0: fill(0, 1, 1)})
    assert stream.taken == ROWS, "all of it, once"
    stream.taken = 0
    stream.replace({ROWS - 1: fill(ROWS - 1, 2, 1)})
    assert stream.taken <= 2 * CHECKPOINT_ROWS, "the checkpoints are there again"


def test_after_a_restart_once_from_the_beginning_then_from_checkpoints():
    stream = filled(CostMethod.LIFO, PositionMode.NETTING, random.Random(2))
    again = Counted(msgspec.json.decode(msgspec.json.encode(stream.table), type=StreamTable))
    assert state(again) == state(stream)
    for counted in (ROWS, 2 * CHECKPOINT_ROWS):
        again.taken = 0
        again.replace({ROWS - 2: fill(ROWS - 2, 4, 4)})
        assert again.taken <= counted
    stream.replace({ROWS - 2: fill(ROWS - 2, 4, 4)})
    assert state(again) == state(stream)


def test_only_buying_makes_checkpoints_rarer_as_they_grow():
    stream = Stream(
        StreamTable(account="a", instrument="X@XX", currency="USD", method=CostMethod.FIFO, mode=PositionMode.NETTING)
    )
    for number in range(40 * CHECKPOINT_ROWS):
        stream.append(fill(number, 1, 1))
    copied = sum(2 * point.rows for point in stream._checkpoints)
    assert copied <= 4 * 40 * CHECKPOINT_ROWS, "what is copied stays in proportion to what was booked"
    assert len(stream._checkpoints) >= 4


def test_an_execution_is_found_by_its_first_id_and_by_its_newest():
    stream = Stream(
        StreamTable(account="a", instrument="X@XX", currency="USD", method=CostMethod.FIFO, mode=PositionMode.NETTING)
    )
    for number, name in ((1, "a"), (2, "a"), (1, "b")):
        stream.append(Fill(name, number, "s", 1, 1, 0, 0))
    stream.replace({0: Fill("c", 1, "s", 2, 2, 0, 0, first_id="a")})
    assert [stream.find(1, name) for name in ("a", "b", "c", "d")] == [0, 2, 0, None]
    assert [stream.find(2, name) for name in ("a", "c")] == [1, None]
