"""What people, strategies and the gateway itself ask of the engine. Frozen; valid in form when they get here."""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.instrument import Instrument
from meltica.domain.limits import Limits
from meltica.domain.order import OrderType, Side, TimeInForce


class SubmitOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    """The same id with the same content gives the first answer again."""
    actor: str
    """Who asks: a SPIFFE id, ``strategy:<name>`` or ``system:<part>``."""
    account: str
    strategy: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    client_order_id: str = ""
    """Empty: the engine makes one."""


class AmendOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    order_id: int
    quantity_lots: int | None = None
    """New total quantity, what is filled already included (FIX OrderQty)."""
    price_ticks: int | None = None
    client_order_id: str = ""


class CancelOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    order_id: int
    client_order_id: str = ""


class CancelAllOrders(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Cancel every working order that matches; an empty filter matches all."""

    request_id: str
    actor: str
    account: str = ""
    strategy: str = ""
    instrument: str = ""


class RegisterInstrument(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    instrument: Instrument


class SetLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Takes effect at once when it only tightens; else it becomes a proposal that another person approves."""

    request_id: str
    actor: str
    limits: Limits
    revision: int
    """The revision that the change was made against; 0 for a limit that was never set."""


class EngageKillSwitch(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Refuse every new order and cancel every working one, of one account or (empty) of all."""

    request_id: str
    actor: str
    reason: str
    account: str = ""


class ProposeKillSwitchRelease(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    reason: str
    account: str = ""


class ApproveProposal(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The second person's yes. The proposer's own is refused, and so is one that comes too late."""

    request_id: str
    actor: str
    proposal_id: int
    approve: bool = True
    """False rejects the proposal; the proposer may withdraw it so."""


class GateState(enum.Enum):
    LOST = "lost"
    REGAINED = "regained"


class ReportGate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The gate in the other process stopped or began answering. While it is lost every new order is refused."""

    request_id: str
    actor: str
    state: GateState
    reason: str = ""


Command = (
    SubmitOrder
    | AmendOrder
    | CancelOrder
    | CancelAllOrders
    | RegisterInstrument
    | SetLimits
    | EngageKillSwitch
    | ProposeKillSwitchRelease
    | ApproveProposal
    | ReportGate
)
