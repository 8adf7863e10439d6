"""Rows to tell: every record, every field at its edges and beyond, bytes as a host could write them."""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from meltica.hot import layout_gen as lay

ROW_BYTES = 128
GATE_RECORDS: tuple[type[Any], ...] = (
    lay.InstrumentLimitsRecord,
    lay.AccountLimitsRecord,
    lay.PositionLimitsRecord,
    lay.FirmLimitsRecord,
    lay.StrategyLimitsRecord,
    lay.PortLimitsRecord,
    lay.CreditRecord,
    lay.ReferencePriceRecord,
    lay.QuoteRecord,
    lay.PriceBandRecord,
    lay.MarkRecord,
    lay.KillRecord,
    lay.LeaseRecord,
    lay.DayResetRecord,
    lay.ProfitAndLossRecord,
    lay.OutcomeRecord,
    lay.RearmRecord,
    lay.FillRecord,
    lay.ReleaseRecord,
    lay.ReserveRecord,
    lay.AdjustRecord,
)
TYPE_IDS = {record.TYPE_ID for record in GATE_RECORDS}
# Whatever a bound may be: the numbers at it and beside it.
EDGES = sorted(
    {edge + near for edge in (0, 3, 5, 10_000, 100_000, 2**20, 2**27) for near in (-1, 0, 1)}
    | {2**power + near for power in (31, 32, 46, 60, 63, 64) for near in (-1, 0, 1)}
    | {-(2**power) + near for power in (0, 31, 32, 46, 60, 63) for near in (-1, 0, 1)}
)

# Where 1 %, 20 % or all of what is displayed is just as much as the largest order, and where the card stops counting.
DISPLAYED = [
    *(edge + near for edge in (2**20 - 1, 5 * (2**20 - 1), 100 * (2**20 - 1), 2**27) for near in (-100, -5, -1, 0, 1)),
    2**32 - 1,
]


class Sizes(NamedTuple):
    instruments: int
    accounts: int
    strategies: int
    ports: int


class Field(NamedTuple):
    name: str
    at: int
    size: int
    signed: bool

    @property
    def is_reserved(self) -> bool:
        return self.name.removeprefix("reserved").isdigit()

    def fits(self, value: int) -> bool:
        low = -(1 << 8 * self.size - 1) if self.signed else 0
        return low <= value < (1 << 8 * self.size - self.signed)


def fields_of(record: type[Any]) -> list[Field]:
    table: Any = record.DTYPE.fields
    return [
        Field(name, at, kind.itemsize, kind.kind == "i") for name, (kind, at, *_) in table.items() if name != "type_id"
    ]


def row_of(record: type[Any], values: dict[str, int], dice: random.Random) -> bytes:
    """The record with these values, and what nobody looks at (reserved fields, the rest of the row) at random."""
    row = bytearray(dice.randbytes(ROW_BYTES))
    row[0:2] = record.TYPE_ID.to_bytes(2, "little")
    for field in fields_of(record):
        value = values.get(field.name, 0)
        if not field.is_reserved:
            row[field.at : field.at + field.size] = value.to_bytes(field.size, "little", signed=field.signed)
    return bytes(row)


