# A histogram of nanoseconds in fixed memory: log-linear buckets, one increment a value, no lock, one writer.
#
# Values up to 127 have a bucket each; above, each power of two is cut into 64 buckets, so a bucket is never wider than
# 1/64 of its values. Index of a value: shift = (its highest bit, at least bit 6) - 6, then shift * 64 + (value >> shift).
from libc.stdint cimport uint64_t

cdef enum:
    SUB_BITS = 6
    HIGHEST_BITS = 34                                            # values below 2^34 ns, 17 s, keep their precision
    OVERFLOW = ((HIGHEST_BITS - SUB_BITS) << SUB_BITS) + (1 << SUB_BITS)  # the bucket of everything longer
    BUCKETS = OVERFLOW + 1
    COUNTS_PADDED = (BUCKETS + 7) // 8 * 8                       # whole cache lines


cdef struct HistogramMemory:
    uint64_t epoch                   # odd while the writer clears; even and larger afterwards
    uint64_t[7] reserved
    uint64_t[COUNTS_PADDED] counts


cdef extern from *:
    """
    #include <stdint.h>
    static inline unsigned meltica_bucket_of(uint64_t ns) {
        unsigned shift = 57u - (unsigned)__builtin_clzll(ns | 64u);  /* 63 - 6: the highest bit above bit 6 */
        return ns >> 34 ? 1856u /* OVERFLOW */ : (shift << 6) + (unsigned)(ns >> shift);
    }
    /* One writer: a relaxed load and store are a plain increment, and no reader ever sees half a word. */
    static inline void meltica_count(uint64_t *count) {
        __atomic_store_n(count, __atomic_load_n(count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
    }
    """
    unsigned meltica_bucket_of(uint64_t ns) noexcept nogil
    void meltica_count(uint64_t* count) noexcept nogil


cdef inline void record_ns(HistogramMemory* memory, uint64_t ns) noexcept nogil:
    meltica_count(&memory.counts[meltica_bucket_of(ns)])


cdef void clear(HistogramMemory* memory) noexcept nogil  # by the writer


cdef class Histogram:
    cdef HistogramMemory* memory
    cdef object buffer  # keeps the memory alive
