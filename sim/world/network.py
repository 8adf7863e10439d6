"""Connections between the gateway and its venues: in order as long as they last, late, half open, broken."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from meltica.domain.ports import VenueCommand
from meltica.domain.reports import VenueReport
from meltica.domain.statements import VenueStatement
from sim.world.clock import MS, SECOND, Clock

LATENCY: Final = (MS // 5, 5 * MS, 40 * MS)
"""Nanoseconds: least, usual, a bad moment's."""
STUCK_MOST_NS: Final = 60 * SECOND
COMMAND_MOST_NS: Final = 20 * SECOND
"""No command is longer on its way."""
HORIZON_NS: Final = 30 * SECOND
"""What the venues promise: nothing arrives later than so long after it was sent."""


class Pipe:
    """One direction of one connection."""

    def __init__(self, clock: Clock, dice: random.Random, deliver: Callable[[Any], None], *, tail: float) -> None:
        """``tail``: how likely what is on its way still arrives when the connection breaks."""
        self._clock, self._dice, self._deliver, self._tail = clock, dice, deliver, tail
        self._last_ns = 0
        self.stuck_ns = 0
        """Nothing arrives before this moment."""
        self.silent = False
        """Whatever is sent is lost."""
        self.broken = False

    def send(self, message: Any) -> None:
        if self.silent or self.broken:
            return
        least, usual, bad = LATENCY
        latency = self._dice.randrange(least, usual if self._dice.random() < 0.95 else bad)  # noqa: PLR2004
        self._last_ns = max(self._last_ns, self._clock.now_ns + latency, self.stuck_ns)
        self._clock.at(self._last_ns, partial(self._arrive, message))

    def _arrive(self, message: Any) -> None:
        if not self.broken or self._dice.random() < self._tail:
            self._deliver(message)


class Connection:
    """Between one life of the gateway and a venue."""

    def __init__(self, clock: Clock, dice: random.Random, line: Any, exchange: Any) -> None:
        self.up = Pipe(clock, dice, partial(exchange.heard, self), tail=0.5)
        self.down = Pipe(clock, dice, partial(line.heard, self), tail=0.0)
        self._clock, self._dice, self._line, self._exchange = clock, dice, line, exchange

    def cut(self) -> None:
        """Both ends are told, each in its time."""
        if not self.up.broken:
            self.up.broken = self.down.broken = True
            self._clock.after(self._dice.randrange(MS, SECOND), partial(self._line.dropped, self))
            self._clock.after(self._dice.randrange(MS, SECOND), partial(self._exchange.dropped, self))

    def fall_silent(self) -> None:
        """One direction, or both; a heartbeat that is missing shows it after some seconds."""
        which = self._dice.choice(["up", "down", "both"])
        self.up.silent |= which != "down"
        self.down.silent |= which != "up"
        self._clock.after(self._dice.randrange(5 * SECOND, 12 * SECOND), self.cut)

    def get_stuck(self) -> None:
        until_ns = self._clock.now_ns + self._dice.randrange(SECOND, STUCK_MOST_NS)
        self.down.stuck_ns = until_ns
        self.up.stuck_ns = min(until_ns, self._clock.now_ns + COMMAND_MOST_NS - SECOND)


# What goes over them


class Logon(NamedTuple):
    """``next_number``: from which report on the venue is to tell again; 0: from now on."""

    next_number: int


class LoggedOn(NamedTuple):
    """The venue listens."""


class Told(NamedTuple):
    """Reports; ``first`` is the number of the first one in the venue's stream, 0 for an answer outside of it."""

    first: int
    reports: tuple[VenueReport, ...]


class Commanded(NamedTuple):
    command: VenueCommand


class Queried(NamedTuple):
    client_order_id: str


class StatementAsked(NamedTuple):
    account: str
    asked_ns: int
    """By the clock of whoever asks."""


class Stated(NamedTuple):
    part: VenueStatement
