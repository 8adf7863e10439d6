# The gate's tables. All zeros is an empty row, and blocks. What a check of an ordinary order needs of an instrument is
# in the two cache lines of InstrumentLine; what has many rows is small or is written in the order in which orders come.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    CHECK_NUMBERS = 64
    ACTION_NUMBERS = 4
    PORTS = 256
    MAX_DUPLICATE_DEPTH = 64  # of an account's last orders the duplicate check looks at
    SEEN_SLOTS = 256          # a power of two, sparse at the usual 16 orders
    NO_OWN_PRICE = -0x7FFFFFFFFFFFFFFF
    MAX_CROSSING = 64         # own orders that one order may cross and still be judged: bounded work
    BREAKERS = 4              # of an account; index 0 is not used


cdef struct Bucket:
    uint64_t nano_tokens
    uint64_t time_ns
    uint32_t per_second
    uint32_t burst


# Bounds that no check of an ordinary order refuses; whatever is outside is judged check by check (see tighten()).
cdef struct InstrumentLine:
    int64_t[2] lowest      # of a BUY's price, of a SELL's price with a minus: the other side is above
    int64_t[2] highest
    uint64_t from_ns       # session and age of the reference; nothing passes while something blocks the instrument
    uint64_t until_ns
    int64_t unit           # value_per_tick_lot_nanos
    int64_t max_value
    # second cache line
    int64_t max_lots
    int64_t day_left       # max_day_lots less the lots of the day
    int64_t[2] own_best    # no own working BUY, SELL is above it, prices as above
    uint32_t[2] own_first  # list of own working BUYs, SELLs: place, 0 ends it
    Bucket bucket


cdef struct InstrumentRow:
    int64_t collar_low_ticks   # worked out from the reference; (1, 0), which holds no price, without one
    int64_t collar_high_ticks
    int64_t max_price_ticks
    int64_t max_quantity_lots
    int64_t max_value_nanos
    int64_t max_day_lots
    int64_t reference_price_ticks  # 0: none
    uint64_t reference_time_ns
    uint64_t reference_max_age_ns  # 0 blocks
    uint64_t session_open_ns
    uint64_t session_close_ns
    int64_t bid_ticks
    int64_t bid_lots
    int64_t ask_ticks
    int64_t ask_lots
    int64_t low_ticks
    int64_t high_ticks
    uint32_t collar_bps
    uint32_t max_impact_percent
    uint8_t known
    uint8_t enabled
    uint8_t restricted
    uint8_t killed
    uint8_t halted
    uint8_t short_restricted
    uint8_t gapped
    uint8_t short_sale


# Long, short: all that an ordinary order needs of an account's position.
cdef struct Holding:
    int64_t[2] plain_limit  # the most that an order without flags may reach
    int64_t[2] worst_lots   # held once everything that is open on this side has traded


cdef struct PositionRow:
    int64_t position_lots
    int64_t max_long_lots
    int64_t max_short_lots
    int64_t located_lots


cdef struct Exposure:
    int64_t limit_nanos     # max_open_value_nanos + credit, saturated, not below 0
    int64_t open_value_nanos
    int64_t max_open_value_nanos
    int64_t credit_nanos


cdef struct AccountRow:
    Exposure exposure
    Bucket bucket
    int64_t open_orders
    uint32_t max_open_orders
    uint8_t blocked         # an ordinary order must be judged check by check: disabled, killed, a breaker ...
    uint8_t known
    uint8_t enabled
    uint8_t killed
    uint64_t duplicate_window_ns
    uint8_t mismatched
    uint8_t market_orders_allowed
    uint8_t iso_allowed
    uint8_t short_exempt_allowed
    uint8_t self_match
    uint8_t latched         # bit n: breaker n
    uint16_t self_match_group
    int64_t max_daily_loss_nanos
    int64_t max_drawdown_nanos
    uint64_t rearm_after_ns
    int64_t pnl_nanos
    int64_t high_water_nanos
    uint64_t[BREAKERS] tripped_ns
    uint32_t max_consecutive_rejects
    uint32_t rejects_in_a_row


cdef struct FirmRow:
    Exposure exposure
    Bucket bucket
    int64_t open_orders
    uint32_t max_open_orders
    uint8_t known
    uint8_t blocked


cdef struct StrategyRow:
    Exposure exposure
    Bucket bucket
    uint64_t max_executions
    uint64_t executions
    uint8_t blocked
    uint8_t known
    uint8_t enabled
    uint8_t killed
    uint8_t latched


