"""Limits as callers send them, read into the domain's."""

from __future__ import annotations

from typing import Final

from google.protobuf.duration_pb2 import Duration

from meltica.control.requests import Form
from meltica.control.risk_views import SELF_MATCH_MODES, SHORT_SALE_RULES
from meltica.domain.limits import (
    DAY_NS,
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    Limits,
    PortLimits,
    PositionLimits,
    SelfMatch,
    ShortSale,
    StrategyLimits,
    key_of,
)
from meltica.domain.money import INT64_MAX
from meltica.domain.ports import State
from meltica.hot.layout_gen import BURST_BOUND, COLLAR_BPS_BOUND
from meltica.v1 import limits_pb2

_SELF_MATCH: Final[dict[int, SelfMatch]] = {
    0: SelfMatch.CANCEL_NEWEST,
    **{int(number): mode for mode, number in SELF_MATCH_MODES.items()},
}
_SHORT_SALE: Final[dict[int, ShortSale]] = {
    0: ShortSale.NOT_ALLOWED,
    **{int(number): rule for rule, number in SHORT_SALE_RULES.items()},
}
"""What is left out blocks, like every limit."""
_GROUPS: Final = 2**16 - 1


def read(form: Form, limits: limits_pb2.Limits, state: State) -> tuple[Limits | None, int]:
    """(limits, the revision that they were made against)."""
    if not limits.etag:
        form.wrong("limits.etag", 'is required: what GetLimits gave, or "0" for a limit that was never set')
        revision = 0
    else:
        revision = form.number("limits.etag", limits.etag)
    found: Limits
    match limits.WhichOneof("scope"):
        case "instrument":
            found = _instrument(form, limits.instrument, state)
        case "account":
            found = _account(form, limits.account)
        case "position":
            found = _position(form, limits.position, state)
        case "firm":
            found = _firm(form, limits.firm)
        case "strategy":
            found = _strategy(form, limits.strategy)
        case "port":
            found = _port(form, limits.port)
        case _:
            form.wrong("limits", "one of instrument, account, position, firm, strategy and port is required")
            return None, revision
    if limits.name and limits.name != key_of(found):
        form.wrong("limits.name", f"contradicts the limit, which is {ascii(key_of(found))[:200]}; leave it out")
    return found, revision


def _instrument(form: Form, limits: limits_pb2.InstrumentLimits, state: State) -> InstrumentLimits:
    at = "limits.instrument."
    instrument = form.instrument(f"{at}instrument", limits.instrument, state)
    return InstrumentLimits(
        instrument=limits.instrument,
        enabled=limits.enabled,
        restricted=limits.restricted,
        max_quantity_lots=form.quantity(f"{at}max_quantity", limits.max_quantity, instrument, zero=True),
        max_value_nanos=form.money(f"{at}max_value", limits.max_value),
        collar_bps=form.at_most(f"{at}collar_bps", limits.collar_bps, COLLAR_BPS_BOUND),
        reference_max_age_ns=form.duration_ns(f"{at}reference_max_age", limits.reference_max_age),
        short_sale=form.choice(f"{at}short_sale", limits.short_sale, _SHORT_SALE, limits_pb2.ShortSaleRule),
        session_open_ns=_opening(form, f"{at}session_open", limits.session_open),
        session_close_ns=form.duration_ns(f"{at}session_close", limits.session_close),
        max_day_lots=form.quantity(f"{at}max_day_quantity", limits.max_day_quantity, instrument, zero=True),
        messages_per_second=limits.messages_per_second,
        message_burst=form.at_most(f"{at}message_burst", limits.message_burst, BURST_BOUND),
        max_impact_percent=limits.max_impact_percent,
    )


def _opening(form: Form, field: str, length: Duration) -> int:
    """A day ends with 24:00 and begins with 00:00."""
    opens_ns = form.duration_ns(field, length)
    if opens_ns == DAY_NS:
        form.wrong(field, "must be before 86400s: a session that opens at midnight opens at 0s")
    return opens_ns % DAY_NS


def _account(form: Form, limits: limits_pb2.AccountLimits) -> AccountLimits:
    at = "limits.account."
    return AccountLimits(
        account=form.identifier(f"{at}account", limits.account, required=True),
        enabled=limits.enabled,
        max_open_value_nanos=form.money(f"{at}max_open_value", limits.max_open_value),
        max_open_orders=limits.max_open_orders,
        messages_per_second=limits.messages_per_second,
        message_burst=form.at_most(f"{at}message_burst", limits.message_burst, BURST_BOUND),
        duplicate_window_ns=form.duration_ns(f"{at}duplicate_window", limits.duplicate_window),
        market_orders_allowed=limits.market_orders_allowed,
        iso_allowed=limits.iso_allowed,
        short_exempt_allowed=limits.short_exempt_allowed,
        self_match=form.choice(f"{at}self_match", limits.self_match, _SELF_MATCH, limits_pb2.SelfMatchMode),
        self_match_group=form.at_most(f"{at}self_match_group", limits.self_match_group, _GROUPS),
        max_consecutive_rejects=limits.max_consecutive_rejects,
        max_daily_loss_nanos=form.money(f"{at}max_daily_loss", limits.max_daily_loss),
        max_drawdown_nanos=form.money(f"{at}max_drawdown", limits.max_drawdown),
        rearm_after_ns=form.duration_ns(f"{at}rearm_after", limits.rearm_after),
    )


def _position(form: Form, limits: limits_pb2.PositionLimits, state: State) -> PositionLimits:
    at = "limits.position."
    instrument = form.instrument(f"{at}instrument", limits.instrument, state)
    return PositionLimits(
        account=form.identifier(f"{at}account", limits.account, required=True),
        instrument=limits.instrument,
        max_long_lots=form.quantity(f"{at}max_long_quantity", limits.max_long_quantity, instrument, zero=True),
        max_short_lots=form.quantity(f"{at}max_short_quantity", limits.max_short_quantity, instrument, zero=True),
        located_lots=form.quantity(f"{at}located_quantity", limits.located_quantity or "0", instrument, zero=True),
    )


def _firm(form: Form, limits: limits_pb2.FirmLimits) -> FirmLimits:
    at = "limits.firm."
    return FirmLimits(
        max_open_value_nanos=form.money(f"{at}max_open_value", limits.max_open_value),
        max_open_orders=limits.max_open_orders,
        messages_per_second=limits.messages_per_second,
        message_burst=form.at_most(f"{at}message_burst", limits.message_burst, BURST_BOUND),
    )


def _strategy(form: Form, limits: limits_pb2.StrategyLimits) -> StrategyLimits:
    at = "limits.strategy."
    return StrategyLimits(
        strategy=form.identifier(f"{at}strategy", limits.strategy, required=True),
        enabled=limits.enabled,
        max_open_value_nanos=form.money(f"{at}max_open_value", limits.max_open_value),
        max_executions=form.at_most(f"{at}max_executions", limits.max_executions, INT64_MAX),
        messages_per_second=limits.messages_per_second,
        message_burst=form.at_most(f"{at}message_burst", limits.message_burst, BURST_BOUND),
    )


def _port(form: Form, limits: limits_pb2.PortLimits) -> PortLimits:
    at = "limits.port."
    return PortLimits(
        port=form.identifier(f"{at}port", limits.port, required=True),
        enabled=limits.enabled,
        messages_per_second=limits.messages_per_second,
        message_burst=form.at_most(f"{at}message_burst", limits.message_burst, BURST_BOUND),
    )
