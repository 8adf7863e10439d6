"""Commands about the books, as a person gives them."""

from __future__ import annotations

from meltica.domain.accounting import FeeSchedule, FeeTier, InstrumentClass, VolumeWindow
from tests.unit.engine.watch import only

PERP = "BTC/USDT:USDT@BINANCE"
ACTOR = "spiffe://meltica.example/person/olivia"
TIERS = (FeeTier(volume_nanos=0, maker_ppm=-100, taker_ppm=500), FeeTier(volume_nanos=9, maker_ppm=0, taker_ppm=400))


def command(bench, of, /, **fields):
    return of(request_id=bench.request(), actor=ACTOR, **fields)


def book(bench, of, event, /, **fields):
    return only(bench.step(command(bench, of, **fields)), event)


def schedule(**wrong):
    right = {
        "venue": "BINANCE",
        "instrument_class": InstrumentClass.SPOT,
        "window": VolumeWindow.MONTH,
        "currency": "USDT",
        "tiers": TIERS,
    }
    return FeeSchedule(**{**right, **wrong})
