"""The market as the order loop tells it to its gate."""

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport calloc, free

from cython_ext.hot_gate cimport tell_mark, tell_quote, tell_reference
from cython_ext.hot_status cimport FEED_GAPPED, FEED_TIME_NS, REFERENCES, HotStatus, add, get
from cython_ext.layout_gen cimport MARK_GAPPED, MARK_HALTED, MarkRecord, SymbolRecord, TopOfBookRecord

cdef enum:
    GAP_BITS = 2 | 4   # of TopOfBook.condition: stale, the feed has a gap
    TRADING = 0x54     # "T"


cdef class MarketView:
    def __cinit__(self, Gate gate not None, HotStatus status not None, TopOfBookReader tops):
        self.gate, self.status, self.tops = gate, status, tops
        self.has_tops = tops is not None
        self.count = gate.t.max_instruments
        self.rows = <InstrumentView*>calloc(self.count, sizeof(InstrumentView))
        if self.rows == NULL:
            raise MemoryError("no room for a view of the market")

    def __dealloc__(self):
        free(self.rows)

    cdef bint is_new(self, const SymbolRecord* symbol) noexcept nogil:
        """Within the tables, and not what is known already."""
        cdef const InstrumentView* row
        if symbol.instrument_id >= self.count or symbol.wire_price_per_tick == 0 or symbol.shares_per_lot == 0:
            return False
        row = &self.rows[symbol.instrument_id]
        return (
            row.locate != symbol.locate or row.wire_price_per_tick != symbol.wire_price_per_tick
            or row.shares_per_lot != symbol.shares_per_lot
        )

    cdef void name(self, const SymbolRecord* symbol) noexcept nogil:
        """Of one that is new."""
        cdef InstrumentView* row = &self.rows[symbol.instrument_id]
        row.locate = symbol.locate
        row.wire_price_per_tick = symbol.wire_price_per_tick
        row.shares_per_lot = symbol.shares_per_lot
        row.seen_updates = 0

    cdef bint told(self, const MarkRecord* record, uint64_t time_ns) noexcept nogil:
        """Of a mark that the feed sets as well: whoever says stop is heard. False: it is another mark."""
        cdef InstrumentView* row
        if record.id >= self.count:
            return False
        row = &self.rows[record.id]
        if record.mark == MARK_HALTED:
            row.told_halted = record.on != 0
            tell_mark(self.gate, MARK_HALTED, record.id, row.told_halted or row.feed_halted, time_ns)
        elif record.mark == MARK_GAPPED:
            row.told_gapped = record.on != 0
            tell_mark(self.gate, MARK_GAPPED, record.id, row.told_gapped or row.feed_gapped, time_ns)
        else:
            return False
        return True

    cdef void look(self, uint32_t instrument_id, uint64_t time_ns) noexcept nogil:
        """Fail closed: a row that is empty, torn, stale or behind a gap is GAPPED; a status that is not "trading" is HALTED."""
        cdef InstrumentView* row
        cdef TopOfBookRecord top
        cdef bint halted, gapped
        cdef int64_t bid, ask
        cdef uint64_t seen_ns
        if not self.has_tops or instrument_id >= self.count:
            return
        row = &self.rows[instrument_id]
        if row.wire_price_per_tick == 0:
            return
        gapped = (
            get(self.status, FEED_GAPPED) != 0 or not self.tops.load(row.locate, &top)
            or (top.condition & GAP_BITS) != 0 or top.update_count == 0
        )
        if gapped != row.feed_gapped:
            row.feed_gapped = gapped
            tell_mark(self.gate, MARK_GAPPED, instrument_id, gapped or row.told_gapped, time_ns)
        if gapped:
            row.seen_updates = 0
            return
        # The book is as it was at the feed's last packet, however long ago it moved itself.
        seen_ns = get(self.status, FEED_TIME_NS)
        if seen_ns < top.receive_time_ns:
            seen_ns = top.receive_time_ns
        bid, ask = top.bid_price // <int64_t>row.wire_price_per_tick, top.ask_price // <int64_t>row.wire_price_per_tick
        if top.bid_price > 0 and top.ask_price > top.bid_price:
            tell_reference(self.gate, instrument_id, (bid + ask) // 2, seen_ns)
            add(self.status, REFERENCES, 1)
        if top.update_count == row.seen_updates:
            return
        row.seen_updates = top.update_count
        halted = top.trading_status != TRADING
        if halted != row.feed_halted:
            row.feed_halted = halted
            tell_mark(self.gate, MARK_HALTED, instrument_id, halted or row.told_halted, time_ns)
        tell_quote(
            self.gate, instrument_id, bid, top.bid_shares // <int64_t>row.shares_per_lot,
            ask, top.ask_shares // <int64_t>row.shares_per_lot, seen_ns,
        )
