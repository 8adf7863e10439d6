"""The synthetic market: same seed same stream, and a book that a real market could show."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain.errors import FieldError
from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookUpdate, MarketTrade
from meltica.domain.order import Side
from meltica.venues.paper.builtin import BUILTIN
from meltica.venues.paper.flow import Clusters
from meltica.venues.paper.market import Character, SyntheticMarket

BTC, ETH = BUILTIN
characters = st.builds(
    Character,
    start_price_ticks=st.integers(1000, 10**7),
    spread_ticks=st.integers(2, 200),
    depth_levels=st.integers(1, 30),
    typical_lots=st.integers(1, 500),
    events_per_second=st.floats(1, 5000),
    volatility_ticks=st.floats(0, 500),
    informed_share=st.floats(0, 1),
)


def first(count: int, seed: int, *instruments) -> list:
    return list(itertools.islice(SyntheticMarket(instruments or [BTC], seed=seed), count))


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_same_seed_same_stream(seed: int):
    assert first(500, seed) == first(500, seed)
    assert first(500, seed) != first(500, seed + 1)


@given(characters, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_book_is_always_sane(character: Character, seed: int):
    instrument = BTC[0]
    book, time_ns = LevelBook(), -1
    for n, event in enumerate(first(1500, seed, (instrument, character))):
        assert event.time_ns >= time_ns
        time_ns = event.time_ns
        if isinstance(event, BookUpdate):
            assert event.snapshot == (n == 0)
            for price, quantity in (*event.bids, *event.asks):
                assert type(price) is int
                assert type(quantity) is int
                assert 0 < price <= instrument.max_price_ticks
                assert quantity >= 0
            book.apply(event)
            assert not book.crossed
            assert min(len(book.bids), len(book.asks)) >= character.depth_levels
        else:
            assert isinstance(event, MarketTrade)
            assert event.aggressor is not None
            hit = book.side(event.aggressor.opposite)
            assert event.price_ticks == hit.best
            assert 0 < event.quantity_lots <= hit.lots[event.price_ticks]


def test_a_market_of_nobody_but_the_informed_goes_on():
    """Every actor knows the value, which stays beyond a side of the smallest depth: there is always a next event."""
    character = Character(
        start_price_ticks=1001,
        spread_ticks=2,
        depth_levels=1,
        typical_lots=500,
        events_per_second=1.0,
        volatility_ticks=500.0,
        informed_share=1.0,
    )
    assert len(first(1500, 2_517_457_551, (BTC[0], character))) == 1500


def test_a_trade_is_followed_by_the_book_without_it():
    book = LevelBook()
    events = first(5000, 3)
    for event, after in itertools.pairwise(events):
        if isinstance(event, BookUpdate):
            book.apply(event)
        else:
            before = book.side(event.aggressor.opposite).lots[event.price_ticks]
            left = before - event.quantity_lots
            assert after.time_ns == event.time_ns
            assert (event.price_ticks, left) in (after.asks if event.aggressor is Side.BUY else after.bids)


def test_instruments_come_in_order_of_time_and_do_not_disturb_each_other():
    both = first(4000, 5, BTC, ETH)
    assert [event.time_ns for event in both] == sorted(event.time_ns for event in both)
    names = Counter(event.instrument for event in both)
    assert set(names) == {BTC[0].instrument, ETH[0].instrument}
    alone = first(names[BTC[0].instrument], 5, BTC)
    assert [event for event in both if event.instrument == BTC[0].instrument] == alone


def test_it_is_busy_in_clusters():
    """More even than a Poisson process it is not: the variance of the counts is far above their mean."""
    events = first(30_000, 11)
    seconds = events[-1].time_ns / 1e9
    assert 200 < len(events) / seconds < 2000
    clusters = Clusters(300.0, random.Random(1))
    now, counts = 0.0, Counter[int]()
    while now < 100:
        now += clusters.next_gap_seconds()
        counts[int(now / 0.2)] += 1
    values = [counts[n] for n in range(500)]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    assert 270 < mean / 0.2 < 330
    assert variance > 2.5 * mean


def test_the_spread_returns_to_its_usual_width():
    book, widths = LevelBook(), []
    for event in first(40_000, 2):
        if isinstance(event, BookUpdate):
            book.apply(event)
            widths.append(book.asks.best - book.bids.best)
    widths.sort()
    usual = BTC[1].spread_ticks
    assert 0.5 * usual < widths[len(widths) // 2] < 1.5 * usual
    assert widths[len(widths) * 99 // 100] < 4 * usual


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_price_ticks": 5},
        {"spread_ticks": 1},
        {"depth_levels": 0},
        {"typical_lots": 0},
        {"events_per_second": 0.0},
        {"informed_share": 1.5},
    ],
)
def test_a_character_that_makes_no_market(wrong: dict):
    with pytest.raises(FieldError, match=next(iter(wrong))):
        Character(**{"start_price_ticks": 1000, **wrong})


def test_a_market_of_nothing():
    with pytest.raises(FieldError, match="at least one"):
        SyntheticMarket([], seed=1)
