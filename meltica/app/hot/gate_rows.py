"""Everything that a hot gate must hold, as records: its slices, and what is the same for every gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from meltica.app.settings import HotGateSettings
from meltica.domain.breakers import MarkKind
from meltica.domain.instrument import Instrument
from meltica.domain.limits import InstrumentLimits, PortLimits, account_key, instrument_key
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order
from meltica.engine.risk import rows
from meltica.engine.risk.lease_rows import gate_row, in_scope
from meltica.engine.state import EngineState, Tables
from meltica.hot.layout_gen import KillRecord, ProfitAndLossRecord, Record, ReserveRecord, SymbolRecord

WIRE_PRICES: Final = 10_000
"""OUCH and ITCH count 1/10,000 of a dollar."""
SYMBOL_BYTES: Final = 8


def all_rows(state: EngineState, settings: HotGateSettings, now_ns: int) -> Iterator[Record]:
    """What stops, what an instrument is called, limits, the market; nothing about what is out of its scope."""
    tables = state.tables
    for name, switch in tables.kill_switches.items():
        scope, row = rows.kill_scope(tables, name)
        yield KillRecord(scope, int(switch.engaged), row, switch.changed_ns)
    facts = settings.facts()
    for name, instrument in tables.instruments.items():
        if in_scope(facts, f"{instrument_key(name)}/"):
            yield from _instrument(state, settings, instrument, now_ns)
    for key, (limits, _) in tables.limits.items():
        mine = isinstance(limits, PortLimits) or in_scope(facts, f"{key}/")
        if mine and not isinstance(limits, InstrumentLimits):
            yield gate_row(state, settings.name, key, rows.limits_row(tables, limits, now_ns))
    yield from profits(state, settings)
    for mark in tables.marks.values():
        if mark.mark is not MarkKind.DISCONNECTED:  # The gate knows its own sessions
            yield rows.mark(tables, mark.mark, mark.name, on=mark.on, now_ns=mark.changed_ns)


def _instrument(state: EngineState, settings: HotGateSettings, instrument: Instrument, now_ns: int) -> Iterator[Record]:
    tables, name = state.tables, instrument.instrument
    if (symbol := symbol_row(settings, instrument)) is not None:
        yield symbol
    yield gate_row(state, settings.name, instrument_key(name), rows.instrument_row(tables, name, now_ns))
    yield rows.halt(tables, name, on=name in tables.halted, now_ns=0)


def symbol_row(settings: HotGateSettings, instrument: Instrument) -> SymbolRecord | None:
    """None: its ticks, lots or name can't be written on an OUCH wire, so no order in it can leave."""
    wire_price, shares = instrument.tick_size * WIRE_PRICES, instrument.lot_size
    symbol = instrument.venue_symbol.encode("ascii", "replace")
    whole = wire_price == int(wire_price) and shares == int(shares)
    if not whole or len(symbol) > SYMBOL_BYTES:
        return None
    return SymbolRecord(
        locate=settings.locates.get(instrument.instrument, 0),
        instrument_id=instrument.handle,
        symbol=int.from_bytes(symbol.ljust(SYMBOL_BYTES), "little"),
        wire_price_per_tick=int(wire_price),
        shares_per_lot=int(shares),
    )


def profits(state: EngineState, settings: HotGateSettings) -> Iterator[ProfitAndLossRecord]:
    """Without a time, so that one that has not changed is not told again."""
    facts = settings.facts()
    for account, row in state.tables.accounts.items():
        if in_scope(facts, f"{account_key(account)}/"):
            pnl = state.worth.day_nanos(account)
            yield ProfitAndLossRecord(row, max(-INT64_MAX, min(pnl, INT64_MAX)), 0)


def reserve_row(tables: Tables, order: Order) -> ReserveRecord:
    """A working order, for a gate that has no journal of its own."""
    return ReserveRecord(
        account_id=tables.accounts[order.account],
        instrument_id=tables.instruments[order.instrument].handle,
        side=order.side,
        opens=1,
        strategy_id=tables.strategies.get(order.strategy, 0),
        order_id=int(order.client_order_id.rpartition(":")[2]),
        quantity_lots=order.reserved_lots,
        reserved_price_ticks=order.reserved_price_ticks,
    )
