"""What a gate is told, as records: one after another in one bytes object, applied in order."""

from __future__ import annotations

from typing import Final

from meltica.hot import layout_gen as layout
from meltica.hot.layout_gen import RECORDS, Record

NOTICES: Final = frozenset(
    record.TYPE_ID
    for record in (
        layout.InstrumentLimitsRecord,
        layout.AccountLimitsRecord,
        layout.PositionLimitsRecord,
        layout.FirmLimitsRecord,
        layout.StrategyLimitsRecord,
        layout.PortLimitsRecord,
        layout.ReferencePriceRecord,
        layout.MarkRecord,
        layout.QuoteRecord,
        layout.PriceBandRecord,
        layout.ProfitAndLossRecord,
        layout.CreditRecord,
        layout.OutcomeRecord,
        layout.RearmRecord,
        layout.LeaseRecord,
        layout.DayResetRecord,
        layout.FillRecord,
        layout.ReleaseRecord,
        layout.ReserveRecord,
        layout.AdjustRecord,
        layout.KillRecord,
    )
)
"""Records that ``RiskGate.tell`` takes."""


def read(data: bytes) -> list[Record]:
    """All or nothing. :raises ValueError: a record is unknown, cut off, or is no notice."""
    records = []
    at = 0
    while at < len(data):
        type_id = int.from_bytes(data[at : at + 2], "little")
        if type_id not in NOTICES:
            raise ValueError(f"record type {type_id} at byte {at} is no notice")
        kind = RECORDS[type_id]
        records.append(kind.from_bytes(data[at : at + kind.SIZE]))
        at += kind.SIZE
    return records
