"""Fee schedules: each field wrong is refused with its name; of one account, of one instrument, of all."""

from __future__ import annotations

import pytest

from meltica.domain import cash
from meltica.domain.accounting import FeeTier, InstrumentClass
from tests.engines import BTC, TestBench, instrument
from tests.unit.engine.cash_desk import PERP, TIERS, book, command, schedule
from tests.unit.engine.watch import refused


@pytest.fixture(params=["python", "cython"])
def bench(request):
    bench = TestBench(request.param)
    bench.open_up(instrument(PERP, 2))
    return bench


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"venue": "binance!"}, "VENUE_INVALID", "venue"),
        ({"currency": "u"}, "CURRENCY_INVALID", "currency"),
        ({"tiers": ()}, "TIERS_INVALID", "tiers"),
        ({"tiers": TIERS * 17}, "TIERS_INVALID", "tiers"),
        ({"tiers": TIERS[1:]}, "TIERS_INVALID", "tiers[0].volume"),
        ({"tiers": (TIERS[0], TIERS[0])}, "TIERS_INVALID", "tiers[1].volume"),
        (
            {"tiers": (TIERS[0], FeeTier(volume_nanos=2**63, maker_ppm=0, taker_ppm=0))},
            "TIERS_INVALID",
            "tiers[1].volume",
        ),
        (
            {"tiers": (FeeTier(volume_nanos=0, maker_ppm=0, taker_ppm=10**6 + 1),)},
            "TIERS_INVALID",
            "tiers[0].taker_ppm",
        ),
        (
            {"tiers": (FeeTier(volume_nanos=0, maker_ppm=-(10**6) - 1, taker_ppm=0),)},
            "TIERS_INVALID",
            "tiers[0].maker_ppm",
        ),
    ],
)
def test_wrong_schedules(bench, wrong, reason, field):
    refused(bench, command(bench, cash.SetFeeSchedule, schedule=schedule(**wrong)), reason, field)
    book(bench, cash.SetFeeSchedule, cash.FeeScheduleSet, schedule=schedule())
    assert bench.step(command(bench, cash.SetFeeSchedule, schedule=schedule())) == ()


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"account": "nobody"}, "UNKNOWN_ACCOUNT", "account"),
        ({"instrument": "X@XX"}, "UNKNOWN_INSTRUMENT", "instrument"),
        ({"instrument": BTC, "venue": "OKX"}, "VENUE_CONTRADICTS", "venue"),
        ({"instrument": PERP}, "CLASS_CONTRADICTS", "instrument_class"),
    ],
)
def test_a_schedule_of_one_account_or_one_instrument(bench, wrong, reason, field):
    right = {"venue": "BINANCE", "instrument_class": InstrumentClass.SPOT}
    refused(bench, command(bench, cash.SetFeeSchedule, schedule=schedule(**{**right, **wrong})), reason, field)
    for scope in ({}, {"account": "main"}, {"instrument": BTC}, {"account": "main", "instrument": BTC}):
        book(bench, cash.SetFeeSchedule, cash.FeeScheduleSet, schedule=schedule(**right, **scope))
    assert len(bench.engine.state.tables.accounting.schedules) == 4
