"""Time that only the simulator moves, and what is going to happen in it."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Final

MS: Final = 1_000_000
SECOND: Final = 1_000 * MS
MINUTE: Final = 60 * SECOND
DAY: Final = 86_400 * SECOND

Act = Callable[[], None]


class Clock:
    """True time in nanoseconds since 1970. What happens at the same moment happens in the order it was asked for."""

    def __init__(self, start_ns: int) -> None:
        self.now_ns = self.began_ns = start_ns
        self.wall_off_ns = 0
        """How wrong the gateway's machine shows the time."""
        self._agenda: list[tuple[int, int, Act]] = []
        self._ties = count()

    def wall_ns(self) -> int:
        return self.now_ns + self.wall_off_ns

    def monotonic_ns(self) -> int:
        return self.now_ns

    def at(self, when_ns: int, act: Act) -> None:
        heappush(self._agenda, (max(when_ns, self.now_ns), next(self._ties), act))

    def after(self, wait_ns: int, act: Act) -> None:
        self.at(self.now_ns + wait_ns, act)

    @property
    def next_ns(self) -> int | None:
        """When the next thing happens."""
        return self._agenda[0][0] if self._agenda else None

    def turn(self) -> None:
        """Let the next thing happen."""
        self.now_ns, _, act = heappop(self._agenda)
        act()
