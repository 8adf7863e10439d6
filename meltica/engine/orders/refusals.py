"""Why the gate said no, for people: the limit, what was observed, and what to do about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final, NamedTuple

from meltica.domain.breakers import Breaker, BreakerState, MarkKind, breaker_key, mark_key
from meltica.domain.instrument import Instrument
from meltica.domain.limits import (
    FIRM,
    MANUAL,
    OWN_PORT,
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    PositionLimits,
    SelfMatch,
    ShortSale,
    StrategyLimits,
    account_key,
    instrument_key,
    port_key,
    strategy_key,
)
from meltica.domain.market import Mark
from meltica.domain.money import nanos_text
from meltica.engine.risk.rows import instrument_limits
from meltica.engine.state import GLOBAL, EngineState
from meltica.hot import RULES, Check, OrderIntent


class Asked(NamedTuple):
    """The order that was refused, and what it was judged by."""

    state: EngineState
    account: str
    strategy: str
    instrument: Instrument
    intent: OrderIntent
    mark: Mark | None = None
    """The reference price that came with the input."""

    @property
    def instrument_limits(self) -> InstrumentLimits:
        return instrument_limits(self.state.tables, self.instrument.instrument)

    @property
    def account_limits(self) -> AccountLimits:
        limits, _ = self.state.tables.limits.get(account_key(self.account), (None, 0))
        return limits if isinstance(limits, AccountLimits) else AccountLimits(account=self.account)

    @property
    def strategy_limits(self) -> StrategyLimits | None:
        limits, _ = self.state.tables.limits.get(strategy_key(self.strategy), (None, 0))
        return limits if isinstance(limits, StrategyLimits) else None

    @property
    def firm_limits(self) -> FirmLimits | None:
        limits, _ = self.state.tables.limits.get(FIRM, (None, 0))
        return limits if isinstance(limits, FirmLimits) else None

    def credit(self, name: str) -> str:
        """`` (credit -5 in it)``, or nothing where none was moved."""
        credit = self.state.tables.credit.get(name)
        return f" (moved by {nanos_text(credit.total_nanos)})" if credit is not None and credit.total_nanos else ""


Why = Callable[[Asked], str]


def explain(reason: int, asked: Asked) -> str:
    """One sentence: the rule's title, then limit and observation where the check has them."""
    rule = RULES[Check(reason)]
    detail = _DETAILS.get(Check(reason).name)
    return f"{rule.title}: {detail(asked) if detail else rule.fires}"


def _kill(asked: Asked) -> str:
    names = {
        GLOBAL: "everything",
        asked.account: f"account {asked.account}",
        strategy_key(asked.strategy): f"strategy {asked.strategy or MANUAL}",
        port_key(OWN_PORT): f"port {OWN_PORT}",
        instrument_key(asked.instrument.instrument): asked.instrument.instrument,
    }
    for name, scope in names.items():
        if (switch := asked.state.tables.kill_switches.get(name)) is not None and switch.engaged:
            return (
                f"for {scope}, by {switch.actor}: {switch.reason or 'no reason given'}. Cancels pass; a release"
                " takes two persons (KillSwitchService.ProposeRelease, then ApproveRelease)"
            )
    return "engaged at the gate"


def _disabled(asked: Asked) -> str:
    tables = asked.state.tables
    if not asked.account_limits.enabled:
        return f"account {asked.account} is not enabled ({account_key(asked.account)})"
    if port_key(OWN_PORT) not in tables.limits:
        return f"port {OWN_PORT} has no limits ({port_key(OWN_PORT)}): unset blocks"
    return f"port {OWN_PORT} is not enabled ({port_key(OWN_PORT)})"


def _session(asked: Asked) -> str:
    limits = asked.instrument_limits
    if limits.session_open_ns == limits.session_close_ns:
        return f"{asked.instrument.instrument} has no session: unset blocks (session_open, session_close)"
    opens, closes = (_time_of_day(ns) for ns in (limits.session_open_ns, limits.session_close_ns))
    return f"{asked.instrument.instrument} takes orders from {opens} to {closes} UTC"