def plain(record: type[Any], sizes: Sizes, unit: int, dice: random.Random) -> dict[str, int]:
    """Values that the gate takes."""
    values = {
        "instrument_id": dice.randrange(min(sizes.instruments, 6)),
        "account_id": dice.randrange(sizes.accounts),
        "strategy_id": dice.randrange(sizes.strategies),
        "port_id": dice.randrange(sizes.ports),
        "value_per_tick_lot_nanos": unit,
        "collar_bps": dice.choice([0, 1, 500, dice.randrange(100_001)]),
        "max_impact_percent": dice.choice([0, 1, 1, 20, 100, dice.randrange(1 << dice.randrange(1, 33))]),
        "message_burst": dice.randrange(2**31),
        "price_ticks": dice.choice([0, 1, dice.randrange(2**31), dice.randrange(1 << dice.randrange(1, 31))]),
        "side": dice.choice([1, 2]),
        "quantity_lots": dice.randrange(1, 1 << dice.randrange(1, 33)),
        "reserved_price_ticks": dice.randrange(2**31),
        "delta_lots": dice.randrange(-(2**32) + 1, 2**32),
        "time_ns": dice.getrandbits(64),
        "order_id": dice.randrange(5),
        "delta_nanos": dice.choice([dice.randrange(-(2**63), 2**63), dice.randrange(-(10**9), 10**9)]),
    }
    for name in ("max_value_nanos", "max_open_value_nanos", "max_day_lots", "max_daily_loss_nanos"):
        values[name] = dice.choice([2**63 - 1, dice.randrange(1 << dice.randrange(1, 64))])
    for name in ("enabled", "restricted", "on", "engage", "closes", "opens", "rejected"):
        values[name] = dice.randrange(2)
    for name in ("max_long_lots", "max_short_lots", "located_lots"):
        values[name] = dice.randrange(1 << dice.randrange(1, 61))
    for side in ("bid", "ask"):
        lots = dice.choice([0, dice.randrange(1 << dice.randrange(1, 33)), dice.choice(DISPLAYED)])
        values |= {f"{side}_lots": lots, f"{side}_ticks": dice.randrange(1, 2**31)}
    values["high_ticks"] = dice.randrange(2**31)
    values["low_ticks"] = dice.randrange(values["high_ticks"] + 1)
    return {name: values.get(name, 0) for name in (f.name for f in fields_of(record))} | named(record, sizes, dice)


def named(record: type[Any], sizes: Sizes, dice: random.Random) -> dict[str, int]:
    """Scopes and what their id may be."""
    ids = {
        lay.MarkRecord: ("mark", [sizes.instruments] * 3 + [sizes.accounts, sizes.ports]),
        lay.KillRecord: ("scope", [1, sizes.accounts, sizes.strategies, sizes.ports, sizes.instruments]),
        lay.CreditRecord: ("scope", [1, sizes.accounts, sizes.strategies]),
        lay.RearmRecord: ("breaker", [sizes.accounts] * 3 + [sizes.strategies]),
    }
    if record not in ids:
        return {}
    name, rows = ids[record]
    which = dice.randrange(len(rows))
    return {name: which + 1, "id": dice.randrange(rows[which])}


def one_field_off(sizes: Sizes, unit: int, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Every field of every record at every edge that fits it, the others as they should be."""
    bounds = {number + near for number in (*sizes, unit) for near in (-1, 0, 1)}
    for record in GATE_RECORDS:
        for field in fields_of(record):
            if field.is_reserved:
                continue
            for value in sorted({*EDGES, *bounds}):
                if field.fits(value):
                    values = plain(record, sizes, unit, dice) | {field.name: value}
                    yield f"{record.__name__}.{field.name}", row_of(record, values, dice)
        for scope in range(8):
            name = {lay.MarkRecord: "mark", lay.KillRecord: "scope", lay.CreditRecord: "scope"}.get(record, "breaker")
            for number in sorted(bounds):
                if name in {f.name for f in fields_of(record)} and 0 <= number < 2**32:
                    values = plain(record, sizes, unit, dice) | {name: scope, "id": number}
                    yield f"{record.__name__}.{name}", row_of(record, values, dice)


def random_row(sizes: Sizes, unit: int, dice: random.Random) -> bytes:
    """Mostly good; some with a field that may be anything, some of a type that is none of the gate's."""
    record = dice.choice(GATE_RECORDS)
    values = plain(record, sizes, unit, dice)
    if dice.random() < 0.15:
        field = dice.choice(fields_of(record) or [None])
        if field is not None:
            values[field.name] = int.from_bytes(dice.randbytes(field.size), "little", signed=field.signed)
    row = row_of(record, values, dice)
    if dice.random() < 0.05:
        row = dice.randrange(2**16).to_bytes(2, "little") + row[2:]
    return row
