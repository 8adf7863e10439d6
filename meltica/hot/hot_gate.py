"""The gate of the hot process after a restart: what the journal says is open, as the records that tell it."""

from __future__ import annotations

from cython_ext.gate import Gate
from cython_ext.ouch import ORDER_FIELDS, OuchPort
from meltica.hot.hot_journal import Recovered
from meltica.hot.layout_gen import AdjustRecord, Record, ReserveRecord


def exposure(port: OuchPort, recovered: Recovered) -> list[Record]:
    """Positions from the journal's fills, and what still works at the venue, as the gate had reserved it.

    A gate must know its instruments' limits before: what an order is worth depends on them.
    """
    found: list[Record] = [
        AdjustRecord(account_id=account_id, instrument_id=instrument_id, delta_lots=lots)
        for (account_id, instrument_id), lots in recovered.positions.items()
        if lots
    ]
    for values in port.export_state()["orders"]:
        row = dict(zip(ORDER_FIELDS, values, strict=True))
        found.append(
            ReserveRecord(
                account_id=row["account_id"],
                instrument_id=row["instrument_id"],
                side=row["side"],
                opens=1,
                strategy_id=row["strategy_id"],
                order_id=row["order_id"],
                quantity_lots=row["held_lots"],
                reserved_price_ticks=row["held_price_ticks"],
            )
        )
    return found


def recover_exposure(gate: Gate, port: OuchPort, recovered: Recovered) -> None:
    """Of a gate that has its limits."""
    for record in exposure(port, recovered):
        gate.tell(record)
