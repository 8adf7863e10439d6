"""The execution figures on their way into a checkpoint, while they go on.

What is about to change is written down first as it was, so nobody waits for a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

PIECE: Final = 256
"""Rows in one piece: about a millisecond to write or to read, after which others may have their turn."""


class Taking:
    """Rows by number, as they were when this began: JSON lists, oldest first. New rows have higher numbers."""

    def __init__(self, rows: dict[int, Any]) -> None:
        self._rows = rows
        self._last: Final[int] = next(reversed(rows), 0)
        self._reached = 0
        self._ahead: dict[int, bytes] = {}
        """Those that have changed since, as they were."""

    @property
    def count(self) -> int:
        """Of pieces, in all."""
        return -(-self._last // PIECE)

    def before_change(self, number: int) -> None:
        if self._reached < number <= self._last and number not in self._ahead:
            self._ahead[number] = msgspec.json.encode(self._rows[number])

    def pieces(self) -> Iterator[bytes]:
        """Rows may change between two of them."""
        while self._reached < self._last:
            first, self._reached = self._reached + 1, min(self._reached + PIECE, self._last)
            yield b"[" + b",".join(self._written(first, self._reached)) + b"]"

    def _written(self, first: int, last: int) -> Iterator[bytes]:
        for number in range(first, last + 1):
            if (before := self._ahead.pop(number, None)) is not None:
                yield before
            elif (row := self._rows.get(number)) is not None:
                yield msgspec.json.encode(row)
