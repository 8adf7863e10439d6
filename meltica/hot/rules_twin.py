"""The rulebook in Python, one function per check: the golden model for Cython and RTL."""

from collections.abc import Callable
from dataclasses import dataclass, field

from meltica.hot.layout_gen import (
    BURST_BOUND,
    LOTS_BOUND,
    NANO_TOKENS_PER_MESSAGE,
    TICKS_BOUND,
    Action,
    Flag,
    OrderIntentRecord,
    OrderType,
    Side,
    TimeInForce,
)
from meltica.hot.rulebook_gen import (
    JUDGED_WITHOUT_ACCOUNT,
    JUDGED_WITHOUT_FIELDS,
    JUDGED_WITHOUT_INSTRUMENT,
    Check,
)

INT64_MAX = 2**63 - 1
_ACTIONS = frozenset(Action)
_SIDES = frozenset(Side)
_ORDER_TYPES = frozenset(OrderType)
_TIMES_IN_FORCE = frozenset(TimeInForce)
_FLAGS = int(Flag.POST_ONLY | Flag.REDUCE_ONLY)


@dataclass(slots=True)
class InstrumentRow:
    known: int = 0
    enabled: int = 0
    restricted: int = 0
    halted: int = 0
    value_per_tick_lot_nanos: int = 0
    max_price_ticks: int = 0
    max_quantity_lots: int = 0
    max_value_nanos: int = 0
    collar_bps: int = 0
    reference_max_age_ns: int = 0
    reference_price_ticks: int = 0
    reference_time_ns: int = 0

    def band_ticks(self) -> tuple[int, int]:
        """Lowest and highest price within the collar; (1, 0), which holds no price, without a reference or a collar."""
        if self.reference_price_ticks == 0 or self.collar_bps == 0:
            return 1, 0
        width = self.reference_price_ticks * self.collar_bps // 10_000
        return max(1, self.reference_price_ticks - width), min(TICKS_BOUND, self.reference_price_ticks + width)


@dataclass(slots=True)
class AccountRow:
    known: int = 0
    enabled: int = 0
    killed: int = 0
    market_orders_allowed: int = 0
    max_open_value_nanos: int = 0
    max_open_orders: int = 0
    messages_per_second: int = 0
    message_burst: int = 0
    duplicate_window_ns: int = 0
    open_value_nanos: int = 0
    open_orders: int = 0
    nano_tokens: int = 0
    bucket_time_ns: int = 0
    last_order_id: int = 0

    def tokens_at(self, time_ns: int) -> int:
        """Nano-tokens in the bucket; time that goes backwards brings none."""
        elapsed_ns = max(0, time_ns - self.bucket_time_ns)
        full = min(self.message_burst, BURST_BOUND) * NANO_TOKENS_PER_MESSAGE
        return min(full, self.nano_tokens + elapsed_ns * self.messages_per_second)


@dataclass(slots=True)
class PositionRow:
    max_long_lots: int = 0
    max_short_lots: int = 0
    position_lots: int = 0
    open_buy_lots: int = 0
    open_sell_lots: int = 0

    def open_lots(self, side: int) -> int:
        return self.open_buy_lots if side == Side.BUY else self.open_sell_lots

    def set_open_lots(self, side: int, lots: int) -> None:
        if side == Side.BUY:
            self.open_buy_lots = lots
        else:
            self.open_sell_lots = lots


# (instrument_id, side, quantity_lots, price_ticks, time_ns) of a passed NEW
Recent = tuple[int, int, int, int, int]


def value_nanos(price_ticks: int, quantity_lots: int, value_per_tick_lot_nanos: int) -> int:
    """What an order is worth; what cannot be valued is worth INT64_MAX, which no limit lets pass."""
    if price_ticks <= 0 or quantity_lots <= 0 or value_per_tick_lot_nanos <= 0:
        return INT64_MAX
    return min(price_ticks * quantity_lots * value_per_tick_lot_nanos, INT64_MAX)


@dataclass(slots=True)
class Case:
    """One NEW or REPLACE and all that the checks look at."""

    order: OrderIntentRecord
    killed: bool
    instrument: InstrumentRow
    account: AccountRow
    position: PositionRow
    recent: list[Recent]
    future_tolerance_ns: int
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
            low, high = self.instrument.band_ticks()
            self.price_ticks = 0 if high == 0 else high if order.side == Side.BUY else low
        self.value = value_nanos(self.price_ticks, order.quantity_lots, unit)
        self.working_value = value_nanos(order.working_price_ticks, order.working_lots, unit) if replaces else 0
        self.added_lots = order.quantity_lots - (order.working_lots if replaces else 0)
        self.added_value = self.value - self.working_value


def opens_an_order(order: OrderIntentRecord) -> bool:
    """NEW, or a REPLACE of which nothing works any more: a filled order that a larger quantity reopens (FIX C.1.c)."""
    return order.action == Action.NEW or (order.working_lots == 0 and order.working_price_ticks == 0)


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
    )


def kill_switch(case: Case) -> bool:
    return case.killed or bool(case.account.killed)


def account_disabled(case: Case) -> bool:
    return not (case.account.known and case.account.enabled)


