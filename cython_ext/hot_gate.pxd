# The seam between the order loop and the gate: what became of an order, and the market, as calls without Python.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.gate cimport Gate
from cython_ext.layout_gen cimport OrderIntentRecord
from cython_ext.ouch cimport OuchFacts
from cython_ext.rules cimport product, set_band
from cython_ext.tables cimport AccountRow, PositionRow

cdef enum:
    LOOP_LEASE_EXPIRED = 2    # the numbers of the consolidated rulebook
    LOOP_PORT_DOWN = 31


cdef inline int64_t allowed_lots(Gate gate, const OrderIntentRecord* order) noexcept nogil:
    return order.quantity_lots


cdef inline void tell_kill(Gate gate, bint engaged, uint64_t time_ns) noexcept nogil:
    gate.is_killed = engaged


cdef inline void tell_connected(Gate gate, uint8_t port_id, bint on, uint64_t time_ns) noexcept nogil:
    pass


cdef inline void tell_halted(Gate gate, uint32_t instrument_id, bint on, uint64_t time_ns) noexcept nogil:
    gate.instruments[instrument_id].halted = on


cdef inline void tell_gapped(Gate gate, uint32_t instrument_id, bint on, uint64_t time_ns) noexcept nogil:
    if on:
        gate.instruments[instrument_id].reference_price_ticks = 0
        set_band(&gate.instruments[instrument_id])


cdef inline void tell_reference(Gate gate, uint32_t instrument_id, int64_t price_ticks, uint64_t time_ns) noexcept nogil:
    gate.instruments[instrument_id].reference_price_ticks = price_ticks
    gate.instruments[instrument_id].reference_time_ns = time_ns
    set_band(&gate.instruments[instrument_id])


cdef inline void tell_quote(
    Gate gate, uint32_t instrument_id, int64_t bid, int64_t bid_lots, int64_t ask, int64_t ask_lots, uint64_t time_ns
) noexcept nogil:
    pass


cdef inline int tell(Gate gate, const void* record) noexcept nogil:
    return 2


cdef inline void move(
    Gate gate, uint16_t account_id, uint32_t instrument_id, uint8_t side, int64_t lots, int64_t price, bint adds, bint count
) noexcept nogil:
    cdef PositionRow* row = &gate.positions[<size_t>account_id * gate.max_instruments + instrument_id]
    cdef AccountRow* account = &gate.accounts[account_id]
    cdef int64_t value = product(price, lots, gate.instruments[instrument_id].value_per_tick_lot_nanos)
    if adds:
        row.open_lots[side - 1] += lots
        account.open_value_nanos += value
        account.open_orders += count
    else:
        row.open_lots[side - 1] = gate.take(row.open_lots[side - 1], lots)
        account.open_value_nanos = gate.take(account.open_value_nanos, value)
        account.open_orders = gate.take(account.open_orders, count)


cdef inline void tell_facts(Gate gate, const OuchFacts* facts, uint64_t order_id, uint16_t strategy_id) noexcept nogil:
    """In the order that the facts ask for: fill, release, reserve."""
    cdef PositionRow* row
    if facts.account_id >= gate.max_accounts or facts.instrument_id >= gate.max_instruments or facts.side == 0:
        return
    if facts.fill_lots > 0:
        row = &gate.positions[<size_t>facts.account_id * gate.max_instruments + facts.instrument_id]
        row.position_lots += facts.fill_lots if facts.side == 1 else -facts.fill_lots
        move(
            gate, facts.account_id, facts.instrument_id, facts.side, facts.fill_lots, facts.reserved_price_ticks,
            False, facts.fill_closes,
        )
    if facts.release_lots > 0:
        move(
            gate, facts.account_id, facts.instrument_id, facts.side, facts.release_lots, facts.reserved_price_ticks,
            False, facts.release_closes,
        )
    if facts.reserve_lots > 0:
        move(
            gate, facts.account_id, facts.instrument_id, facts.side, facts.reserve_lots, facts.reserve_price_ticks,
            True, False,
        )


cdef inline void take_back(
    Gate gate, const OrderIntentRecord* order, int64_t lots, int64_t reserved_price_ticks
) noexcept nogil:
    """What judge() reserved for an order that could not be encoded."""
    cdef bint opens = order.working_lots == 0 and order.working_price_ticks == 0
    move(
        gate, order.account_id, order.instrument_id, order.side, lots, reserved_price_ticks, False, opens,
    )
    if not opens:
        move(
            gate, order.account_id, order.instrument_id, order.side, order.working_lots, order.working_price_ticks,
            True, False,
        )
