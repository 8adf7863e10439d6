"""What the bench of the risk gate calls things: slots, rows, columns."""

from __future__ import annotations

from typing import NamedTuple

from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Mark, OrderIntentRecord
from meltica.hot.rulebook_gen import Check
from meltica.hot.state import COLUMNS

KIND_NONE, KIND_ORDER, KIND_TOLD, KIND_QUERY = range(4)
REASON_PASS = 255
LATENCY = 2  # cycles from an order to its verdict
RECORDS: dict[int, type[lay.Record]] = {
    record.TYPE_ID: record
    for record in vars(lay).values()
    if isinstance(record, type) and hasattr(record, "TYPE_ID") and hasattr(record, "CODEC")
}
LIMITS = {
    record.TYPE_ID
    for record in (
        lay.InstrumentLimitsRecord,
        lay.AccountLimitsRecord,
        lay.StrategyLimitsRecord,
        lay.PortLimitsRecord,
        lay.FirmLimitsRecord,
    )
}
MOST_FORWARDED = 4  # cycles
TABLE_GATE = 0
TABLES = {name: number for number, name in enumerate(COLUMNS, 1)}
SIGNED = {"credit_nanos", "pnl_nanos", "high_water_nanos", "position_lots", "open_buy_lots", "open_sell_lots"}
# Bits of valid_i.
TRIG_KEY, TRIG, HOST, MARKET, TOLD, KILL, RELEASE, QUERY = (1 << bit for bit in range(7, -1, -1))


class Slot(NamedTuple):
    kind: int
    keyed: bool = True
    order: bytes = b""
    told: bytes = b""
    from_host: bool = False


class Raw:
    """A record that is bytes already."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def to_bytes(self) -> bytes:
        return self.data


def key_of(order: bytes) -> int:
    """order_key_t of an OrderIntent."""
    type_id, action, side, flags, port, kind, tif, instrument, account, strategy, *_ = OrderIntentRecord.CODEC.unpack(
        order
    )
    del type_id, action, side, flags, kind, tif
    return ((instrument << 16 | account) << 16 | strategy) << 8 | port


def market_of(row: bytes) -> int | None:
    """market_update_t of a row that the feed could have told; None of one that it could not."""
    record = lay.read_record(row)
    bid = bid_lots = ask = ask_lots = mark = on = 0
    if isinstance(record, lay.ReferencePriceRecord):
        kind, number, time_ns, bid = 0, record.instrument_id, record.time_ns, record.price_ticks
    elif isinstance(record, lay.QuoteRecord):
        kind, number, time_ns = 1, record.instrument_id, record.time_ns
        bid, bid_lots, ask, ask_lots = record.bid_ticks, record.bid_lots, record.ask_ticks, record.ask_lots
    elif isinstance(record, lay.MarkRecord) and record.mark in {Mark.HALTED, Mark.SHORT_RESTRICTED, Mark.GAPPED}:
        kind, number, time_ns, mark, on = 2, record.id, record.time_ns, record.mark, record.on
    elif isinstance(record, lay.PriceBandRecord):
        kind, number, time_ns, bid, ask = 3, record.instrument_id, 0, record.low_ticks, record.high_ticks
    else:
        return None
    fields = ((kind, 2), (number, 16), (bid, 31), (bid_lots, 32), (ask, 31), (ask_lots, 32), (mark, 8), (on, 1))
    word = 0
    for value, width in (*fields, (time_ns, 64)):
        if not 0 <= value < 1 << width:
            return None
        word = word << width | value
    return word


def named(mask: int) -> list[str]:
    return [check.name for check in Check if mask >> check & 1]


def whole(data: bytes) -> bytes:
    """As long as its type id says: the card takes the first bytes of a staged row."""
    record = RECORDS.get(int.from_bytes(data[:2], "little"))
    return data if record is None else data[: record.SIZE].ljust(record.SIZE, b"\0")


def row_keys(table: str, shape: dict[str, int]) -> list[tuple[int, list[int]]]:
    """What a query calls each row of a table, and its key columns."""
    sizes = {"firm": 1, "orders": shape["WorkingOrders"]}
    sizes |= {name: shape[name.title()] for name in ("instruments", "accounts", "strategies", "ports")}
    if table in sizes:
        return [(number, [] if table == "orders" else [number]) for number in range(sizes[table])]
    second = shape["Instruments"] if table == "positions" else shape["DuplicateDepth"]
    return [
        (account << 16 | number, [account, number] if table == "positions" else [account])
        for account in range(shape["Accounts"])
        for number in range(second)
    ]
