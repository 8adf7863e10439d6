"""How long the slices of each parent took on their way. A parent itself goes to no venue: these stages are theirs.

Follows from the slices alone, so no checkpoint holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from meltica.analytics.counts import NEVER, Counts
from meltica.analytics.course import Course
from meltica.analytics.tallies import STAGES, Share, buckets_of
from meltica.domain.execution import Stage

OF_SLICES: Final = tuple(
    STAGES.index(stage) for stage in (Stage.ENGINE, Stage.DURABLE, Stage.SENT, Stage.ACKNOWLEDGED, Stage.FIRST_FILL)
)
"""Places of the stages from the command of a slice to its first fill. The others are the parent's own."""
NONE: Final[Mapping[int, Counts]] = {}


class Slices:
    def __init__(self) -> None:
        self._counts: dict[int, dict[int, Counts]] = {}
        """By parent, then by the stage's place in STAGES."""

    def move(self, parent_id: int, before: Share | None, after: Share) -> None:
        """A slice has changed, or is new."""
        if before is not None:
            self._count(parent_id, before.buckets, -1)
        self._count(parent_id, after.buckets, 1)

    def adopt(self, courses: Iterable[Course]) -> None:
        """From a checkpoint."""
        for course in courses:
            if course.parent_id:
                self._count(course.parent_id, buckets_of(course, course.outcome), 1)

    def of(self, parent_id: int) -> Mapping[int, Counts]:
        return self._counts.get(parent_id, NONE)

    def _count(self, parent_id: int, buckets: tuple[int, ...], times: int) -> None:
        for place in OF_SLICES:
            if (bucket := buckets[place]) != NEVER:
                stages = self._counts.setdefault(parent_id, {})
                stages.setdefault(place, Counts()).count(bucket, times)
