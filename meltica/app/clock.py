"""The gateway's clock: Unix time in nanoseconds that never goes backwards."""

from __future__ import annotations

import time


class SteadyClock:
    """Wall time at the start, monotonic time from there: a stepped system clock does not move orders in time."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return self._offset_ns + time.monotonic_ns()
