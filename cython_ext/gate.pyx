"""The risk gate, compiled. Twin and golden model: meltica/hot/gate_twin.py; rules: proto/hot/rulebook.toml.

One thread at a time may call a gate; check_batch() lets go of the GIL, so callers with threads bring a lock.
Nothing in a check allocates, locks, logs or calls Python. Rows that do not exist are judged as rows of zeros.
"""

cimport cython
from libc.stdint cimport INT64_MAX, int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from cython_ext.gate_arithmetic cimport pages, unmap
from cython_ext.gate_bounds cimport set_all_bounds
from cython_ext.gate_judge cimport PASS, ask_for_rows, judge_fully, passes_plainly
from cython_ext.gate_settle cimport size_of, take_record
from cython_ext.gate_state cimport exported, load, packed_orders, small_tables
from cython_ext.intent cimport OrderIntent
from cython_ext.layout_gen cimport *
from cython_ext.tables cimport (
    MAX_DUPLICATE_DEPTH,
    PORTS,
    AccountRow,
    Bounds,
    Holding,
    InstrumentLine,
    InstrumentRow,
    OwnOrder,
    PortRow,
    NO_OWN_PRICE,
    PositionRow,
    RecentRing,
    StrategyRow,
    Tables,
)

import hashlib
import json
import struct

import numpy as np

cdef enum:
    LOOK_AHEAD = 12          # orders whose rows a batch asks for in advance: about one memory latency
    TABLE_BOUND = 4194304    # position rows, 256 MiB

_BREAKERS = {BREAKER_DAILY_LOSS: "DAILY_LOSS", BREAKER_DRAWDOWN: "DRAWDOWN",
             BREAKER_CONSECUTIVE_REJECTS: "CONSECUTIVE_REJECTS"}


def within(name, value, low, high):
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is not within {low}..{high}")
    return int(value)


cdef int allocate(Tables* t) except -1:
    """Every table but the ports has one more row, of zeros, for what does not exist."""
    cdef size_t positions = <size_t>t.max_accounts * t.max_instruments + 1
    t.lines = <InstrumentLine*>pages((t.max_instruments + 1) * sizeof(InstrumentLine))
    t.instruments = <InstrumentRow*>pages((t.max_instruments + 1) * sizeof(InstrumentRow))
    t.accounts = <AccountRow*>pages((t.max_accounts + 1) * sizeof(AccountRow))
    t.rings = <RecentRing*>pages((t.max_accounts + 1) * sizeof(RecentRing))
    t.strategies = <StrategyRow*>pages((t.max_strategies + 1) * sizeof(StrategyRow))
    t.ports = <PortRow*>pages(PORTS * sizeof(PortRow))
    t.positions = <PositionRow*>pages(positions * sizeof(PositionRow))
    t.holdings = <Holding*>pages(positions * sizeof(Holding))
    t.seats = <uint64_t*>pages((<size_t>t.seat_mask + 1) * sizeof(uint64_t))
    t.own = <OwnOrder*>pages((<size_t>t.max_working_orders + 1) * sizeof(OwnOrder))
    if not (t.lines and t.instruments and t.accounts and t.rings and t.strategies and t.ports):
        raise MemoryError("no room for the gate's tables")
    if not (t.positions and t.holdings and t.seats and t.own):
        raise MemoryError("no room for the gate's tables")
    cdef uint32_t at
    for at in range(t.max_instruments + 1):
        t.lines[at].own_best[0] = t.lines[at].own_best[1] = NO_OWN_PRICE
    set_all_bounds(t)
    return 0


cdef void release_all(Tables* t) noexcept:
    unmap(t.lines, (t.max_instruments + 1) * sizeof(InstrumentLine))
    unmap(t.instruments, (t.max_instruments + 1) * sizeof(InstrumentRow))
    unmap(t.accounts, (t.max_accounts + 1) * sizeof(AccountRow))
    unmap(t.rings, (t.max_accounts + 1) * sizeof(RecentRing))
    unmap(t.strategies, (t.max_strategies + 1) * sizeof(StrategyRow))
    unmap(t.ports, PORTS * sizeof(PortRow))
    unmap(t.positions, (<size_t>t.max_accounts * t.max_instruments + 1) * sizeof(PositionRow))
    unmap(t.holdings, (<size_t>t.max_accounts * t.max_instruments + 1) * sizeof(Holding))
    unmap(t.seats, (<size_t>t.seat_mask + 1) * sizeof(uint64_t))
    unmap(t.own, (<size_t>t.max_working_orders + 1) * sizeof(OwnOrder))


