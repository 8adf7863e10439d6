"""The engine's words as the gate's records: limit rows, marks, quotes. Row numbers come from the tables."""

from __future__ import annotations

from typing import Final

from meltica.domain.breakers import Breaker, MarkKind
from meltica.domain.limits import (
    FIRM,
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    Limits,
    PortLimits,
    PositionLimits,
    StrategyLimits,
    instrument_key,
    session_window,
)
from meltica.engine.state import GLOBAL, Tables
from meltica.hot import layout_gen as hot

BREAKERS: Final = {breaker: hot.Breaker[breaker.name] for breaker in Breaker}
GATE_MARKS: Final = {
    MarkKind.SHORT_RESTRICTED: hot.Mark.SHORT_RESTRICTED,
    MarkKind.GAPPED: hot.Mark.GAPPED,
    MarkKind.MISMATCHED: hot.Mark.MISMATCHED,
    MarkKind.DISCONNECTED: hot.Mark.CONNECTED,
}
_TARGETS: Final = {
    "strategies": hot.KillScope.STRATEGY,
    "ports": hot.KillScope.PORT,
    "instruments": hot.KillScope.INSTRUMENT,
}


def limits_row(tables: Tables, limits: Limits, now_ns: int) -> hot.Record:
    match limits:
        case InstrumentLimits():
            return instrument_row(tables, limits.instrument, now_ns)
        case AccountLimits():
            return _account_row(tables, limits)
        case PositionLimits():
            return hot.PositionLimitsRecord(
                account_id=tables.accounts[limits.account],
                instrument_id=tables.instruments[limits.instrument].handle,
                max_long_lots=limits.max_long_lots,
                max_short_lots=limits.max_short_lots,
                located_lots=limits.located_lots,
            )
        case FirmLimits():
            return hot.FirmLimitsRecord(
                messages_per_second=limits.messages_per_second,
                message_burst=limits.message_burst,
                max_open_orders=limits.max_open_orders,
                max_open_value_nanos=limits.max_open_value_nanos,
            )
        case StrategyLimits():
            return hot.StrategyLimitsRecord(
                strategy_id=tables.strategies[limits.strategy],
                enabled=int(limits.enabled),
                messages_per_second=limits.messages_per_second,
                message_burst=limits.message_burst,
                max_open_value_nanos=limits.max_open_value_nanos,
                max_executions=limits.max_executions,
            )
        case PortLimits():
            return hot.PortLimitsRecord(
                port_id=tables.ports[limits.port],
                enabled=int(limits.enabled),
                messages_per_second=limits.messages_per_second,
                message_burst=limits.message_burst,
            )


def _account_row(tables: Tables, limits: AccountLimits) -> hot.AccountLimitsRecord:
    return hot.AccountLimitsRecord(
        account_id=tables.accounts[limits.account],
        enabled=int(limits.enabled),
        market_orders_allowed=int(limits.market_orders_allowed),
        iso_allowed=int(limits.iso_allowed),
        short_exempt_allowed=int(limits.short_exempt_allowed),
        self_match=int(limits.self_match),
        self_match_group=limits.self_match_group,
        messages_per_second=limits.messages_per_second,
        message_burst=limits.message_burst,
        max_open_orders=limits.max_open_orders,
        max_consecutive_rejects=limits.max_consecutive_rejects,
        max_open_value_nanos=limits.max_open_value_nanos,
        duplicate_window_ns=limits.duplicate_window_ns,
        max_daily_loss_nanos=limits.max_daily_loss_nanos,
        max_drawdown_nanos=limits.max_drawdown_nanos,
        rearm_after_ns=limits.rearm_after_ns,
    )


def instrument_limits(tables: Tables, name: str) -> InstrumentLimits:
    """Shut, where nobody has set them."""
    limits, _ = tables.limits.get(instrument_key(name), (None, 0))
    return limits if isinstance(limits, InstrumentLimits) else InstrumentLimits(instrument=name)


def instrument_row(tables: Tables, name: str, now_ns: int) -> hot.InstrumentLimitsRecord:
    instrument = tables.instruments[name]
    limits = instrument_limits(tables, name)
    opens_ns, closes_ns = session_window(limits, now_ns)
    return hot.InstrumentLimitsRecord(
        enabled=int(limits.enabled),
        restricted=int(limits.restricted),
        instrument_id=instrument.handle,
        short_sale=int(limits.short_sale),
        collar_bps=limits.collar_bps,
        value_per_tick_lot_nanos=instrument.value_per_tick_lot_nanos,
        max_price_ticks=instrument.max_price_ticks,
        max_quantity_lots=limits.max_quantity_lots,
        max_value_nanos=limits.max_value_nanos,
        reference_max_age_ns=limits.reference_max_age_ns,
        session_open_ns=opens_ns,
        session_close_ns=closes_ns,
        max_day_lots=limits.max_day_lots,
        messages_per_second=limits.messages_per_second,
        message_burst=limits.message_burst,
        max_impact_percent=limits.max_impact_percent,
    )


def best(level: tuple[int, int] | None) -> tuple[int, int]:
    """(ticks, lots) as the gate is told; a side that makes no sense (a spread's price may be negative) is not there."""
    if level is None or not (0 < level[0] <= hot.TICKS_BOUND and 0 < level[1] <= hot.LOTS_BOUND):
        return 0, 0
    return level


def mark(tables: Tables, kind: MarkKind, name: str, *, on: bool, now_ns: int) -> hot.MarkRecord:
    if kind is MarkKind.MISMATCHED:
        row = tables.accounts[name]
    elif kind is MarkKind.DISCONNECTED:
        row, on = tables.ports[name], not on
    else:
        row = tables.instruments[name].handle
    return hot.MarkRecord(GATE_MARKS[kind], int(on), row, now_ns)


def halt(tables: Tables, name: str, *, on: bool, now_ns: int) -> hot.MarkRecord:
    return hot.MarkRecord(hot.Mark.HALTED, int(on), tables.instruments[name].handle, now_ns)


def kill_scope(tables: Tables, switch: str) -> tuple[int, int]:
    """(scope, row) of a switch by its key: empty, an account's name, or a target such as ``strategies/…``."""
    if switch == GLOBAL:
        return hot.KillScope.GLOBAL, 0
    kind, slash, name = switch.partition("/")
    if not slash:
        return hot.KillScope.ACCOUNT, tables.accounts[switch]
    scope = _TARGETS[kind]
    if scope is hot.KillScope.INSTRUMENT:
        return scope, tables.instruments[name].handle
    return scope, (tables.strategies if scope is hot.KillScope.STRATEGY else tables.ports)[name]


def credit(tables: Tables, name: str, delta_nanos: int) -> hot.CreditRecord:
    if name == FIRM:
        return hot.CreditRecord(hot.CreditScope.FIRM, 0, delta_nanos)
    kind, _, row = name.partition("/")
    if kind == "accounts":
        return hot.CreditRecord(hot.CreditScope.ACCOUNT, tables.accounts[row], delta_nanos)
    return hot.CreditRecord(hot.CreditScope.STRATEGY, tables.strategies[row], delta_nanos)
