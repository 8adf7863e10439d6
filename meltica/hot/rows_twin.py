"""The rows of the gate's tables in Python. Fields in the order of meltica.hot.state.COLUMNS; a row of zeros blocks."""

from dataclasses import dataclass

from meltica.hot.layout_gen import NANO_TOKENS_PER_MESSAGE, Breaker, Side

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1


def saturated(amount: int) -> int:
    return max(INT64_MIN, min(INT64_MAX, amount))


def value_nanos(price_ticks: int, quantity_lots: int, value_per_tick_lot_nanos: int) -> int:
    """What an order is worth; what cannot be valued is worth INT64_MAX, which no limit lets pass."""
    if price_ticks <= 0 or quantity_lots <= 0 or value_per_tick_lot_nanos <= 0:
        return INT64_MAX
    return min(price_ticks * quantity_lots * value_per_tick_lot_nanos, INT64_MAX)


@dataclass(slots=True)
class Metered:
    """A row with a token bucket."""

    known: int = 0
    messages_per_second: int = 0
    message_burst: int = 0
    nano_tokens: int = 0
    bucket_time_ns: int = 0

    def set_rate(self, messages_per_second: int, message_burst: int) -> None:
        """A new row starts with a full bucket; a lowered burst takes tokens away."""
        full = message_burst * NANO_TOKENS_PER_MESSAGE
        self.nano_tokens = min(self.nano_tokens, full) if self.known else full
        self.messages_per_second, self.message_burst, self.known = messages_per_second, message_burst, 1

    def tokens_at(self, time_ns: int) -> int:
        """Nano-tokens in the bucket; time that goes backwards brings none."""
        elapsed_ns = max(0, time_ns - self.bucket_time_ns)
        full = self.message_burst * NANO_TOKENS_PER_MESSAGE
        return min(full, self.nano_tokens + elapsed_ns * self.messages_per_second)

    def is_empty(self, time_ns: int) -> bool:
        return self.messages_per_second == 0 or self.tokens_at(time_ns) < NANO_TOKENS_PER_MESSAGE

    def take_token(self, time_ns: int) -> None:
        self.nano_tokens = self.tokens_at(time_ns) - NANO_TOKENS_PER_MESSAGE
        self.bucket_time_ns = max(self.bucket_time_ns, time_ns)


@dataclass(slots=True)
class Exposed(Metered):
    """A row with a limit on open value, which credit moves."""

    max_open_value_nanos: int = 0
    credit_nanos: int = 0
    open_value_nanos: int = 0

    def exceeds(self, added_value: int) -> bool:
        limit = max(0, saturated(self.max_open_value_nanos + self.credit_nanos))
        return added_value > 0 and self.open_value_nanos + added_value > limit


@dataclass(slots=True)
class FirmRow(Exposed):
    max_open_orders: int = 0
    open_orders: int = 0


@dataclass(slots=True)
class StrategyRow(Exposed):
    enabled: int = 0
    killed: int = 0
    max_executions: int = 0
    executions: int = 0
    latched: int = 0


@dataclass(slots=True)
class PortRow(Metered):
    enabled: int = 0
    killed: int = 0
    connected: int = 0
    last_order_id: int = 0


@dataclass(slots=True)
class InstrumentRow(Metered):
    enabled: int = 0
    restricted: int = 0
    killed: int = 0
    halted: int = 0
    short_restricted: int = 0
    gapped: int = 0
    short_sale: int = 0
    collar_bps: int = 0
    value_per_tick_lot_nanos: int = 0
    max_price_ticks: int = 0
    max_quantity_lots: int = 0
    max_value_nanos: int = 0
    reference_max_age_ns: int = 0
    session_open_ns: int = 0
    session_close_ns: int = 0
    max_day_lots: int = 0
    max_impact_percent: int = 0
    reference_price_ticks: int = 0
    reference_time_ns: int = 0
    bid_ticks: int = 0
    bid_lots: int = 0
    ask_ticks: int = 0
    ask_lots: int = 0
    low_ticks: int = 0
    high_ticks: int = 0
    day_lots: int = 0

    def collar_ticks(self, highest_ticks: int) -> tuple[int, int]:
        """Lowest and highest price within the collar; (1, 0), which holds no price, without a reference or a collar."""
        if self.reference_price_ticks == 0 or self.collar_bps == 0:
            return 1, 0
        width = self.reference_price_ticks * self.collar_bps // 10_000
        return max(1, self.reference_price_ticks - width), min(highest_ticks, self.reference_price_ticks + width)

    def displayed_lots(self, side: int) -> int:
        """What an order of this side would trade with."""
        return self.ask_lots if side == Side.BUY else self.bid_lots


