# A gate's exported state: the tables of meltica.hot.state.COLUMNS, out of the compiled rows and into them.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from cython_ext.gate_arithmetic cimport slot_of
from cython_ext.gate_bounds cimport set_all_bounds, set_plain_limits
from cython_ext.layout_gen cimport *
from cython_ext.own_book cimport find, insert
from cython_ext.rules cimport next_place
from cython_ext.tables cimport *


cdef inline list with_number(number, list values):
    return [number, *values]


cdef inline list bucket_of(bint known, const Bucket* bucket):
    return [int(known), bucket.per_second, bucket.burst, bucket.nano_tokens, bucket.time_ns]


cdef inline list exposure_of(const Exposure* exposure):
    return [exposure.max_open_value_nanos, exposure.credit_nanos, exposure.open_value_nanos]


cdef inline list instrument_of(const InstrumentRow* row, const InstrumentLine* line):
    return bucket_of(row.known, &line.bucket) + [
        row.enabled, row.restricted, row.killed, row.halted, row.short_restricted, row.gapped, row.short_sale,
        row.collar_bps, line.unit, row.max_price_ticks, row.max_quantity_lots, row.max_value_nanos,
        row.reference_max_age_ns, row.session_open_ns, row.session_close_ns, row.max_day_lots,
        row.max_impact_percent, row.reference_price_ticks, row.reference_time_ns, row.bid_ticks, row.bid_lots,
        row.ask_ticks, row.ask_lots, row.low_ticks, row.high_ticks, row.max_day_lots - line.day_left,
    ]


cdef inline list account_of(const AccountRow* row):
    return bucket_of(row.known, &row.bucket) + exposure_of(&row.exposure) + [
        row.enabled, row.killed, row.mismatched, row.market_orders_allowed, row.iso_allowed,
        row.short_exempt_allowed, row.self_match, row.self_match_group, row.max_open_orders,
        row.max_consecutive_rejects, row.duplicate_window_ns, row.max_daily_loss_nanos, row.max_drawdown_nanos,
        row.rearm_after_ns, row.open_orders, row.pnl_nanos, row.high_water_nanos, row.rejects_in_a_row, row.latched,
        row.tripped_ns[BREAKER_DAILY_LOSS], row.tripped_ns[BREAKER_DRAWDOWN],
        row.tripped_ns[BREAKER_CONSECUTIVE_REJECTS],
    ]


cdef inline list strategy_of(const StrategyRow* row):
    return bucket_of(row.known, &row.bucket) + exposure_of(&row.exposure) + [
        row.enabled, row.killed, row.max_executions, row.executions, row.latched,
    ]


cdef inline list port_of(const PortRow* row):
    return bucket_of(row.known, &row.bucket) + [row.enabled, row.killed, row.connected, row.last_order_id]


cdef inline list firm_of(const FirmRow* row):
    return bucket_of(row.known, &row.bucket) + exposure_of(&row.exposure) + [row.max_open_orders, row.open_orders]


cdef inline list filled(list rows):
    """(id, fields...) of the rows that are not empty."""
    return [[number, *row] for number, row in enumerate(rows) if any(row)]


cdef inline list position_rows(const Tables* t):
    cdef const PositionRow* row
    cdef int64_t buys, sells
    cdef size_t at
    rows = []
    for at in range(<size_t>t.max_accounts * t.max_instruments):
        row = &t.positions[at]
        buys, sells = open_lots(t, at, 0), open_lots(t, at, 1)
        if row.max_long_lots | row.max_short_lots | row.located_lots | row.position_lots | buys | sells:
            rows.append([
                at // t.max_instruments, at % t.max_instruments, row.max_long_lots, row.max_short_lots,
                row.located_lots, row.position_lots, buys, sells,
            ])
    return rows


cdef inline list order_rows(const Tables* t):
    cdef const OwnOrder* own
    cdef uint32_t number, side, place
    rows = []
    for number in range(t.max_instruments):
        for side in range(2):
            place = t.lines[number].own_first[side]
            while place:
                own = &t.own[place]
                rows.append([own.order_id, own.account_id, number, side + 1, own.price_ticks, own.leaves_lots])
                place = own.next
    return sorted(rows)


