"""Integers inside, decimals at the edge.

Prices are counted in ticks, quantities in lots, money in nanos (10^-9 of the currency's unit). Text from outside is
read exactly or refused: no float, no rounding, no exponent tricks, no digits of other scripts.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from meltica.domain.errors import FieldError

NANOS = 1_000_000_000
INT64_MAX = 2**63 - 1
"""The largest amount that any record, register or table of the system holds."""

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?", re.ASCII)
_EXACT = Context(prec=60)


def parse_decimal(field: str, text: str) -> Decimal:
    """A plain decimal string (``-12.5``): at most 18 digits on each side of the point, ASCII only.

    :raises FieldError: for anything else (empty, exponent, NaN, infinity, spaces, leading zeros, a plus sign).
    """
    if not _DECIMAL.fullmatch(text):
        raise FieldError(field, text, 'not a plain decimal number such as "12.5"')
    return Decimal(text)


def steps(field: str, text: str, step: Decimal) -> int:
    """How many ``step`` are in the decimal string ``text``, exactly.

    :raises FieldError: when it is not a whole number of steps, or does not fit 63 bits.
    """
    value = parse_decimal(field, text)
    count = _EXACT.divide(value, step)
    if count != count.to_integral_value():
        raise FieldError(field, text, f"not a multiple of {plain(step)}")
    if abs(count) > INT64_MAX:
        raise FieldError(field, text, "too large")
    return int(count)


def plain(value: Decimal) -> str:
    """``value`` without exponent and without trailing zeros: ``Decimal("1E+2")`` -> ``100``, ``1.50`` -> ``1.5``."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def scaled(count: int, step: Decimal) -> str:
    """``count`` steps as a decimal string with as many places as the step has: 6 x 0.01 -> ``0.06``."""
    return f"{_EXACT.multiply(Decimal(count), step):f}"


def nanos_text(nanos: int) -> str:
    """Money for people and for the API: 1_500_000_000 -> ``1.5``."""
    return plain(Decimal(nanos).scaleb(-9, _EXACT))


def parse_nanos(field: str, text: str) -> int:
    """Money from outside, in nanos. :raises FieldError: more than nine decimals, or too large."""
    return steps(field, text, Decimal(1).scaleb(-9))


def divide_half_even(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` to the nearest integer, ties to even; ``denominator`` > 0. Exact, no floats."""
    quotient, remainder = divmod(numerator, denominator)
    double = 2 * remainder
    if double > denominator or (double == denominator and quotient & 1):
        quotient += 1
    return quotient
