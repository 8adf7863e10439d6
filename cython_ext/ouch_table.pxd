# Places in an array of fixed size, by a key: open addressing, linear probing, deletion by shifting back (no tombstones).
# The table has a power of two of entries, at least twice as many as it ever holds, so that probing ends.
from libc.stdint cimport uint64_t

cdef struct OuchEntry:
    uint64_t key
    uint64_t place    # index + 1; 0: free

cdef extern from *:
    """
    #include <stdint.h>
    static inline uint64_t meltica_ouch_home(uint64_t key) {
        /* Four neighbours share a cache line: ids and reference numbers mostly come one after another. */
        uint64_t spread = (key >> 2) * 0x9E3779B97F4A7C15ULL;
        return (spread ^ (spread >> 32)) << 2 | (key & 3);
    }
    """
    uint64_t home "meltica_ouch_home"(uint64_t key) noexcept nogil


cdef inline uint64_t place_of(const OuchEntry* table, uint64_t mask, uint64_t key) noexcept nogil:
    """Index + 1; 0: not there."""
    cdef uint64_t at = home(key) & mask
    while table[at].place != 0:
        if table[at].key == key:
            return table[at].place
        at = (at + 1) & mask
    return 0


cdef inline void insert(OuchEntry* table, uint64_t mask, uint64_t key, uint64_t index) noexcept nogil:
    cdef uint64_t at = home(key) & mask
    while table[at].place != 0:
        at = (at + 1) & mask
    table[at].key = key
    table[at].place = index + 1


cdef inline void remove(OuchEntry* table, uint64_t mask, uint64_t key) noexcept nogil:
    cdef uint64_t hole = home(key) & mask
    cdef uint64_t at
    while table[hole].place != 0 and table[hole].key != key:
        hole = (hole + 1) & mask
    if table[hole].place == 0:
        return
    at = hole
    while True:   # what was pushed past the hole moves back into it
        at = (at + 1) & mask
        if table[at].place == 0:
            break
        if ((at - home(table[at].key)) & mask) >= ((at - hole) & mask):
            table[hole] = table[at]
            hole = at
    table[hole].place = 0
