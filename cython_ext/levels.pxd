# One side of a book: levels in an array, the best one last, so that what moves most moves least memory.
# The key of a level is its price for bids and its negated price for asks: "higher is better" on both sides.
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove

cdef enum:
    NEAR = 8           # levels from the best that are looked at first; most updates are there
    FIRST_CAPACITY = 16


cdef struct Level:
    int64_t key
    int64_t quantity


cdef struct Levels:
    Level* rows
    uint32_t count
    uint32_t capacity


cdef inline uint32_t place_of(const Levels* levels, int64_t key) noexcept nogil:
    """Index of the first level whose key is not below this one.

    No branch on a key that is compared: where a feed's next update falls, no processor foresees, and a wrong guess costs
    more than all eight comparisons.
    """
    cdef const Level* rows = levels.rows
    cdef uint32_t low = 0
    cdef uint32_t left = levels.count
    cdef uint32_t half
    if left >= NEAR:
        half = not_below(&rows[left - NEAR], key)
        left -= half
        if half < NEAR:
            return left
    while left > 1:
        half = left >> 1
        low += half if rows[low + half - 1].key < key else 0
        left -= half
    if left and rows[low].key < key:
        low += 1
    return low


cdef inline uint32_t not_below(const Level* rows, int64_t key) noexcept nogil:
    """How many of NEAR levels have this key or a higher one."""
    return (
        (rows[0].key >= key) + (rows[1].key >= key) + (rows[2].key >= key) + (rows[3].key >= key)
        + (rows[4].key >= key) + (rows[5].key >= key) + (rows[6].key >= key) + (rows[7].key >= key)
    )


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
