"""The rulebook in Python, one function per check: the golden model for Cython and RTL."""

from collections.abc import Callable
from dataclasses import dataclass, field

from meltica.hot.bounds import Bounds
from meltica.hot.layout_gen import (
    Action,
    Breaker,
    Flag,
    OrderIntentRecord,
    OrderType,
    ShortSale,
    Side,
    TimeInForce,
)
from meltica.hot.own_book_twin import OwnBook, SelfMatchVerdict, resolve
from meltica.hot.rows_twin import (
    INT64_MAX,
    AccountRow,
    FirmRow,
    InstrumentRow,
    PortRow,
    PositionRow,
    StrategyRow,
    value_nanos,
)
from meltica.hot.rulebook_gen import (
    JUDGED_WITHOUT_ACCOUNT,
    JUDGED_WITHOUT_FIELDS,
    JUDGED_WITHOUT_INSTRUMENT,
    JUDGED_WITHOUT_STRATEGY,
    Check,
)

_ACTIONS = frozenset(Action)
_SIDES = frozenset(Side)
_ORDER_TYPES = frozenset(OrderType)
_TIMES_IN_FORCE = frozenset(TimeInForce)
_IMMEDIATE = frozenset((TimeInForce.IOC, TimeInForce.FOK))
_FLAGS = int(Flag.POST_ONLY | Flag.REDUCE_ONLY | Flag.ISO | Flag.SHORT | Flag.SHORT_EXEMPT)

# (instrument_id, side, quantity_lots, price_ticks, time_ns) of a passed NEW
Recent = tuple[int, int, int, int, int]


@dataclass(slots=True)
class Case:
    """One NEW or REPLACE and all that the checks look at. Rows that do not exist are rows of zeros."""

    order: OrderIntentRecord
    killed: bool
    lease_until_ns: int | None  # None: this gate needs no lease
    firm: FirmRow
    account: AccountRow
    strategy: StrategyRow
    port: PortRow
    instrument: InstrumentRow
    position: PositionRow
    recent: list[Recent]
    own_book: OwnBook
    group_of: Callable[[int], int]  # an account's self-match group
    future_tolerance_ns: int
    bounds: Bounds
    price_ticks: int = field(init=False)  # at which the order is valued and reserved
    value: int = field(init=False)
    working_value: int = field(init=False)
    added_lots: int = field(init=False)  # REPLACE: the increment
    added_value: int = field(init=False)

    def __post_init__(self) -> None:
        order = self.order
        replaces = not opens_an_order(order)
        unit = self.instrument.value_per_tick_lot_nanos
        self.price_ticks = order.price_ticks
        if order.order_type == OrderType.MARKET:
            # The collar's edge on the adverse side; without a collar there is no price (0) and so no value.
            low, high = self.instrument.collar_ticks(self.bounds.ticks)
            self.price_ticks = 0 if high == 0 else high if order.side == Side.BUY else low
        self.value = value_nanos(self.price_ticks, order.quantity_lots, unit)
        self.working_value = value_nanos(order.working_price_ticks, order.working_lots, unit) if replaces else 0
        self.added_lots = order.quantity_lots - (order.working_lots if replaces else 0)
        self.added_value = self.value - self.working_value

    def self_match(self) -> SelfMatchVerdict:
        order = self.order
        limit = order.price_ticks if order.order_type == OrderType.LIMIT else None
        crossing = [
            own
            for own in self.own_book.crossing(order.instrument_id, order.side, limit)
            if self.group_of(own.account_id) == self.account.self_match_group
        ]
        return resolve(self.account.self_match, order.side, order.quantity_lots, crossing)


def opens_an_order(order: OrderIntentRecord) -> bool:
    """NEW, or a REPLACE of which nothing works any more: a filled order that a larger quantity reopens (FIX C.1.c)."""
    return order.action == Action.NEW or (order.working_lots == 0 and order.working_price_ticks == 0)


