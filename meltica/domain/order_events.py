"""What becomes of orders: the events that ``domain.events`` collects with all others.

Four of them also go outside: OrderSubmitted, OrderReleased, CancelRequested and ReplaceRequested tell the driver what
to send to the venue, once they are durable.
"""

from __future__ import annotations

import msgspec

from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held, Terms


class OrderSubmitted(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The gate let it pass; send it to the venue."""

    order_id: int
    client_order_id: str
    account: str
    strategy: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int | None
    post_only: bool
    reduce_only: bool
    reserved_price_ticks: int
    actor: str
    time_ns: int
    iso: bool = False
    short: bool = False
    short_exempt: bool = False
    asked_lots: int = 0
    """What was asked for, where self-match prevention let less out; 0: all of it went out."""
    terms: Terms | None = None
    parent_id: int = 0
    group_id: int = 0


class OrderHeld(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The engine keeps it until its moment comes; the gate judges it then."""

    order_id: int
    client_order_id: str
    account: str
    strategy: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int | None
    post_only: bool
    reduce_only: bool
    held: Held
    actor: str
    time_ns: int
    iso: bool = False
    short: bool = False
    short_exempt: bool = False
    terms: Terms | None = None
    group_id: int = 0
    due_ns: int = 0
    """When the engine wants to look at it by itself; 0: only when something happens."""


class HeldAmended(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A held order is another one from now on: somebody asked for it, or it follows the market."""

    order_id: int
    quantity_lots: int
    price_ticks: int | None
    terms: Terms | None
    actor: str
    time_ns: int
    due_ns: int = 0
    held: Held | None = None
    """What it waits for now; None: for the same."""
    reason: str = ""


class OrderReleased(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Its moment came and the gate let it pass: send it to the venue, as a market or a limit order."""

    order_id: int
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int | None
    reserved_price_ticks: int
    reason: str
    """What released it, with the figures."""
    time_ns: int
    asked_lots: int = 0
    """What was asked for, where self-match prevention let less out; 0: all of it went out."""


class OrderDenied(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """We refused a new order; it never left. ``reason`` is the check's name, ``fired_mask`` every check that fired."""

    order_id: int
    client_order_id: str
    account: str
    strategy: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int | None
    post_only: bool
    reduce_only: bool
    reason: str
    fired_mask: int
    text: str
    actor: str
    time_ns: int
    iso: bool = False
    short: bool = False
    short_exempt: bool = False
    terms: Terms | None = None
    parent_id: int = 0


class OrderAdopted(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue has an order for our account that did not come from us (given by telephone, by another session).

    It counts in exposure and position from now on, and can be cancelled and amended like any other. No gate was asked;
    or a hot gate was (``gate``): then it counts at that gate alone.
    """

    order_id: int
    client_order_id: str
    account: str
    instrument: str
    side: Side
    quantity_lots: int
    price_ticks: int | None
    venue: str
    time_ns: int
    gate: str = ""
    strategy: str = ""


class CancelRequested(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Send a cancel to the venue."""

    order_id: int
    client_order_id: str
    original_client_order_id: str
    actor: str
    time_ns: int
    reason: str = ""
    """Why, where nobody asked for it: self-match prevention."""


class ReplaceRequested(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Send a replace to the venue: new total quantity and price."""

    order_id: int
    client_order_id: str
    original_client_order_id: str
    quantity_lots: int
    price_ticks: int | None
    gate_lots: int
    """What the gate now holds for it, at ``reserved_price_ticks``; 0: the amendment only reduces, no gate was asked."""
    reserved_price_ticks: int
    actor: str
    time_ns: int
    asked_lots: int = 0
    """The total that was asked for, where self-match prevention let less out."""
    reason: str = ""
    """Why, where nobody asked for it: self-match prevention."""


class AmendDenied(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The gate refused a replace; the order lives on as it was."""

    order_id: int
    reason: str
    fired_mask: int
    text: str
    actor: str
    time_ns: int
    quantity_lots: int = 0
    """The total quantity that was asked for."""


class OrderReported(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue told a fact that moves no quantity: acknowledged, pending, done for day, cancelled, expired, …"""

    order_id: int
    exec_type: ExecType
    client_order_id: str
    time_ns: int
    venue_order_id: str = ""
    quantity_lots: int | None = None
    """REPLACED, RESTATED: the total quantity from now on."""
    price_ticks: int | None = None
    remainder_survives_day: bool = True
    text: str = ""
    unsent: bool = False
    """Said by ourselves: the venue never saw it, so its rejects in a row do not grow."""
    cumulative_lots: int | None = None
    """RESTATED by a split: what is filled, in the units from now on."""
    original_client_order_id: str = ""
    """REPLACED: what it replaced, by the venue's word. Was that a request without an answer, it was carried out."""
    superseded: bool = False
    """REPLACED: it was, and a later replacement that is known already came after it; the terms are that one's."""


class OrderFilled(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """An execution: quantities and money move. Cumulative and leaves are the order's afterwards."""

    order_id: int
    account: str
    strategy: str
    instrument: str
    side: Side
    execution_id: str
    quantity_lots: int
    price_ticks: int
    fee_nanos: int
    maker: bool | None
    cumulative_lots: int
    leaves_lots: int
    sequence: int
    """Position in the order in which executions were applied, over all orders."""
    time_ns: int
    overfill_lots: int = 0
    """How much of it is more than was ordered; it is booked like the rest."""


class TradeCorrected(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue corrected an execution (or, with quantity 0, busted it); position and PnL are recomputed."""

    order_id: int
    account: str
    instrument: str
    reference_execution_id: str
    execution_id: str
    quantity_lots: int
    price_ticks: int
    fee_nanos: int
    cumulative_lots: int
    leaves_lots: int
    time_ns: int


class RequestRejected(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue refused a cancel or replace; the order lives on as it was."""

    order_id: int
    client_order_id: str
    text: str
    time_ns: int


class ReportIgnored(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A venue report that changes nothing, kept because it was said: a duplicate, an unknown order, a contradiction."""

    venue: str
    client_order_id: str
    reason: str
    text: str
    time_ns: int


OrderEvent = (
    OrderSubmitted
    | OrderHeld
    | HeldAmended
    | OrderReleased
    | OrderDenied
    | OrderAdopted
    | CancelRequested
    | ReplaceRequested
    | AmendDenied
    | OrderReported
    | OrderFilled
    | TradeCorrected
    | RequestRejected
    | ReportIgnored
)
