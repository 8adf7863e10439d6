"""What the engine decided or learned. State is a fold over these; the journal keeps them with what caused them."""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.breakers import Breaker, MarkKind
from meltica.domain.capabilities import Capabilities
from meltica.domain.cash import AccountingEvent
from meltica.domain.commands import ChangeCredit, RearmBreaker, SetMark
from meltica.domain.corrections import CorrectionEvent
from meltica.domain.gates import GateEvent
from meltica.domain.groups import GroupEvent
from meltica.domain.instrument import Instrument
from meltica.domain.limits import Limits
from meltica.domain.many import ManyAnswered
from meltica.domain.order_events import OrderEvent
from meltica.domain.outcomes import DoubtEvent, ResolveOutcome
from meltica.domain.parent_events import ParentEvent
from meltica.domain.statements import ReconciliationEvent, SettleDifference


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
    OUTCOME = "outcome of a command"
    DIFFERENCE = "difference with a venue"


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
    action: RearmBreaker | ChangeCredit | SetMark | ResolveOutcome | SettleDifference | None = None
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


class VenueDescribed(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """What a venue can do by itself, from now on."""

    capabilities: Capabilities
    actor: str
    time_ns: int


class DayBegan(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    actor: str
    time_ns: int


Event = (
    OrderEvent
    | DoubtEvent
    | CorrectionEvent
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
    | VenueDescribed
    | DayBegan
    | ParentEvent
    | GateEvent
    | GroupEvent
    | ManyAnswered
    | AccountingEvent
    | ReconciliationEvent
)
