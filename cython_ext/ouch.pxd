# One OUCH 5.0 port of the hot loop. The caller owns the sockets, the gate and the clock:
#
#   port.reserved_price_ticks = gate.reserved_price_ticks       # 0: the order's own price
#   size = port.encode(&order, allowed_lots, out, room)         # bytes of SoupBinTCP, or an OuchRefusal
#   kind = port.decode(data, size, &drop_copy, &used)           # 1: a record, 0: none, or an OuchRefusal
#   port.facts                                                  # after a decode: what the gate must be told
#
# decode() with used == 0 wants more bytes. The record's sequence_number, time_ns and port_id are the caller's to fill.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.layout_gen cimport DropCopyRecord, OrderIntentRecord, SymbolRecord
from cython_ext.ouch_table cimport OuchEntry

cdef enum OuchRefusal:
    OUCH_NO_ROOM = -1            # the out buffer is too small: 64 bytes take every packet
    OUCH_UNKNOWN_SYMBOL = -2
    OUCH_UNKNOWN_ORDER = -3      # a REPLACE or CANCEL of an order that does not work here
    OUCH_TABLE_FULL = -4
    OUCH_BAD_QUANTITY = -5       # not 1..999,999 shares
    OUCH_BAD_PRICE = -6          # not 0.0001..199,999.9900 dollars
    OUCH_BAD_TIF = -7            # OUCH has DAY and IOC
    OUCH_DUPLICATE_ORDER = -8
    OUCH_REPLACE_PENDING = -9    # one replace of an order at a time
    OUCH_BAD_ACTION = -10
    OUCH_BAD_SIDE = -11          # not BUY or SELL, or a short BUY
    OUCH_EXHAUSTED = -12         # 2^32 user reference numbers are used
    OUCH_BAD_FRAME = -13         # decode: a packet of length 0; the connection is of no use any more (used is 0)
    OUCH_BAD_PACKET = -14        # decode: a packet that is no OUCH 5.0; it is skipped and counted

# What a decode means for the gate: call fill(), release(), reserve(), in this order, each where its lots are not 0.
cdef struct OuchFacts:
    int64_t fill_lots
    int64_t release_lots
    int64_t reserved_price_ticks   # of both: what encode() was told when it went out
    int64_t reserve_lots           # a refused replace: what works again (opens=False)
    int64_t reserve_price_ticks
    uint32_t instrument_id
    uint16_t account_id
    uint8_t side
    uint8_t fill_closes
    uint8_t release_closes

cdef struct OuchOrder:
    uint64_t order_id
    int64_t price_ticks            # as accepted last; 0: a market order
    int64_t quantity_lots          # as asked for last: leaves and what was done
    int64_t leaves_lots            # as the venue has it
    int64_t cum_lots
    int64_t self_match_lots        # taken away by self-match prevention; a replace counts them as done
    int64_t held_lots              # what the gate holds for it
    int64_t held_price_ticks
    int64_t pending_price_ticks
    int64_t pending_quantity_lots
    int64_t before_price_ticks     # what the gate held it at before the pending replace
    uint64_t venue_order_id
    uint32_t user_ref_num
    uint32_t pending_user_ref_num  # 0: no replace is on its way
    uint32_t instrument_id
    uint16_t account_id
    uint16_t strategy_id
    uint8_t side
    uint8_t order_type
    uint8_t tif
    uint8_t flags
    uint8_t accepted
    uint8_t is_canceling
    uint8_t in_use

cdef struct OuchSymbol:
    uint64_t wire_price_per_tick   # 0: unknown
    uint64_t shares_per_lot
    uint8_t[64] template           # an Enter Order packet with everything that is the same for each order

cdef enum:
    OUCH_COUNTERS = 12

cdef class OuchPort:
    cdef int64_t reserved_price_ticks      # of the order that encode() is about to send
    cdef OuchFacts facts
    cdef readonly uint64_t soup_sequence   # of the next sequenced message; where a reconnect goes on
    cdef readonly uint32_t next_user_ref_num
    cdef readonly uint32_t max_orders
    cdef readonly uint32_t max_instruments
    cdef readonly uint32_t live_orders
    cdef readonly uint32_t last_user_ref_num   # of the last packet that encode() made
    cdef uint32_t free_count
    cdef uint64_t mask
    cdef uint8_t template_size
    cdef bint locates_shares
    cdef uint8_t display_code
    cdef OuchSymbol* symbols
    cdef OuchOrder* orders
    cdef OuchOrder nobody                  # stands in for an order that is not in the table
    cdef uint32_t* free_slots
    cdef OuchEntry* by_ref
    cdef OuchEntry* by_id
    cdef uint64_t[OUCH_COUNTERS] counts
    cdef uint8_t[64] blank                 # the template without a symbol

    cdef int encode(self, const OrderIntentRecord* order, int64_t allowed_lots, uint8_t* out, size_t room) noexcept nogil
    cdef int decode(self, const uint8_t* data, size_t size, DropCopyRecord* out, size_t* used) noexcept nogil
    cdef int heartbeat(self, uint8_t* out, size_t room) noexcept nogil

    cdef int enter(self, const OrderIntentRecord* order, int64_t lots, uint8_t* out) noexcept nogil
    cdef int replace(self, const OrderIntentRecord* order, int64_t lots, uint8_t* out) noexcept nogil
    cdef int cancel(self, const OrderIntentRecord* order, uint8_t* out) noexcept nogil
    cdef int sequenced(self, const uint8_t* body, size_t size, DropCopyRecord* out) noexcept nogil
    cdef int accepted(self, const uint8_t* body, OuchOrder* order, DropCopyRecord* out) noexcept nogil
    cdef int replaced(self, const uint8_t* body, OuchOrder* order, DropCopyRecord* out) noexcept nogil
    cdef int rejected(self, const uint8_t* body, OuchOrder* order, DropCopyRecord* out) noexcept nogil
    cdef void hold(self, OuchOrder* order, int64_t fill_lots, int64_t leaves_lots) noexcept nogil
    cdef void finish(self, OuchOrder* order) noexcept nogil
    cdef OuchOrder* find(self, const OuchEntry* table, uint64_t key) noexcept nogil
    cdef int64_t ticks(self, const OuchOrder* order, uint64_t wire) noexcept nogil
    cdef int64_t lots(self, const OuchOrder* order, uint32_t shares) noexcept nogil
