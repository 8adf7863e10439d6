"""What the engine decided or learned. State is a fold over these; the journal keeps them with the input they came from.

Three of them also go outside: OrderSubmitted, CancelRequested and ReplaceRequested tell the driver what to send to the
venue, once they are durable.
"""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.breakers import Breaker, MarkKind
from meltica.domain.commands import ChangeCredit, RearmBreaker, SetMark
from meltica.domain.instrument import Instrument
from meltica.domain.limits import Limits
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.reports import ExecType


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


class OrderAdopted(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue has an order for our account that did not come from us (given by telephone, by another session).

    It counts in exposure and position from now on, and can be cancelled and amended like any other. No gate was asked.
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
    """REJECTED by ourselves: the venue never saw it, so its rejects in a row do not grow."""


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


class CommandRefused(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The command can't be carried out as asked. ``field`` names the field at fault, if one is."""

    reason: str
    field: str
    text: str
    actor: str
    time_ns: int


class InstrumentRegistered(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    instrument: Instrument
    actor: str
    time_ns: int


class TradingStatusChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    instrument: str
    halted: bool
    reason: str
    time_ns: int


class LimitsChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    limits: Limits
    revision: int
    actor: str
    approver: str
    time_ns: int


class ProposalKind(enum.Enum):
    LIMITS = "limits"
    KILL_SWITCH_RELEASE = "kill switch release"
    REARM = "re-arming of a breaker"
    CREDIT = "more credit"
    MARK = "clearing of a mark"


class ProposalMade(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Waits for a second person until ``expires_ns``. Bound to what it was made against: a change voids it."""

    proposal_id: int
    kind: ProposalKind
    proposer: str
    reason: str
    account: str
    limits: Limits | None
    against: int
    """The revision of the limits or the credit, or the epoch of the switch, breaker or mark, that it is about."""
    loosens: tuple[str, ...]
    expires_ns: int
    time_ns: int
    target: str = ""
    """Kill switch: ``strategies/…``, ``ports/…`` or ``instruments/…``."""
    action: RearmBreaker | ChangeCredit | SetMark | None = None
    """What is carried out once it is approved; None: the limits, or the release."""

    @property
    def switch(self) -> str:
        return self.target or self.account


class ProposalClosed(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    proposal_id: int
    approved: bool
    actor: str
    reason: str
    time_ns: int


class KillSwitchEngaged(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    account: str
    epoch: int
    reason: str
    actor: str
    time_ns: int
    target: str = ""

    @property
    def switch(self) -> str:
        """The key of the switch: empty (everything), an account's name, or a target such as ``strategies/…``."""
        return self.target or self.account


class KillSwitchReleased(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    account: str
    epoch: int
    proposer: str
    approver: str
    time_ns: int
    target: str = ""

    @property
    def switch(self) -> str:
        return self.target or self.account


class GateStateChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    lost: bool
    reason: str
    time_ns: int


class BreakerTripped(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A circuit breaker of an account, or of a strategy, latched: new risk is refused from now on."""

    breaker: Breaker
    account: str
    strategy: str
    epoch: int
    text: str
    """The figures: what was observed and what the limit is."""
    rearm_ns: int
    """When it lets go by itself; 0: it does not."""
    time_ns: int


class BreakerRearmed(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Two persons let go of it, or its time was up (no approver then)."""

    breaker: Breaker
    account: str
    strategy: str
    epoch: int
    proposer: str
    approver: str
    time_ns: int


class CreditChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    name: str
    delta_nanos: int
    total_nanos: int
    """All changes so far together."""
    revision: int
    reason: str
    actor: str
    approver: str
    time_ns: int


class MarkChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    mark: MarkKind
    name: str
    on: bool
    epoch: int
    reason: str
    actor: str
    approver: str
    time_ns: int


class PriceBandChanged(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    instrument: str
    low_ticks: int
    high_ticks: int
    time_ns: int


class DayBegan(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    actor: str
    time_ns: int


Event = (
    OrderSubmitted
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
    | CommandRefused
    | InstrumentRegistered
    | TradingStatusChanged
    | LimitsChanged
    | ProposalMade
    | ProposalClosed
    | KillSwitchEngaged
    | KillSwitchReleased
    | GateStateChanged
    | BreakerTripped
    | BreakerRearmed
    | CreditChanged
    | MarkChanged
    | PriceBandChanged
    | DayBegan
)
