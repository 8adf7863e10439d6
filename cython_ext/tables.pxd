# The gate's tables: one row an instrument, an account, and a pair of both. All zeros is an empty row, and blocks.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    CHECK_NUMBERS = 64
    ACTION_NUMBERS = 4
    MAX_DUPLICATE_DEPTH = 64  # of an account's last orders the duplicate check looks at
    SEEN_SLOTS = 256          # a power of two, sparse at 64 orders


cdef struct InstrumentRow:
    int64_t value_per_tick_lot_nanos
    int64_t max_price_ticks
    int64_t max_quantity_lots
    int64_t max_value_nanos
    int64_t low_ticks              # the collar around the reference, worked out when either is set;
    int64_t high_ticks             # (1, 0), which holds no price, without one of them
    uint64_t reference_time_ns
    uint64_t reference_max_age_ns  # 0 blocks
    int64_t reference_price_ticks  # 0: none
    uint32_t collar_bps
    uint8_t known
    uint8_t enabled
    uint8_t restricted
    uint8_t halted


cdef struct PositionRow:
    int64_t max_long_lots
    int64_t max_short_lots
    int64_t position_lots
    int64_t[2] open_lots  # buys, sells
    int64_t[3] pad        # one row, one cache line


cdef struct RecentOrder:
    int64_t quantity_lots
    int64_t price_ticks
    uint64_t time_ns
    uint32_t instrument_id
    uint32_t side
    uint64_t slot  # its place in AccountRow.seen


cdef struct AccountRow:
    int64_t max_open_value_nanos
    int64_t open_value_nanos
    int64_t open_orders
    uint64_t nano_tokens
    uint64_t full_nano_tokens  # message_burst in nano-tokens
    uint64_t bucket_time_ns
    uint64_t last_order_id
    uint64_t duplicate_window_ns
    uint32_t max_open_orders
    uint32_t messages_per_second
    uint32_t message_burst
    uint8_t known
    uint8_t enabled
    uint8_t killed
    uint8_t market_orders_allowed
    uint32_t recent_count
    uint32_t recent_next
    uint8_t[SEEN_SLOTS] seen  # how many of the recent orders hash here: 0 saves the search
    RecentOrder[MAX_DUPLICATE_DEPTH] recent


# One NEW or REPLACE and all that the checks look at.
cdef struct Case:
    InstrumentRow* instrument
    AccountRow* account
    PositionRow* position
    int64_t price_ticks    # at which the order is valued and reserved
    int64_t added_lots     # REPLACE: the increment
    int64_t added_value
    uint64_t nano_tokens   # in the bucket now
    int64_t recent_price_ticks
    uint64_t slot
