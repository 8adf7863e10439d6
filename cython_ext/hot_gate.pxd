# The seam between the order loop and its gate: what became of an order, and the market, as the records that a gate takes.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from cython_ext.gate cimport Gate
from cython_ext.layout_gen cimport *
from cython_ext.ouch cimport OuchFacts, OuchOrder


cdef inline int tell(Gate gate, const void* record) noexcept nogil:
    """0: taken; a record of another kind, or a value out of range, is a Status."""
    return gate.tell_record(record)


cdef inline void tell_kill(Gate gate, bint engaged, uint64_t time_ns) noexcept nogil:
    cdef KillRecord record
    memset(&record, 0, sizeof(record))
    record.type_id = KILL_TYPE_ID
    record.scope = KILL_SCOPE_GLOBAL
    record.engage = engaged
    record.time_ns = time_ns
    gate.tell_record(&record)


cdef inline void tell_mark(Gate gate, uint8_t mark, uint32_t id, bint on, uint64_t time_ns) noexcept nogil:
    cdef MarkRecord record
    memset(&record, 0, sizeof(record))
    record.type_id = MARK_TYPE_ID
    record.mark = mark
    record.on = on
    record.id = id
    record.time_ns = time_ns
    gate.tell_record(&record)


cdef inline void tell_reference(Gate gate, uint32_t instrument_id, int64_t price_ticks, uint64_t time_ns) noexcept nogil:
    cdef ReferencePriceRecord record
    memset(&record, 0, sizeof(record))
    record.type_id = REFERENCE_PRICE_TYPE_ID
    record.instrument_id = instrument_id
    record.price_ticks = price_ticks
    record.time_ns = time_ns
    gate.tell_record(&record)


cdef inline void tell_quote(
    Gate gate, uint32_t instrument_id, int64_t bid, int64_t bid_lots, int64_t ask, int64_t ask_lots, uint64_t time_ns
) noexcept nogil:
    cdef QuoteRecord record
    memset(&record, 0, sizeof(record))
    record.type_id = QUOTE_TYPE_ID
    record.instrument_id = instrument_id
    record.bid_ticks = bid
    record.bid_lots = bid_lots
    record.ask_ticks = ask
    record.ask_lots = ask_lots
    record.time_ns = time_ns
    gate.tell_record(&record)


cdef inline void tell_outcome(Gate gate, uint16_t account_id, bint rejected, uint64_t time_ns) noexcept nogil:
    cdef OutcomeRecord record
    memset(&record, 0, sizeof(record))
    record.type_id = OUTCOME_TYPE_ID
    record.account_id = account_id
    record.rejected = rejected
    record.time_ns = time_ns
    gate.tell_record(&record)


# Fill, Release and Reserve have the same fields at the same places; layout_gen asserts each of them.
cdef inline int settle(
    Gate gate, uint16_t kind, const OuchFacts* facts, uint64_t order_id, uint16_t strategy_id, int64_t lots,
    int64_t price_ticks, bint flag,
) noexcept nogil:
    cdef ReleaseRecord record
    memset(&record, 0, sizeof(record))
    record.type_id = kind
    record.account_id = facts.account_id
    record.instrument_id = facts.instrument_id
    record.side = facts.side
    record.closes = flag
    record.strategy_id = strategy_id
    record.order_id = order_id
    record.quantity_lots = lots
    record.reserved_price_ticks = price_ticks
    return gate.tell_record(&record) != 0


cdef inline int tell_facts(Gate gate, const OuchFacts* facts, uint64_t order_id, uint16_t strategy_id) noexcept nogil:
    """In the order that the facts ask for: fill, release, reserve. How many of them the gate did not take."""
    cdef int faults = 0
    if facts.fill_lots > 0:
        faults += settle(
            gate, FILL_TYPE_ID, facts, order_id, strategy_id, facts.fill_lots, facts.reserved_price_ticks,
            facts.fill_closes,
        )
    if facts.release_lots > 0:
        faults += settle(
            gate, RELEASE_TYPE_ID, facts, order_id, strategy_id, facts.release_lots, facts.reserved_price_ticks,
            facts.release_closes,
        )
    if facts.reserve_lots > 0:
        faults += settle(
            gate, RESERVE_TYPE_ID, facts, order_id, strategy_id, facts.reserve_lots, facts.reserve_price_ticks, False,
        )
    return faults


cdef inline int take_back(
    Gate gate, const OrderIntentRecord* order, int64_t lots, int64_t reserved_price_ticks
) noexcept nogil:
    """What judge() reserved for an order that could not be encoded; a replaced one works as before."""
    cdef bint opens = order.working_lots == 0 and order.working_price_ticks == 0
    cdef OuchFacts facts
    memset(&facts, 0, sizeof(facts))
    facts.account_id = order.account_id
    facts.instrument_id = order.instrument_id
    facts.side = order.side
    facts.release_lots = lots
    facts.release_closes = opens
    facts.reserved_price_ticks = reserved_price_ticks
    if not opens:
        facts.reserve_lots = order.working_lots
        facts.reserve_price_ticks = order.working_price_ticks
    return tell_facts(gate, &facts, order.order_id, order.strategy_id)


cdef inline bint must_go(Gate gate, const OuchOrder* order, uint8_t port_id) noexcept nogil:
    """A switch that is engaged stands over it: global, account, strategy, port or instrument."""
    if gate.t.killed or gate.t.ports[port_id].killed:
        return True
    if order.account_id < gate.t.max_accounts and gate.t.accounts[order.account_id].killed:
        return True
    if order.strategy_id < gate.t.max_strategies and gate.t.strategies[order.strategy_id].killed:
        return True
    return order.instrument_id < gate.t.max_instruments and gate.t.instruments[order.instrument_id].killed
