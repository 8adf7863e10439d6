"""Decimal text to ticks and lots: exact, and fast because prices repeat."""

from __future__ import annotations

from decimal import Decimal

from meltica.domain.errors import FieldError
from meltica.domain.money import steps

MAX_REMEMBERED = 100_000
"""Texts whose number is kept; a day of one symbol has fewer prices than that near the market."""


class Steps:
    """Counts how many ``step`` a decimal text is. Call it."""

    __slots__ = ("_field", "_known", "step")

    def __init__(self, field: str, step: Decimal) -> None:
        self._field = field
        self.step = step
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """:raises FieldError: not a decimal, negative, or not a whole number of steps."""
        count = self._known.get(text)
        return self._read(text) if count is None else count

    def _read(self, text: str) -> int:
        count = steps(self._field, text, self.step)
        if count < 0:
            raise FieldError(self._field, text, "must not be negative")
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[text] = count
        return count
