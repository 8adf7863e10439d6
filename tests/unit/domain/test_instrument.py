"""An instrument that could not be counted in is refused when it is made."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meltica.domain.errors import FieldError
from meltica.domain.instrument import MAX_INSTRUMENTS, split_id
from meltica.domain.money import INT64_MAX
from tests.engines import instrument

WRONG = [
    ("tick_size", Decimal(0)),
    ("tick_size", Decimal("-0.01")),
    ("tick_size", Decimal("NaN")),
    ("tick_size", Decimal("sNaN")),
    ("tick_size", Decimal("Infinity")),
    ("tick_size", Decimal("1E-9")),
    ("tick_size", Decimal("1E+30")),
    ("tick_size", Decimal("1E-999999")),
    ("tick_size", Decimal("100000.000000000000000000000000001")),
    ("lot_size", Decimal(0)),
    ("lot_size", Decimal("-Infinity")),
    ("handle", -1),
    ("handle", MAX_INSTRUMENTS),
    ("max_price_ticks", 0),
    ("max_price_ticks", INT64_MAX + 1),
    ("max_quantity_lots", -1),
    ("max_quantity_lots", INT64_MAX + 1),
    ("min_quantity_lots", 0),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=str)
def test_a_senseless_fact_is_refused(field, value):
    with pytest.raises(FieldError) as refused:
        instrument(**({"handle": value} if field == "handle" else {"handle": 1, field: value}))
    assert refused.value.field in {field, "tick_size"}, "the value of a tick and a lot is the product of both sizes"


IDS = [
    "",
    "BTC",
    "@BINANCE",
    "BTC@",
    "BTC/USDT@binance",
    "BTC USDT@BINANCE",
    "A@B@CC",
    "BTC@X",
    "B\tC@XNAS",
    "a@XNAS\n",
]


@pytest.mark.parametrize("name", [*IDS, "A" * 65 + "@XNAS", "AAPL@" + "X" * 13, "AAPL@ÄÖÜ"], ids=ascii)
def test_an_id_of_another_form_is_refused(name):
    with pytest.raises(FieldError, match="instrument"):
        split_id(name)
    with pytest.raises(FieldError, match="instrument"):
        instrument(name)


def test_prices_quantities_and_values():
    traded = instrument()
    assert (traded.venue, split_id(traded.instrument)) == ("BINANCE", ("BTC/USDT", "BINANCE"))
    assert traded.price_ticks("60000.01") == 6_000_001
    assert traded.price_text(6_000_001) == "60000.01"
    assert traded.quantity_lots("0.00002") == 2
    assert traded.quantity_text(2) == "0.00002"
    assert traded.value_per_tick_lot_nanos == 100
    assert traded.value_nanos(6_000_001, 2) == 1_200_000_200


def test_the_largest_and_the_smallest_unit():
    assert instrument(tick_size=Decimal("1E-9"), lot_size=Decimal(1)).value_per_tick_lot_nanos == 1
    assert instrument(tick_size=Decimal(INT64_MAX), lot_size=Decimal("1E-9")).value_per_tick_lot_nanos == INT64_MAX
