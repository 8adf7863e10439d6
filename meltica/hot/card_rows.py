"""A gate's exported state as the records that bring a fresh gate to it, as far as records can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import CreditScope, KillScope, Mark, Record
from meltica.hot.state import COLUMNS

_LIMITS: Final[dict[str, tuple[type[Record], CreditScope | None, KillScope | None]]] = {
    "firm": (lay.FirmLimitsRecord, CreditScope.FIRM, None),
    "accounts": (lay.AccountLimitsRecord, CreditScope.ACCOUNT, KillScope.ACCOUNT),
    "strategies": (lay.StrategyLimitsRecord, CreditScope.STRATEGY, KillScope.STRATEGY),
    "ports": (lay.PortLimitsRecord, None, KillScope.PORT),
    "instruments": (lay.InstrumentLimitsRecord, None, KillScope.INSTRUMENT),
}
_EXPOSED: Final = ("firm", "accounts", "strategies")
_MARKS: Final = {
    "instruments": (Mark.HALTED, Mark.SHORT_RESTRICTED, Mark.GAPPED),
    "accounts": (Mark.MISMATCHED,),
    "ports": (Mark.CONNECTED,),
}


def open_exposure(state: Mapping[str, Any]) -> int:
    """How many sides of positions and values are open: no record tells which order reserved what, so 0 is wanted."""
    at = COLUMNS["positions"].index("open_buy_lots")
    values = [row[COLUMNS[table].index("open_value_nanos")] for table in _EXPOSED for row in state[table]]
    return sum(map(bool, values)) + sum(bool(lots) for row in state["positions"] for lots in row[at : at + 2])


def rows_of(state: Mapping[str, Any], now_ns: int) -> Iterator[Record]:
    """Limits, credit, switches, marks, prices, positions and PnL, in an order in which all are taken.

    Left out, since no record tells them: what is open, how full the token buckets are, the orders of the duplicate
    check, the lots of the day, executions and rejects so far, and when a breaker tripped (it trips anew, now).
    """
    for table in _LIMITS:
        for values in state[table]:
            yield from _row(table, dict(zip(COLUMNS[table], values, strict=True)), values[0], now_ns)
    for values in state["instruments"]:
        yield from _market(dict(zip(COLUMNS["instruments"], values, strict=True)), now_ns)
    for account_id, instrument_id, longest, shortest, located, position, *_ in state["positions"]:
        yield lay.PositionLimitsRecord(account_id, instrument_id, longest, shortest, located)
        if position:
            yield lay.AdjustRecord(account_id, instrument_id, position)
    for values in state["accounts"]:
        yield from _breakers(dict(zip(COLUMNS["accounts"], values, strict=True)), now_ns)
    yield lay.LeaseRecord(state["lease_until_ns"])
    if state["killed"]:
        yield lay.KillRecord(KillScope.GLOBAL, 1, 0, now_ns)


def _row(table: str, row: dict[str, int], number: int, now_ns: int) -> Iterator[Record]:
    limits, credit, kill = _LIMITS[table]
    if row["known"]:
        yield limits(**{name: row[name] for name in limits.__slots__ if name in row})
    if credit is not None and row["credit_nanos"]:
        yield lay.CreditRecord(credit, number, row["credit_nanos"])
    if kill is not None and row["killed"]:
        yield lay.KillRecord(kill, 1, number, now_ns)
    for mark in _MARKS.get(table, ()):
        if row[mark.name.lower()]:
            yield lay.MarkRecord(mark, 1, number, now_ns)


def _market(row: dict[str, int], now_ns: int) -> Iterator[Record]:
    number = row["instrument_id"]
    if row["reference_price_ticks"]:
        yield lay.ReferencePriceRecord(number, row["reference_price_ticks"], row["reference_time_ns"])
    if row["bid_lots"] or row["ask_lots"]:
        bid, ask = (row["bid_ticks"], row["bid_lots"]), (row["ask_ticks"], row["ask_lots"])
        yield lay.QuoteRecord(number, *bid, *ask, now_ns)
    if row["high_ticks"]:
        yield lay.PriceBandRecord(number, row["low_ticks"], row["high_ticks"])


def _breakers(row: dict[str, int], now_ns: int) -> Iterator[Record]:
    """The high-water mark first, then what is left of it."""
    for pnl_nanos in (row["high_water_nanos"], row["pnl_nanos"]):
        if pnl_nanos:
            yield lay.ProfitAndLossRecord(row["account_id"], pnl_nanos, now_ns)