def rests(order: OrderIntentRecord) -> bool:
    """Whether it may work at the venue under its own id: only such an order can be traded with later."""
    return order.order_type == OrderType.LIMIT and order.tif not in _IMMEDIATE and order.order_id != 0


def malformed(order: OrderIntentRecord) -> bool:
    if order.type_id != OrderIntentRecord.TYPE_ID or order.action not in _ACTIONS:
        return True
    if order.action == Action.CANCEL:
        return False
    return (
        order.side not in _SIDES
        or order.order_type not in _ORDER_TYPES
        or order.tif not in _TIMES_IN_FORCE
        or (order.flags & ~_FLAGS) != 0
        or bool(order.flags & Flag.SHORT and order.side != Side.SELL)
        or bool(order.flags & Flag.SHORT_EXEMPT and not order.flags & Flag.SHORT)
    )


# --- control ---


def kill_switch(case: Case) -> bool:
    rows = (case.account, case.strategy, case.port, case.instrument)
    return case.killed or any(row.killed for row in rows)


def lease_expired(case: Case) -> bool:
    until_ns = case.lease_until_ns
    return until_ns is not None and (until_ns == 0 or case.order.time_ns > until_ns)


def account_disabled(case: Case) -> bool:
    return not (case.account.known and case.account.enabled and case.port.known and case.port.enabled)


def port_down(case: Case) -> bool:
    return not case.port.connected


def position_mismatch(case: Case) -> bool:
    return bool(case.account.mismatched)


def strategy_disabled(case: Case) -> bool:
    return not (case.strategy.known and case.strategy.enabled)


# --- the instrument and its market ---


def unknown_instrument(case: Case) -> bool:
    return not (case.instrument.known and case.instrument.enabled)


def session_window(case: Case) -> bool:
    return not case.instrument.session_open_ns <= case.order.time_ns < case.instrument.session_close_ns


def stale_reference(case: Case) -> bool:
    row, now_ns = case.instrument, case.order.time_ns
    if row.reference_price_ticks == 0 or row.reference_max_age_ns == 0 or row.gapped:
        return True
    age_ns = now_ns - row.reference_time_ns
    return age_ns > row.reference_max_age_ns or -age_ns > case.future_tolerance_ns


def crossed_book(case: Case) -> bool:
    row = case.instrument
    return row.bid_lots > 0 and row.ask_lots > 0 and row.bid_ticks >= row.ask_ticks


# --- the order ---


def field_sanity(case: Case) -> bool:
    order, bounds = case.order, case.bounds
    if not 1 <= order.quantity_lots <= bounds.order_lots:
        return True
    if order.order_type == OrderType.LIMIT:
        highest = min(case.instrument.max_price_ticks, bounds.ticks)
        if not 1 <= order.price_ticks <= highest:
            return True
    if order.action == Action.NEW:
        return order.working_lots != 0 or order.working_price_ticks != 0
    working = case.own_book.get(order.order_id)
    if working is not None and working.keys != (order.account_id, order.instrument_id, order.side):
        return True
    reserved = min(row.open_value_nanos for row in (case.firm, case.account, case.strategy))
    return not opens_an_order(order) and (
        not 1 <= order.working_lots <= min(bounds.order_lots, case.position.open_lots(order.side))
        or not 1 <= order.working_price_ticks <= bounds.ticks
        or case.working_value == INT64_MAX
        or case.working_value > reserved
    )


def max_quantity(case: Case) -> bool:
    return case.order.quantity_lots > case.instrument.max_quantity_lots and case.added_lots > 0


def max_value(case: Case) -> bool:
    too_much = case.value > case.instrument.max_value_nanos or case.value == INT64_MAX
    return too_much and case.added_value > 0


def price_collar(case: Case) -> bool:
    low, high = case.instrument.collar_ticks(case.bounds.ticks)
    return not low <= case.price_ticks <= high


