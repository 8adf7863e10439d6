"""The latency histogram in plain Python: the golden model of cython_ext/histogram.pyx, and its memory layout.

Memory: a 64-byte header whose first word is the epoch (odd while the writer clears), then one u64 a bucket. Values to
127 have a bucket each; above, each power of two is cut into 64, so no bucket is wider than 1/64 of its values.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SUB_BITS: Final = 6
HIGHEST_BITS: Final = 34
OVERFLOW: Final = (HIGHEST_BITS - SUB_BITS + 1) << SUB_BITS
BUCKETS: Final = OVERFLOW + 1
HEADER_WORDS: Final = 8
WORDS: Final = HEADER_WORDS + (BUCKETS + 7) // 8 * 8


class Histogram:
    """One writer, any number of readers; the same memory as the compiled one."""

    SIZE = 8 * WORDS
    PRECISION = 1 / (1 << SUB_BITS)
    HIGHEST_NS = (1 << HIGHEST_BITS) - 1

    def __init__(self, buffer: Any = None) -> None:
        """Over ``buffer`` (SIZE bytes, writable: shared memory), or memory of its own."""
        view = memoryview(bytearray(self.SIZE) if buffer is None else buffer).cast("B")
        if view.readonly:
            raise BufferError("a histogram's memory is writable")
        if len(view) != self.SIZE:
            raise ValueError(f"a histogram takes {self.SIZE} bytes, not {len(view)}")
        self._words = np.frombuffer(view, np.uint64)
        self._counts = self._words[HEADER_WORDS : HEADER_WORDS + BUCKETS]

    def record(self, ns: int) -> None:
        if not 0 <= ns < 2**64:
            raise ValueError(f"{ns} ns is no duration within 64 bits")
        self._counts[bucket_of(ns)] += np.uint64(1)

    def record_many(self, values: npt.NDArray[np.uint64]) -> None:
        for value in values:
            self.record(int(value))

    def reset(self) -> None:
        """All counts begin at 0, and the epoch says that they did."""
        self._words[0] |= np.uint64(1)
        self._counts[:] = 0
        self._words[0] += np.uint64(1)

    @property
    def epoch(self) -> int:
        """Grows by two with each reset."""
        return int(self._words[0]) & ~1

    def counts(self) -> npt.NDArray[np.uint64]:
        return self._counts.copy()

    def merge(self, other: "Histogram") -> None:
        """Adds what ``other`` has counted."""
        self._counts += other.counts()

    @property
    def total(self) -> int:
        return int(self._counts.sum())

    def quantile(self, q: float) -> int:
        return self.quantiles((q,))[0]

    def quantiles(self, wanted: Sequence[float]) -> list[int]:
        """Of each ``q`` in 0..1 the smallest bucket end that at least the share q is at or below; 0 when empty."""
        for q in wanted:
            if not 0 <= q <= 1:
                raise ValueError(f"a quantile is within 0..1, not {q}")
        return [self._quantile(q) for q in wanted]

    def _quantile(self, q: float) -> int:
        rank, seen = max(1, math.ceil(q * self.total)), 0
        for index in np.flatnonzero(self._counts):
            seen += int(self._counts[index])
            if seen >= rank:
                return bucket_end(int(index))
        return 0


def bucket_of(ns: int) -> int:
    """The index of a value's bucket."""
    if ns >> HIGHEST_BITS:
        return OVERFLOW
    shift = max(ns.bit_length() - 1 - SUB_BITS, 0)
    return (shift << SUB_BITS) + (ns >> shift)


def bucket_end(index: int) -> int:
    """The largest value of a bucket."""
    if not 0 <= index < BUCKETS:
        raise IndexError(f"bucket {index} is not within 0..{BUCKETS - 1}")
    if index == OVERFLOW:
        return 1 << HIGHEST_BITS
    shift = max(index >> SUB_BITS, 1) - 1
    return ((index - (shift << SUB_BITS) + 1) << shift) - 1
