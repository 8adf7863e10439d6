"""The trading day of a record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS


class UtcDays:
    """Remembers the newest: nearly all records are of one day."""

    def __init__(self) -> None:
        self._newest: tuple[int, str] = (-1, "")

    def of(self, time_ns: int) -> str:
        number = time_ns // DAY_NS
        if self._newest[0] != number:
            self._newest = number, datetime.fromtimestamp(time_ns // SECOND_NS, UTC).date().isoformat()
        return self._newest[1]
