"""When the next thing happens in the synthetic market: a self-exciting process, so that activity comes in clusters."""

from __future__ import annotations

import math
import random

EXCITED_SHARE = 0.6
"""Of all events, how many were set off by earlier ones (the branching ratio; below 1, else activity explodes)."""
MEMORY_SECONDS = 0.05
"""How long an event excites others."""


class Clusters:
    """Hawkes process with an exponential kernel, simulated by thinning (Ogata)."""

    def __init__(self, events_per_second: float, draw: random.Random) -> None:
        self._base = events_per_second * (1 - EXCITED_SHARE)
        self._jump = EXCITED_SHARE / MEMORY_SECONDS
        self._excitement = 0.0
        self._draw = draw

    def next_gap_seconds(self) -> float:
        """Seconds from the last event to the next."""
        gap = 0.0
        while True:
            ceiling = self._base + self._excitement  # The rate only falls until the next event.
            wait = self._draw.expovariate(ceiling)
            gap += wait
            self._excitement *= math.exp(-wait / MEMORY_SECONDS)
            if self._draw.random() * ceiling <= self._base + self._excitement:
                self._excitement += self._jump
                return gap