@dataclass(slots=True)
class AccountRow(Exposed):
    enabled: int = 0
    killed: int = 0
    mismatched: int = 0
    market_orders_allowed: int = 0
    iso_allowed: int = 0
    short_exempt_allowed: int = 0
    self_match: int = 0
    self_match_group: int = 0
    max_open_orders: int = 0
    max_consecutive_rejects: int = 0
    duplicate_window_ns: int = 0
    max_daily_loss_nanos: int = 0
    max_drawdown_nanos: int = 0
    rearm_after_ns: int = 0
    open_orders: int = 0
    pnl_nanos: int = 0
    high_water_nanos: int = 0
    rejects_in_a_row: int = 0
    latched: int = 0  # bit n: breaker n
    daily_loss_tripped_ns: int = 0
    drawdown_tripped_ns: int = 0
    rejects_tripped_ns: int = 0

    def limit_of(self, breaker: Breaker) -> int:
        return {
            Breaker.DAILY_LOSS: self.max_daily_loss_nanos,
            Breaker.DRAWDOWN: self.max_drawdown_nanos,
            Breaker.CONSECUTIVE_REJECTS: self.max_consecutive_rejects,
        }[breaker]

    def violates(self, breaker: Breaker) -> bool:
        """A limit of 0 blocks by itself and trips nothing."""
        reached = {
            Breaker.DAILY_LOSS: -self.pnl_nanos,
            Breaker.DRAWDOWN: self.high_water_nanos - self.pnl_nanos,
            Breaker.CONSECUTIVE_REJECTS: self.rejects_in_a_row,
        }[breaker]
        return 0 < self.limit_of(breaker) <= reached

    def trip_if_violated(self, breaker: Breaker, time_ns: int) -> None:
        """Each record that violates stamps the time anew."""
        if self.violates(breaker):
            self.latched |= 1 << breaker
            setattr(self, _TRIPPED[breaker], time_ns)

    def stops(self, breaker: Breaker, time_ns: int) -> bool:
        if self.limit_of(breaker) == 0:
            return True
        if not self.latched >> breaker & 1:
            return self.violates(breaker)
        elapsed_ns = max(0, time_ns - getattr(self, _TRIPPED[breaker]))
        return self.rearm_after_ns == 0 or elapsed_ns < self.rearm_after_ns


_TRIPPED = {
    Breaker.DAILY_LOSS: "daily_loss_tripped_ns",
    Breaker.DRAWDOWN: "drawdown_tripped_ns",
    Breaker.CONSECUTIVE_REJECTS: "rejects_tripped_ns",
}
ACCOUNT_BREAKERS = tuple(_TRIPPED)


@dataclass(slots=True)
class PositionRow:
    max_long_lots: int = 0
    max_short_lots: int = 0
    located_lots: int = 0
    position_lots: int = 0
    open_buy_lots: int = 0
    open_sell_lots: int = 0

    def open_lots(self, side: int) -> int:
        return self.open_buy_lots if side == Side.BUY else self.open_sell_lots

    def add_open_lots(self, side: int, lots: int) -> None:
        if side == Side.BUY:
            self.open_buy_lots += lots
        else:
            self.open_sell_lots += lots

    def worst_lots(self, side: int, added_lots: int) -> int:
        """Everything open on this side trades, and what is added: how long after a BUY, how short after a SELL."""
        held = self.position_lots if side == Side.BUY else -self.position_lots
        return held + self.open_lots(side) + added_lots
