"""What the execution figures follow from: all that a checkpoint holds."""

from __future__ import annotations

import msgspec

from meltica.analytics.course import Course
from meltica.domain.instrument import Instrument


class Kept(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The groups are not here: they are computed from the orders."""

    sequence: int = 0
    day: str = ""
    """The trading day; empty before the first one began."""
    instruments: dict[str, Instrument] = {}
    marks: dict[str, int] = {}
    """Instrument -> its newest mark, in half ticks."""
    tapes: dict[str, tuple[int, int]] = {}
    """Instrument -> (lots, price_ticks x lots) that others traded."""
    courses: dict[int, Course] = {}
