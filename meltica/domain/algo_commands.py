"""What people ask of parent orders. Cancelling one is ``CancelOrder``."""

from __future__ import annotations

import msgspec

from meltica.domain.order import Side, TimeInForce
from meltica.domain.schedule import Schedule


class SubmitAlgo(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    account: str
    strategy: str
    instrument: str
    side: Side
    quantity_lots: int
    schedule: Schedule
    price_ticks: int | None = None
    """No child trades at a worse price; None: none is set."""
    time_in_force: TimeInForce = TimeInForce.GTC
    """Of children that rest: GTC or DAY."""
    post_only: bool = False
    """Of children that rest."""
    reduce_only: bool = False
    short: bool = False
    short_exempt: bool = False
    client_order_id: str = ""
    decided_ns: int = 0
    """As of a ``SubmitOrder``."""
    decision_ticks: int | None = None


class PauseAlgo(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Nothing more goes out until it is resumed; its end comes all the same."""

    request_id: str
    actor: str
    order_id: int
    keep_children: bool = False
    """Leave those that work at their venue; False: cancel them."""
    reason: str = ""


class ResumeAlgo(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    order_id: int


class AmendAlgo(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """What is not named stays as it is. A quantity below what is filled becomes what is filled (FIX C.3.c)."""

    request_id: str
    actor: str
    order_id: int
    quantity_lots: int | None = None
    price_ticks: int | None = None
    end_ns: int | None = None


AlgoCommand = SubmitAlgo | PauseAlgo | ResumeAlgo | AmendAlgo
