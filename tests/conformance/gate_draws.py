"""What the generator of tests.conformance.gate_machine draws from: limits, orders, records, values on their edges."""

from collections.abc import Sequence
from dataclasses import fields
from random import Random

from hypothesis import strategies as st

from meltica.hot import OrderType
from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Record
from tests.conformance.gate_desk import UINT64_MAX, T, record

TABLES = {
    "max_instruments": 3,
    "max_accounts": 2,
    "duplicate_depth": 2,
    "reference_future_tolerance_ns": 3,
    "max_strategies": 2,
    "max_working_orders": 8,
    "leased": True,
}
EDGES = [-(2**63), -1, 0, 1, 2**60 - 1, 2**60, 2**60 + 1, 2**63 - 1]
RATE = {"messages_per_second": 2 * 10**9, "message_burst": 9}  # two a nanosecond
LIMITS: dict[type[Record], dict[str, int]] = {
    lay.InstrumentLimitsRecord: RATE
    | {
        "enabled": 1,
        "short_sale": 1,
        "collar_bps": 1_000,
        "value_per_tick_lot_nanos": 1,
        "max_price_ticks": 120,
        "max_quantity_lots": 5,
        "max_value_nanos": 480,
        "reference_max_age_ns": 60,
        "session_open_ns": T - 10,
        "session_close_ns": UINT64_MAX,
        "max_day_lots": 90,
        "max_impact_percent": 60,
    },
    lay.AccountLimitsRecord: RATE
    | {
        "enabled": 1,
        "market_orders_allowed": 1,
        "iso_allowed": 1,
        "self_match": 1,
        "max_open_orders": 6,
        "max_consecutive_rejects": 3,
        "max_open_value_nanos": 2_000,
        "duplicate_window_ns": 3,
        "max_daily_loss_nanos": 20,
        "max_drawdown_nanos": 30,
    },
    lay.StrategyLimitsRecord: RATE | {"enabled": 1, "max_open_value_nanos": 3_000, "max_executions": 40},
    lay.PortLimitsRecord: RATE | {"enabled": 1},
    lay.FirmLimitsRecord: RATE | {"max_open_orders": 9, "max_open_value_nanos": 3_500},
    lay.PositionLimitsRecord: {"max_long_lots": 20, "max_short_lots": 20, "located_lots": 4},
}
KEY = {
    lay.InstrumentLimitsRecord: "instrument_id",
    lay.AccountLimitsRecord: "account_id",
    lay.StrategyLimitsRecord: "strategy_id",
    lay.PortLimitsRecord: "port_id",
}
# What a limit is set to now and then: blocking, tight, or without an end.
ODD_VALUES = [0, 0, 1, 2, 3, 30, 200, 10_000, 2**31 - 1, 2**60, 2**63 - 1, UINT64_MAX]
SATURATING = {"value_per_tick_lot_nanos": 2**60, "max_value_nanos": 2**63 - 1}

lots = st.one_of(st.integers(1, 6), st.sampled_from(EDGES))
prices = st.one_of(st.integers(85, 115), st.sampled_from(EDGES))
times = st.one_of(st.integers(T, T + 99), st.sampled_from([0, T - 10**9, T + 10**9, UINT64_MAX]))

# What a desk sends on an ordinary day, close to every limit.
ORDINARY: dict[str, Sequence[int]] = {
    "side": [1, 1, 2, 2],
    "instrument_id": [0, 0, 1],
    "account_id": [0, 0, 0, 1],
    "strategy_id": [0, 0, 1],
    "port_id": [0, 0, 255],
    "quantity_lots": [1, 1, 2, 2, 3, 4, 5, 6],
    "price_ticks": [89, 90, 95, 99, 100, 100, 101, 105, 110, 111],
    "order_type": [OrderType.LIMIT] * 6 + [OrderType.MARKET],
    "tif": [0, 0, 0, 1, 3, 4],
    "flags": [0, 0, 0, 0, 1, 2, 4],
}
BUSY_DAY_ORDERS = 150
ordinary = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in ORDINARY.items()})
# What no desk should send.
spoiling = st.fixed_dictionaries(
    {},
    optional={
        "type_id": st.integers(0, 3),
        "action": st.integers(0, 4),
        "side": st.integers(0, 3),
        "tif": st.integers(0, 10),
        "flags": st.integers(0, 255),
        "order_type": st.integers(0, 3),
        "instrument_id": st.sampled_from([2, 3, 2**32 - 1]),
        "account_id": st.sampled_from([2, 65_535]),
        "strategy_id": st.sampled_from([2, 65_535]),
        "port_id": st.sampled_from([1, 254]),
        "order_id": st.integers(0, 12),
        "quantity_lots": lots,
        "price_ticks": prices,
        "time_ns": times,
        "working_lots": lots,
        "working_price_ticks": prices,
    },
)


def odd_record(chance: Random, now_ns: int) -> Record:
    """Any record that a gate knows, small ids, values on and around the edges of their fields."""
    record_class = chance.choice([*LIMITS, *OTHER_RECORDS])
    values: dict[str, int] = {}
    codes = dict(zip(record_class.DTYPE.names or (), record_class.CODEC.format[1:], strict=True))
    for one in fields(record_class):
        if one.name == "type_id":
            continue
        bits = {"B": 8, "H": 16, "I": 32, "Q": 64, "q": 63}[codes[one.name]]
        low, high = (-(2**63) if codes[one.name] == "q" else 0), 2**bits - 1
        if one.name.endswith("_id") or one.name == "id":
            values[one.name] = min(high, chance.choice([0, 0, 0, 0, 1, 1, 2, 255, 2**31]))
        elif bits == 8:
            values[one.name] = chance.choice([0, 1, 1, 1, 2, 3, 4, 5, 6])
        elif one.name == "time_ns":
            values[one.name] = now_ns + chance.randrange(-5, 5)
        else:
            value = chance.choice([*ODD_VALUES, *EDGES, chance.randrange(-40, 40), chance.randrange(90, 110), now_ns])
            values[one.name] = max(low, min(high, value))
    if record_class in LIMITS:
        kept = {name for name in values if chance.random() < 0.9 and name in LIMITS[record_class]}
        values |= {name: LIMITS[record_class][name] for name in kept}
    return record(record_class, **values)


OTHER_RECORDS: list[type[Record]] = [
    lay.ReferencePriceRecord,
    lay.MarkRecord,
    lay.QuoteRecord,
    lay.PriceBandRecord,
    lay.ProfitAndLossRecord,
    lay.CreditRecord,
    lay.OutcomeRecord,
    lay.RearmRecord,
    lay.LeaseRecord,
    lay.DayResetRecord,
    lay.FillRecord,
    lay.ReleaseRecord,
    lay.ReserveRecord,
    lay.AdjustRecord,
    lay.KillRecord,
    lay.HeartbeatRecord,  # none of the gate's
    lay.VerdictRecord,
]
