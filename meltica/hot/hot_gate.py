"""The gate of the hot process from Python, before its loop runs: limits of a file, exposure of the journal."""

from __future__ import annotations

from cython_ext.gate import Gate
from cython_ext.ouch import ORDER_FIELDS, OuchPort
from meltica.hot.hot_journal import Recovered
from meltica.hot.layout_gen import (
    AccountLimitsRecord,
    AdjustRecord,
    InstrumentLimitsRecord,
    PositionLimitsRecord,
    Record,
    ReferencePriceRecord,
)


def tell_gate(gate: Gate, record: Record) -> None:
    """:raises ValueError: a value is out of range, or the record is none of a gate's."""
    if isinstance(record, InstrumentLimitsRecord):
        gate.set_instrument(
            record.instrument_id,
            enabled=bool(record.enabled),
            restricted=bool(record.restricted),
            halted=bool(record.halted),
            value_per_tick_lot_nanos=record.value_per_tick_lot_nanos,
            max_price_ticks=record.max_price_ticks,
            max_quantity_lots=record.max_quantity_lots,
            max_value_nanos=record.max_value_nanos,
            collar_bps=record.collar_bps,
            reference_max_age_ns=record.reference_max_age_ns,
        )
    elif isinstance(record, AccountLimitsRecord):
        gate.set_account(
            record.account_id,
            enabled=bool(record.enabled),
            market_orders_allowed=bool(record.market_orders_allowed),
            max_open_value_nanos=record.max_open_value_nanos,
            max_open_orders=record.max_open_orders,
            messages_per_second=record.messages_per_second,
            message_burst=record.message_burst,
            duplicate_window_ns=record.duplicate_window_ns,
        )
    elif isinstance(record, PositionLimitsRecord):
        gate.set_position_limit(
            record.account_id,
            record.instrument_id,
            max_long_lots=record.max_long_lots,
            max_short_lots=record.max_short_lots,
        )
    elif isinstance(record, ReferencePriceRecord):
        gate.set_reference(record.instrument_id, record.price_ticks, record.time_ns)
    elif isinstance(record, AdjustRecord):
        gate.adjust_position(record.account_id, record.instrument_id, record.delta_lots)
    else:
        raise ValueError(f"{type(record).__name__} is nothing that this gate is told")  # noqa: TRY004 - a value is wrong


def recover_exposure(gate: Gate, port: OuchPort, recovered: Recovered) -> None:
    """Positions from the journal's fills, and what still works at the venue, as the gate had reserved it."""
    for (account_id, instrument_id), lots in recovered.positions.items():
        if lots:
            gate.adjust_position(account_id, instrument_id, lots)
    for values in port.export_state()["orders"]:
        row = dict(zip(ORDER_FIELDS, values, strict=True))
        gate.reserve(row["account_id"], row["instrument_id"], row["side"], row["held_lots"], row["held_price_ticks"])
