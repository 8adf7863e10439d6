"""Lines of limits that hot gates share with the own gate: their limits, the rows that follow, what is in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from meltica.domain.leases import GateFacts
from meltica.domain.limits import MANUAL, Limits, key_of
from meltica.domain.order import Order, Side
from meltica.engine.state import EngineState, Tables
from meltica.hot.layout_gen import (
    AccountLimitsRecord,
    FirmLimitsRecord,
    InstrumentLimitsRecord,
    PositionLimitsRecord,
    Record,
    StrategyLimitsRecord,
)

_RATES: Final = ("messages_per_second", "message_burst")
SLICED: Final[dict[type, tuple[str, ...]]] = {
    FirmLimitsRecord: ("max_open_value_nanos", "max_open_orders", *_RATES),
    AccountLimitsRecord: ("max_open_value_nanos", "max_open_orders", *_RATES),
    StrategyLimitsRecord: ("max_open_value_nanos", "max_executions", *_RATES),
    InstrumentLimitsRecord: ("max_day_lots", *_RATES),
    PositionLimitsRecord: ("max_long_lots", "max_short_lots", "located_lots"),
}
"""Fields of limit rows that add up over gates; limits have them under the same names. Others each gate has whole."""
_FIELDS: Final = frozenset(field for fields in SLICED.values() for field in fields)


# Lines


def line_limits(tables: Tables) -> dict[str, int]:
    """Each line's limit."""
    lines: dict[str, int] = {}
    for limits, _ in tables.limits.values():
        lines.update(lines_of(tables, limits))
    return lines


def lines_of(tables: Tables, limits: Limits) -> dict[str, int]:
    """Credit that is taken away lessens what there is to grant; credit that is given stays with the own gate."""
    key = key_of(limits)
    if key.startswith("ports/"):
        return {}
    lines = {}
    for field in limits.__struct_fields__:
        if field in _FIELDS:
            credit = tables.credit.get(key) if field == "max_open_value_nanos" else None
            taken = 0 if credit is None else min(0, credit.total_nanos)
            lines[f"{key}/{field}"] = max(0, getattr(limits, field) + taken)
    return lines


def in_scope(facts: GateFacts, line: str) -> bool:
    """Does a gate of these facts trade what the line is about?"""
    kind, _, rest = line.rpartition("/")[0].partition("/")
    if kind == "accounts":
        account, _, instrument = rest.partition("/positions/")
        mine = not facts.accounts or account in facts.accounts
        return mine and (not instrument or not facts.instruments or instrument in facts.instruments)
    if kind == "strategies":
        return not facts.strategies or rest in facts.strategies
    return kind != "instruments" or not facts.instruments or rest in facts.instruments


def cut(record: Record, key: str, amount: Callable[[str, int], int]) -> Record:
    """The row with each sliced field set to ``amount(line, whole)``."""
    fields = SLICED.get(type(record), ())
    values: dict[str, Any] = {field: amount(f"{key}/{field}", getattr(record, field)) for field in fields}
    return replace(record, **values)


def house_row(state: EngineState, key: str, record: Record) -> Record:
    """The row as the engine's own gate gets it: what hot gates may believe that they have is not in it."""
    if not state.tables.leases.gates:
        return record
    return cut(record, key, lambda line, whole: max(0, whole - state.leases.claimed(line)))


def gate_row(state: EngineState, gate: str, key: str, record: Record) -> Record:
    """The row as a hot gate gets it: its slices."""
    book = state.tables.leases.gates.get(gate)
    claims = {} if book is None else book.claims
    return cut(record, key, lambda line, _whole: claims[line].slice if line in claims else 0)


# What is in use


def books_use(state: EngineState, gate: str) -> dict[str, int]:
    """What the books hold for a hot gate: its working orders, its positions, what it has used up."""
    tables = state.tables
    use: dict[str, int] = {}

    def add(line: str, amount: int) -> None:
        use[line] = use.get(line, 0) + amount

    lots: dict[str, list[int]] = {}
    for order in state.working_orders():
        if order.gate == gate:
            unit = tables.instruments[order.instrument].value_per_tick_lot_nanos
            value = order.reserved_lots * order.reserved_price_ticks * unit
            for key in ("firm", f"accounts/{order.account}", f"strategies/{order.strategy or MANUAL}"):
                add(f"{key}/max_open_value_nanos", value)
                add(f"{key}/max_open_orders", 1)
            row = lots.setdefault(f"accounts/{order.account}/positions/{order.instrument}", [0, 0, 0])
            row[1 if order.side is Side.BUY else 2] += order.reserved_lots
    for name, position in tables.hot_lots.items():
        owner, account, instrument = name.split("|")
        if owner == gate:
            lots.setdefault(f"accounts/{account}/positions/{instrument}", [0, 0, 0])[0] = position
    for key, (position, buys, sells) in lots.items():
        add(f"{key}/max_long_lots", max(0, position + buys))
        add(f"{key}/max_short_lots", max(0, sells - position))
        add(f"{key}/located_lots", max(0, sells - position))
    for line, amount in tables.hot_spent.items():
        owner, _, name = line.partition("|")
        if owner == gate:
            add(name, amount)
    return {line: amount for line, amount in use.items() if amount > 0 and line in state.lease_limits}


class Elsewhere:
    """The gate of orders that a hot gate let out: it keeps its own books, so there is nothing to tell."""

    def fill(self, *_: Any, **__: Any) -> None: ...
    def release(self, *_: Any, **__: Any) -> None: ...
    def reserve(self, *_: Any, **__: Any) -> None: ...
    def adjust_position(self, *_: Any) -> None: ...


def count_hot(tables: Tables, order: Order, *, lots: int = 0, day_lots: int = 0, executions: int = 0) -> None:
    """Keeps what a hot gate's orders did: signed lots of its position, lots of the day, executions."""
    name = f"{order.gate}|{order.account}|{order.instrument}"
    if lots:
        tables.hot_lots[name] = tables.hot_lots.get(name, 0) + lots
    spent: Mapping[str, int] = {
        f"{order.gate}|instruments/{order.instrument}/max_day_lots": day_lots,
        f"{order.gate}|strategies/{order.strategy or MANUAL}/max_executions": executions,
    }
    for line, amount in spent.items():
        if amount:
            tables.hot_spent[line] = tables.hot_spent.get(line, 0) + amount


def forget_spent(state: EngineState, ending: str) -> None:
    """A new day, or a strategy that was re-armed: what was used up comes back."""
    spent = state.tables.hot_spent
    for line in [line for line in spent if line.endswith(ending)]:
        del spent[line]
    state.leases.forget_spent(ending)


KEPT_RECORDS: Final = 64
"""Re-armings and new days that a gate may have missed; one that missed more must start anew."""


def tell_once(tables: Tables, record: Record) -> None:
    """Counts once, for the hot gates too; its origin follows from the journal entry that is being made."""
    leases = tables.leases
    origin = (tables.sequence + 1) << 16
    if leases.told and leases.told[-1][0] >= origin:
        origin = leases.told[-1][0] + 1
    leases.told.append((origin, record.to_bytes().hex()))
    if len(leases.told) > KEPT_RECORDS:
        del leases.told[0]
        leases.told_all = False
