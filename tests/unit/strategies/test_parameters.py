"""Parameters of strategies: typed, ranged, and wrong ones are named."""

from __future__ import annotations

import pytest

from meltica.domain.errors import FieldError
from meltica.strategies.examples import EXAMPLES
from meltica.strategies.examples.market_maker import MarketMakerParameters
from meltica.strategies.parameters import load_parameters

GOOD = {"instrument": "BTC/USDT@PAPER", "quantity_lots": 5}


def test_defaults_fill_what_is_not_said():
    loaded = load_parameters(MarketMakerParameters, GOOD)
    assert (loaded.quantity_lots, loaded.requote_ticks) == (5, 3)


def test_from_a_command_line():
    assert load_parameters(MarketMakerParameters, {**GOOD, "quantity_lots": "7"}, from_text=True).quantity_lots == 7


@pytest.mark.parametrize(
    ("changed", "field", "why"),
    [
        ({"quantity_lots": "7"}, "quantity_lots", "Expected `int`, got `str`"),
        ({"quantity_lots": 1.5}, "quantity_lots", "Expected `int`, got `float`"),
        ({"quantity_lots": None}, "quantity_lots", "Expected `int`, got `null`"),
        ({"quantity_lots": 0}, "quantity_lots", "Expected `int` >= 1"),
        ({"pause_ms": 10**9}, "pause_ms", "Expected `int` <= 3600000"),
        ({"instrument": 5}, "instrument", "Expected `str`, got `int`"),
        ({"spread": 5}, "spread", "contains unknown field `spread`; the parameters are instrument, quantity_lots"),
    ],
)
def test_wrong_ones_are_named(changed: dict, field: str, why: str):
    with pytest.raises(FieldError) as caught:
        load_parameters(MarketMakerParameters, {**GOOD, **changed})
    assert caught.value.field == field
    assert why in caught.value.why


def test_a_missing_one():
    with pytest.raises(FieldError) as caught:
        load_parameters(MarketMakerParameters, {})
    assert caught.value.field == "instrument"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_start_with_an_instrument_alone(name: str):
    kind = EXAMPLES[name]
    strategy = kind(load_parameters(kind.Parameters, {"instrument": "X/Y@Z"}))
    assert tuple(strategy.instruments()) == ("X/Y@Z",)
