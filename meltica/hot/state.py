"""The shape of a gate's exported state: plain ints, empty rows left out, sorted; equal states give equal bytes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Columns of the rows in export_state(), per table.
COLUMNS: dict[str, tuple[str, ...]] = {
    "instruments": (
        "instrument_id",
        "known",
        "enabled",
        "restricted",
        "halted",
        "value_per_tick_lot_nanos",
        "max_price_ticks",
        "max_quantity_lots",
        "max_value_nanos",
        "collar_bps",
        "reference_max_age_ns",
        "reference_price_ticks",
        "reference_time_ns",
    ),
    "accounts": (
        "account_id",
        "known",
        "enabled",
        "killed",
        "market_orders_allowed",
        "max_open_value_nanos",
        "max_open_orders",
        "messages_per_second",
        "message_burst",
        "duplicate_window_ns",
        "open_value_nanos",
        "open_orders",
        "nano_tokens",
        "bucket_time_ns",
        "last_order_id",
    ),
    "positions": (
        "account_id",
        "instrument_id",
        "max_long_lots",
        "max_short_lots",
        "position_lots",
        "open_buy_lots",
        "open_sell_lots",
    ),
    # Oldest first within an account.
    "recent": ("account_id", "instrument_id", "side", "quantity_lots", "price_ticks", "time_ns"),
}


def digest(state: Mapping[str, Any]) -> str:
    """SHA-256 of the state without its counters (a refused order changes those alone)."""
    kept = {key: value for key, value in state.items() if key != "counters"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
