"""What a venue says about our orders, in FIX terms; every venue's session translates into these two messages."""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.order import Side


class ExecType(enum.Enum):
    """FIX tag 150, by name."""

    PENDING_NEW = "PendingNew"
    NEW = "New"
    TRADE = "Trade"
    TRADE_CORRECT = "TradeCorrect"
    TRADE_CANCEL = "TradeCancel"
    PENDING_CANCEL = "PendingCancel"
    CANCELED = "Canceled"
    PENDING_REPLACE = "PendingReplace"
    REPLACED = "Replaced"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    DONE_FOR_DAY = "DoneForDay"
    RESTATED = "Restated"
    STOPPED = "Stopped"
    SUSPENDED = "Suspended"
    CALCULATED = "Calculated"
    ORDER_STATUS = "OrderStatus"

    __hash__ = object.__hash__  # Enum's own hashes the name, in Python, and each report is looked up in tables by it.


class ExecutionReport(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """FIX 35=8. Only the fields that the ``exec_type`` needs are filled; quantities in lots, prices in ticks."""

    venue: str
    client_order_id: str
    exec_type: ExecType
    original_client_order_id: str = ""
    venue_order_id: str = ""
    execution_id: str = ""
    """FIX ExecID; what makes a duplicate a duplicate, with venue and account."""
    reference_execution_id: str = ""
    """FIX ExecRefID: which execution a correction or bust is about."""
    last_quantity_lots: int = 0
    last_price_ticks: int = 0
    fee_nanos: int = 0
    """Fee of this execution; negative is a rebate."""
    maker: bool | None = None
    order_quantity_lots: int | None = None
    """REPLACED, RESTATED: the new total quantity, where the venue tells."""
    price_ticks: int | None = None
    """REPLACED, RESTATED: the new price, where the venue tells."""
    account: str = ""
    """With ``instrument`` and ``side``: whose order it is. Only needed for one that did not come from us."""
    instrument: str = ""
    side: Side | None = None
    cumulative_lots: int | None = None
    """RESTATED: what is filled, where a split restated that as well (FIX CumQty)."""
    leaves_lots: int | None = None
    """DONE_FOR_DAY: 0 says that the rest does not come back tomorrow."""
    text: str = ""
    unsent: bool = False
    """REJECTED by ourselves: the venue never saw it."""
    gate: str = ""
    """The hot gate that let the order out and tells this."""
    drop_sequence: int = 0
    """The number of its drop copy."""
    strategy: str = ""
    """With ``gate``: whose order it is."""
    venue_time_ns: int = 0
    """When it happened by the venue's clock (FIX TransactTime), where the venue tells; 0: it does not."""


class OrderCancelReject(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """FIX 35=9: a cancel or replace was refused; the order lives on as it was."""

    venue: str
    client_order_id: str
    """Of the refused request."""
    original_client_order_id: str = ""
    text: str = ""
    gate: str = ""
    drop_sequence: int = 0


class OutcomeUnknown(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Said by the session itself: the order or request was sent, and nobody knows whether the venue has it.

    A time-out, a server error, a connection that was lost after the send. No refusal: it may well be working there.
    """

    venue: str
    client_order_id: str
    """Of the order, the cancel or the replace."""
    original_client_order_id: str = ""
    text: str = ""


class OrderNotFound(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The answer to a query: the venue has no such order or request. It may still be on its way."""

    venue: str
    client_order_id: str
    original_client_order_id: str = ""
    horizon_ns: int = 0
    """So long after the send nothing can arrive any more, by the venue's word; 0: it gives none."""
    text: str = ""


VenueReport = ExecutionReport | OrderCancelReject | OutcomeUnknown | OrderNotFound
