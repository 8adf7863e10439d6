# The live orders of all books, found by reference.
#
# Nasdaq's references are nearly dense and only grow, so the index is an array of handles (four bytes a reference) in
# chunks of 2 MiB that come and go; records are in one pool and used again last in, first out, so that an order that
# lives for a moment stays in the cache. What is too scattered for chunks (a damaged feed) goes to a hash table: any
# reference works, and memory is bounded whatever they are: see itch_book.pyx.
from libc.stddef cimport size_t
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from cython_ext.itch_memory cimport huge_free, huge_zeros, prefetch, touch_pages

cdef enum:
    CHUNK_LOG2 = 19                  # references: 2 MiB of handles, one huge page
    CHUNK_REFS = 1 << 19
    CHUNK_BYTES = 1 << 21
    CHUNKS = 65536                   # 34 thousand million references; a busy day has 300 million
    OPEN_CHUNKS = 1024               # at once: 2 GiB, 537 million references
    FIRST_CHUNKS = 2                 # may be open before anything is known of how dense references are, ..
    ORDERS_A_CHUNK_LOG2 = 14         # .. then one more for each 16,384 orders entered
    FIRST_FAR_LOG2 = 10


# 32 bytes, two in a cache line. A free record has shares 0, and in `after` the next free one.
cdef struct Order:
    uint64_t ref
    uint32_t price
    uint32_t shares
    uint32_t before   # in its level's queue; handles, 0: none
    uint32_t after
    uint32_t where    # 2 * locate + (0 bid, 1 ask)
    uint32_t unused


cdef struct FarSlot:
    uint64_t ref
    uint64_t handle   # 0: free


cdef struct Orders:
    Order* rows       # from 1 on; handle 0 is nobody
    uint32_t live
    uint32_t used     # rows that were ever taken
    uint32_t spare    # first free row below `used`
    uint32_t bound
    uint64_t entered
    uint32_t** chunks
    uint32_t* in_chunk
    uint32_t* empty   # chunks without orders, linked by their first word pair
    uint32_t open
    uint32_t empty_count
    FarSlot* far
    uint32_t far_log2
    uint32_t far_count


cdef inline int open_orders(Orders* orders, uint32_t bound) noexcept nogil:
    """0, or -1 when there is no memory."""
    orders.bound = bound
    orders.rows = <Order*>huge_zeros((<size_t>bound + 1) * sizeof(Order))
    orders.chunks = <uint32_t**>calloc(CHUNKS, sizeof(void*))
    orders.in_chunk = <uint32_t*>calloc(CHUNKS, sizeof(uint32_t))
    return -1 if orders.rows == NULL or orders.chunks == NULL or orders.in_chunk == NULL else 0


cdef inline void close_orders(Orders* orders) noexcept nogil:
    cdef int at
    cdef uint32_t* chunk
    if orders.chunks != NULL:
        for at in range(CHUNKS):
            huge_free(orders.chunks[at], CHUNK_BYTES)
    while orders.empty != NULL:
        chunk = orders.empty
        orders.empty = (<uint32_t**>chunk)[0]
        huge_free(chunk, CHUNK_BYTES)
    huge_free(orders.rows, (<size_t>orders.bound + 1) * sizeof(Order))
    free(orders.chunks)
    free(orders.in_chunk)
    free(orders.far)


cdef inline size_t orders_memory(const Orders* orders) noexcept nogil:
    """Bytes in use, not counting rows and pages that were never touched."""
    return (
        (<size_t>orders.used + 1) * sizeof(Order)
        + (<size_t>orders.open + orders.empty_count) * CHUNK_BYTES
        + CHUNKS * (sizeof(void*) + sizeof(uint32_t))
        + ((sizeof(FarSlot) << orders.far_log2) if orders.far != NULL else 0)
    )


cdef inline int reserve_orders(Orders* orders, uint32_t count, uint64_t refs) noexcept nogil:
    """Touches what this many live orders and references will need, so that no page is made while they come."""
    cdef uint32_t* chunk
    touch_pages(orders.rows, (<size_t>min(count, orders.bound) + 1) * sizeof(Order))
    while <uint64_t>(orders.open + orders.empty_count) * CHUNK_REFS < refs and orders.open + orders.empty_count < OPEN_CHUNKS:
        chunk = <uint32_t*>huge_zeros(CHUNK_BYTES)
        if chunk == NULL:
            return -1
        touch_pages(chunk, CHUNK_BYTES)
        (<uint32_t**>chunk)[0] = orders.empty
        orders.empty = chunk
        orders.empty_count += 1
    return 0


# --- by reference ---

cdef inline uint32_t* near_place(Orders* orders, uint64_t ref) noexcept nogil:
    """Where a chunk keeps the handle; NULL when none does."""
    cdef uint64_t number = ref >> CHUNK_LOG2
    if number >= CHUNKS or orders.chunks[number] == NULL:
        return NULL
    return &orders.chunks[number][ref & (CHUNK_REFS - 1)]


cdef inline uint32_t handle_of(Orders* orders, uint64_t ref) noexcept nogil:
    cdef uint32_t* place = near_place(orders, ref)
    if place != NULL and place[0] != 0:
        return place[0]
    return <uint32_t>far_slot(orders, ref).handle if orders.far_count else 0


cdef inline void ask_place(Orders* orders, uint64_t ref) noexcept nogil:
    cdef uint32_t* place = near_place(orders, ref)
    if place != NULL:
        prefetch(place)