cdef inline bytes packed_orders(const Tables* t):
    """The same, unsorted, each a row of eight-byte numbers: a hundred thousand take a millisecond or two."""
    cdef const OwnOrder* own
    cdef int64_t[6] row
    cdef uint32_t number, side, place
    cdef char* at
    packed = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(t.working * sizeof(row)))
    at = PyBytes_AS_STRING(packed)
    for number in range(t.max_instruments):
        for side in range(2):
            place = t.lines[number].own_first[side]
            while place:
                own = &t.own[place]
                row = [
                    <int64_t>own.order_id, own.account_id, number, side + 1, own.price_ticks, own.leaves_lots,
                ]
                memcpy(at, row, sizeof(row))
                at += sizeof(row)
                place = own.next
    return packed


cdef inline list recent_rows(const Tables* t):
    cdef const RecentRing* ring
    cdef const RecentOrder* order
    cdef uint32_t number, at
    rows = []
    for number in range(t.max_accounts):
        ring = &t.rings[number]
        for at in range(ring.count):
            # While the ring fills up, the oldest is at 0; afterwards it is the next to be replaced.
            order = &ring.orders[(ring.next + at) % ring.count]
            rows.append([
                number, order.instrument_id, order.side, order.quantity_lots, order.price_ticks, order.time_ns,
            ])
    return rows


cdef inline dict exported(const Tables* t):
    """The state without its counters."""
    return small_tables(t) | {"orders": order_rows(t)}


cdef inline dict small_tables(const Tables* t):
    """Without counters and own working orders."""
    cdef uint32_t at
    return {
        "version": STATE_VERSION,
        "killed": t.killed,
        "lease_until_ns": t.lease_until_ns,
        "firm": filled([firm_of(&t.firm)]),
        "instruments": filled([instrument_of(&t.instruments[at], &t.lines[at]) for at in range(t.max_instruments)]),
        "accounts": filled([account_of(&t.accounts[at]) for at in range(t.max_accounts)]),
        "strategies": filled([strategy_of(&t.strategies[at]) for at in range(t.max_strategies)]),
        "ports": filled([port_of(&t.ports[at]) for at in range(<uint32_t>PORTS)]),
        "positions": position_rows(t),
        "recent": recent_rows(t),
    }


cdef inline uint32_t row_number(str name, number, uint32_t count) except? 0xFFFFFFFF:
    if not isinstance(number, int):
        raise TypeError(f"{name} must be an int, not {type(number).__name__}")
    if not 0 <= number < count:
        raise ValueError(f"{name} {number} is not within 0..{count - 1}")
    return number


cdef inline int load_instrument(InstrumentRow* row, InstrumentLine* line, values) except -1:
    cdef int64_t day_lots
    (
        row.known, line.bucket.per_second, line.bucket.burst, line.bucket.nano_tokens, line.bucket.time_ns,
        row.enabled, row.restricted, row.killed, row.halted, row.short_restricted, row.gapped, row.short_sale,
        row.collar_bps, line.unit, row.max_price_ticks, row.max_quantity_lots, row.max_value_nanos,
        row.reference_max_age_ns, row.session_open_ns, row.session_close_ns, row.max_day_lots,
        row.max_impact_percent, row.reference_price_ticks, row.reference_time_ns, row.bid_ticks, row.bid_lots,
        row.ask_ticks, row.ask_lots, row.low_ticks, row.high_ticks, day_lots,
    ) = values
    line.day_left = row.max_day_lots - day_lots
    return 0


cdef inline int load_account(AccountRow* row, values) except -1:
    (
        row.known, row.bucket.per_second, row.bucket.burst, row.bucket.nano_tokens, row.bucket.time_ns,
        row.exposure.max_open_value_nanos, row.exposure.credit_nanos, row.exposure.open_value_nanos,
        row.enabled, row.killed, row.mismatched, row.market_orders_allowed, row.iso_allowed,
        row.short_exempt_allowed, row.self_match, row.self_match_group, row.max_open_orders,
        row.max_consecutive_rejects, row.duplicate_window_ns, row.max_daily_loss_nanos, row.max_drawdown_nanos,
        row.rearm_after_ns, row.open_orders, row.pnl_nanos, row.high_water_nanos, row.rejects_in_a_row, row.latched,
        row.tripped_ns[BREAKER_DAILY_LOSS], row.tripped_ns[BREAKER_DRAWDOWN],
        row.tripped_ns[BREAKER_CONSECUTIVE_REJECTS],
    ) = values
    return 0


