"""Execution figures for people and for the API: decimal text, empty where something is not known."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from meltica.domain.execution import Cost, OrderExecution
from meltica.domain.instrument import Instrument
from meltica.domain.money import divide_half_even, plain
from meltica.domain.order import Side

AVERAGE_PLACES: Final = 9
RATIO_STEPS: Final = 1_000_000
HALF: Final = Decimal("0.5")
HALF_NANO: Final = Decimal("5E-10")
_EXACT: Final = Context(prec=80)


def money_text(half_nanos: int) -> str:
    return plain(_EXACT.multiply(Decimal(half_nanos), HALF_NANO)) if half_nanos else "0"


def basis_points_text(cost: Cost) -> str:
    """Half to even at 6 decimals; empty: there is nothing to compare with."""
    return "" if (micro := cost.micro_bps) is None else _millionths(micro)


def ratio_text(part: int, whole: int) -> str:
    """Half to even at 6 decimals; empty: of nothing."""
    return "" if whole <= 0 else _millionths(divide_half_even(part * RATIO_STEPS, whole))


def _millionths(count: int) -> str:
    return plain(Decimal(count).scaleb(-6, _EXACT)) if count else "0"


def half_price_text(half_ticks: int | None, instrument: Instrument) -> str:
    if half_ticks is None:
        return ""
    return plain(_EXACT.multiply(_EXACT.multiply(Decimal(half_ticks), HALF), instrument.tick_size))


def average_price_text(value: int, lots: int, instrument: Instrument) -> str:
    """``value``: price_ticks x lots. Half to even at 9 places, or more where the tick has more; empty: no lots."""
    if lots <= 0:
        return ""
    exponent = instrument.tick_size.as_tuple().exponent
    places = max(AVERAGE_PLACES, -exponent if isinstance(exponent, int) else 0)
    exact = _EXACT.divide(_EXACT.multiply(Decimal(value), instrument.tick_size), Decimal(lots))
    return plain(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _EXACT))


def against_market(found: OrderExecution) -> Cost:
    """Its average price against the market's, both times both quantities, so that no fraction is left."""
    ours, market = found.traded_value * found.market_lots, found.market_value * found.filled_lots
    return Cost(ours - market if found.side is Side.BUY else market - ours, market)
