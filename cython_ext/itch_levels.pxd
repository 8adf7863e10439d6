# One side of a stock's book: levels in an array, the best one last, so that what moves most moves least memory.
# The key of a level is its price for bids and the complement of its price for asks: higher is better on both sides.
# Arrays are powers of two from a slab of huge pages and used again by size; one that has become far too large shrinks.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from cython_ext.itch_memory cimport huge_free, huge_zeros, touch_pages

cdef extern from *:
    bint unlikely(bint condition) noexcept nogil

cdef enum:
    NEAR = 16           # levels from the best that are searched one by one; most updates are there
    TOP = 8             # that are compared all at once
    FIRST_ROWS_LOG2 = 3
    SIZES = 32
    SLAB_BYTES = 1 << 23


cdef struct Level:
    uint32_t key
    uint32_t orders
    uint64_t shares
    uint32_t first      # of its queue; handles
    uint32_t last


cdef struct Side:
    Level* rows
    uint32_t count
    uint32_t capacity_log2   # 0: no rows yet


cdef struct Slab:
    Slab* before
    size_t size


cdef struct LevelMemory:
    void* free_rows[SIZES]   # by capacity_log2, linked by their first word
    Slab* slabs
    uint8_t* next
    size_t left
    size_t taken             # of all slabs
    size_t bound


cdef inline int take_slab(LevelMemory* memory, size_t size) noexcept nogil:
    cdef Slab* slab
    if size < SLAB_BYTES:
        size = SLAB_BYTES
    if memory.taken + size > memory.bound:
        return -1
    slab = <Slab*>huge_zeros(size)
    if slab == NULL:
        return -1
    slab.before = memory.slabs
    slab.size = size
    memory.slabs = slab
    memory.next = <uint8_t*>slab + 64
    memory.left = size - 64
    memory.taken += size
    return 0


cdef inline int reserve_levels(LevelMemory* memory, size_t size) noexcept nogil:
    if memory.left < size:
        if take_slab(memory, size + 64):
            return -1
    touch_pages(memory.next, memory.left)
    return 0


cdef inline void close_levels(LevelMemory* memory) noexcept nogil:
    cdef Slab* slab
    while memory.slabs != NULL:
        slab = memory.slabs
        memory.slabs = slab.before
        huge_free(slab, slab.size)


cdef inline int resize(LevelMemory* memory, Side* side, uint32_t capacity_log2) noexcept nogil:
    """Moves the rows to an array of this size: 0, or -1 (and nothing changed) when there is no memory."""
    cdef Level* rows = <Level*>memory.free_rows[capacity_log2]
    cdef size_t size = sizeof(Level) << capacity_log2
    if rows != NULL:
        memory.free_rows[capacity_log2] = (<void**>rows)[0]
    else:
        if memory.left < size and take_slab(memory, size + 64):
            return -1
        rows = <Level*>memory.next
        memory.next += size
        memory.left -= size
    if side.rows != NULL:
        memcpy(rows, side.rows, side.count * sizeof(Level))
        (<void**>side.rows)[0] = memory.free_rows[side.capacity_log2]
        memory.free_rows[side.capacity_log2] = side.rows
    side.rows = rows
    side.capacity_log2 = capacity_log2
    return 0


cdef inline int make_room(LevelMemory* memory, Side* side) noexcept nogil:
    """For one level more."""
    if side.rows == NULL:
        return resize(memory, side, FIRST_ROWS_LOG2)
    if side.count >> side.capacity_log2:
        return resize(memory, side, side.capacity_log2 + 1)
    return 0


# Two searches for the same: how many levels have a key that is not above this one. The level is the last of them, if it is
# there at all. Where books are far away, a branch for each level is right: the processor guesses, and goes on to the
# next message while this one's levels are on their way. In a cache a wrong guess costs more than all the comparisons.

cdef inline uint32_t place_of(const Side* side, uint32_t key, bint cached) noexcept nogil:
    if unlikely(cached):  # out of the way of the whole market's code
        return place_compared(side, key)
    return place_guessed(side, key)


cdef inline uint32_t place_compared(const Side* side, uint32_t key) noexcept nogil:
    cdef const Level* rows = side.rows
    cdef uint32_t low = 0
    cdef uint32_t left = side.count
    cdef uint32_t part
    if left >= TOP:
        part = top_above(&rows[left - TOP], key)
        left -= part
        if part < TOP:
            return left
    while left > 1:
        part = left >> 1
        low += part if rows[low + part - 1].key <= key else 0
        left -= part
    if left and rows[low].key <= key:
        low += 1
    return low


cdef inline uint32_t top_above(const Level* rows, uint32_t key) noexcept nogil:
    """How many of TOP levels have a higher key."""
    return (
        (rows[0].key > key) + (rows[1].key > key) + (rows[2].key > key) + (rows[3].key > key)
        + (rows[4].key > key) + (rows[5].key > key) + (rows[6].key > key) + (rows[7].key > key)
    )


cdef inline uint32_t place_guessed(const Side* side, uint32_t key) noexcept nogil:
    cdef const Level* rows = side.rows
    cdef uint32_t low = 0
    cdef uint32_t high = side.count
    cdef uint32_t middle
    cdef uint32_t end = high - NEAR if high > NEAR else 0
    while high > end:
        if rows[high - 1].key <= key:
            return high
        high -= 1
    while low < high:
        middle = (low + high) // 2
        if rows[middle].key <= key:
            low = middle + 1
        else:
            high = middle
    return high


cdef inline Level* level_at(Side* side, uint32_t key, bint cached) noexcept nogil:
    """The level, or NULL."""
    cdef uint32_t place = place_of(side, key, cached)
    if place == 0 or side.rows[place - 1].key != key:
        return NULL
    return &side.rows[place - 1]


cdef inline Level* level_to_enter(Side* side, uint32_t key, bint cached) noexcept nogil:
    """The level, made empty if it was not there; make_room() has been called."""
    cdef uint32_t place = place_of(side, key, cached)
    cdef Level* row
    if place and side.rows[place - 1].key == key:
        return &side.rows[place - 1]
    row = &side.rows[place]
    memmove(row + 1, row, (side.count - place) * sizeof(Level))
    side.count += 1
    row.key = key
    row.orders = 0
    row.shares = 0
    row.first = 0
    row.last = 0
    return row


cdef inline void remove_level(LevelMemory* memory, Side* side, Level* row) noexcept nogil:
    side.count -= 1
    memmove(row, row + 1, (side.count - (row - side.rows)) * sizeof(Level))
    if side.capacity_log2 > FIRST_ROWS_LOG2 + 1 and side.count << 3 <= <uint32_t>1 << side.capacity_log2:
        resize(memory, side, side.capacity_log2 - 1)