cdef inline int load_strategy(StrategyRow* row, values) except -1:
    (
        row.known, row.bucket.per_second, row.bucket.burst, row.bucket.nano_tokens, row.bucket.time_ns,
        row.exposure.max_open_value_nanos, row.exposure.credit_nanos, row.exposure.open_value_nanos,
        row.enabled, row.killed, row.max_executions, row.executions, row.latched,
    ) = values
    return 0


cdef inline int load_port(PortRow* row, values) except -1:
    (
        row.known, row.bucket.per_second, row.bucket.burst, row.bucket.nano_tokens, row.bucket.time_ns,
        row.enabled, row.killed, row.connected, row.last_order_id,
    ) = values
    return 0


cdef inline int load_firm(FirmRow* row, values) except -1:
    (
        row.known, row.bucket.per_second, row.bucket.burst, row.bucket.nano_tokens, row.bucket.time_ns,
        row.exposure.max_open_value_nanos, row.exposure.credit_nanos, row.exposure.open_value_nanos,
        row.max_open_orders, row.open_orders,
    ) = values
    return 0


cdef inline int load_positions(Tables* t, rows) except -1:
    """After the instruments, whose rule on short sales a position's bounds follow."""
    cdef PositionRow* row
    cdef uint32_t account_id, instrument_id
    cdef int64_t buys, sells
    cdef size_t at
    for account, instrument, *values in rows:
        account_id = row_number("account_id", account, t.max_accounts)
        instrument_id = row_number("instrument_id", instrument, t.max_instruments)
        at = position_at(t, account_id, instrument_id)
        row = &t.positions[at]
        row.max_long_lots, row.max_short_lots, row.located_lots, row.position_lots, buys, sells = values
        t.holdings[at].worst_lots[0] = buys + row.position_lots
        t.holdings[at].worst_lots[1] = sells - row.position_lots
        set_plain_limits(t, account_id, instrument_id)
    return 0


cdef inline int load_orders(Tables* t, rows) except -1:
    cdef uint64_t order_id
    cdef uint32_t seat, side
    for number, account, instrument, order_side, price, leaves in rows:
        order_id = number
        side = row_number("side", order_side, 3)
        seat = find(t, order_id)
        if side == 0 or order_id == 0 or t.seats[seat] != 0 or t.working >= t.max_working_orders:
            raise ValueError(f"no place for working order {order_id}")
        insert(
            t, seat, order_id, row_number("account_id", account, t.max_accounts),
            row_number("instrument_id", instrument, t.max_instruments), side - SIDE_BUY, price, leaves,
        )
    return 0


cdef inline int load_recent(Tables* t, rows) except -1:
    cdef RecentOrder order
    cdef RecentRing* ring
    for account, *values in rows:
        (order.instrument_id, order.side, order.quantity_lots, order.price_ticks, order.time_ns) = values
        order.slot = <uint16_t>slot_of(order.instrument_id, order.side, order.quantity_lots, order.price_ticks)
        ring = &t.rings[row_number("account_id", account, t.max_accounts)]
        next_place(ring, t.duplicate_depth)[0] = order
        ring.seen[order.slot] += 1
    return 0


cdef inline int load(Tables* t, state) except -1:
    """Into empty tables."""
    cdef uint32_t at
    if state["version"] != STATE_VERSION:
        raise ValueError(f"state version {state['version']} is not {STATE_VERSION}")
    t.killed = bool(state["killed"])
    t.lease_until_ns = state["lease_until_ns"]
    for number, *values in state["firm"]:
        row_number("firm_id", number, 1)
        load_firm(&t.firm, values)
    for number, *values in state["instruments"]:
        at = row_number("instrument_id", number, t.max_instruments)
        load_instrument(&t.instruments[at], &t.lines[at], values)
    for number, *values in state["accounts"]:
        load_account(&t.accounts[row_number("account_id", number, t.max_accounts)], values)
    for number, *values in state["strategies"]:
        load_strategy(&t.strategies[row_number("strategy_id", number, t.max_strategies)], values)
    for number, *values in state["ports"]:
        load_port(&t.ports[row_number("port_id", number, t.bounds.ports)], values)
    load_positions(t, state["positions"])
    load_orders(t, state["orders"])
    load_recent(t, state["recent"])
    counters = state["counters"]
    t.faults, t.passed, t.rejected, t.fired = (
        counters["faults"], counters["passed"], counters["rejected"], counters["fired"],
    )
    set_all_bounds(t)
    return 0
