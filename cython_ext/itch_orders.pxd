# The live orders of all books, found by reference.
#
# Nasdaq's references are nearly dense and only grow, and most orders live for a moment. So an order stands at its
# reference modulo a power of two, the window: one look, and the newest orders lie side by side. When a reference comes
# to a place that an older order still holds, the older one moves to a pool behind the window, where a hash table finds
# it. Any references work, dense or scattered, and memory is bounded whatever they are.
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t

from cython_ext.itch_memory cimport huge_free, huge_zeros, prefetch, touch_pages

cdef enum:
    FIRST_FAR_LOG2 = 10


# 32 bytes, two in a cache line. A handle is the record's number, 0 is nobody. A free record has shares 0; one in the
# pool has in `after` the next free one.
cdef struct Order:
    uint64_t ref
    uint32_t price
    uint32_t shares
    uint32_t before   # in its level's queue: handles
    uint32_t after
    uint32_t where    # 2 * locate + (0 bid, 1 ask)
    uint32_t unused


cdef struct FarSlot:
    uint64_t ref
    uint64_t handle   # 0: free


cdef struct Orders:
    Order* rows       # 0: nobody; then the window; then the pool
    uint64_t mask     # of the window
    uint32_t live
    uint32_t bound
    uint32_t pool_used
    uint32_t pool_spare
    FarSlot* far
    uint32_t far_log2
    uint32_t far_count


cdef inline size_t rows_size(const Orders* orders) noexcept nogil:
    return (<size_t>orders.mask + 2 + orders.bound) * sizeof(Order)


cdef inline int open_orders(Orders* orders, uint32_t bound, uint32_t window_log2) noexcept nogil:
    """0, or -1 when there is no memory."""
    orders.bound = bound
    orders.mask = (<uint64_t>1 << window_log2) - 1
    orders.rows = <Order*>huge_zeros(rows_size(orders))
    return -1 if orders.rows == NULL or grow_far(orders) else 0


cdef inline void close_orders(Orders* orders) noexcept nogil:
    huge_free(orders.rows, rows_size(orders))
    huge_free(orders.far, sizeof(FarSlot) << orders.far_log2)


cdef inline size_t orders_memory(const Orders* orders) noexcept nogil:
    """Bytes of the window, of what was ever used of the pool, and of the hash table."""
    return (<size_t>orders.mask + 2 + orders.pool_used) * sizeof(Order) + (sizeof(FarSlot) << orders.far_log2)


cdef inline int reserve_orders(Orders* orders) noexcept nogil:
    """Touches all of it, with places in the hash table for as many orders as may live: 0, or -1 without memory."""
    while <uint64_t>orders.bound * 2 > <uint64_t>1 << orders.far_log2:
        if grow_far(orders):
            return -1
    touch_pages(orders.rows, rows_size(orders))
    touch_pages(orders.far, sizeof(FarSlot) << orders.far_log2)
    return 0


# --- by reference ---

cdef inline Order* place_of_ref(Orders* orders, uint64_t ref) noexcept nogil:
    """Where the order stands if it is in the window."""
    return &orders.rows[(ref & orders.mask) + 1]


cdef inline Order* find_order(Orders* orders, uint64_t ref) noexcept nogil:
    """The order, or NULL."""
    cdef Order* order = place_of_ref(orders, ref)
    cdef uint64_t handle
    if order.ref == ref and order.shares:
        return order
    if orders.far_count == 0:
        return NULL
    handle = far_slot(orders, ref).handle
    return &orders.rows[handle] if handle else NULL


cdef inline void ask_slot(Orders* orders, uint64_t ref) noexcept nogil:
    prefetch(&orders.far[far_home(orders, ref)])


cdef inline void ask_pool(Orders* orders, uint64_t ref) noexcept nogil:
    """The record of an order that has left the window; ask_slot() was called a while ago."""
    if place_of_ref(orders, ref).ref != ref:
        prefetch(&orders.rows[far_slot(orders, ref).handle])


cdef inline Order* put_order(Orders* orders, uint64_t ref) noexcept nogil:
    """The record of a new order, whose place is free."""
    cdef Order* order = place_of_ref(orders, ref)
    order.ref = ref
    orders.live += 1
    return order


cdef inline int far_ready(Orders* orders) noexcept nogil:
    """Sees to it that an order can move to the pool: 0, or -1 when there is no memory."""
    return 0 if <uint64_t>orders.far_count * 2 < <uint64_t>1 << orders.far_log2 else grow_far(orders)


cdef inline Order* move_to_pool(Orders* orders, Order* order) noexcept nogil:
    """Its record there; far_ready() has been called, and who stands beside it does not know yet."""
    cdef uint64_t handle = orders.pool_spare
    cdef FarSlot* slot = far_slot(orders, order.ref)
    if handle:
        orders.pool_spare = orders.rows[handle].after
    else:
        orders.pool_used += 1
        handle = orders.mask + 1 + orders.pool_used
    slot.ref = order.ref
    slot.handle = handle
    orders.far_count += 1
    orders.rows[handle] = order[0]
    order.shares = 0
    return &orders.rows[handle]


cdef inline void drop_order(Orders* orders, Order* order) noexcept nogil:
    order.shares = 0
    orders.live -= 1
    if <uint64_t>(order - orders.rows) > orders.mask + 1:
        far_remove(orders, far_slot(orders, order.ref))
        order.after = orders.pool_spare
        orders.pool_spare = <uint32_t>(order - orders.rows)


# --- the hash table: open addressing, linear probing, deletion by shifting back ---

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
    cdef FarSlot* grown = <FarSlot*>huge_zeros(sizeof(FarSlot) << log2)
    if grown == NULL:
        return -1
    orders.far = grown
    orders.far_log2 = log2
    for at in range(count):
        if old[at].handle != 0:
            far_slot(orders, old[at].ref)[0] = old[at]
    huge_free(old, sizeof(FarSlot) * count)
    return 0