cdef inline Order* ask_order(Orders* orders, uint64_t ref) noexcept nogil:
    """The order's record, perhaps of nobody: to be asked for, not to be read yet."""
    cdef uint32_t* place = near_place(orders, ref)
    return &orders.rows[0 if place == NULL else place[0]]


cdef inline int make_place(Orders* orders, uint64_t ref) noexcept nogil:
    """Sees to it that the reference can be put: 0, or -1 when there is no memory."""
    cdef uint64_t number = ref >> CHUNK_LOG2
    cdef uint64_t allowed = FIRST_CHUNKS + (orders.entered >> ORDERS_A_CHUNK_LOG2)
    if number < CHUNKS:
        if orders.chunks[number] != NULL:
            return 0
        if orders.open < allowed and orders.open < OPEN_CHUNKS and open_chunk(orders, number) == 0:
            return 0
    return 0 if orders.far != NULL and <uint64_t>orders.far_count * 2 < <uint64_t>1 << orders.far_log2 else grow_far(orders)


cdef inline int open_chunk(Orders* orders, uint64_t number) noexcept nogil:
    cdef uint32_t* chunk = orders.empty
    if chunk != NULL:
        orders.empty = (<uint32_t**>chunk)[0]
        (<uint32_t**>chunk)[0] = NULL
        orders.empty_count -= 1
    else:
        chunk = <uint32_t*>huge_zeros(CHUNK_BYTES)
        if chunk == NULL:
            return -1
    orders.chunks[number] = chunk
    orders.open += 1
    if number and orders.chunks[number - 1] != NULL and orders.in_chunk[number - 1] == 0:
        shut_chunk(orders, number - 1)
    return 0


cdef inline void shut_chunk(Orders* orders, uint64_t number) noexcept nogil:
    (<uint32_t**>orders.chunks[number])[0] = orders.empty
    orders.empty = orders.chunks[number]
    orders.empty_count += 1
    orders.chunks[number] = NULL
    orders.open -= 1


cdef inline Order* put_order(Orders* orders, uint64_t ref) noexcept nogil:
    """A record for a reference that make_place() has seen to; there is one below the bound."""
    cdef uint32_t* place = near_place(orders, ref)
    cdef uint32_t handle = orders.spare
    cdef FarSlot* slot
    if handle:
        orders.spare = orders.rows[handle].after
        prefetch(&orders.rows[orders.spare])
    else:
        orders.used += 1
        handle = orders.used
    if place != NULL:
        place[0] = handle
        orders.in_chunk[ref >> CHUNK_LOG2] += 1
    else:
        slot = far_slot(orders, ref)
        slot.ref = ref
        slot.handle = handle
        orders.far_count += 1
    orders.live += 1
    orders.entered += 1
    return &orders.rows[handle]


cdef inline void drop_order(Orders* orders, Order* order) noexcept nogil:
    cdef uint64_t ref = order.ref
    cdef uint32_t handle = <uint32_t>(order - orders.rows)
    cdef uint32_t* place = near_place(orders, ref)
    cdef uint64_t number = ref >> CHUNK_LOG2
    if place != NULL and place[0] == handle:
        place[0] = 0
        orders.in_chunk[number] -= 1
        # The chunk that is being filled is empty now and then; it stays unless references have gone on.
        if orders.in_chunk[number] == 0 and number + 1 < CHUNKS and orders.chunks[number + 1] != NULL:
            shut_chunk(orders, number)
    else:
        far_remove(orders, far_slot(orders, ref))
    order.shares = 0
    order.after = orders.spare
    orders.spare = handle
    orders.live -= 1


# --- scattered references: open addressing, linear probing, deletion by shifting back ---

cdef inline size_t far_home(const Orders* orders, uint64_t ref) noexcept nogil:
    return (ref * <uint64_t>0x9E3779B97F4A7C15) >> (64 - orders.far_log2)


cdef inline FarSlot* far_slot(Orders* orders, uint64_t ref) noexcept nogil:
    """The reference's slot, or the free one where it would go."""
    cdef size_t mask = (<size_t>1 << orders.far_log2) - 1
    cdef size_t at = far_home(orders, ref)
    while orders.far[at].handle != 0 and orders.far[at].ref != ref:
        at = (at + 1) & mask
    return &orders.far[at]


cdef inline void far_remove(Orders* orders, FarSlot* slot) noexcept nogil:
    cdef size_t mask = (<size_t>1 << orders.far_log2) - 1
    cdef size_t gap = slot - orders.far
    cdef size_t at = gap
    cdef size_t home
    while True:
        at = (at + 1) & mask
        if orders.far[at].handle == 0:
            break
        home = far_home(orders, orders.far[at].ref)
        if ((at - home) & mask) >= ((at - gap) & mask):
            orders.far[gap] = orders.far[at]
            gap = at
    orders.far[gap].handle = 0
    orders.far_count -= 1


cdef inline int grow_far(Orders* orders) noexcept nogil:
    cdef FarSlot* old = orders.far
    cdef size_t at, count = (<size_t>1 << orders.far_log2) if old != NULL else 0
    cdef uint32_t log2 = orders.far_log2 + 1 if old != NULL else FIRST_FAR_LOG2
    cdef FarSlot* grown = <FarSlot*>calloc(<size_t>1 << log2, sizeof(FarSlot))
    if grown == NULL:
        return -1
    orders.far = grown
    orders.far_log2 = log2
    for at in range(count):
        if old[at].handle != 0:
            far_slot(orders, old[at].ref)[0] = old[at]
    free(old)
    return 0
