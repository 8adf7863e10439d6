"""The risk gate, compiled. Twin and golden model: meltica/hot/gate_twin.py; rules: proto/hot/rulebook.toml.

One thread at a time may call a gate; check_batch() lets go of the GIL, so callers with threads bring a lock.
Nothing in a check allocates, locks, logs or calls Python. Rows that do not exist are judged as rows of zeros.
"""

cimport cython
from libc.stdint cimport INT64_MAX, int8_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from cython_ext.intent cimport OrderIntent
from cython_ext.layout_gen cimport *
from cython_ext.rules cimport fired_account, fired_sizes, has_senseless_fields, is_malformed, is_stale, product
from cython_ext.rules cimport opens_an_order, remember, set_band, slot_of
from cython_ext.tables cimport AccountRow, Case, InstrumentRow, MAX_DUPLICATE_DEPTH, PositionRow, RecentOrder

import hashlib
import json

import numpy as np

cdef extern from *:
    void prefetch_read "__builtin_prefetch"(const void* address) noexcept nogil
    int lowest_bit "__builtin_ctzll"(uint64_t mask) noexcept nogil

cdef enum:
    LOOK_AHEAD = 8           # orders whose rows a batch asks for in advance: about one memory latency
    TABLE_BOUND = 4194304    # position rows, 256 MiB
    PASS = -1

# Static memory is zeroed: the rows of what does not exist.
cdef InstrumentRow NO_INSTRUMENT
cdef AccountRow NO_ACCOUNT
cdef PositionRow NO_POSITION
set_band(&NO_INSTRUMENT)


def within(name, value, low, high):
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is not within {low}..{high}")
    return int(value)


