# What the order loop knows of the market: the tops in shared memory, told to the gate when an order asks for them.
#
# Pulled, not pushed: a queue from the market loop would be behind exactly when the market moves. The loop reads one row,
# one cache line, of the instrument that the order is about, so what the gate judges by is as old as that row and no older.
from libc.stdint cimport uint16_t, uint32_t, uint64_t, uint8_t

from cython_ext.gate cimport Gate
from cython_ext.hot_status cimport HotStatus
from cython_ext.layout_gen cimport MarkRecord, SymbolRecord
from cython_ext.top_of_book cimport TopOfBookReader

cdef struct InstrumentView:
    uint64_t wire_price_per_tick    # 0: no Symbol was told
    uint64_t shares_per_lot
    uint64_t seen_updates
    uint16_t locate
    uint8_t feed_halted             # by the feed, and by the control plane: either stops
    uint8_t told_halted
    uint8_t feed_gapped
    uint8_t told_gapped


cdef class MarketView:
    cdef Gate gate
    cdef HotStatus status
    cdef TopOfBookReader tops       # None: there is no feed in this process
    cdef InstrumentView* rows
    cdef uint32_t count
    cdef bint has_tops

    cdef bint is_new(self, const SymbolRecord* symbol) noexcept nogil
    cdef void name(self, const SymbolRecord* symbol) noexcept nogil
    cdef bint told(self, const MarkRecord* record, uint64_t time_ns) noexcept nogil
    cdef void look(self, uint32_t instrument_id, uint64_t time_ns) noexcept nogil