def unknown_instrument(case: Case) -> bool:
    return not (case.instrument.known and case.instrument.enabled)


def restricted(case: Case) -> bool:
    return bool(case.instrument.restricted)


def halted(case: Case) -> bool:
    return bool(case.instrument.halted)


def field_sanity(case: Case) -> bool:
    order = case.order
    if not 1 <= order.quantity_lots <= LOTS_BOUND:
        return True
    if order.order_type == OrderType.LIMIT:
        highest = min(case.instrument.max_price_ticks, TICKS_BOUND)
        if not 1 <= order.price_ticks <= highest:
            return True
    if order.action == Action.NEW:
        return order.working_lots != 0 or order.working_price_ticks != 0
    return not opens_an_order(order) and (
        not 1 <= order.working_lots <= min(LOTS_BOUND, case.position.open_lots(order.side))
        or not 1 <= order.working_price_ticks <= TICKS_BOUND
        or case.working_value == INT64_MAX
        or case.working_value > case.account.open_value_nanos
    )


def max_quantity(case: Case) -> bool:
    return case.order.quantity_lots > case.instrument.max_quantity_lots and case.added_lots > 0


def max_value(case: Case) -> bool:
    too_much = case.value > case.instrument.max_value_nanos or case.value == INT64_MAX
    return too_much and case.added_value > 0


def price_collar(case: Case) -> bool:
    low, high = case.instrument.band_ticks()
    return not low <= case.price_ticks <= high


def market_not_allowed(case: Case) -> bool:
    return case.order.order_type == OrderType.MARKET and not case.account.market_orders_allowed


def position_limit(case: Case) -> bool:
    order, row = case.order, case.position
    buys = order.side == Side.BUY
    worst_lots = (row.position_lots if buys else -row.position_lots) + row.open_lots(order.side) + case.added_lots
    limit_lots = row.max_long_lots if buys else row.max_short_lots
    if order.flags & Flag.REDUCE_ONLY:
        limit_lots = 0  # To flat and never through it
    return case.added_lots > 0 and worst_lots > limit_lots


def open_exposure(case: Case) -> bool:
    account = case.account
    return case.added_value > 0 and case.added_value > account.max_open_value_nanos - account.open_value_nanos


def message_rate(case: Case) -> bool:
    if case.account.messages_per_second == 0:
        return True
    return case.account.tokens_at(case.order.time_ns) < NANO_TOKENS_PER_MESSAGE


def recent_of(order: OrderIntentRecord) -> Recent:
    price_ticks = order.price_ticks if order.order_type == OrderType.LIMIT else 0
    return order.instrument_id, order.side, order.quantity_lots, price_ticks, order.time_ns


def duplicate_order(case: Case) -> bool:
    if case.order.action != Action.NEW:
        return False
    *this, now_ns = recent_of(case.order)
    window_ns = case.account.duplicate_window_ns
    return any(this == before and max(0, now_ns - then_ns) < window_ns for *before, then_ns in case.recent)


def open_order_count(case: Case) -> bool:
    return opens_an_order(case.order) and case.account.open_orders >= case.account.max_open_orders


def stale_reference(case: Case) -> bool:
    row, now_ns = case.instrument, case.order.time_ns
    if row.reference_price_ticks == 0 or row.reference_max_age_ns == 0:
        return True
    age_ns = now_ns - row.reference_time_ns
    return age_ns > row.reference_max_age_ns or -age_ns > case.future_tolerance_ns


def order_id_not_increasing(case: Case) -> bool:
    return case.order.action == Action.NEW and case.order.order_id <= case.account.last_order_id


RULES: dict[Check, Callable[[Case], bool]] = {
    Check.KILL_SWITCH: kill_switch,
    Check.ACCOUNT_DISABLED: account_disabled,
    Check.UNKNOWN_INSTRUMENT: unknown_instrument,
    Check.RESTRICTED: restricted,
    Check.HALTED: halted,
    Check.FIELD_SANITY: field_sanity,
    Check.MAX_QUANTITY: max_quantity,
    Check.MAX_VALUE: max_value,
    Check.PRICE_COLLAR: price_collar,
    Check.MARKET_NOT_ALLOWED: market_not_allowed,
    Check.POSITION_LIMIT: position_limit,
    Check.OPEN_EXPOSURE: open_exposure,
    Check.MESSAGE_RATE: message_rate,
    Check.DUPLICATE_ORDER: duplicate_order,
    Check.OPEN_ORDER_COUNT: open_order_count,
    Check.STALE_REFERENCE: stale_reference,
    Check.ORDER_ID_NOT_INCREASING: order_id_not_increasing,
}


def judge(case: Case) -> int:
    """The mask of fired checks of a well-formed NEW or REPLACE, each judged only where its facts are there."""
    fired = sum(1 << check for check, fires in RULES.items() if fires(case))
    if not case.instrument.known:
        fired &= JUDGED_WITHOUT_INSTRUMENT
    if not case.account.known:
        fired &= JUDGED_WITHOUT_ACCOUNT
    if fired >> Check.FIELD_SANITY & 1:
        fired &= JUDGED_WITHOUT_FIELDS
    return fired
