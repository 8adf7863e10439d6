"""What the venue charged against its schedules: tiers, rebates, windows, which schedule holds; by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meltica.domain.accounting import FeeSchedule, FeeTier, InstrumentClass, VolumeWindow
from meltica.domain.cash import FeeScheduleSet
from meltica.ledger import views
from tests.unit.ledger.clerk import AAPL, ACTOR, BTC, DAY, PERP, SECOND, Clerk

UNIT = 10_000_000
"""Nanos of one share at one tick of a cent."""


@pytest.fixture
def clerk():
    return Clerk()


def schedule(clerk, window, *tiers, **scope):
    rows = tuple(FeeTier(volume_nanos=v, maker_ppm=m, taker_ppm=t) for v, m, t in tiers)
    facts = {"venue": "XNAS", "instrument_class": InstrumentClass.EQUITY, "currency": "USD", **scope}
    row = FeeSchedule(window=window, tiers=rows, **facts)
    clerk.book(FeeScheduleSet(schedule=row, actor=ACTOR, time_ns=clerk.now_ns))


def found(clerk):
    return [(d.execution_id, d.ppm, d.expected, d.reported) for d in views.differences(clerk.ledger, "", 0, 99)]


def test_what_the_venue_charged_is_held_against_the_tier_that_was_reached(clerk):
    value = 100 * UNIT
    schedule(clerk, VolumeWindow.THIRTY_DAYS, (0, -200, 1000), (2 * value, -300, 500))
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    clerk.fill("main", AAPL, -1, 100, -value * 200 // 10**6, maker=True)
    assert found(clerk) == []
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    assert found(clerk) == [("x3", 500, value // 2000, value // 1000)], "twice the volume was reached before it"
    clerk.fill("other", AAPL, 1, 100, value // 2000, maker=None)
    assert found(clerk)[-1] == ("x4", 1000, value // 1000, value // 2000), "volumes are each account's own"
    clerk.correct("main", AAPL, 3, ("x3", "x3b"), 1, 100, value // 2000)
    assert [row[0] for row in found(clerk)] == ["x4"]
    clerk.now_ns += 30 * DAY
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    assert len(found(clerk)) == 1, "thirty days later the volume is forgotten"


def test_the_most_specific_schedule_holds(clerk):
    """An account's own before everybody's, then an instrument's own before its class's."""
    window, ppm = VolumeWindow.THIRTY_DAYS, {}
    spot = {"venue": "BINANCE", "instrument_class": InstrumentClass.SPOT, "currency": "USDT"}
    for taker, scope in (
        (1000, {}),
        (800, {"instrument": BTC}),
        (600, {"account": "vip"}),
        (400, {"account": "vip", "instrument": BTC}),
    ):
        schedule(clerk, window, (0, -taker, taker), **spot, **scope)
        for account in ("main", "vip"):
            for name in (BTC, PERP):
                ppm[account, name] = clerk.ledger.fees.charge(
                    account, clerk.ledger.tables.instruments[name], clerk.now_ns
                )
        assert ppm["main", PERP] is None, "another class has none"
        assert ppm["vip", BTC] == (-taker, taker)
    assert ppm["main", BTC] == (-800, 800)
    schedule(clerk, window, (0, 0, 0), **spot, account="vip", instrument=BTC)
    assert clerk.ledger.fees.charge("vip", clerk.ledger.tables.instruments[BTC], clerk.now_ns) == (0, 0)
    assert found(clerk) == []


VENUE_TABLE = ((0, 1000, 1000), (1_000_000, 900, 1000), (5_000_000, 0, 600), (20_000_000, -50, 300))
"""From a traded value in dollars on: maker and taker in ppm; the highest tier pays a rebate."""
HAND = (
    # (days later, lots, price in ticks, maker, fee in dollars by hand)
    (0, 5_000, 10_000, False, "500.00"),  # 500,000 at tier 1: 0.1 %
    (0, 4_999, 10_000, True, "499.90"),  # 999,900 before it is still less than a million
    (0, 1, 10_000, True, "0.1"),  # 999,900 before it
    (0, 1_000, 10_000, True, "90"),  # 1,000,000 before it: 900 ppm
    (1, 1_000, 10_000, False, "100"),  # takers of tier 2 pay as before
    (10, 38_000, 10_000, False, "3800"),  # 1,200,000 before it
    (0, 100, 10_000, True, "0"),  # 5,000,000: makers pay nothing
    (0, 149_900, 10_000, False, "8994"),  # 5,010,000 before it: 600 ppm
    (0, 100, 10_000, True, "-0.5"),  # 20,000,000: a rebate of 50 ppm
    (18, 100, 10_000, False, "3"),  # day 29: the first day still counts
    (1, 100, 10_000, False, "6"),  # day 30: the 1,100,000 of day 0 are gone, 18,920,000 are left
    (1, 100, 10_000, True, "0"),  # day 31: day 1 is gone as well
    (10, 100, 10_000, True, "10"),  # day 41: only days 29 to 31 are left
)


def test_tiers_and_rebates_by_a_table_made_by_hand(clerk):
    clerk.now_ns = 1_790_000_000 * SECOND
    cent = clerk.units[AAPL]
    dollars = 100 * cent
    schedule(clerk, VolumeWindow.THIRTY_DAYS, *((volume * dollars, m, t) for volume, m, t in VENUE_TABLE))
    for number, (days, lots, price, maker, fee) in enumerate(HAND):
        clerk.now_ns += days * DAY
        side = -1 if number % 2 else 1
        clerk.fill("main", AAPL, side * lots, price, int(Decimal(fee) * dollars), maker=maker)
        assert found(clerk) == [], f"row {number + 1}"
    clerk.fill("main", AAPL, 1, 10_000, 1, maker=False)
    assert found(clerk)[-1][2:] == (int(Decimal("0.1") * dollars), 1)


def test_a_month_counts_from_its_first_day(clerk):
    value = 100 * UNIT
    clerk.now_ns = 1_793_491_200 * 10**9 - 2 * DAY  # 2026-10-30
    schedule(clerk, VolumeWindow.MONTH, (0, 0, 1000), (value, 0, 500))
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    clerk.fill("main", AAPL, 1, 100, value // 2000)
    assert found(clerk) == []
    clerk.now_ns += 2 * DAY
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    clerk.fill("main", AAPL, 1, 100, value // 2000)
    assert found(clerk) == []


def test_a_correction_changes_the_volume_of_its_day(clerk):
    value = 100 * UNIT
    schedule(clerk, VolumeWindow.THIRTY_DAYS, (0, 0, 1000), (10 * value, 0, 500))
    clerk.fill("main", AAPL, 10, 100, value // 100)
    clerk.now_ns += DAY
    clerk.correct("main", AAPL, 1, ("x1", "x1b"), 1, 100, value // 1000)
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    assert found(clerk) == []


@pytest.mark.parametrize(
    ("window", "began_s", "days", "counts"),
    [
        (VolumeWindow.THIRTY_DAYS, 1_790_000_000, 29, True),
        (VolumeWindow.THIRTY_DAYS, 1_790_000_000, 30, False),
        (VolumeWindow.MONTH, 1_790_812_800, 30, True),  # 2026-10-01 to 2026-10-31
        (VolumeWindow.MONTH, 1_790_812_800, 31, False),
    ],
)
def test_how_long_a_trade_counts(clerk, window, began_s, days, counts):
    value = 100 * UNIT
    clerk.now_ns = began_s * 10**9
    schedule(clerk, window, (0, 0, 1000), (value, 0, 500))
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    clerk.now_ns += days * DAY
    clerk.fill("main", AAPL, 1, 100, value // 2000)
    assert (found(clerk) == []) is counts


def test_a_corrected_trade_is_forgotten_with_its_day(clerk):
    value = 100 * UNIT
    schedule(clerk, VolumeWindow.THIRTY_DAYS, (0, 0, 1000), (5 * value, 0, 500))
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    clerk.now_ns += 15 * DAY
    clerk.correct("main", AAPL, 1, ("x1", "x1b"), 10, 100, value // 100)
    clerk.now_ns += 16 * DAY
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    assert found(clerk) == []


def test_a_correction_is_judged_by_the_tier_that_its_trade_had(clerk):
    value = 100 * UNIT
    schedule(clerk, VolumeWindow.MONTH, (0, 0, 1000), (2 * value, 0, 500))
    clerk.fill("main", AAPL, 1, 100, value // 1000)
    clerk.fill("main", AAPL, 2, 100, value // 500)
    clerk.fill("main", AAPL, 1, 100, value // 2000)
    clerk.correct("main", AAPL, 1, ("x1", "x1b"), 1, 200, value // 500)
    assert found(clerk) == [], "what came after it does not count for it"
    clerk.now_ns += 40 * DAY
    clerk.correct("main", AAPL, 3, ("x3", "x3b"), 1, 300, 3 * value // 2000)
    assert found(clerk) == [], "nor does the next month"
    clerk.correct("main", AAPL, 2, ("x2", "x2b"), 2, 100, value // 1000)
    assert found(clerk) == [("x2b", 1000, value // 500, value // 1000)]


def test_a_schedule_of_today_does_not_judge_a_trade_of_before(clerk):
    clerk.fill("main", AAPL, 1, 100)
    schedule(clerk, VolumeWindow.MONTH, (0, 0, 1000))
    clerk.correct("main", AAPL, 1, ("x1", "x1b"), 1, 200)
    assert found(clerk) == []


def test_without_a_schedule_the_instruments_own_fee_counts():
    clerk = Clerk(taker_fee_ppm=1000)
    clerk.fill("main", AAPL, 1, 100, 100 * UNIT // 1000)
    clerk.fill("main", AAPL, 1, 100, 1)
    assert [row[0] for row in found(clerk)] == ["x2"]
    assert views.differences(clerk.ledger, "nobody", 0, 99) == []
    assert views.differences(clerk.ledger, "", 1, 99) == []


@pytest.mark.parametrize(("more", "listed"), [(-2, True), (-1, False), (0, False), (1, False), (2, True)])
def test_another_way_of_rounding_is_no_other_fee(clerk, more, listed):
    schedule(clerk, VolumeWindow.THIRTY_DAYS, (0, 0, 1000))
    clerk.fill("main", AAPL, 1, 100, 100 * UNIT // 1000 + more)
    assert bool(found(clerk)) is listed