cdef int take_bounds(Bounds* taken, given) except -1:
    """Of a meltica.hot.bounds.Bounds; None: as wide as the records."""
    if given is None:
        taken.order_lots = taken.told_lots = taken.position_lots = taken.limit_lots = LOTS_BOUND
        taken.adjust_lots = taken.open_lots = 2 * LOTS_BOUND
        taken.ticks = TICKS_BOUND
        taken.unit = 0
        taken.ports = PORTS
        taken.decrement = 1
        return 0
    taken.order_lots = given.order_lots
    taken.ticks = given.ticks
    taken.told_lots = given.told_lots
    taken.adjust_lots = given.adjust_lots
    taken.position_lots = given.position_lots
    taken.open_lots = given.open_lots
    taken.limit_lots = given.limit_lots
    taken.unit = given.value_per_tick_lot_nanos
    taken.ports = given.ports
    taken.decrement = given.decrement
    return 0


@cython.final
cdef class Gate:
    def __cinit__(
        self,
        max_instruments=1024,
        max_accounts=16,
        duplicate_depth=16,
        reference_future_tolerance_ns=1_000_000,
        max_strategies=256,
        max_working_orders=65_536,
        leased=False,
        bounds=None,
    ):
        memset(&self.t, 0, sizeof(Tables))
        self.t.max_instruments = within("max_instruments", max_instruments, 1, 2**20)
        self.t.max_accounts = within("max_accounts", max_accounts, 1, 2**16)
        within("position rows", max_instruments * max_accounts, 1, TABLE_BOUND)
        self.t.duplicate_depth = within("duplicate_depth", duplicate_depth, 1, MAX_DUPLICATE_DEPTH)
        self.t.tolerance_ns = within("reference_future_tolerance_ns", reference_future_tolerance_ns, 0, INT64_MAX)
        self.t.max_strategies = within("max_strategies", max_strategies, 1, 2**16)
        self.t.max_working_orders = within("max_working_orders", max_working_orders, 1, 2**20)
        self.t.leased = bool(leased)
        take_bounds(&self.t.bounds, bounds)
        self.given_bounds = bounds
        seats = max(3, (2 * max_working_orders - 1).bit_length())  # at most half full, whole cache lines
        self.t.seat_mask = 2**seats - 1
        self.t.seat_shift = 35 - seats  # to the line's number: three bits less
        allocate(&self.t)

    def __dealloc__(self):
        release_all(&self.t)

    # --- the check ---

    def check(self, OrderIntent intent not None, /):
        return self.judge(&intent.record)

    cdef int judge(self, const OrderIntentRecord* order) noexcept nogil:
        if passes_plainly(&self.t, order):
            return PASS
        return judge_fully(&self.t, order)

    @property
    def fired_mask(self):
        return self.t.fired_mask

    @property
    def reserved_price_ticks(self):
        return self.t.reserved_price_ticks

    @property
    def allowed_lots(self):
        return self.t.allowed_lots

    def self_matches(self):
        cdef uint64_t at
        return [(self.t.matches[at].order_id, self.t.matches[at].leaves_lots) for at in range(self.t.match_count)]

    def check_batch(self, records, /):
        cdef const unsigned char[::1] data = whole_records(records)
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
                    ask_for_rows(&self.t, &order[at + LOOK_AHEAD])
                reason_of[at] = <int8_t>self.judge(&order[at])
                mask_of[at] = self.t.fired_mask
        return reasons, masks

    def bench_calls(self, records, /):
        """How many passed, one C call each: what a hot loop pays (python -m bench --only gate)."""
        cdef const unsigned char[::1] data = whole_records(records)
        cdef const OrderIntentRecord* order = <const OrderIntentRecord*>&data[0] if data.shape[0] else NULL
        cdef Py_ssize_t at, count = data.shape[0] // <Py_ssize_t>sizeof(OrderIntentRecord)
        cdef long passed = 0
        with nogil:
            for at in range(count):
                passed += self.judge(&order[at]) == PASS
        return passed

    # --- everything else is a record ---

    cdef int tell_record(self, const void* record) noexcept nogil:
        return take_record(&self.t, record)

    def tell(self, record, /):
        cdef const unsigned char[::1] data
        try:
            data = record.to_bytes()
        except struct.error as error:
            raise ValueError(f"{type(record).__name__}: {error}") from None
        if <size_t>data.shape[0] != size_of((<const LeaseRecord*>&data[0]).type_id):
            raise ValueError(f"{type(record).__name__} is no record of the gate's")
        if self.tell_record(&data[0]) != 0:
            raise ValueError(f"{record}: {self.t.complaint.decode()}")

    cdef int raise_unless_taken(self, const void* record) except -1:
        if self.tell_record(record) != 0:
            raise ValueError(self.t.complaint.decode())
        return 0

    def set_reference(self, uint32_t instrument_id, int64_t price_ticks, uint64_t time_ns):
        cdef ReferencePriceRecord record
        record.type_id = REFERENCE_PRICE_TYPE_ID
        record.instrument_id = instrument_id
        record.price_ticks = price_ticks
        record.time_ns = time_ns
        self.raise_unless_taken(&record)

    def set_quote(
        self, uint32_t instrument_id, int64_t bid_ticks, int64_t bid_lots, int64_t ask_ticks, int64_t ask_lots,
        uint64_t time_ns,
    ):
        cdef QuoteRecord record
        record.type_id = QUOTE_TYPE_ID
        record.instrument_id = instrument_id
        record.bid_ticks = bid_ticks
        record.bid_lots = bid_lots
        record.ask_ticks = ask_ticks
        record.ask_lots = ask_lots
        record.time_ns = time_ns
        self.raise_unless_taken(&record)

    def set_profit(self, uint16_t account_id, int64_t pnl_nanos, uint64_t time_ns):
        cdef ProfitAndLossRecord record
        record.type_id = PROFIT_AND_LOSS_TYPE_ID
        record.account_id = account_id
        record.pnl_nanos = pnl_nanos
        record.time_ns = time_ns
        self.raise_unless_taken(&record)

    def kill(self, uint8_t scope=KILL_SCOPE_GLOBAL, uint32_t id=0):
        self._switch(scope, id, 1)

    def unkill(self, uint8_t scope=KILL_SCOPE_GLOBAL, uint32_t id=0):
        self._switch(scope, id, 0)

    def _switch(self, uint8_t scope, uint32_t id, uint8_t engage):
        cdef KillRecord record
        record.type_id = KILL_TYPE_ID
        record.scope = scope
        record.engage = engage
        record.id = id
        self.raise_unless_taken(&record)

    # Fill, Release and Reserve are laid out alike.

    def fill(
        self, uint16_t account_id, uint32_t instrument_id, uint8_t side, int64_t quantity_lots,
        int64_t reserved_price_ticks, *, bint closes, uint64_t order_id=0, uint16_t strategy_id=0,
    ):
        cdef ReleaseRecord record = settlement(
            FILL_TYPE_ID, account_id, instrument_id, side, closes, strategy_id, order_id, quantity_lots,
            reserved_price_ticks,
        )
        self.raise_unless_taken(&record)

    def release(
        self, uint16_t account_id, uint32_t instrument_id, uint8_t side, int64_t quantity_lots,
        int64_t reserved_price_ticks, *, bint closes, uint64_t order_id=0, uint16_t strategy_id=0,
    ):
        cdef ReleaseRecord record = settlement(
            RELEASE_TYPE_ID, account_id, instrument_id, side, closes, strategy_id, order_id, quantity_lots,
            reserved_price_ticks,
        )
        self.raise_unless_taken(&record)

    def reserve(
        self, uint16_t account_id, uint32_t instrument_id, uint8_t side, int64_t quantity_lots,
        int64_t reserved_price_ticks, *, bint opens=True, uint64_t order_id=0, uint16_t strategy_id=0,
    ):
        cdef ReleaseRecord record = settlement(
            RESERVE_TYPE_ID, account_id, instrument_id, side, opens, strategy_id, order_id, quantity_lots,
            reserved_price_ticks,
        )
        self.raise_unless_taken(&record)

    def adjust_position(self, uint16_t account_id, uint32_t instrument_id, int64_t delta_lots):
        cdef AdjustRecord record
        record.type_id = ADJUST_TYPE_ID
        record.account_id = account_id
        record.instrument_id = instrument_id
        record.delta_lots = delta_lots
        self.raise_unless_taken(&record)

    # --- looking inside ---

    @property
    def max_instruments(self):
        return self.t.max_instruments

    @property
    def max_accounts(self):
        return self.t.max_accounts

    @property
    def max_strategies(self):
        return self.t.max_strategies

    @property
    def max_working_orders(self):
        return self.t.max_working_orders

    @property
    def duplicate_depth(self):
        return self.t.duplicate_depth

    @property
    def leased(self):
        return bool(self.t.leased)

    @property
    def killed(self):
        return bool(self.t.killed)

    def switch_engaged(self, scope, id):
        scope = within("scope", scope, KILL_SCOPE_GLOBAL, KILL_SCOPE_INSTRUMENT)
        last = {
            KILL_SCOPE_GLOBAL: 0,
            KILL_SCOPE_ACCOUNT: self.t.max_accounts - 1,
            KILL_SCOPE_STRATEGY: self.t.max_strategies - 1,
            KILL_SCOPE_PORT: self.t.bounds.ports - 1,
            KILL_SCOPE_INSTRUMENT: self.t.max_instruments - 1,
        }[scope]
        cdef uint32_t number = within("id", id, 0, last)
        if scope == KILL_SCOPE_ACCOUNT:
            return bool(self.t.accounts[number].killed)
        if scope == KILL_SCOPE_STRATEGY:
            return bool(self.t.strategies[number].killed)
        if scope == KILL_SCOPE_PORT:
            return bool(self.t.ports[number].killed)
        if scope == KILL_SCOPE_INSTRUMENT:
            return bool(self.t.instruments[number].killed)
        return bool(self.t.killed)

    def breakers(self, account_id):
        cdef uint32_t number = within("account_id", account_id, 0, self.t.max_accounts - 1)
        return [name for breaker, name in _BREAKERS.items() if self.t.accounts[number].latched >> breaker & 1]

    def counters(self):
        return {
            "passed": [count for count in self.t.passed],
            "rejected": [count for count in self.t.rejected],
            "fired": [count for count in self.t.fired],
            "faults": self.t.faults,
        }

    def state_digest(self):
        state = exported(&self.t)
        return hashlib.sha256(json.dumps(state, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def export_state(self):
        return exported(&self.t) | {"counters": self.counters()}

    def export_tables(self):
        return small_tables(&self.t) | {"orders": [], "counters": self.counters()}

    def working_orders(self):
        return packed_orders(&self.t)

    def import_state(self, state, /):
        cdef Gate fresh = Gate(
            self.t.max_instruments, self.t.max_accounts, self.t.duplicate_depth, self.t.tolerance_ns,
            self.t.max_strategies, self.t.max_working_orders, self.t.leased, self.given_bounds,
        )
        load(&fresh.t, state)
        self.t, fresh.t = fresh.t, self.t


cdef ReleaseRecord settlement(
    uint16_t type_id, uint16_t account_id, uint32_t instrument_id, uint8_t side, bint last, uint16_t strategy_id,
    uint64_t order_id, int64_t quantity_lots, int64_t reserved_price_ticks,
) noexcept:
    cdef ReleaseRecord record
    record.type_id = type_id
    record.account_id = account_id
    record.instrument_id = instrument_id
    record.side = side
    record.closes = last
    record.strategy_id = strategy_id
    record.reserved0 = 0
    record.order_id = order_id
    record.quantity_lots = quantity_lots
    record.reserved_price_ticks = reserved_price_ticks
    return record


def whole_records(records):
    """The bytes of order intents, one after another."""
    if isinstance(records, np.ndarray):
        records = np.ascontiguousarray(records).view(np.uint8).reshape(-1)
    cdef const unsigned char[::1] data = records
    if data.shape[0] % sizeof(OrderIntentRecord):
        raise ValueError(f"{data.shape[0]} bytes are not a whole number of {sizeof(OrderIntentRecord)}-byte records")
    return data