def price_band(case: Case) -> bool:
    order, row = case.order, case.instrument
    if order.order_type == OrderType.MARKET or row.high_ticks == 0:
        return False
    return order.price_ticks > row.high_ticks if order.side == Side.BUY else order.price_ticks < row.low_ticks


def market_not_allowed(case: Case) -> bool:
    return case.order.order_type == OrderType.MARKET and not case.account.market_orders_allowed


def iso_not_allowed(case: Case) -> bool:
    return bool(case.order.flags & Flag.ISO) and not case.account.iso_allowed


def short_sale(case: Case) -> bool:
    order, row = case.order, case.instrument
    if order.side != Side.SELL:
        return False
    short, exempt = order.flags & Flag.SHORT, order.flags & Flag.SHORT_EXEMPT
    if (short and row.short_sale == ShortSale.NOT_ALLOWED) or (exempt and not case.account.short_exempt_allowed):
        return True
    if row.short_sale != ShortSale.REG_SHO:
        return False
    may_be_short = case.position.located_lots if short else 0
    if case.added_lots > 0 and case.position.worst_lots(Side.SELL, case.added_lots) > may_be_short:
        return True
    above_the_bid = order.order_type == OrderType.LIMIT and row.bid_lots > 0 and order.price_ticks > row.bid_ticks
    return bool(row.short_restricted and short and not exempt) and not above_the_bid


def market_impact(case: Case) -> bool:
    order, row = case.order, case.instrument
    may_trade = case.added_lots > 0 or order.price_ticks != order.working_price_ticks
    too_much = order.quantity_lots * 100 > row.max_impact_percent * row.displayed_lots(order.side)
    return row.max_impact_percent > 0 and too_much and may_trade


# --- exposure ---


def position_limit(case: Case) -> bool:
    order, row = case.order, case.position
    limit_lots = row.max_long_lots if order.side == Side.BUY else row.max_short_lots
    if order.flags & Flag.REDUCE_ONLY:
        limit_lots = 0  # To flat and never through it
    return case.added_lots > 0 and row.worst_lots(order.side, case.added_lots) > limit_lots


def open_exposure(case: Case) -> bool:
    return case.account.exceeds(case.added_value)


def firm_credit(case: Case) -> bool:
    firm = case.firm
    too_many = opens_an_order(case.order) and firm.open_orders >= firm.max_open_orders
    return not firm.known or too_many or firm.exceeds(case.added_value)


def strategy_exposure(case: Case) -> bool:
    return case.strategy.exceeds(case.added_value)


def day_quantity(case: Case) -> bool:
    return case.added_lots > 0 and case.instrument.day_lots + case.added_lots > case.instrument.max_day_lots


def open_order_count(case: Case) -> bool:
    order, account, own_book = case.order, case.account, case.own_book
    no_place = rests(order) and own_book.get(order.order_id) is None and own_book.is_full
    return no_place or (opens_an_order(order) and account.open_orders >= account.max_open_orders)


# --- rate and repetition ---


def message_rate(case: Case) -> bool:
    rows = (case.firm, case.account, case.strategy, case.port)
    return any(row.known and row.is_empty(case.order.time_ns) for row in rows)


def instrument_rate(case: Case) -> bool:
    return case.instrument.is_empty(case.order.time_ns)


def recent_of(order: OrderIntentRecord) -> Recent:
    price_ticks = order.price_ticks if order.order_type == OrderType.LIMIT else 0
    return order.instrument_id, order.side, order.quantity_lots, price_ticks, order.time_ns


def duplicate_order(case: Case) -> bool:
    if case.order.action != Action.NEW:
        return False
    *this, now_ns = recent_of(case.order)
    window_ns = case.account.duplicate_window_ns
    return any(this == before and max(0, now_ns - then_ns) < window_ns for *before, then_ns in case.recent)


def repeated_execution(case: Case) -> bool:
    return bool(case.strategy.latched) or case.strategy.executions >= case.strategy.max_executions


