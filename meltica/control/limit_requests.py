"""Limits as callers send them, read into the domain's."""

from __future__ import annotations

from meltica.control.requests import Form
from meltica.domain.limits import AccountLimits, InstrumentLimits, Limits, PositionLimits, key_of
from meltica.domain.ports import State
from meltica.hot.layout_gen import BURST_BOUND, COLLAR_BPS_BOUND
from meltica.v1 import limits_pb2


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
        case _:
            form.wrong("limits", "one of instrument, account and position is required")
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
    )


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
    )


def _position(form: Form, limits: limits_pb2.PositionLimits, state: State) -> PositionLimits:
    at = "limits.position."
    instrument = form.instrument(f"{at}instrument", limits.instrument, state)
    return PositionLimits(
        account=form.identifier(f"{at}account", limits.account, required=True),
        instrument=limits.instrument,
        max_long_lots=form.quantity(f"{at}max_long_quantity", limits.max_long_quantity, instrument, zero=True),
        max_short_lots=form.quantity(f"{at}max_short_quantity", limits.max_short_quantity, instrument, zero=True),
    )
