# One side of a book: levels in an array, the best one last, so that what moves most moves least memory.
# The key of a level is its price for bids and its negated price for asks: "higher is better" on both sides.
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove

cdef enum:
    NEAR = 8           # levels from the best that are searched one by one; most updates are there
    FIRST_CAPACITY = 16


cdef struct Level:
    int64_t key
    int64_t quantity
    int64_t orders


cdef struct Levels:
    Level* rows
    uint32_t count
    uint32_t capacity


cdef inline uint32_t place_of(const Levels* levels, int64_t key) noexcept nogil:
    """Index of the first level whose key is not below this one."""
    cdef uint32_t low = 0
    cdef uint32_t high = levels.count
    cdef uint32_t middle
    cdef uint32_t near = 0
    while high > 0 and near < NEAR:
        if levels.rows[high - 1].key < key:
            return high
        high -= 1
        near += 1
    while low < high:
        middle = (low + high) // 2
        if levels.rows[middle].key < key:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline Level* level_of(Levels* levels, int64_t key) noexcept nogil:
    """The level, or NULL."""
    cdef uint32_t place = place_of(levels, key)
    if place == levels.count or levels.rows[place].key != key:
        return NULL
    return &levels.rows[place]


cdef inline Level* level_to_fill(Levels* levels, int64_t key) noexcept nogil:
    """The level, made empty if it was not there; NULL when there is no memory."""
    cdef uint32_t place = place_of(levels, key)
    cdef Level* row
    cdef Level* grown
    cdef uint32_t capacity
    if place < levels.count and levels.rows[place].key == key:
        return &levels.rows[place]
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
    row.quantity = 0
    row.orders = 0
    return row


cdef inline void drop_level(Levels* levels, Level* row) noexcept nogil:
    levels.count -= 1
    memmove(row, row + 1, (levels.count - (row - levels.rows)) * sizeof(Level))


cdef inline void free_levels(Levels* levels) noexcept nogil:
    free(levels.rows)
    levels.rows = NULL
    levels.count = 0
    levels.capacity = 0
