"""What the execution figures follow from: all that a checkpoint holds but the groups' sums."""

from __future__ import annotations

import msgspec

from meltica.analytics.course import Course
from meltica.analytics.endings import Endings
from meltica.domain.instrument import Instrument


class Kept(msgspec.Struct, kw_only=True, omit_defaults=True):
    sequence: int = 0
    day: str = ""
    """The trading day; empty before the first one began."""
    instruments: dict[str, Instrument] = {}
    marks: dict[str, int] = {}
    """Instrument -> its newest mark, in half ticks."""
    split_ns: dict[str, int] = {}
    """Instrument -> when it was split last: marks of before are in other units."""
    tapes: dict[str, tuple[int, int]] = {}
    """Instrument -> (lots, price_ticks x lots) that others traded."""
    groups: dict[int, list[int]] = {}
    """Orders that belong together, by the group's number."""
    endings: Endings = msgspec.field(default_factory=Endings)
    courses: dict[int, Course] = {}
