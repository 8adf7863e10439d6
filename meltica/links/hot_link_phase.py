"""Where a gate stands with its gateway: the table that moves it, and that docs/guides/leases.md is drawn from."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Phase(Enum):
    ALONE = "alone"
    """Says hello again and again."""
    JOINING = "joining"
    """Known to the gateway, which fetches drop copies and then sends the state."""
    IN_STEP = "in step"
    BEHIND = "behind"
    """Entries of the stream are missing and were asked for."""
    TURNED_AWAY = "turned away"
    """A person must look."""


class Happening(Enum):
    WELCOMED = "welcomed"
    STATE = "state taken"
    GAP = "gap seen"
    FILLED = "gap filled"
    LOST = "gateway silent or forgetful"
    REFUSED = "refused"


MOVES: Final[dict[tuple[Phase, Happening], Phase]] = {
    (Phase.ALONE, Happening.WELCOMED): Phase.JOINING,
    (Phase.ALONE, Happening.REFUSED): Phase.TURNED_AWAY,
    (Phase.JOINING, Happening.WELCOMED): Phase.JOINING,
    (Phase.JOINING, Happening.STATE): Phase.IN_STEP,
    (Phase.JOINING, Happening.LOST): Phase.ALONE,
    (Phase.JOINING, Happening.REFUSED): Phase.TURNED_AWAY,
    (Phase.IN_STEP, Happening.WELCOMED): Phase.JOINING,
    (Phase.IN_STEP, Happening.STATE): Phase.IN_STEP,
    (Phase.IN_STEP, Happening.GAP): Phase.BEHIND,
    (Phase.IN_STEP, Happening.LOST): Phase.ALONE,
    (Phase.IN_STEP, Happening.REFUSED): Phase.TURNED_AWAY,
    (Phase.BEHIND, Happening.WELCOMED): Phase.JOINING,
    (Phase.BEHIND, Happening.STATE): Phase.IN_STEP,
    (Phase.BEHIND, Happening.FILLED): Phase.IN_STEP,
    (Phase.BEHIND, Happening.LOST): Phase.ALONE,
    (Phase.BEHIND, Happening.REFUSED): Phase.TURNED_AWAY,
}
"""What is not listed does not move: an answer that comes too late, a second refusal."""
