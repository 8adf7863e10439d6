"""Reading fields: what passes is exactly what was meant, and nothing else passes."""

from decimal import Decimal

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.control.errors import RefusedError
from meltica.control.pages import DEFAULT_SIZE, LARGEST_SIZE, Page
from meltica.control.requests import Form
from meltica.control.resources import average_text, timestamp
from meltica.domain.money import scaled
from tests.engines import instrument

BTC = instrument()


def faults(form: Form) -> list[str]:
    try:
        form.finish()
    except RefusedError as error:
        return [field for field, _ in error.violations]
    return []


@settings(max_examples=300, database=None, print_blob=True)
@given(st.integers(1, BTC.max_price_ticks), st.integers(1, 10**12))
def test_what_we_print_we_read(ticks: int, lots: int):
    form = Form()
    assert form.price("price", BTC.price_text(ticks), BTC) == ticks
    assert form.quantity("quantity", BTC.quantity_text(lots), BTC) == lots
    assert faults(form) == []


@settings(max_examples=500, database=None, print_blob=True)
@given(st.one_of(st.text(), st.decimals().map(str), st.floats().map(repr), st.from_regex(r"-?\d{0,3}\.?\d{0,3}")))
def test_a_quantity_is_a_positive_number_on_the_grid_or_refused(text: str):
    form = Form()
    lots = form.quantity("quantity", text, BTC)
    if faults(form):
        assert faults(form) == ["quantity"]
    else:
        assert text.isascii()
        assert lots > 0
        assert Decimal(text) == Decimal(scaled(lots, BTC.lot_size))


def test_zero_where_zero_means_shut():
    form = Form()
    assert form.quantity("max_quantity", "0", BTC, zero=True) == 0
    assert form.quantity("max_quantity", "0.0", BTC, zero=True) == 0
    assert faults(form) == []
    form.quantity("max_quantity", "-0.1", BTC, zero=True)
    assert faults(form) == ["max_quantity"]


def test_money_and_durations():
    form = Form()
    assert form.money("max_value", "1.000000001") == 1_000_000_001
    assert form.duration_ns("window", Duration(seconds=2, nanos=5)) == 2_000_000_005
    assert form.duration_ns("window", Duration(seconds=86_400)) == 86_400 * 10**9
    assert faults(form) == []
    form.duration_ns("window", Duration(seconds=86_400, nanos=1))
    form.money("max_value", "9223372036.854775808")
    assert faults(form) == ["window", "max_value"]


@pytest.mark.parametrize(("asked", "given_size"), [(0, DEFAULT_SIZE), (1, 1), (5000, LARGEST_SIZE)])
def test_page_sizes_are_coerced(asked, given_size):
    assert Page(Form(), asked, "").size == given_size


def test_a_page_token_fits_its_own_filter_only():
    token = Page(Form(), 10, "", "main", True).token("17")
    form = Form()
    assert Page(form, 10, token, "main", True).after == "17"
    assert faults(form) == []
    Page(form, 10, token, "main", False)
    assert faults(form) == ["page_token"]


@pytest.mark.parametrize(
    ("numerator", "denominator", "tick", "text"),
    [
        (6, 3, "0.01", "0.02"),
        (1, 3, "1", "0.333333333"),
        (2, 3, "0.01", "0.006666667"),
        (1, 2, "0.000000001", "0"),
        (3, 2, "0.000000001", "0.000000002"),
        (1, 3, "0.000000000001", "0"),
        (5, 1, "0.000000000001", "0.000000000005"),
        (-20, 2, "10", "-100"),
    ],
)
def test_averages_are_exact_to_nine_places(numerator, denominator, tick, text):
    assert average_text(numerator, denominator, Decimal(tick)) == text


def test_timestamps_before_and_after_1970():
    assert (timestamp(1_500_000_000).seconds, timestamp(1_500_000_000).nanos) == (1, 500_000_000)
    assert (timestamp(-1).seconds, timestamp(-1).nanos) == (-1, 999_999_999)
