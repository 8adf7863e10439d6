"""Corrections and busts that can't be booked when they come: kept until their trade comes, or a person drops them."""

from __future__ import annotations

import msgspec


class CorrectionKept(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue corrects, or with quantity 0 busts, a trade that it has not told of yet; or nobody here can book it."""

    order_id: int
    """0: of an order that is not known here. It waits for that as well."""
    account: str
    instrument: str
    reference_execution_id: str
    execution_id: str
    """The correction's own."""
    quantity_lots: int
    price_ticks: int
    fee_nanos: int
    time_ns: int
    why: str = ""
    """Why it can't be booked; empty: it waits for its trade."""
    venue: str = ""
    """With ``client_order_id``: who told of it, and which order it named. Only of orders that are not known."""
    client_order_id: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others."""
        if self.order_id:
            return f"{self.order_id}|{self.execution_id}"
        return f"0|{self.venue}|{self.client_order_id}|{self.execution_id}"


class CorrectionDropped(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A kept correction that will not be applied: a person said so, or when its trade came it contradicted it."""

    order_id: int
    execution_id: str
    reason: str
    actor: str
    time_ns: int
    key: str = ""
    """Of the kept one; empty: as its order and execution id make it."""


class DropCorrection(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Give up waiting for the trade of a kept correction, or say that it was seen to by hand."""

    request_id: str
    actor: str
    reason: str
    order_id: int
    """0: that of an unknown order, the oldest of this execution id."""
    execution_id: str


CorrectionEvent = CorrectionKept | CorrectionDropped