cdef struct PortRow:
    Bucket bucket
    uint64_t last_order_id
    uint8_t blocked
    uint8_t known
    uint8_t enabled
    uint8_t killed
    uint8_t connected


cdef struct RecentOrder:
    int64_t quantity_lots
    int64_t price_ticks
    uint64_t time_ns
    uint32_t instrument_id
    uint16_t side
    uint16_t slot  # its place in RecentRing.seen


cdef struct RecentRing:
    uint32_t count
    uint32_t next
    RecentOrder[MAX_DUPLICATE_DEPTH] orders
    uint8_t[SEEN_SLOTS] seen  # how many of the recent orders hash here: 0 saves the search


# A place among the own working orders. Orders come to new places in turn, so that the next one is near already.
cdef struct OwnOrder:
    uint64_t order_id       # 0: free
    int64_t price_ticks
    int64_t leaves_lots
    uint32_t instrument_id
    uint32_t next           # of its instrument and side, or of the freed places; 0 ends the list
    uint32_t previous
    uint16_t account_id
    uint16_t side           # 0 BUY, 1 SELL


cdef struct Crossing:
    int64_t price_ticks
    uint64_t order_id
    int64_t leaves_lots


# meltica.hot.bounds.Bounds: how wide the gate counts.
cdef struct Bounds:
    int64_t order_lots
    int64_t ticks
    int64_t told_lots
    int64_t adjust_lots
    int64_t position_lots
    int64_t open_lots
    int64_t limit_lots
    int64_t unit      # value_per_tick_lot_nanos; 0: any
    uint32_t ports
    uint8_t decrement


cdef struct Tables:
    # of the last check
    uint64_t fired_mask
    int64_t reserved_price_ticks
    int64_t allowed_lots
    uint64_t match_count
    # sizes
    uint32_t max_instruments
    uint32_t max_accounts
    uint32_t max_strategies
    uint32_t max_working_orders
    uint32_t duplicate_depth
    uint32_t seat_mask         # seats - 1
    uint32_t seat_shift
    uint32_t working           # own working orders
    uint32_t own_used          # places that were used; 0 is never used
    uint32_t own_freed         # list of those that are free again
    uint64_t tolerance_ns
    # the gate itself
    uint64_t lease_until_ns
    uint64_t passes_until_ns   # the lease of a leased gate, else for ever
    uint8_t leased
    uint8_t killed
    uint8_t blocked            # killed, or no lease
    FirmRow firm
    # rows; each table but the ports has one more, of zeros, for what does not exist
    InstrumentLine* lines
    InstrumentRow* instruments
    AccountRow* accounts
    RecentRing* rings
    StrategyRow* strategies
    PortRow* ports
    PositionRow* positions     # row account_id * max_instruments + instrument_id
    Holding* holdings          # the same
    uint64_t* seats            # own orders by id: hash and place, 0: free
    OwnOrder* own
    uint64_t[ACTION_NUMBERS] passed
    uint64_t[CHECK_NUMBERS] rejected
    uint64_t[CHECK_NUMBERS] fired
    uint64_t faults
    const char* complaint      # about the last record that was not taken
    Crossing[MAX_CROSSING] matches
    Bounds bounds


# One NEW or REPLACE and all that the checks look at.
cdef struct Case:
    InstrumentLine* line
    InstrumentRow* instrument
    AccountRow* account
    RecentRing* ring
    StrategyRow* strategy
    PortRow* port
    PositionRow* position
    Holding* holding
    size_t at              # of position and holding
    bint opens             # NEW, or a REPLACE of which nothing works any more
    bint rests             # it may become an own working order
    bint works             # its id is that of an own working order
    uint32_t seat          # there, or where it would be
    uint32_t place         # 0: none
    int64_t price_ticks    # at which the order is valued and reserved
    int64_t recent_price_ticks
    int64_t value
    int64_t working_value
    int64_t added_lots     # REPLACE: the increment
    int64_t added_value
    int64_t allowed_lots
    uint64_t slot


cdef inline int64_t upwards(uint32_t side, int64_t amount) noexcept nogil:
    """A price such that more is better for the other side: a SELL's with a minus. Of lots as well: long, short."""
    return <int64_t>(0 - <uint64_t>amount) if side else amount


cdef inline int64_t open_lots(const Tables* t, size_t position, uint32_t side) noexcept nogil:
    return t.holdings[position].worst_lots[side] - upwards(side, t.positions[position].position_lots)


cdef inline size_t position_at(const Tables* t, size_t account_id, size_t instrument_id) noexcept nogil:
    return account_id * t.max_instruments + instrument_id
