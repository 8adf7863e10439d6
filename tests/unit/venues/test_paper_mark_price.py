"""The synthetic market's mark price: its formula, and what does not move it."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from statistics import median

from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade, MarkPrice
from meltica.venues.paper.builtin import BUILTIN
from meltica.venues.paper.mark_price import EVERY_NS, with_mark_prices
from meltica.venues.paper.market import SyntheticMarket

NAME = "A@PAPER"
EVERY = 100_000_000


def book(time_ns: int, bid: int | None, ask: int | None) -> BookUpdate:
    bids, asks = (() if price is None else ((price, 5),) for price in (bid, ask))
    return BookUpdate(NAME, time_ns, bids, asks, snapshot=True)


def marks(*events: MarketEvent) -> list[tuple[int, int, bool]]:
    told = [event for event in with_mark_prices(events) if isinstance(event, MarkPrice)]
    return [(event.time_ns, event.price_ticks, event.between) for event in told]


def test_the_median_of_bid_ask_and_last_ten_times_a_second() -> None:
    assert EVERY_NS == EVERY
    assert marks(
        book(0, 100, 105),
        MarketTrade(NAME, EVERY - 1, 999, 1),
        MarketTrade(NAME, EVERY, 104, 1),
        book(2 * EVERY + 7, 100, 102),
        book(3 * EVERY - 1, 1, 9),
        book(3 * EVERY, 110, 120),
    ) == [(0, 102, False), (EVERY, 103, False), (2 * EVERY + 7, 102, True), (3 * EVERY, 104, True)]


def test_one_sided_and_crossed_books_make_none_and_a_gap_forgets_what_was() -> None:
    assert marks(
        book(0, 100, None), book(1, None, 100), book(2, 101, 100), book(3, 100, 100), BookInvalid(NAME, 4, "gap")
    ) == []  # fmt: skip
    assert marks(
        book(0, 100, 102),
        MarketTrade(NAME, EVERY, 102, 1),
        BookInvalid(NAME, 2 * EVERY, "gap"),
        MarketTrade(NAME, 3 * EVERY, 150, 1),
        BookInvalid(NAME, 3 * EVERY, "gap"),
        book(4 * EVERY, 200, 203),
    ) == [(0, 101, False), (EVERY, 101, True), (4 * EVERY, 201, False)]


def test_against_fractions_over_the_built_in_market() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    plain = list(itertools.islice(SyntheticMarket(BUILTIN, seed=seed), 6_000))
    told = list(with_mark_prices(plain))
    assert [event for event in told if not isinstance(event, MarkPrice)] == plain
    for instrument, _ in BUILTIN:
        _follow(instrument.instrument, told, seed)


def _follow(name: str, told: list[MarketEvent], seed: int) -> None:
    sides: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
    last, due, seen, count = None, 0, list[Fraction](), 0
    mine = [event for event in told if event.instrument == name]
    for event, after in itertools.pairwise(mine):
        if isinstance(event, BookUpdate):
            for side, levels in sides.items():
                levels.update(getattr(event, side))
                sides[side] = {price: lots for price, lots in levels.items() if lots}
        elif isinstance(event, MarketTrade):
            last = event.price_ticks
        if isinstance(event, MarkPrice):
            continue
        bid, ask = max(sides["bids"]), min(sides["asks"])
        if event.time_ns // EVERY < due:
            assert not isinstance(after, MarkPrice), f"seed {seed}"
            continue
        due = event.time_ns // EVERY + 1
        seen.append(Fraction((bid + ask) // 2 if last is None else int(median((bid, ask, last)))))
        mean = sum(seen[-10:]) / len(seen[-10:])
        assert isinstance(after, MarkPrice), f"seed {seed}"
        assert after.price_ticks <= mean < after.price_ticks + 1, f"seed {seed}"
        assert after.between == (mean != after.price_ticks), f"seed {seed}"
        count += 1
    assert count > 30, f"seed {seed}"
