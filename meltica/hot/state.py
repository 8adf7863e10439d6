"""The shape of a gate's exported state: plain ints, empty rows left out, sorted; equal states give equal bytes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_BUCKET = ("known", "messages_per_second", "message_burst", "nano_tokens", "bucket_time_ns")
_EXPOSED = (*_BUCKET, "max_open_value_nanos", "credit_nanos", "open_value_nanos")

# Columns of the rows in export_state(), per table. Beside the tables: version, killed, lease_until_ns, counters.
COLUMNS: dict[str, tuple[str, ...]] = {
    # One row at most, with the id 0.
    "firm": ("firm_id", *_EXPOSED, "max_open_orders", "open_orders"),
    "instruments": (
        "instrument_id",
        *_BUCKET,
        "enabled",
        "restricted",
        "killed",
        "halted",
        "short_restricted",
        "gapped",
        "short_sale",
        "collar_bps",
        "value_per_tick_lot_nanos",
        "max_price_ticks",
        "max_quantity_lots",
        "max_value_nanos",
        "reference_max_age_ns",
        "session_open_ns",
        "session_close_ns",
        "max_day_lots",
        "max_impact_percent",
        "reference_price_ticks",
        "reference_time_ns",
        "bid_ticks",
        "bid_lots",
        "ask_ticks",
        "ask_lots",
        "low_ticks",
        "high_ticks",
        "day_lots",
    ),
    "accounts": (
        "account_id",
        *_EXPOSED,
        "enabled",
        "killed",
        "mismatched",
        "market_orders_allowed",
        "iso_allowed",
        "short_exempt_allowed",
        "self_match",
        "self_match_group",
        "max_open_orders",
        "max_consecutive_rejects",
        "duplicate_window_ns",
        "max_daily_loss_nanos",
        "max_drawdown_nanos",
        "rearm_after_ns",
        "open_orders",
        "pnl_nanos",
        "high_water_nanos",
        "rejects_in_a_row",
        "latched",
        "daily_loss_tripped_ns",
        "drawdown_tripped_ns",
        "rejects_tripped_ns",
    ),
    "strategies": ("strategy_id", *_EXPOSED, "enabled", "killed", "max_executions", "executions", "latched"),
    "ports": ("port_id", *_BUCKET, "enabled", "killed", "connected", "last_order_id"),
    "positions": (
        "account_id",
        "instrument_id",
        "max_long_lots",
        "max_short_lots",
        "located_lots",
        "position_lots",
        "open_buy_lots",
        "open_sell_lots",
    ),
    # The own working orders.
    "orders": ("order_id", "account_id", "instrument_id", "side", "price_ticks", "leaves_lots"),
    # Oldest first within an account.
    "recent": ("account_id", "instrument_id", "side", "quantity_lots", "price_ticks", "time_ns"),
}


def digest(state: Mapping[str, Any]) -> str:
    """SHA-256 of the state without its counters (a refused order changes those alone)."""
    kept = {key: value for key, value in state.items() if key != "counters"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
