"""Decimal text to ticks and lots: exact, and fast because prices repeat."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from meltica.domain.errors import FieldError
from meltica.domain.money import INT64_MAX, parse_decimal, steps

MAX_REMEMBERED = 100_000
"""Texts whose number is kept; a day of one symbol has fewer prices than that near the market."""

_UP = Context(prec=60, rounding=ROUND_CEILING)
_DOWN = Context(prec=60, rounding=ROUND_FLOOR)


class Steps:
    """Counts how many ``step`` a decimal text is. Call it.

    ``round_up`` takes what is between two steps as the next one. Displayed quantities need it: Binance shows remainders
    of old orders that are finer than the lot size (25.426189 BTC with lots of 0.00001). So no level vanishes, and no
    queue looks shorter than it is. ``rounded`` counts the different texts that were.
    """

    __slots__ = ("_field", "_known", "_round_up", "rounded", "step")

    def __init__(self, field: str, step: Decimal, *, round_up: bool = False) -> None:
        self._field = field
        self._round_up = round_up
        self.step = step
        self.rounded = 0
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """:raises FieldError: not a decimal, negative, or (unless ``round_up``) not a whole number of steps."""
        count = self._known.get(text)
        return self._read(text) if count is None else count

    def _read(self, text: str) -> int:
        count = self._rounded_up(text) if self._round_up else steps(self._field, text, self.step)
        if count < 0:
            raise FieldError(self._field, text, "must not be negative")
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[text] = count
        return count

    def _rounded_up(self, text: str) -> int:
        exact = _UP.divide(parse_decimal(self._field, text), self.step)
        count = int(exact.to_integral_value(ROUND_CEILING))
        self.rounded += count != exact
        if count > INT64_MAX:
            raise FieldError(self._field, text, "too large")
        return count


def whole_steps(field: str, text: str, step: Decimal) -> tuple[int, bool]:
    """How many whole steps there are in a number that may be finer, and whether something is left.

    :raises FieldError: not a decimal, negative, or too large.
    """
    value = parse_decimal(field, text)
    if value < 0:
        raise FieldError(field, text, "must not be negative")
    exact = _DOWN.divide(value, step)
    count = int(exact.to_integral_value(ROUND_FLOOR))
    if count > INT64_MAX:
        raise FieldError(field, text, "too large")
    return count, exact != count
