"""The gate of the hot process after a restart without a control plane: what the journal says is open."""

from __future__ import annotations

from cython_ext.gate import Gate
from cython_ext.ouch import ORDER_FIELDS, OuchPort
from meltica.hot.hot_journal import Recovered


def recover_exposure(gate: Gate, port: OuchPort, recovered: Recovered) -> None:
    """Positions from the journal's fills, and what still works at the venue, as the gate had reserved it."""
    for (account_id, instrument_id), lots in recovered.positions.items():
        if lots:
            gate.adjust_position(account_id, instrument_id, lots)
    for values in port.export_state()["orders"]:
        row = dict(zip(ORDER_FIELDS, values, strict=True))
        gate.reserve(
            row["account_id"],
            row["instrument_id"],
            row["side"],
            row["held_lots"],
            row["held_price_ticks"],
            order_id=row["order_id"],
            strategy_id=row["strategy_id"],
        )
