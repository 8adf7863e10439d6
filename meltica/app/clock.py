"""The gateway's clock: Unix time in nanoseconds that never goes backwards."""

from __future__ import annotations

import time
from collections.abc import Callable


class SteadyClock:
    """Wall time at the start, monotonic time from there: a stepped system clock does not move orders in time.

    Nor does one that was set back between two runs: the clock begins after ``not_before_ns``, the journal's last time.
    """

    def __init__(
        self,
        not_before_ns: int = 0,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._offset_ns = max(wall_ns(), not_before_ns + 1) - monotonic_ns()

    def now_ns(self) -> int:
        return self._offset_ns + self._monotonic_ns()