def self_match(case: Case) -> bool:
    return case.self_match().refused


def order_id_not_increasing(case: Case) -> bool:
    order = case.order
    if order.action != Action.NEW:
        return False
    return order.order_id <= case.port.last_order_id or case.own_book.get(order.order_id) is not None


# --- breakers ---


def reduces(case: Case) -> bool:
    """The way out that a breaker on losses leaves open."""
    judged = case.account.known and case.instrument.known and not field_sanity(case)
    return bool(case.order.flags & Flag.REDUCE_ONLY and judged) and not position_limit(case)


def daily_loss(case: Case) -> bool:
    return case.account.stops(Breaker.DAILY_LOSS, case.order.time_ns) and not reduces(case)


def drawdown(case: Case) -> bool:
    return case.account.stops(Breaker.DRAWDOWN, case.order.time_ns) and not reduces(case)


def consecutive_rejects(case: Case) -> bool:
    return case.account.stops(Breaker.CONSECUTIVE_REJECTS, case.order.time_ns)


RULES: dict[Check, Callable[[Case], bool]] = {
    Check.KILL_SWITCH: kill_switch,
    Check.LEASE_EXPIRED: lease_expired,
    Check.ACCOUNT_DISABLED: account_disabled,
    Check.UNKNOWN_INSTRUMENT: unknown_instrument,
    Check.RESTRICTED: lambda case: bool(case.instrument.restricted),
    Check.HALTED: lambda case: bool(case.instrument.halted),
    Check.SESSION_WINDOW: session_window,
    Check.FIELD_SANITY: field_sanity,
    Check.MAX_QUANTITY: max_quantity,
    Check.MAX_VALUE: max_value,
    Check.PRICE_COLLAR: price_collar,
    Check.PRICE_BAND: price_band,
    Check.MARKET_NOT_ALLOWED: market_not_allowed,
    Check.ISO_NOT_ALLOWED: iso_not_allowed,
    Check.SHORT_SALE: short_sale,
    Check.POSITION_LIMIT: position_limit,
    Check.OPEN_EXPOSURE: open_exposure,
    Check.FIRM_CREDIT: firm_credit,
    Check.DAY_QUANTITY: day_quantity,
    Check.MARKET_IMPACT: market_impact,
    Check.MESSAGE_RATE: message_rate,
    Check.INSTRUMENT_RATE: instrument_rate,
    Check.DUPLICATE_ORDER: duplicate_order,
    Check.REPEATED_EXECUTION: repeated_execution,
    Check.SELF_MATCH: self_match,
    Check.OPEN_ORDER_COUNT: open_order_count,
    Check.STALE_REFERENCE: stale_reference,
    Check.CROSSED_BOOK: crossed_book,
    Check.ORDER_ID_NOT_INCREASING: order_id_not_increasing,
    Check.DAILY_LOSS: daily_loss,
    Check.PORT_DOWN: port_down,
    Check.POSITION_MISMATCH: position_mismatch,
    Check.DRAWDOWN: drawdown,
    Check.CONSECUTIVE_REJECTS: consecutive_rejects,
    Check.STRATEGY_DISABLED: strategy_disabled,
    Check.STRATEGY_EXPOSURE: strategy_exposure,
}


def judge(case: Case) -> int:
    """The mask of fired checks of a well-formed NEW or REPLACE, each judged only where its facts are there."""
    fired = sum(1 << check for check, fires in RULES.items() if fires(case))
    if not case.instrument.known:
        fired &= JUDGED_WITHOUT_INSTRUMENT
    if not case.account.known:
        fired &= JUDGED_WITHOUT_ACCOUNT
    if not case.strategy.known:
        fired &= JUDGED_WITHOUT_STRATEGY
    if fired >> Check.FIELD_SANITY & 1:
        fired &= JUDGED_WITHOUT_FIELDS
    return fired