@cython.final
cdef class Gate:
    def __cinit__(
        self,
        max_instruments=1024,
        max_accounts=16,
        duplicate_depth=16,
        reference_future_tolerance_ns=1_000_000,
    ):
        self.max_instruments = within("max_instruments", max_instruments, 1, 2**20)
        self.max_accounts = within("max_accounts", max_accounts, 1, 2**16)
        within("position rows", max_instruments * max_accounts, 1, TABLE_BOUND)
        self.duplicate_depth = within("duplicate_depth", duplicate_depth, 1, MAX_DUPLICATE_DEPTH)
        self.tolerance_ns = within("reference_future_tolerance_ns", reference_future_tolerance_ns, 0, INT64_MAX)
        self.instruments = <InstrumentRow*>calloc(self.max_instruments, sizeof(InstrumentRow))
        self.accounts = <AccountRow*>calloc(self.max_accounts, sizeof(AccountRow))
        self.positions = <PositionRow*>calloc(
            <size_t>self.max_accounts * self.max_instruments, sizeof(PositionRow)
        )
        if self.instruments == NULL or self.accounts == NULL or self.positions == NULL:
            raise MemoryError("no room for the gate's tables")
        cdef uint32_t at
        for at in range(self.max_instruments):
            set_band(&self.instruments[at])

    def __dealloc__(self):
        free(self.instruments)
        free(self.accounts)
        free(self.positions)

    # --- the check ---

    def check(self, OrderIntent intent not None, /):
        return self.judge(&intent.record)

    cdef int judge(self, const OrderIntentRecord* order) noexcept nogil:
        cdef Case case
        cdef uint64_t fired
        self.reserved_price_ticks = 0
        if is_malformed(order):
            return self.refuse(<uint64_t>1 << CHECK_MALFORMED)
        if order.action == ACTION_CANCEL:
            self.fired_mask = 0
            self.passed[ACTION_CANCEL] += 1
            return PASS
        fired = self.fired_checks(order, &case)
        if fired:
            return self.refuse(fired)
        self.accept(order, &case)
        return PASS

    cdef uint64_t fired_checks(self, const OrderIntentRecord* order, Case* case) noexcept nogil:
        cdef bint has_instrument = order.instrument_id < self.max_instruments
        cdef bint has_account = order.account_id < self.max_accounts
        cdef InstrumentRow* instrument = &self.instruments[order.instrument_id] if has_instrument else &NO_INSTRUMENT
        cdef AccountRow* account = &self.accounts[order.account_id] if has_account else &NO_ACCOUNT
        cdef uint64_t fired = 0
        case.instrument = instrument
        case.account = account
        case.position = &NO_POSITION
        if has_instrument and has_account:
            case.position = &self.positions[<size_t>order.account_id * self.max_instruments + order.instrument_id]
        case.price_ticks = order.price_ticks
        case.recent_price_ticks = order.price_ticks
        if order.order_type == ORDER_TYPE_MARKET:
            case.recent_price_ticks = 0
            # The collar's edge on the adverse side; without a collar there is no price (0) and so no value.
            case.price_ticks = 0
            if instrument.high_ticks != 0:
                case.price_ticks = instrument.high_ticks if order.side == SIDE_BUY else instrument.low_ticks
            fired |= <uint64_t>(not account.market_orders_allowed) << CHECK_MARKET_NOT_ALLOWED
        fired |= <uint64_t>(self.is_killed | account.killed) << CHECK_KILL_SWITCH
        fired |= <uint64_t>(not (account.known and account.enabled)) << CHECK_ACCOUNT_DISABLED
        fired |= <uint64_t>(not (instrument.known and instrument.enabled)) << CHECK_UNKNOWN_INSTRUMENT
        fired |= <uint64_t>instrument.restricted << CHECK_RESTRICTED
        fired |= <uint64_t>instrument.halted << CHECK_HALTED
        fired |= <uint64_t>is_stale(order, instrument, self.tolerance_ns) << CHECK_STALE_REFERENCE
        if has_senseless_fields(order, case):
            fired |= <uint64_t>1 << CHECK_FIELD_SANITY
        else:
            fired |= fired_sizes(order, case)
        fired |= fired_account(order, case)
        if not instrument.known:
            fired &= JUDGED_WITHOUT_INSTRUMENT
        if not account.known:
            fired &= JUDGED_WITHOUT_ACCOUNT
        return fired

    cdef int refuse(self, uint64_t fired) noexcept nogil:
        cdef int reason = lowest_bit(fired)
        self.fired_mask = fired
        self.rejected[reason] += 1
        while fired:
            self.fired[lowest_bit(fired)] += 1
            fired &= fired - 1
        return reason

    cdef void accept(self, const OrderIntentRecord* order, Case* case) noexcept nogil:
        cdef AccountRow* account = case.account
        cdef RecentOrder recent
        case.position.open_lots[order.side - SIDE_BUY] += case.added_lots
        account.open_value_nanos += case.added_value
        account.nano_tokens = case.nano_tokens - <uint64_t>NANO_TOKENS_PER_MESSAGE
        if order.time_ns > account.bucket_time_ns:
            account.bucket_time_ns = order.time_ns
        if opens_an_order(order):
            account.open_orders += 1
        if order.action == ACTION_NEW:
            account.last_order_id = order.order_id
            recent.instrument_id = order.instrument_id
            recent.side = order.side
            recent.quantity_lots = order.quantity_lots
            recent.price_ticks = case.recent_price_ticks
            recent.time_ns = order.time_ns
            recent.slot = case.slot
            remember(account, &recent, self.duplicate_depth)
        self.fired_mask = 0
        self.reserved_price_ticks = case.price_ticks
        self.passed[order.action] += 1

    def check_batch(self, records, /):
        if isinstance(records, np.ndarray):
            records = np.ascontiguousarray(records).view(np.uint8).reshape(-1)
        cdef const unsigned char[::1] data = records
        if data.shape[0] % sizeof(OrderIntentRecord):
            raise ValueError(
                f"{data.shape[0]} bytes are not a whole number of {sizeof(OrderIntentRecord)}-byte records"
            )
        cdef Py_ssize_t count = data.shape[0] // <Py_ssize_t>sizeof(OrderIntentRecord)
        reasons = np.empty(count, np.int8)
        masks = np.empty(count, np.uint64)
        cdef int8_t[::1] reason_of = reasons
        cdef uint64_t[::1] mask_of = masks
        cdef const OrderIntentRecord* order = <const OrderIntentRecord*>&data[0] if count else NULL
        cdef Py_ssize_t at
        with nogil:
            for at in range(count):
                if at + LOOK_AHEAD < count:
                    self.prefetch(&order[at + LOOK_AHEAD])
                reason_of[at] = <int8_t>self.judge(&order[at])
                mask_of[at] = self.fired_mask
        return reasons, masks

    cdef void prefetch(self, const OrderIntentRecord* order) noexcept nogil:
        if order.instrument_id < self.max_instruments and order.account_id < self.max_accounts:
            prefetch_read(&self.instruments[order.instrument_id])
            prefetch_read(&self.instruments[order.instrument_id].reference_max_age_ns)
            prefetch_read(&self.positions[<size_t>order.account_id * self.max_instruments + order.instrument_id])

    # --- limits ---

    def set_instrument(
        self,
        instrument_id,
        *,
        bint enabled,
        bint restricted,
        bint halted,
        value_per_tick_lot_nanos,
        max_price_ticks,
        max_quantity_lots,
        max_value_nanos,
        collar_bps,
        reference_max_age_ns,
    ):
        cdef InstrumentRow* row = self.instrument_row(instrument_id)
        cdef InstrumentRow fresh = row[0]
        fresh.known = 1
        fresh.enabled = enabled
        fresh.restricted = restricted
        fresh.halted = halted
        fresh.value_per_tick_lot_nanos = within("value_per_tick_lot_nanos", value_per_tick_lot_nanos, 0, INT64_MAX)
        fresh.max_price_ticks = within("max_price_ticks", max_price_ticks, 0, INT64_MAX)
        fresh.max_quantity_lots = within("max_quantity_lots", max_quantity_lots, 0, INT64_MAX)
        fresh.max_value_nanos = within("max_value_nanos", max_value_nanos, 0, INT64_MAX)
        fresh.collar_bps = within("collar_bps", collar_bps, 0, COLLAR_BPS_BOUND)
        fresh.reference_max_age_ns = within("reference_max_age_ns", reference_max_age_ns, 0, 2**64 - 1)
        if fresh.value_per_tick_lot_nanos != row.value_per_tick_lot_nanos:
            self._refuse_open_lots(instrument_id)
        set_band(&fresh)
        row[0] = fresh

    def _refuse_open_lots(self, uint32_t instrument_id):
        cdef PositionRow* row
        cdef size_t account_id
        for account_id in range(self.max_accounts):
            row = &self.positions[account_id * self.max_instruments + instrument_id]
            if row.open_lots[0] or row.open_lots[1]:
                raise ValueError("value_per_tick_lot_nanos cannot change while lots are open in the instrument")

    def set_account(
        self,
        account_id,
        *,
        bint enabled,
        bint market_orders_allowed,
        max_open_value_nanos,
        max_open_orders,
        messages_per_second,
        message_burst,
        duplicate_window_ns,
    ):
        cdef AccountRow* row = self.account_row(account_id)
        cdef int64_t max_open_value = within("max_open_value_nanos", max_open_value_nanos, 0, INT64_MAX)
        cdef uint32_t open_orders = within("max_open_orders", max_open_orders, 0, 2**32 - 1)
        cdef uint32_t rate = within("messages_per_second", messages_per_second, 0, 2**32 - 1)
        cdef uint32_t burst = within("message_burst", message_burst, 0, BURST_BOUND)
        cdef uint64_t window = within("duplicate_window_ns", duplicate_window_ns, 0, 2**64 - 1)
        row.full_nano_tokens = <uint64_t>burst * <uint64_t>NANO_TOKENS_PER_MESSAGE
        if not row.known or row.nano_tokens > row.full_nano_tokens:
            row.nano_tokens = row.full_nano_tokens
        row.known = 1
        row.enabled = enabled
        row.market_orders_allowed = market_orders_allowed
        row.max_open_value_nanos = max_open_value
        row.max_open_orders = open_orders
        row.messages_per_second = rate
        row.message_burst = burst
        row.duplicate_window_ns = window

    def set_position_limit(self, account_id, instrument_id, *, max_long_lots, max_short_lots):
        cdef PositionRow* row = self.position_row(account_id, instrument_id)
        cdef int64_t long_lots = within("max_long_lots", max_long_lots, 0, LOTS_BOUND)
        row.max_short_lots = within("max_short_lots", max_short_lots, 0, LOTS_BOUND)
        row.max_long_lots = long_lots

    # --- the market and the kill switch ---

    def set_reference(self, instrument_id, price_ticks, time_ns):
        cdef InstrumentRow* row = self.instrument_row(instrument_id)
        cdef int64_t price = within("price_ticks", price_ticks, 0, TICKS_BOUND)
        row.reference_time_ns = within("time_ns", time_ns, 0, 2**64 - 1)
        row.reference_price_ticks = price
        set_band(row)

    def set_halted(self, instrument_id, bint halted):
        self.instrument_row(instrument_id).halted = halted

    @property
    def killed(self):
        return bool(self.is_killed)

    def account_killed(self, account_id):
        return bool(self.account_row(account_id).killed)

    def kill(self, account_id=None):
        if account_id is None:
            self.is_killed = 1
        else:
            self.account_row(account_id).killed = 1

    def unkill(self, account_id=None):
        if account_id is None:
            self.is_killed = 0
        else:
            self.account_row(account_id).killed = 0

    # --- what became of passed orders ---

    def fill(self, account_id, instrument_id, side, quantity_lots, reserved_price_ticks, *, bint closes):
        within("quantity_lots", quantity_lots, 1, LOTS_BOUND)
        within("side", side, SIDE_BUY, SIDE_SELL)
        within("reserved_price_ticks", reserved_price_ticks, 0, TICKS_BOUND)
        self.adjust_position(account_id, instrument_id, quantity_lots if side == SIDE_BUY else -quantity_lots)
        self.release(account_id, instrument_id, side, quantity_lots, reserved_price_ticks, closes=closes)

    def release(self, account_id, instrument_id, side, quantity_lots, reserved_price_ticks, *, bint closes):
        cdef PositionRow* row = self.position_row(account_id, instrument_id)
        cdef AccountRow* account = self.account_row(account_id)
        cdef int64_t lots = within("quantity_lots", quantity_lots, 0, LOTS_BOUND)
        cdef int at = within("side", side, SIDE_BUY, SIDE_SELL) - SIDE_BUY
        cdef int64_t price = within("reserved_price_ticks", reserved_price_ticks, 0, TICKS_BOUND)
        cdef int64_t value = product(price, lots, self.instrument_row(instrument_id).value_per_tick_lot_nanos)
        row.open_lots[at] = self.take(row.open_lots[at], lots)
        account.open_value_nanos = self.take(account.open_value_nanos, value)
        account.open_orders = self.take(account.open_orders, closes)

    cdef int64_t take(self, int64_t stock, int64_t amount) noexcept nogil:
        """Never below 0: taking more than is there is a fault of the books, and is counted."""
        if amount > stock:
            self.faults += 1
            return 0
        return stock - amount

    def reserve(self, account_id, instrument_id, side, quantity_lots, reserved_price_ticks, *, bint opens=True):
        cdef PositionRow* row = self.position_row(account_id, instrument_id)
        cdef AccountRow* account = self.account_row(account_id)
        lots = within("quantity_lots", quantity_lots, 0, LOTS_BOUND)
        cdef int at = within("side", side, SIDE_BUY, SIDE_SELL) - SIDE_BUY
        price = within("reserved_price_ticks", reserved_price_ticks, 0, TICKS_BOUND)
        value = price * lots * self.instrument_row(instrument_id).value_per_tick_lot_nanos
        cdef int64_t open_value = within("open value", account.open_value_nanos + value, 0, INT64_MAX)
        row.open_lots[at] = within("open lots", row.open_lots[at] + lots, 0, 2 * LOTS_BOUND)
        account.open_value_nanos = open_value
        account.open_orders += opens

    def adjust_position(self, account_id, instrument_id, delta_lots):
        cdef PositionRow* row = self.position_row(account_id, instrument_id)
        within("delta_lots", delta_lots, -2 * LOTS_BOUND, 2 * LOTS_BOUND)
        row.position_lots = within("position", row.position_lots + delta_lots, -LOTS_BOUND, LOTS_BOUND)

    # --- looking inside ---

    def counters(self):
        return {
            "passed": [count for count in self.passed],
            "rejected": [count for count in self.rejected],
            "fired": [count for count in self.fired],
            "faults": self.faults,
        }

    def state_digest(self):
        state = self.export_state()
        del state["counters"]
        return hashlib.sha256(json.dumps(state, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def export_state(self):
        return {
            "version": STATE_VERSION,
            "killed": int(self.is_killed),
            "instruments": self._export_instruments(),
            "accounts": self._export_accounts(),
            "positions": self._export_positions(),
            "recent": self._export_recent(),
            "counters": self.counters(),
        }

    def _export_instruments(self):
        cdef InstrumentRow* row
        cdef uint32_t number
        rows = []
        for number in range(self.max_instruments):
            row = &self.instruments[number]
            values = [
                row.known, row.enabled, row.restricted, row.halted, row.value_per_tick_lot_nanos,
                row.max_price_ticks, row.max_quantity_lots, row.max_value_nanos, row.collar_bps,
                row.reference_max_age_ns, row.reference_price_ticks, row.reference_time_ns,
            ]
            if any(values):
                rows.append([number, *values])
        return rows

    def _export_accounts(self):
        cdef AccountRow* row
        cdef uint32_t number
        rows = []
        for number in range(self.max_accounts):
            row = &self.accounts[number]
            values = [
                row.known, row.enabled, row.killed, row.market_orders_allowed, row.max_open_value_nanos,
                row.max_open_orders, row.messages_per_second, row.message_burst, row.duplicate_window_ns,
                row.open_value_nanos, row.open_orders, row.nano_tokens, row.bucket_time_ns, row.last_order_id,
            ]
            if any(values):
                rows.append([number, *values])
        return rows

    def _export_positions(self):
        cdef PositionRow* row
        cdef size_t at
        rows = []
        for at in range(<size_t>self.max_accounts * self.max_instruments):
            row = &self.positions[at]
            if row.max_long_lots | row.max_short_lots | row.position_lots | row.open_lots[0] | row.open_lots[1]:
                rows.append([
                    at // self.max_instruments, at % self.max_instruments, row.max_long_lots, row.max_short_lots,
                    row.position_lots, row.open_lots[0], row.open_lots[1],
                ])
        return rows

    def _export_recent(self):
        cdef AccountRow* row
        cdef RecentOrder* order
        cdef uint32_t number, at
        rows = []
        for number in range(self.max_accounts):
            row = &self.accounts[number]
            for at in range(row.recent_count):
                # While the ring fills up, the oldest is at 0; afterwards it is the next to be replaced.
                order = &row.recent[(row.recent_next + at) % row.recent_count]
                rows.append([
                    number, order.instrument_id, order.side, order.quantity_lots, order.price_ticks, order.time_ns,
                ])
        return rows

    def import_state(self, state, /):
        cdef Gate fresh = Gate(self.max_instruments, self.max_accounts, self.duplicate_depth, self.tolerance_ns)
        fresh._load(state)
        self.instruments, fresh.instruments = fresh.instruments, self.instruments
        self.accounts, fresh.accounts = fresh.accounts, self.accounts
        self.positions, fresh.positions = fresh.positions, self.positions
        self.passed, self.rejected, self.fired = fresh.passed, fresh.rejected, fresh.fired
        self.faults, self.is_killed = fresh.faults, fresh.is_killed
        self.fired_mask = self.reserved_price_ticks = 0

    def _load(self, state):
        if state["version"] != STATE_VERSION:
            raise ValueError(f"state version {state['version']} is not {STATE_VERSION}")
        self.is_killed = bool(state["killed"])
        self._load_instruments(state["instruments"])
        self._load_accounts(state["accounts"])
        self._load_positions(state["positions"])
        self._load_recent(state["recent"])
        counters = state["counters"]
        self.faults = counters["faults"]
        self.passed = counters["passed"]
        self.rejected = counters["rejected"]
        self.fired = counters["fired"]

    def _load_instruments(self, rows):
        cdef InstrumentRow* row
        for number, *values in rows:
            row = self.instrument_row(number)
            (
                row.known, row.enabled, row.restricted, row.halted, row.value_per_tick_lot_nanos,
                row.max_price_ticks, row.max_quantity_lots, row.max_value_nanos, row.collar_bps,
                row.reference_max_age_ns, row.reference_price_ticks, row.reference_time_ns,
            ) = values
            set_band(row)

    def _load_accounts(self, rows):
        cdef AccountRow* row
        for number, *values in rows:
            row = self.account_row(number)
            (
                row.known, row.enabled, row.killed, row.market_orders_allowed, row.max_open_value_nanos,
                row.max_open_orders, row.messages_per_second, row.message_burst, row.duplicate_window_ns,
                row.open_value_nanos, row.open_orders, row.nano_tokens, row.bucket_time_ns, row.last_order_id,
            ) = values
            row.full_nano_tokens = <uint64_t>row.message_burst * <uint64_t>NANO_TOKENS_PER_MESSAGE

    def _load_positions(self, rows):
        cdef PositionRow* row
        for account_id, instrument_id, *values in rows:
            row = self.position_row(account_id, instrument_id)
            (
                row.max_long_lots, row.max_short_lots, row.position_lots, row.open_lots[0], row.open_lots[1],
            ) = values

    def _load_recent(self, rows):
        cdef RecentOrder order
        for number, *values in rows:
            (order.instrument_id, order.side, order.quantity_lots, order.price_ticks, order.time_ns) = values
            order.slot = slot_of(order.instrument_id, order.side, order.quantity_lots, order.price_ticks)
            remember(self.account_row(number), &order, self.duplicate_depth)

    # --- tables ---

    cdef InstrumentRow* instrument_row(self, object instrument_id) except NULL:
        return &self.instruments[within("instrument_id", instrument_id, 0, self.max_instruments - 1)]

    cdef AccountRow* account_row(self, object account_id) except NULL:
        return &self.accounts[within("account_id", account_id, 0, self.max_accounts - 1)]

    cdef PositionRow* position_row(self, object account_id, object instrument_id) except NULL:
        cdef size_t account = within("account_id", account_id, 0, self.max_accounts - 1)
        cdef size_t instrument = within("instrument_id", instrument_id, 0, self.max_instruments - 1)
        return &self.positions[account * self.max_instruments + instrument]