def _time_of_day(ns: int) -> str:
    minutes, seconds = divmod(ns // 1_000_000_000, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _quantity(asked: Asked) -> str:
    text = asked.instrument.quantity_text
    return f"{text(asked.intent.quantity_lots)} > limit {text(asked.instrument_limits.max_quantity_lots)}"


def _value(asked: Asked) -> str:
    instrument, intent = asked.instrument, asked.intent
    limit = nanos_text(asked.instrument_limits.max_value_nanos)
    if intent.price_ticks <= 0:
        return f"worth more than the limit {limit} {instrument.quote_currency} at the worst price of the collar"
    value = nanos_text(instrument.value_nanos(intent.price_ticks, intent.quantity_lots))
    return f"{value} > limit {limit} {instrument.quote_currency}"


def _collar(asked: Asked) -> str:
    within = f"{_price(asked)} is not within {asked.instrument_limits.collar_bps} basis points of the reference price"
    if asked.mark is None or asked.mark.price_ticks <= 0:
        return f"{within}, or there is no reference"
    return f"{within} {asked.instrument.price_text(asked.mark.price_ticks)}"


def _price(asked: Asked) -> str:
    ticks = asked.intent.price_ticks
    return "a market order" if ticks <= 0 else asked.instrument.price_text(ticks)


def _band(asked: Asked) -> str:
    return f"{_price(asked)} is outside the price band that the market has set for {asked.instrument.instrument}"


def _iso(asked: Asked) -> str:
    return f"account {asked.account} may not send intermarket sweep orders (iso_allowed)"


def _short(asked: Asked) -> str:
    rule, name = asked.instrument_limits.short_sale, asked.instrument.instrument
    if rule is ShortSale.NOT_ALLOWED:
        return f"{name} may not be sold short (short_sale)"
    if rule is ShortSale.FREE:
        return f"account {asked.account} may not mark sales as exempt (short_exempt_allowed)"
    limits, _ = asked.state.tables.limits.get(f"{account_key(asked.account)}/positions/{name}", (None, 0))
    located = limits.located_lots if isinstance(limits, PositionLimits) else 0
    return (
        f"a sale that goes short must be marked short_sale and located ({asked.instrument.quantity_text(located)}"
        " located); while the price test is in force it must be above the best bid, or exempt where the account may"
    )


def _position(asked: Asked) -> str:
    state, account, instrument = asked.state, asked.account, asked.instrument
    limits, _ = state.tables.limits.get(f"{account_key(account)}/positions/{instrument.instrument}", (None, 0))
    if not isinstance(limits, PositionLimits):
        return f"account {account} has no position limit in {instrument.instrument}: unset blocks"
    position = state.position(account, instrument.instrument)
    return (
        f"position {instrument.quantity_text(position.lots if position else 0)}, working orders, and"
        f" {instrument.quantity_text(asked.intent.quantity_lots)} more would exceed long"
        f" {instrument.quantity_text(limits.max_long_lots)} / short {instrument.quantity_text(limits.max_short_lots)}"
    )


def _exposure(asked: Asked) -> str:
    limit = nanos_text(asked.account_limits.max_open_value_nanos) + asked.credit(account_key(asked.account))
    currency = asked.instrument.quote_currency
    return f"working orders and this one together exceed {limit} {currency} of account {asked.account}"


def _firm(asked: Asked) -> str:
    if (limits := asked.firm_limits) is None:
        return "the firm has no limits: unset blocks (RiskService.SetLimits, firm)"
    value = nanos_text(limits.max_open_value_nanos) + asked.credit(FIRM)
    return f"all working orders and this one exceed the firm's {value}, or {limits.max_open_orders} orders"


def _strategy_exposure(asked: Asked) -> str:
    limits = asked.strategy_limits
    value = nanos_text(limits.max_open_value_nanos if limits else 0) + asked.credit(strategy_key(asked.strategy))
    return f"working orders of strategy {asked.strategy or MANUAL} and this one together exceed {value}"


def _strategy(asked: Asked) -> str:
    key = strategy_key(asked.strategy)
    what = f"has no limits ({key}): unset blocks" if asked.strategy_limits is None else f"is not enabled ({key})"
    return f"strategy {asked.strategy or MANUAL} {what}"


def _day_quantity(asked: Asked) -> str:
    most = asked.instrument.quantity_text(asked.instrument_limits.max_day_lots)
    return f"{asked.instrument.instrument}: with this order more than {most} were sent since the trading day began"


def _impact(asked: Asked) -> str:
    share = asked.instrument_limits.max_impact_percent
    text = asked.instrument.quantity_text(asked.intent.quantity_lots)
    return f"{text} is more than {share} % of what is displayed at the other side's best price; send less"


def _rate(asked: Asked) -> str:
    rows = [
        (f"account {asked.account}", asked.account_limits),
        ("the firm", asked.firm_limits),
        (f"strategy {asked.strategy or MANUAL}", asked.strategy_limits),
    ]
    said = [
        f"{name} may send {row.messages_per_second} a second, {row.message_burst} at once"
        for name, row in rows
        if row is not None
    ]
    return f"{'; '.join(said)}; slow down"


def _instrument_rate(asked: Asked) -> str:
    limits = asked.instrument_limits
    return (
        f"{asked.instrument.instrument} takes {limits.messages_per_second} a second, {limits.message_burst} at once;"
        " slow down"
    )


def _open_orders(asked: Asked) -> str:
    most = asked.account_limits.max_open_orders
    return (
        f"account {asked.account} may have {most} at work, and all accounts what the settings' gate_working_orders says"
    )


def _self_match(asked: Asked) -> str:
    limits = asked.account_limits
    what = limits.self_match.name.lower().replace("_", " ")
    kept = "" if limits.self_match is SelfMatch.CANCEL_NEWEST else "; the working ones get out of its way"
    return f"it would trade with working orders of group {limits.self_match_group} ({what}){kept}"


def _stale(asked: Asked) -> str:
    name = asked.instrument.instrument
    gap = asked.state.tables.marks.get(mark_key(MarkKind.GAPPED, name))
    if gap is not None and gap.on:
        return f"market data of {name} is missing ({gap.reason or 'a gap'}): wait until the book is whole again"
    age_ms = asked.instrument_limits.reference_max_age_ns // 1_000_000
    return f"no price of {name} within the last {age_ms} ms: check the market data"


def _port_down(asked: Asked) -> str:
    mark = asked.state.tables.marks.get(mark_key(MarkKind.DISCONNECTED, OWN_PORT))
    return f"the session {OWN_PORT} is down: {mark.reason if mark is not None and mark.reason else 'not connected'}"


def _mismatch(asked: Asked) -> str:
    mark = asked.state.tables.marks.get(mark_key(MarkKind.MISMATCHED, asked.account))
    why = mark.reason if mark is not None and mark.reason else "the books differ"
    return f"account {asked.account} and the venue do not agree: {why}. Reconcile, then clear it (RiskService.SetMark)"


def _breaker(kind: Breaker) -> Why:
    def why(asked: Asked) -> str:
        strategy = (asked.strategy or MANUAL) if kind is Breaker.REPEATED_EXECUTION else ""
        account = "" if strategy else asked.account
        state = asked.state.tables.breakers.get(breaker_key(kind, account, strategy))
        if state is None or not state.latched:
            who = f"strategy {strategy}" if strategy else f"account {account}"
            return f"{who} is at its limit ({kind.value}), or has none: unset blocks"
        return f"{state.text}. {_way_back(state)}"

    return why


def _way_back(state: BreakerState) -> str:
    if state.rearm_ns:
        when = dt.datetime.fromtimestamp(-(-state.rearm_ns // 1_000_000_000), dt.UTC)
        return f"It lets go by itself at {when:%Y-%m-%d %H:%M:%S} UTC, or by RiskService.RearmBreaker"
    return "It stays until two persons re-arm it (RiskService.RearmBreaker, then ApproveProposal)"


_DETAILS: Final[dict[str, Why]] = {
    "KILL_SWITCH": _kill,
    "ACCOUNT_DISABLED": _disabled,
    "SESSION_WINDOW": _session,
    "MAX_QUANTITY": _quantity,
    "MAX_VALUE": _value,
    "PRICE_COLLAR": _collar,
    "PRICE_BAND": _band,
    "ISO_NOT_ALLOWED": _iso,
    "SHORT_SALE": _short,
    "POSITION_LIMIT": _position,
    "OPEN_EXPOSURE": _exposure,
    "FIRM_CREDIT": _firm,
    "DAY_QUANTITY": _day_quantity,
    "MARKET_IMPACT": _impact,
    "MESSAGE_RATE": _rate,
    "INSTRUMENT_RATE": _instrument_rate,
    "REPEATED_EXECUTION": _breaker(Breaker.REPEATED_EXECUTION),
    "SELF_MATCH": _self_match,
    "OPEN_ORDER_COUNT": _open_orders,
    "STALE_REFERENCE": _stale,
    "DAILY_LOSS": _breaker(Breaker.DAILY_LOSS),
    "PORT_DOWN": _port_down,
    "POSITION_MISMATCH": _mismatch,
    "DRAWDOWN": _breaker(Breaker.DRAWDOWN),
    "CONSECUTIVE_REJECTS": _breaker(Breaker.CONSECUTIVE_REJECTS),
    "STRATEGY_DISABLED": _strategy,
    "STRATEGY_EXPOSURE": _strategy_exposure,
}
"""Checks with numbers to show; the others say what their rule says."""
