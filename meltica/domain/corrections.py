"""Corrections and busts that come before the trade that they are about: kept until it comes, or a person drops them."""

from __future__ import annotations

import msgspec


class CorrectionKept(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue corrects, or with quantity 0 busts, a trade that it has not told of yet."""

    order_id: int
    account: str
    instrument: str
    reference_execution_id: str
    execution_id: str
    """The correction's own."""
    quantity_lots: int
    price_ticks: int
    fee_nanos: int
    time_ns: int


class CorrectionDropped(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A kept correction that will not be applied: a person said so, or when its trade came it contradicted it."""

    order_id: int
    execution_id: str
    reason: str
    actor: str
    time_ns: int


class DropCorrection(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Give up waiting for the trade of a kept correction."""

    request_id: str
    actor: str
    reason: str
    order_id: int
    execution_id: str


CorrectionEvent = CorrectionKept | CorrectionDropped
