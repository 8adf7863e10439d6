# One side of a book: levels in an array, the best one last, so that what moves most moves least memory.
# The key of a level is its price for bids and its negated price for asks: "higher is better" on both sides.
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove

cdef enum:
    NEAR = 16          # levels from the best that are searched one by one; most updates are there
    FIRST_CAPACITY = 16


cdef struct Level:
    int64_t key
    int64_t quantity


cdef struct Levels:
    Level* rows
    uint32_t count
    uint32_t capacity


cdef inline uint32_t place_of(const Levels* levels, int64_t key) noexcept nogil:
    """Index of the first level whose key is not below this one."""
    cdef const Level* rows = levels.rows
    cdef uint32_t low = 0
    cdef uint32_t left = levels.count
    cdef uint32_t end = left - NEAR if left > NEAR else 0
    cdef uint32_t half
    while left > end:
        if rows[left - 1].key < key:
            return left
        left -= 1
    while left > 1:  # no branch on what is compared: far from the best it would be mispredicted half of the time
        half = left >> 1
        low += half if rows[low + half - 1].key < key else 0
        left -= half
    if left and rows[low].key < key:
        low += 1
    return low


cdef inline Level* open_level(Levels* levels, uint32_t place, int64_t key) noexcept nogil:
    """A level with this key at its place; NULL when there is no memory."""
    cdef Level* row
    cdef Level* grown
    cdef uint32_t capacity
    if levels.count == levels.capacity:
        capacity = levels.capacity * 2 if levels.capacity else FIRST_CAPACITY
        grown = <Level*>realloc(levels.rows, capacity * sizeof(Level))
        if grown == NULL:
            return NULL
        levels.rows = grown
        levels.capacity = capacity
    row = &levels.rows[place]
    memmove(row + 1, row, (levels.count - place) * sizeof(Level))
    levels.count += 1
    row.key = key
    return row


cdef inline void drop_level(Levels* levels, Level* row) noexcept nogil:
    levels.count -= 1
    memmove(row, row + 1, (levels.count - (row - levels.rows)) * sizeof(Level))


cdef inline void free_levels(Levels* levels) noexcept nogil:
    free(levels.rows)
    levels.rows = NULL
    levels.count = 0
    levels.capacity = 0
