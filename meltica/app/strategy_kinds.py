"""From a strategy's name in the settings to a running strategy."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

from meltica.app.settings import StrategySettings
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.strategies.examples.accumulator import Accumulator
from meltica.strategies.examples.market_maker import MarketMaker
from meltica.strategies.examples.momentum import Momentum
from meltica.strategies.parameters import load_parameters
from meltica.strategies.runner import StrategyRunner
from meltica.strategies.sdk import Strategy

KINDS: Final[dict[str, type[Strategy[Any]]]] = {
    "accumulator": Accumulator,
    "market_maker": MarketMaker,
    "momentum": Momentum,
}


def build(wanted: StrategySettings, instruments: Mapping[str, Instrument], epoch: int) -> StrategyRunner:
    """:raises FieldError: unknown kind, wrong parameters, unknown instrument."""
    return StrategyRunner(strategy_of(wanted), instruments, name=wanted.name, account=wanted.account, epoch=epoch)


def strategy_of(wanted: StrategySettings) -> Strategy[Any]:
    """:raises FieldError: unknown kind, wrong parameters; it names the strategy."""
    try:
        kind = KINDS.get(wanted.kind) or _imported(wanted.kind)
    except FieldError as error:
        raise FieldError(f"strategies, {wanted.name!r}: kind", error.value, error.why) from error
    try:
        return kind(load_parameters(kind.Parameters, wanted.parameters))
    except FieldError as error:
        raise FieldError(f"strategies, {wanted.name!r}: parameters.{error.field}", error.value, error.why) from error


def _imported(path: str) -> type[Strategy[Any]]:
    module_name, colon, class_name = path.partition(":")
    if not colon:
        raise FieldError("kind", path, f"known are {', '.join(KINDS)}, or package.module:Class of your own")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise FieldError("kind", path, str(error)) from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise FieldError("kind", path, "is not a meltica.strategies.sdk.Strategy")
    return found
