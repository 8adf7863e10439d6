"""Text from outside is read exactly or refused."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain.errors import FieldError
from meltica.domain.money import (
    INT64_MAX,
    divide_half_even,
    nanos_text,
    parse_decimal,
    parse_nanos,
    plain,
    scaled,
    steps,
)

PRINTED = settings(print_blob=True, deadline=None, max_examples=200)
REFUSED = [
    *("", " ", "NaN", "nan", "sNaN", "Infinity", "-inf", "1e5", "1E-3", "+1", "1.", ".5", "-.5", "--1", "01", "-01"),
    *(" 1", "1 ", "1\n", "\t1", "1_000", "1,000", "0x10", "1/2", "1.2.3", "١٢٣", "１２", "১", "1\u00a0", "−1", "1\x00"),  # noqa: RUF001 - digits of other scripts
    *("1" * 19, "1" * 5000, "0." + "1" * 19, "1" * 19 + ".5"),
]


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_what_is_no_plain_decimal_is_refused_by_name(text):
    with pytest.raises(FieldError, match=r"^price: ") as refused:
        parse_decimal("price", text)
    assert (refused.value.field, refused.value.value) == ("price", text)
    assert len(str(refused.value)) < 200, "however long the text"


@pytest.mark.parametrize(
    "text", ["0", "-0", "0.0", "12.5", "-12.5", "9" * 18, "0." + "9" * 18, "9" * 18 + "." + "9" * 18]
)
def test_a_plain_decimal_is_read_exactly(text):
    assert parse_decimal("price", text) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "step", "count"),
    [
        ("0.06", "0.01", 6),
        ("-0.06", "0.01", -6),
        ("0", "0.01", 0),
        ("1", "0.00000001", 100_000_000),
        ("300", "1E+2", 3),
        ("0.9", "0.03", 30),
        ("9223372036.854775807", "0.000000001", INT64_MAX),
        ("-9223372036.854775807", "0.000000001", -INT64_MAX),
    ],
)
def test_steps_are_counted_exactly(text, step, count):
    assert steps("quantity", text, Decimal(step)) == count


@pytest.mark.parametrize(
    ("text", "step"),
    [("0.065", "0.01"), ("1", "0.03"), ("150", "1E+2"), ("9223372036.854775808", "0.000000001"), ("9" * 18, "0.001")],
)
def test_what_is_off_the_grid_or_too_large_is_refused(text, step):
    with pytest.raises(FieldError, match="quantity"):
        steps("quantity", text, Decimal(step))


@PRINTED
@given(st.integers(-INT64_MAX, INT64_MAX))
def test_nanos_go_out_and_come_back(nanos):
    text = nanos_text(nanos)
    if len(text.lstrip("-").partition(".")[0]) <= 18:
        assert parse_nanos("value", text) == nanos
    assert Fraction(text) == Fraction(nanos, 10**9)


@PRINTED
@given(st.integers(0, 10**15), st.sampled_from(["0.01", "0.00001", "0.05", "1", "2.5", "1E+1", "0.000000000001"]))
def test_steps_go_out_and_come_back(count, step):
    text = scaled(count, Decimal(step))
    assert "E" not in text
    assert steps("price", text, Decimal(step)) == count
    assert Fraction(text) == count * Fraction(step)


@PRINTED
@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20))
def test_halves_go_to_the_even(numerator, denominator):
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("value", "text"), [("1E+2", "100"), ("1.50", "1.5"), ("100", "100"), ("0.00", "0"), ("-2.0", "-2")]
)
def test_plain_has_neither_exponent_nor_trailing_zeros(value, text):
    assert plain(Decimal(value)) == text
