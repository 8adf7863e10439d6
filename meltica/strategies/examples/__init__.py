"""Strategies to learn from, by the names that the command line knows."""

from __future__ import annotations

from typing import Any

from meltica.strategies.examples.accumulator import Accumulator
from meltica.strategies.examples.market_maker import MarketMaker
from meltica.strategies.examples.momentum import Momentum
from meltica.strategies.sdk import Strategy

EXAMPLES: dict[str, type[Strategy[Any]]] = {
    "accumulator": Accumulator,
    "market-maker": MarketMaker,
    "momentum": Momentum,
}
