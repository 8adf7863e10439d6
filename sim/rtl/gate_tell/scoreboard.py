"""What gate_tell must make of each row: the twin's Tables decide, and the twin's rows give the arithmetic."""

import copy
from typing import Any

from meltica.hot import layout_gen as lay
from meltica.hot.bounds import card_bounds
from meltica.hot.rows_twin import INT64_MAX, saturated
from meltica.hot.tell_twin import Tables
from sim.rtl.gate_tell.rows import TYPE_IDS, Sizes

WORKING_ORDERS = 4
ORDER_LOTS, TICKS, LIMIT_LOTS = 2**20 - 1, 2**31 - 1, 2**46
LIMITS = (
    lay.InstrumentLimitsRecord,
    lay.AccountLimitsRecord,
    lay.FirmLimitsRecord,
    lay.StrategyLimitsRecord,
)
SHADOWED = (lay.InstrumentLimitsRecord, lay.ReferencePriceRecord, lay.QuoteRecord)
OP_FIELDS = (
    *(("full_tokens", 64), ("value_limit", 64), ("impact_sell_lots", 20), ("impact_buy_lots", 20)),
    *(("impact_on", 1), ("edge_high", 31), ("edge_low", 31), ("row", 1024), ("type_id", 16), ("from_host", 1)),
)


def read_op(bits: int) -> dict[str, int]:
    """told_op_t, from its last field to its first."""
    found = {}
    for name, width in OP_FIELDS:
        found[name] = bits & (1 << width) - 1
        bits >>= width
    return found


class Scoreboard:
    def __init__(self, sizes: Sizes, unit: int) -> None:
        self.sizes = sizes
        self.set_unit(unit)
        self.tables = self.fresh()

    def set_unit(self, unit: int) -> None:
        self.unit = unit
        self.bounds = card_bounds(unit, self.sizes.ports)
        if hasattr(self, "tables"):
            self.tables.bounds = self.bounds

    def fresh(self) -> Tables:
        sizes = self.sizes
        return Tables(sizes.instruments, sizes.accounts, sizes.strategies, WORKING_ORDERS, self.bounds)

    # --- what is answered without asking the core ---

    def record_of(self, row: bytes) -> Any:
        """None for a type that is none of the gate's."""
        type_id = int.from_bytes(row[:2], "little")
        return lay.RECORDS[type_id].from_bytes(row[: lay.RECORDS[type_id].SIZE]) if type_id in TYPE_IDS else None

    def verdict(self, row: bytes) -> lay.Status:
        record = self.record_of(row)
        if record is None:
            return lay.Status.BAD_RECORD
        if self.unit == 0 and isinstance(record, (*LIMITS, lay.CreditRecord)):
            return lay.Status.BAD_ARGUMENT
        try:
            self.empty().tell(record)
        except ValueError:
            return lay.Status.BAD_ARGUMENT
        return lay.Status.OK

    def empty(self) -> Tables:
        """Tables of which nothing is known, so that they refuse only for what is in the record. Cheap to make."""
        small = Sizes(1, 1, 1, 1)
        tables = Tables(*small[:3], WORKING_ORDERS, self.bounds)
        tables.instruments *= self.sizes.instruments
        tables.accounts *= self.sizes.accounts
        tables.strategies *= self.sizes.strategies
        return tables

    # --- what the core is given ---

    def op(self, row: bytes, *, from_host: bool) -> dict[str, int]:
        """The op of a good row, as if it were taken."""
        record = self.record_of(row)
        op = {"from_host": int(from_host), "type_id": record.type_id, "row": self.normal_row(row, record)}
        op |= {"edge_low": 1, "edge_high": 0, "impact_on": 0, "impact_buy_lots": 0, "impact_sell_lots": 0}
        op |= {"value_limit": self.value_limit(record), "full_tokens": getattr(record, "message_burst", 0) * 10**9}
        if isinstance(record, SHADOWED):
            op |= self.instrument_part(record)
        return op

    def normal_row(self, row: bytes, record: Any) -> int:
        data = bytearray(row)
        if isinstance(record, lay.PositionLimitsRecord):
            for at in (8, 16, 24):
                lots = int.from_bytes(row[at : at + 8], "little")
                data[at : at + 8] = min(lots, LIMIT_LOTS).to_bytes(8, "little")
        if isinstance(record, lay.QuoteRecord):
            for at, lots in ((8, record.bid_lots), (24, record.ask_lots)):
                if lots == 0:
                    data[at : at + 8] = bytes(8)
        return int.from_bytes(data, "little")

    def value_limit(self, record: Any) -> int:
        if isinstance(record, lay.InstrumentLimitsRecord):
            return record.max_value_nanos // self.unit
        row = self.exposed_row(record)
        if row is None:
            return 0
        credit, most = row.credit_nanos, getattr(record, "max_open_value_nanos", row.max_open_value_nanos)
        credit = saturated(credit + getattr(record, "delta_nanos", 0))
        return max(0, saturated(most + credit)) // self.unit

    def exposed_row(self, record: Any) -> Any:
        tables = self.tables
        if isinstance(record, lay.CreditRecord) and record.scope != lay.CreditScope.FIRM:
            return (tables.account if record.scope == lay.CreditScope.ACCOUNT else tables.strategy)(record.id)
        if isinstance(record, (lay.FirmLimitsRecord, lay.CreditRecord)):
            return tables.firm
        if isinstance(record, lay.AccountLimitsRecord):
            return tables.account(record.account_id)
        return tables.strategy(record.strategy_id) if isinstance(record, lay.StrategyLimitsRecord) else None

    def instrument_part(self, record: Any) -> dict[str, int]:
        tables = self.empty()
        row = copy.copy(self.tables.instrument(record.instrument_id))
        tables.instruments[record.instrument_id] = row
        tables.tell(record)
        low, high = row.collar_ticks(TICKS)
        percent = row.max_impact_percent
        buy, sell = (min(ORDER_LOTS, percent * row.displayed_lots(side) // 100) for side in lay.Side)
        impact = {"impact_on": int(percent > 0), "impact_buy_lots": buy, "impact_sell_lots": sell}
        return {"edge_low": low, "edge_high": high, **impact}

    # --- what the core makes of it ---

    def tell(self, row: bytes) -> bool:
        """Whether the rows of the gate take it, which may depend on what they hold."""
        try:
            self.tables.tell(self.record_of(row))
        except ValueError:
            return False
        return True

    @property
    def saturated_units(self) -> int:
        return -(-INT64_MAX // self.unit) if self.unit else 0
