"""The control link's wires to hot gates: frames that are late, lost, doubled, or overtake each other."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from sim.world.clock import MS, SECOND, Clock

NEAR_NS: Final = (MS // 20, 2 * MS)
FAR_NS: Final = (30 * MS, 120 * MS)
"""How long a frame is on its way within a machine, and to another place."""
LATE_NS: Final = 3 * SECOND
"""A frame that is late is overtaken by those behind it."""

Deliver = Callable[[bytes], None]


class Wire:
    """One direction. In order, as TCP has it, but for the frames that something happens to."""

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        clock: Clock,
        dice: random.Random,
        deliver: Deliver,
        bad: float,
        told: Counter[str],
        latency_ns: tuple[int, int],
    ) -> None:
        """``bad``: how many of all frames something happens to."""
        self._clock, self._dice, self._deliver, self._told = clock, dice, deliver, told
        self.bad = bad
        self._latency_ns = latency_ns
        self.cut = False
        """Nothing that is sent arrives."""
        self._last_ns = 0

    def send(self, frame: bytes) -> None:
        if self.cut:
            return
        dice, now_ns = self._dice, self._clock.now_ns
        self._last_ns = max(self._last_ns, now_ns + dice.randrange(*self._latency_ns))
        if self.bad and dice.random() < self.bad:
            self._mishap(frame)
        else:
            self._clock.at(self._last_ns, partial(self._deliver, frame))

    def _mishap(self, frame: bytes) -> None:
        what = self._dice.choice(("frames lost", "frames doubled", "frames late"))
        self._told[what] += 1
        if what == "frames doubled":
            self._clock.at(self._last_ns, partial(self._deliver, frame))
        if what != "frames lost":
            late_ns = self._clock.now_ns + self._dice.randrange(20 * MS)
            late_ns += self._dice.randrange(LATE_NS) if self._dice.random() < 0.5 else 0  # noqa: PLR2004
            self._clock.at(late_ns, partial(self._deliver, frame))
