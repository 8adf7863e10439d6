"""The instruments of the built-in market: what a newcomer trades before there is any data."""

from __future__ import annotations

from decimal import Decimal

from meltica.domain.instrument import Instrument
from meltica.venues.paper.market import Character

VENUE = "PAPER"

BUILTIN: tuple[tuple[Instrument, Character], ...] = (
    (
        Instrument(
            instrument=f"BTC/USDT@{VENUE}",
            handle=0,
            venue_symbol="BTCUSDT",
            quote_currency="USDT",
            tick_size=Decimal("0.1"),
            lot_size=Decimal("0.001"),
            max_price_ticks=100_000_000,
            max_quantity_lots=1_000_000,
            maker_fee_ppm=5,
            taker_fee_ppm=40,
        ),
        Character(start_price_ticks=600_000),
    ),
    (
        Instrument(
            instrument=f"ETH/USDT@{VENUE}",
            handle=1,
            venue_symbol="ETHUSDT",
            quote_currency="USDT",
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.01"),
            max_price_ticks=100_000_000,
            max_quantity_lots=1_000_000,
            maker_fee_ppm=5,
            taker_fee_ppm=40,
        ),
        Character(start_price_ticks=250_000, spread_ticks=20, volatility_ticks=30.0, events_per_second=200.0),
    ),
)
"""Fees are those of a busy account, in millionths of the traded value."""
