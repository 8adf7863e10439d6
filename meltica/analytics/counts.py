"""How often a duration was seen: the buckets of ``meltica.hot``'s histogram without its upper end, kept sparsely.

Values to 127 ns have a bucket each; above, each power of two is cut into 64, so a bucket is at most 1/64 wide. What was
counted can be taken back, because a bust can undo a fill.
"""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain.execution import Stage, StageFigures
from meltica.hot.histogram_twin import SUB_BITS

NEVER: Final = -1
"""In the place of a bucket: there was no such duration."""


def bucket_of(ns: int) -> int:
    """The index of a value's bucket; ``ns`` >= 0."""
    shift = max(ns.bit_length() - 1 - SUB_BITS, 0)
    return (shift << SUB_BITS) + (ns >> shift)


def bounds_of(bucket: int) -> tuple[int, int]:
    """The smallest and the largest value of a bucket."""
    shift = max(bucket >> SUB_BITS, 1) - 1
    first = (bucket - (shift << SUB_BITS)) << shift
    return first, first + (1 << shift) - 1


class Counts(msgspec.Struct, array_like=True):
    """``counts``: bucket -> how many, for one stage."""

    total: int = 0
    counts: dict[int, int] = {}

    def count(self, bucket: int, times: int) -> None:
        self.total += times
        now = self.counts.get(bucket, 0) + times
        if now:
            self.counts[bucket] = now
        else:
            del self.counts[bucket]

    def merge(self, other: Counts) -> None:
        for bucket, times in other.counts.items():
            self.count(bucket, times)

    def figures(self, stage: Stage) -> StageFigures:
        """Quantiles by rank: the value that at least this share is at or below. Only of what was counted."""
        ranks = [-(-self.total * part // 100) for part in (50, 90, 99)] + [self.total]
        p50, p90, p99, longest = self._at(ranks)
        return StageFigures(stage, self.total, p50, p90, p99, longest)

    def _at(self, ranks: list[int]) -> list[tuple[int, int]]:
        """Bounds of the values with these ranks, which grow."""
        found: list[tuple[int, int]] = []
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            while len(found) < len(ranks) and seen >= ranks[len(found)]:
                found.append(bounds_of(bucket))
        return found
