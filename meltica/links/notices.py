"""Calls of the gate that have no result, as records: one after another in one bytes object, applied in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from meltica.hot.layout_gen import (
    RECORDS,
    AccountLimitsRecord,
    AdjustRecord,
    FillRecord,
    HaltRecord,
    InstrumentLimitsRecord,
    KillRecord,
    KillScope,
    PositionLimitsRecord,
    Record,
    ReferencePriceRecord,
    ReleaseRecord,
    ReserveRecord,
)
from meltica.hot.ports import RiskGate


def read(data: bytes) -> list[Record]:
    """All or nothing. :raises ValueError: a record is unknown, cut off, or is no notice."""
    records = []
    at = 0
    while at < len(data):
        type_id = int.from_bytes(data[at : at + 2], "little")
        if type_id not in _APPLY:
            raise ValueError(f"record type {type_id} at byte {at} is no notice")
        kind = RECORDS[type_id]
        record = kind.from_bytes(data[at : at + kind.SIZE])
        if isinstance(record, KillRecord) and record.scope not in (KillScope.GLOBAL, KillScope.ACCOUNT):
            raise ValueError(f"kill scope {record.scope} is unknown")
        records.append(record)
        at += kind.SIZE
    return records


def apply(gate: RiskGate, record: Record) -> None:
    """:raises ValueError: the gate refuses it; nothing has changed then."""
    _APPLY[record.type_id](gate, record)


def _instrument(gate: RiskGate, r: InstrumentLimitsRecord) -> None:
    gate.set_instrument(
        r.instrument_id,
        enabled=bool(r.enabled),
        restricted=bool(r.restricted),
        halted=bool(r.halted),
        value_per_tick_lot_nanos=r.value_per_tick_lot_nanos,
        max_price_ticks=r.max_price_ticks,
        max_quantity_lots=r.max_quantity_lots,
        max_value_nanos=r.max_value_nanos,
        collar_bps=r.collar_bps,
        reference_max_age_ns=r.reference_max_age_ns,
    )


def _account(gate: RiskGate, r: AccountLimitsRecord) -> None:
    gate.set_account(
        r.account_id,
        enabled=bool(r.enabled),
        market_orders_allowed=bool(r.market_orders_allowed),
        max_open_value_nanos=r.max_open_value_nanos,
        max_open_orders=r.max_open_orders,
        messages_per_second=r.messages_per_second,
        message_burst=r.message_burst,
        duplicate_window_ns=r.duplicate_window_ns,
    )


def _position(gate: RiskGate, r: PositionLimitsRecord) -> None:
    gate.set_position_limit(
        r.account_id, r.instrument_id, max_long_lots=r.max_long_lots, max_short_lots=r.max_short_lots
    )


def _reference(gate: RiskGate, r: ReferencePriceRecord) -> None:
    gate.set_reference(r.instrument_id, r.price_ticks, r.time_ns)


def _halt(gate: RiskGate, r: HaltRecord) -> None:
    gate.set_halted(r.instrument_id, bool(r.halted))


def _fill(gate: RiskGate, r: FillRecord) -> None:
    gate.fill(r.account_id, r.instrument_id, r.side, r.quantity_lots, r.reserved_price_ticks, closes=bool(r.closes))


def _release(gate: RiskGate, r: ReleaseRecord) -> None:
    gate.release(r.account_id, r.instrument_id, r.side, r.quantity_lots, r.reserved_price_ticks, closes=bool(r.closes))


def _reserve(gate: RiskGate, r: ReserveRecord) -> None:
    gate.reserve(r.account_id, r.instrument_id, r.side, r.quantity_lots, r.reserved_price_ticks, opens=bool(r.opens))


def _adjust(gate: RiskGate, r: AdjustRecord) -> None:
    gate.adjust_position(r.account_id, r.instrument_id, r.delta_lots)


def _kill(gate: RiskGate, r: KillRecord) -> None:
    account_id = r.account_id if r.scope == KillScope.ACCOUNT else None
    (gate.kill if r.engage else gate.unkill)(account_id)


_APPLY: Final[dict[int, Callable[[RiskGate, Any], None]]] = {
    InstrumentLimitsRecord.TYPE_ID: _instrument,
    AccountLimitsRecord.TYPE_ID: _account,
    PositionLimitsRecord.TYPE_ID: _position,
    ReferencePriceRecord.TYPE_ID: _reference,
    HaltRecord.TYPE_ID: _halt,
    FillRecord.TYPE_ID: _fill,
    ReleaseRecord.TYPE_ID: _release,
    ReserveRecord.TYPE_ID: _reserve,
    AdjustRecord.TYPE_ID: _adjust,
    KillRecord.TYPE_ID: _kill,
}
"""Notices on one screen: which record calls what."""
