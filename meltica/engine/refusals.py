"""Why the gate said no, for people: the limit, what was observed, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain.instrument import Instrument
from meltica.domain.limits import AccountLimits, InstrumentLimits, PositionLimits
from meltica.domain.money import nanos_text
from meltica.engine.state import GLOBAL, EngineState
from meltica.hot import RULES, Check, OrderIntent

Why = Callable[[EngineState, str, Instrument, OrderIntent], str]


def explain(state: EngineState, reason: int, account: str, instrument: Instrument, intent: OrderIntent) -> str:
    """One sentence: the rule's title, then limit and observation where the check has them."""
    rule = RULES[Check(reason)]
    detail = _DETAILS.get(Check(reason))
    return f"{rule.title}: {detail(state, account, instrument, intent) if detail else rule.fires}"


def _kill(state: EngineState, account: str, _i: Instrument, _o: OrderIntent) -> str:
    for name in (GLOBAL, account):
        if (switch := state.tables.kill_switches.get(name)) is not None and switch.engaged:
            scope = "everything" if name == GLOBAL else f"account {name}"
            return (
                f"for {scope}, by {switch.actor}: {switch.reason or 'no reason given'}. Cancels pass; a release"
                " takes two persons (KillSwitchService.ProposeRelease, then ApproveRelease)"
            )
    return "engaged at the gate"


def _instrument_limits(state: EngineState, instrument: Instrument) -> InstrumentLimits:
    limits, _ = state.tables.limits.get(f"instruments/{instrument.instrument}", (None, 0))
    return limits if isinstance(limits, InstrumentLimits) else InstrumentLimits(instrument=instrument.instrument)


def _account_limits(state: EngineState, account: str) -> AccountLimits:
    limits, _ = state.tables.limits.get(f"accounts/{account}", (None, 0))
    return limits if isinstance(limits, AccountLimits) else AccountLimits(account=account)


def _quantity(state: EngineState, _a: str, instrument: Instrument, order: OrderIntent) -> str:
    limit = _instrument_limits(state, instrument).max_quantity_lots
    return f"{instrument.quantity_text(order.quantity_lots)} > limit {instrument.quantity_text(limit)}"


def _value(state: EngineState, _a: str, instrument: Instrument, order: OrderIntent) -> str:
    limit = nanos_text(_instrument_limits(state, instrument).max_value_nanos)
    if order.price_ticks <= 0:
        return f"worth more than the limit {limit} {instrument.quote_currency} at the worst price of the collar"
    value = nanos_text(instrument.value_nanos(order.price_ticks, order.quantity_lots))
    return f"{value} > limit {limit} {instrument.quote_currency}"


def _collar(state: EngineState, _a: str, instrument: Instrument, order: OrderIntent) -> str:
    band = _instrument_limits(state, instrument).collar_bps
    price = "a market order" if order.price_ticks <= 0 else instrument.price_text(order.price_ticks)
    return f"{price} is not within {band} basis points of the reference price, or there is no reference"


def _position(state: EngineState, account: str, instrument: Instrument, order: OrderIntent) -> str:
    limits, _ = state.tables.limits.get(f"accounts/{account}/positions/{instrument.instrument}", (None, 0))
    if not isinstance(limits, PositionLimits):
        return f"account {account} has no position limit in {instrument.instrument}: unset blocks"
    position = state.position(account, instrument.instrument)
    return (
        f"position {instrument.quantity_text(position.lots if position else 0)}, working orders, and"
        f" {instrument.quantity_text(order.quantity_lots)} more would exceed long"
        f" {instrument.quantity_text(limits.max_long_lots)} / short {instrument.quantity_text(limits.max_short_lots)}"
    )


def _exposure(state: EngineState, account: str, instrument: Instrument, _o: OrderIntent) -> str:
    limit = nanos_text(_account_limits(state, account).max_open_value_nanos)
    return f"working orders and this one together exceed {limit} {instrument.quote_currency} of account {account}"


def _rate(state: EngineState, account: str, _i: Instrument, _o: OrderIntent) -> str:
    limits = _account_limits(state, account)
    return (
        f"account {account} may send {limits.messages_per_second} a second, {limits.message_burst} at once; slow down"
    )


def _open_orders(state: EngineState, account: str, _i: Instrument, _o: OrderIntent) -> str:
    return f"account {account} may have {_account_limits(state, account).max_open_orders} working orders"


def _stale(state: EngineState, _a: str, instrument: Instrument, _o: OrderIntent) -> str:
    age_ms = _instrument_limits(state, instrument).reference_max_age_ns // 1_000_000
    return f"no price of {instrument.instrument} within the last {age_ms} ms: check the market data"


_DETAILS: Final[dict[Check, Why]] = {
    Check.KILL_SWITCH: _kill,
    Check.MAX_QUANTITY: _quantity,
    Check.MAX_VALUE: _value,
    Check.PRICE_COLLAR: _collar,
    Check.POSITION_LIMIT: _position,
    Check.OPEN_EXPOSURE: _exposure,
    Check.MESSAGE_RATE: _rate,
    Check.OPEN_ORDER_COUNT: _open_orders,
    Check.STALE_REFERENCE: _stale,
}
"""Checks with numbers to show; the others say what their rule says."""
