"""A latency histogram in fixed memory that may be shared. Twin: meltica/hot/histogram_twin.py."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

import math

import numpy as np

cdef extern from *:
    """
    #define meltica_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define meltica_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    #define meltica_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
    """
    uint64_t meltica_load(uint64_t* place) noexcept nogil
    void meltica_store(uint64_t* place, uint64_t value) noexcept nogil
    void meltica_fence() noexcept nogil

cdef enum:
    ATTEMPTS = 1000  # to copy between two resets; the writer clears in a microsecond


cdef void clear(HistogramMemory* memory) noexcept nogil:
    meltica_store(&memory.epoch, memory.epoch | 1)
    meltica_fence()
    memset(memory.counts, 0, sizeof(memory.counts))
    meltica_store(&memory.epoch, memory.epoch + 1)


cdef class Histogram:
    SIZE = sizeof(HistogramMemory)
    PRECISION = 1.0 / (1 << SUB_BITS)
    HIGHEST_NS = (<uint64_t>1 << HIGHEST_BITS) - 1

    def __init__(self, buffer=None):
        """Over ``buffer`` (SIZE bytes, writable, 8-byte aligned: shared memory), or memory of its own."""
        self.buffer = bytearray(sizeof(HistogramMemory)) if buffer is None else buffer
        cdef Py_buffer view
        PyObject_GetBuffer(self.buffer, &view, PyBUF_WRITABLE if buffer is not None else PyBUF_SIMPLE)
        try:
            if view.len != sizeof(HistogramMemory):
                raise ValueError(f"a histogram takes {sizeof(HistogramMemory)} bytes, not {view.len}")
            if <uint64_t>view.buf % 8:
                raise ValueError("a histogram's memory is aligned to 8 bytes")
            self.memory = <HistogramMemory*>view.buf
        finally:
            PyBuffer_Release(&view)  # `buffer` stays referenced; a mapping must not be closed before its histograms

    def record(self, ns):
        record_ns(self.memory, self._checked(ns))

    def record_many(self, const uint64_t[::1] values not None):
        cdef Py_ssize_t at
        for at in range(values.shape[0]):
            record_ns(self.memory, values[at])

    def _checked(self, ns):
        if not 0 <= ns < 2**64:
            raise ValueError(f"{ns} ns is no duration within 64 bits")
        return ns

    def reset(self):
        """By the writer: all counts begin at 0, and the epoch says that they did."""
        clear(self.memory)

    @property
    def epoch(self):
        """Grows by two with each reset."""
        return meltica_load(&self.memory.epoch) & ~<uint64_t>1

    def counts(self):
        """A copy of all buckets, none from before a reset beside one from after it."""
        taken = np.empty(BUCKETS, np.uint64)
        cdef uint64_t[::1] rows = taken
        cdef uint64_t before
        for _ in range(ATTEMPTS):
            before = meltica_load(&self.memory.epoch)
            memcpy(&rows[0], self.memory.counts, BUCKETS * sizeof(uint64_t))
            meltica_fence()
            if not before & 1 and before == meltica_load(&self.memory.epoch):
                return taken
        raise RuntimeError("the histogram's writer died while it reset it")

    def merge(self, Histogram other not None):
        """Adds what ``other`` has counted."""
        cdef uint64_t[::1] more = other.counts()
        cdef Py_ssize_t at
        for at in range(BUCKETS):
            self.memory.counts[at] += more[at]

    @property
    def total(self):
        return int(self.counts().sum())

    def quantile(self, q):
        return self.quantiles((q,))[0]

    def quantiles(self, wanted):
        """Of each ``q`` in 0..1 the smallest bucket end that at least the share q is at or below; 0 when empty.

        Never less than the exact quantile, and more by at most PRECISION of it. A value beyond HIGHEST_NS gives
        HIGHEST_NS + 1: "longer than can be told".
        """
        for q in wanted:
            if not 0 <= q <= 1:
                raise ValueError(f"a quantile is within 0..1, not {q}")
        reached = self.counts().cumsum()
        total = int(reached[BUCKETS - 1])
        if total == 0:
            return [0] * len(wanted)
        return [bucket_end(int(np.searchsorted(reached, max(1, math.ceil(q * total))))) for q in wanted]


def bucket_of(ns):
    """The index of a value's bucket."""
    return meltica_bucket_of(ns)


def bucket_end(int index):
    """The largest value of a bucket."""
    if not 0 <= index < BUCKETS:
        raise IndexError(f"bucket {index} is not within 0..{BUCKETS - 1}")
    if index == OVERFLOW:
        return <uint64_t>1 << HIGHEST_BITS
    cdef uint64_t shift = max(index >> SUB_BITS, 1) - 1
    cdef uint64_t low = index - (shift << SUB_BITS)
    return ((low + 1) << shift) - 1
