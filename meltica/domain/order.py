"""An order: what was asked for, and the facts that have become known of it since.

Nothing here is a stored status. ``lifecycle.status`` computes it from these facts.
"""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.outcomes import Doubt
from meltica.domain.terms import Held, Terms


class Side(enum.IntEnum):
    """FIX tag 54."""

    BUY = 1
    SELL = 2

    @property
    def opposite(self) -> Side:
        return _SELL if self is _BUY else _BUY

    @property
    def sign(self) -> int:
        return 1 if self is _BUY else -1


# A name in this module costs a tenth of looking a member up in its class, and each order asks several times.
_BUY, _SELL = Side.BUY, Side.SELL


class OrderType(enum.IntEnum):
    """FIX tag 40. The gate and most venues know the first two; ``sent_as`` says as which of them the others go out."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    MARKET_IF_TOUCHED = 5
    LIMIT_IF_TOUCHED = 6
    TRAILING_STOP = 7
    TRAILING_STOP_LIMIT = 8
    PEGGED = 9

    @property
    def sent_as(self) -> OrderType:
        return _LIMIT if self in _PRICED else _MARKET


_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_PRICED = frozenset(
    {
        OrderType.LIMIT,
        OrderType.STOP_LIMIT,
        OrderType.LIMIT_IF_TOUCHED,
        OrderType.TRAILING_STOP_LIMIT,
        OrderType.PEGGED,
    }
)


class TimeInForce(enum.IntEnum):
    """FIX tag 59."""

    DAY = 0
    GTC = 1
    AT_THE_OPEN = 2
    IOC = 3
    FOK = 4
    GTD = 6
    AT_THE_CLOSE = 7


class Ended(enum.IntEnum):
    """What ended an order for good (being filled is not here: it follows from the quantities)."""

    REJECTED = 1
    CANCELED = 2
    EXPIRED = 3
    CALCULATED = 4


class PendingKind(enum.IntEnum):
    CANCEL = 1
    REPLACE = 2


class Pending(msgspec.Struct, kw_only=True, gc=False):
    """A cancel or replace request that has no final answer yet."""

    kind: PendingKind
    client_order_id: str
    original_client_order_id: str
    quantity_lots: int = 0
    """REPLACE: the new total quantity."""
    price_ticks: int | None = None
    """REPLACE: the new price."""
    acknowledged: bool = False
    """The venue said that it is pending; only then does it show in the status (FIX OrdStatus 6, E)."""


class Execution(msgspec.Struct, gc=False):
    """One execution that stands. A correction changes it in place, a bust removes it."""

    execution_id: str
    quantity_lots: int
    price_ticks: int
    fee_nanos: int
    sequence: int
    """Position in the order in which executions were applied, over all orders."""
    time_ns: int


class Order(msgspec.Struct, kw_only=True, gc=False):
    """What was asked for, then the facts. Changed by ``lifecycle.move`` alone.

    Tuples, not lists: an order that never had a request then holds nothing that the garbage collector must look at.
    """

    order_id: int
    client_order_id: str
    """The newest id in the chain that the venue accepted: the one that a venue's report names."""
    chain: tuple[str, ...] = ()
    """Every other id that a cancel or replace of this order ever had; late reports may name any of them."""
    account: str
    strategy: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int | None
    post_only: bool = False
    reduce_only: bool = False
    iso: bool = False
    short: bool = False
    short_exempt: bool = False
    gate: str = ""
    """The hot gate that let it out; empty: the engine's own."""
    terms: Terms | None = None
    """What it says beyond the ordinary; None: nothing."""
    parent_id: int = 0
    """The order whose slice it is."""
    group_id: int = 0
    """The contingent orders that it belongs to."""
    actor: str = ""
    created_ns: int = 0

    held: Held | None = None
    """The engine has it, the venue does not: nothing is reserved for it, and cancelling it needs nobody's yes."""
    due_ns: int = 0
    """When the engine wants to look at it again; 0: only when something happens."""
    released: bool = False
    """It was held and went out: the venue knows it as a MARKET or LIMIT order, whatever its type says."""
    acknowledged: bool = False
    venue_order_id: str = ""
    cumulative_lots: int = 0
    cumulative_value: int = 0
    """Sum of price_ticks x quantity_lots over the executions that stand."""
    fees_nanos: int = 0
    executions: dict[str, Execution] = {}
    pending: tuple[Pending, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    """What was sent of it without a known outcome: itself, a pending cancel, a pending replace."""
    restated_lots: int = 0
    """What a restatement added to ``cumulative_lots`` beside the executions: they were done in units of before it."""
    restated_before: int = 0
    """Executions with a lower sequence are in the units of before."""
    ended: Ended | None = None
    done_for_day: bool = False
    remainder_survives_day: bool = True
    """At done-for-day: does the rest come back tomorrow (FIX: LeavesQty > 0 in that report)?"""
    stopped: bool = False
    suspended: bool = False
    refusal: str = ""
    """Why it was rejected: a check of the gate, or the venue's words."""
    updated_ns: int = 0

    reserved_lots: int = 0
    """What the gate holds for it: lots, at ``reserved_price_ticks``."""
    reserved_price_ticks: int = 0
    crossing_price_ticks: int = 0
    """At which price the gate keeps it among the own working orders, to see what would trade with it."""
    last_request: int = 0
    """Number of the last amend or cancel request; makes the next client order id."""
