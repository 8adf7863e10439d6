"""A parent order's own facts: what its schedule is, and how far it has come. Beside them stands its ``Order``.

Its executions are its children's: ``Order.executions`` of a parent stays empty, so nothing is counted twice.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from meltica.domain.reports import ExecType
from meltica.domain.schedule import Schedule


class Phase(enum.Enum):
    RUNNING = "running"
    PAUSED = "paused"
    CROSSING = "crossing"
    """The end came: what is left goes out at once."""
    CLOSING = "closing"
    """It ends once the last child is answered."""
    DONE = "done"
    """All of it is filled. A bust opens it again."""


PHASES: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.RUNNING: frozenset({Phase.PAUSED, Phase.CROSSING, Phase.CLOSING, Phase.DONE}),
    Phase.PAUSED: frozenset({Phase.RUNNING, Phase.CLOSING, Phase.DONE}),
    Phase.CROSSING: frozenset({Phase.RUNNING, Phase.CLOSING, Phase.DONE}),
    Phase.CLOSING: frozenset({Phase.DONE}),
    Phase.DONE: frozenset({Phase.RUNNING, Phase.PAUSED, Phase.CLOSING}),
}
"""From each phase the ones that may follow."""


class Parent(msgspec.Struct, kw_only=True, gc=False):
    """Changed by ``engine/fold/parents.py`` alone."""

    order_id: int
    schedule: Schedule
    phase: Phase = Phase.RUNNING
    reason: str = ""
    """Why it is in this phase, or what it waits for."""
    keep_children: bool = False
    """PAUSED: those that work go on."""
    before: Phase = Phase.RUNNING
    """DONE: in which phase it was filled; a bust brings it back there."""
    done_at: int = 0
    """DONE: the number of the next execution then; a split since has a number that is no smaller."""
    how: ExecType | None = None
    """CLOSING: as what it ends."""
    slices: int = 0
    """Children that went out or were refused: numbers the draws of the next one."""
    refusals: int = 0
    """Children refused in a row, by the gate or by the venue."""
    waits: int = 0
    """Times in a row that nothing could be sent."""
    retry_ns: int = 0
    """Nothing is sent before."""
    market_lots: int = 0
    """POV: what has been traded since the start."""
    counter_lots: int | None = None
    """POV: the driver's counter when it was last looked at; None: not yet."""
    crossed_at_lots: int = -1
    """CROSSING: what was filled when a child last went out; -1: none has."""
    overfilled_lots: int = 0
    """Filled beyond what was asked for, as far as it was told."""
    arrival_half_ticks: int | None = None
    """Twice the mid when it was submitted; None: there was none."""


class AlgoView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far it has come, at one moment."""

    target_lots: int
    """What the schedule wants done by now."""
    working_lots: int
    """What its children may still fill."""
    children: tuple[int, ...]
    """All orders that it ever sent, oldest first."""
    live: tuple[int, ...]
    """Those that may still be filled."""
