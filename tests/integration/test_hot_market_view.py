"""What the order loop makes of the tops of book: references, halts, gaps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meltica.hot import Check
from meltica.hot.hot_parts import Word
from meltica.hot.layout_gen import (
    Mark,
    MarkRecord,
    TopOfBookRecord,
)
from tests.integration.hot_desk import (
    INSTRUMENT,
    LOCATE,
    REFERENCE_TICKS,
    HotDesk,
    top,
)


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[HotDesk]:
    """A desk with tops of book."""
    with HotDesk(tmp_path, tops=True) as desk:
        desk.connect()
        desk.copies()
        yield desk


def store(desk: HotDesk, row: TopOfBookRecord) -> None:
    assert desk.tops is not None
    desk.tops.put(LOCATE, row.to_bytes())
    desk.status.words.put(Word.FEED_TIME_NS, desk.now_ns())


def test_before_anything_was_said_of_an_instrument_it_is_gapped(fed: HotDesk) -> None:
    fed.status.words.put(Word.FEED_TIME_NS, fed.now_ns())
    fed.buy()
    fed.turns()
    assert fed.reasons() == [Check.STALE_REFERENCE]


def test_a_gap_told_by_the_control_plane_stays_though_the_feed_is_well(fed: HotDesk) -> None:
    store(fed, top(condition=4))
    fed.buy()
    fed.turns()
    fed.tell(MarkRecord(mark=Mark.GAPPED, on=1, id=INSTRUMENT, time_ns=1))
    store(fed, top())
    fed.buy()
    fed.turns()
    assert fed.reasons() == [Check.STALE_REFERENCE] * 2
    fed.tell(MarkRecord(mark=Mark.GAPPED, on=0, id=INSTRUMENT, time_ns=1))
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


def test_the_collar_stands_around_the_middle_of_the_book(fed: HotDesk) -> None:
    store(fed, top(bid=20_000, ask=20_020))
    fed.buy(price_ticks=20_000)
    fed.turns()
    assert len(fed.received()) == 1
    fed.buy(price_ticks=REFERENCE_TICKS)
    fed.turns()
    assert fed.reasons() == [Check.PRICE_COLLAR]


@pytest.mark.parametrize("status", ["H", "P", "Q", "\0"])
def test_a_status_that_is_not_trading_is_a_halt(fed: HotDesk, status: str) -> None:
    store(fed, top(status=status))
    fed.buy()
    fed.turns()
    assert fed.reasons() == [Check.HALTED]
    store(fed, top())
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


@pytest.mark.parametrize("condition", [2, 4])
def test_a_stale_or_gapped_row_stops(fed: HotDesk, condition: int) -> None:
    store(fed, top(condition=condition))
    fed.buy()
    fed.turns()
    assert fed.reasons() == [Check.STALE_REFERENCE]
    store(fed, top())
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


def test_a_gap_of_the_feed_stops_every_instrument_at_once(fed: HotDesk) -> None:
    store(fed, top())
    fed.status.words.put(Word.FEED_GAPPED, 1)
    fed.buy()
    fed.turns()
    assert fed.reasons() == [Check.STALE_REFERENCE]
    fed.status.words.put(Word.FEED_GAPPED, 0)
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


def test_a_halt_of_either_side_stays_until_both_have_gone(fed: HotDesk) -> None:
    store(fed, top(status="H"))
    fed.buy()
    fed.turns()
    fed.tell(MarkRecord(mark=Mark.HALTED, on=1, id=INSTRUMENT, time_ns=1))
    store(fed, top())
    fed.buy()
    fed.turns()
    assert fed.reasons() == [Check.HALTED, Check.HALTED]
    fed.tell(MarkRecord(mark=Mark.HALTED, on=0, id=INSTRUMENT, time_ns=1))
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1
