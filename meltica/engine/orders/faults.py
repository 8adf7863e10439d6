"""What contradicts itself in an ordinary order, before any limit is asked."""

from __future__ import annotations

from meltica.domain.commands import SubmitOrder
from meltica.domain.instrument import Instrument
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.engine.fold.fold import IMMEDIATE, strategy_row
from meltica.engine.state import NO_ROW, Tables

_LIMIT, _GTC = OrderType.LIMIT, TimeInForce.GTC


def form_fault(command: SubmitOrder, instrument: Instrument) -> tuple[str, str, str] | None:
    """(reason, field, text) of what contradicts itself in the request, before any limit is asked."""
    limit = command.order_type is _LIMIT
    if not 0 < command.quantity_lots <= INT64_MAX:
        return quantity_fault(command.quantity_lots)
    if not -INT64_MAX <= (command.price_ticks or 0) <= INT64_MAX:
        return "PRICE_OUT_OF_RANGE", "price", "no instrument has such a price"
    if limit and command.price_ticks is None:
        return "PRICE_REQUIRED", "price", "a LIMIT order needs a price"
    if not limit and command.price_ticks is not None:
        return "PRICE_NOT_ALLOWED", "price", "a MARKET order has no price; use LIMIT, or leave the price out"
    if not limit and command.time_in_force is _GTC:
        return "MARKET_ORDER_CANNOT_REST", "time_in_force", "a MARKET order is DAY, IOC or FOK"
    flagged = command.post_only or command.short or command.short_exempt or command.iso
    if flagged and (fault := _flags_fault(command)) is not None:
        return fault
    if command.quantity_lots < instrument.min_quantity_lots:
        least = instrument.quantity_text(instrument.min_quantity_lots)
        return "QUANTITY_BELOW_MINIMUM", "quantity", f"the least quantity of {instrument.instrument} is {least}"
    if (
        limit
        and 0 < instrument.value_nanos(command.price_ticks or 0, command.quantity_lots) < instrument.min_value_nanos
    ):
        return "VALUE_BELOW_MINIMUM", "quantity", f"the order is worth less than {instrument.instrument} allows"
    return None


def _flags_fault(command: SubmitOrder) -> tuple[str, str, str] | None:
    limit = command.order_type is OrderType.LIMIT
    if command.post_only and (not limit or command.time_in_force in IMMEDIATE):
        return "POST_ONLY_NOT_RESTING", "post_only", "only a LIMIT order that may rest (GTC, DAY) can be post-only"
    if command.short and command.side is not Side.SELL:
        return "SHORT_NOT_A_SALE", "short_sale", "only a SELL can be a short sale"
    if command.short_exempt and not command.short:
        return "SHORT_EXEMPT_NOT_SHORT", "short_exempt", "only a short sale can be exempt from the price test"
    if command.iso and not limit:
        return "ISO_WITHOUT_PRICE", "intermarket_sweep", "an intermarket sweep order needs a price: send a LIMIT order"
    return None


def strategy_fault(tables: Tables, strategy: str) -> tuple[str, str, str] | None:
    """The gate refuses orders of a strategy that it does not know. What it is asked about later must hear that now."""
    if strategy_row(tables, strategy) != NO_ROW:
        return None
    text = f"{strategy!r} is not a strategy of this gateway; its limits make it one (RiskService.SetLimits)"
    return "UNKNOWN_STRATEGY", "strategy", text


def quantity_fault(quantity_lots: int) -> tuple[str, str, str]:
    if quantity_lots > 0:
        return "QUANTITY_OUT_OF_RANGE", "quantity", "no instrument has so many lots"
    return "QUANTITY_NOT_POSITIVE", "quantity", "the quantity must be positive; to end an order cancel it"


def child_fault(order: Order) -> tuple[str, str, str] | None:
    """A slice is as its parent's schedule wants it."""
    if order.parent_id == 0:
        return None
    text = f"it is a slice of order {order.parent_id}: amend that one (AlgoService.AmendAlgo)"
    return "CHILD_ORDER", "order_id", text
