"""Limits, proposals, breakers, marks and credit as the API shows them."""

from __future__ import annotations

from typing import Final

from meltica.control.resources import duration, kill_switch, timestamp
from meltica.domain.approvals import KillSwitch, Proposal
from meltica.domain.breakers import Breaker, BreakerState, CreditState, DayProfit, MarkKind, MarkState
from meltica.domain.commands import ChangeCredit, RearmBreaker, SetMark
from meltica.domain.events import (
    BreakerRearmed,
    BreakerTripped,
    CreditChanged,
    DayBegan,
    Event,
    KillSwitchEngaged,
    KillSwitchReleased,
    LimitsChanged,
    MarkChanged,
    ProposalClosed,
    ProposalKind,
    ProposalMade,
)
from meltica.domain.limits import (
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    Limits,
    PortLimits,
    PositionLimits,
    SelfMatch,
    ShortSale,
    StrategyLimits,
    key_of,
)
from meltica.domain.money import nanos_text
from meltica.domain.outcomes import ResolveOutcome
from meltica.domain.ports import HotGateStatus, State
from meltica.domain.statements import SettleDifference
from meltica.v1 import limits_pb2
from meltica.v1 import risk_service_pb2 as api

SELF_MATCH_MODES: Final = {mode: limits_pb2.SelfMatchMode.Value(f"SELF_MATCH_MODE_{mode.name}") for mode in SelfMatch}
SHORT_SALE_RULES: Final = {rule: limits_pb2.ShortSaleRule.Value(f"SHORT_SALE_RULE_{rule.name}") for rule in ShortSale}
BREAKER_KINDS: Final = {kind: limits_pb2.BreakerKind.Value(f"BREAKER_KIND_{kind.name}") for kind in Breaker}
MARK_KINDS: Final = {kind: limits_pb2.MarkKind.Value(f"MARK_KIND_{kind.name}") for kind in MarkKind}
PROPOSAL_KINDS: Final = {kind: limits_pb2.ProposalKind.Value(f"PROPOSAL_KIND_{kind.name}") for kind in ProposalKind}


def limits(found: Limits, revision: int, state: State) -> limits_pb2.Limits:
    shown = limits_pb2.Limits(name=key_of(found), etag=str(revision))
    match found:
        case InstrumentLimits():
            shown.instrument.CopyFrom(_instrument_limits(found, state))
        case AccountLimits():
            shown.account.CopyFrom(_account_limits(found))
        case PositionLimits():
            shown.position.CopyFrom(_position_limits(found, state))
        case FirmLimits():
            shown.firm.CopyFrom(_firm_limits(found))
        case StrategyLimits():
            shown.strategy.CopyFrom(_strategy_limits(found))
        case PortLimits():
            shown.port.CopyFrom(_port_limits(found))
    return shown


def _instrument_limits(found: InstrumentLimits, state: State) -> limits_pb2.InstrumentLimits:
    return limits_pb2.InstrumentLimits(
        instrument=found.instrument,
        enabled=found.enabled,
        restricted=found.restricted,
        max_quantity=_lots_text(found.max_quantity_lots, found.instrument, state),
        max_value=nanos_text(found.max_value_nanos),
        collar_bps=found.collar_bps,
        reference_max_age=duration(found.reference_max_age_ns),
        short_sale=SHORT_SALE_RULES[found.short_sale],
        session_open=duration(found.session_open_ns),
        session_close=duration(found.session_close_ns),
        max_day_quantity=_lots_text(found.max_day_lots, found.instrument, state),
        messages_per_second=found.messages_per_second,
        message_burst=found.message_burst,
        max_impact_percent=found.max_impact_percent,
    )


def _account_limits(found: AccountLimits) -> limits_pb2.AccountLimits:
    return limits_pb2.AccountLimits(
        account=found.account,
        enabled=found.enabled,
        max_open_value=nanos_text(found.max_open_value_nanos),
        max_open_orders=found.max_open_orders,
        messages_per_second=found.messages_per_second,
        message_burst=found.message_burst,
        duplicate_window=duration(found.duplicate_window_ns),
        market_orders_allowed=found.market_orders_allowed,
        iso_allowed=found.iso_allowed,
        short_exempt_allowed=found.short_exempt_allowed,
        self_match=SELF_MATCH_MODES[found.self_match],
        self_match_group=found.self_match_group,
        max_consecutive_rejects=found.max_consecutive_rejects,
        max_daily_loss=nanos_text(found.max_daily_loss_nanos),
        max_drawdown=nanos_text(found.max_drawdown_nanos),
        rearm_after=duration(found.rearm_after_ns),
    )


def _position_limits(found: PositionLimits, state: State) -> limits_pb2.PositionLimits:
    return limits_pb2.PositionLimits(
        account=found.account,
        instrument=found.instrument,
        max_long_quantity=_lots_text(found.max_long_lots, found.instrument, state),
        max_short_quantity=_lots_text(found.max_short_lots, found.instrument, state),
        located_quantity=_lots_text(found.located_lots, found.instrument, state),
    )


def _firm_limits(found: FirmLimits) -> limits_pb2.FirmLimits:
    return limits_pb2.FirmLimits(
        max_open_value=nanos_text(found.max_open_value_nanos),
        max_open_orders=found.max_open_orders,
        messages_per_second=found.messages_per_second,
        message_burst=found.message_burst,
    )


def _strategy_limits(found: StrategyLimits) -> limits_pb2.StrategyLimits:
    return limits_pb2.StrategyLimits(
        strategy=found.strategy,
        enabled=found.enabled,
        max_open_value=nanos_text(found.max_open_value_nanos),
        max_executions=found.max_executions,
        messages_per_second=found.messages_per_second,
        message_burst=found.message_burst,
    )


def _port_limits(found: PortLimits) -> limits_pb2.PortLimits:
    return limits_pb2.PortLimits(
        port=found.port,
        enabled=found.enabled,
        messages_per_second=found.messages_per_second,
        message_burst=found.message_burst,
    )


def _lots_text(lots: int, instrument_id: str, state: State) -> str:
    """The engine takes limits of registered instruments only, so the instrument is there."""
    instrument = state.instrument(instrument_id)
    return "" if instrument is None else instrument.quantity_text(lots)


FIELDS: Final = {
    "duplicate_window_ns": "duplicate_window",
    "located_lots": "located_quantity",
    "max_daily_loss_nanos": "max_daily_loss",
    "max_day_lots": "max_day_quantity",
    "max_drawdown_nanos": "max_drawdown",
    "max_long_lots": "max_long_quantity",
    "max_open_value_nanos": "max_open_value",
    "max_quantity_lots": "max_quantity",
    "max_short_lots": "max_short_quantity",
    "max_value_nanos": "max_value",
    "rearm_after_ns": "rearm_after",
    "reference_max_age_ns": "reference_max_age",
    "session_close_ns": "session_close",
    "session_open_ns": "session_open",
}
"""Limits whose name in the API has no unit, because there the value carries it."""


def proposal(found: Proposal, state: State, now_ns: int) -> limits_pb2.Proposal:
    made = found.made
    if found.approved:
        stands = limits_pb2.PROPOSAL_STATE_APPROVED
    elif not found.open:
        stands = limits_pb2.PROPOSAL_STATE_CLOSED
    elif now_ns >= made.expires_ns:
        stands = limits_pb2.PROPOSAL_STATE_EXPIRED
    else:
        stands = limits_pb2.PROPOSAL_STATE_OPEN
    shown = limits_pb2.Proposal(
        proposal_id=str(made.proposal_id),
        kind=PROPOSAL_KINDS[made.kind],
        state=stands,
        proposer=made.proposer,
        reason=made.reason,
        account=made.account,
        target=made.target,
        limits=None if made.limits is None else limits(made.limits, made.against, state),
        loosened_fields=[FIELDS.get(name, name) for name in made.loosens],
        create_time=timestamp(made.time_ns),
        expire_time=timestamp(made.expires_ns),
        closed_by=found.closed_by,
        closed_reason=found.closed_why,
    )
    match made.action:
        case RearmBreaker() as asked:
            shown.breaker, shown.strategy = BREAKER_KINDS[asked.breaker], asked.strategy
        case ChangeCredit() as asked:
            shown.name, shown.credit_delta = asked.name, nanos_text(asked.delta_nanos)
        case SetMark() as asked:
            shown.name, shown.mark = asked.name, MARK_KINDS[asked.mark]
        case ResolveOutcome() as asked:
            shown.order_id, shown.client_order_id = str(asked.order_id), asked.client_order_id
            shown.verdict = asked.verdict.value
        case SettleDifference() as asked:
            shown.difference_id, shown.verdict = str(asked.difference_id), asked.action.value
    return shown


def breaker(found: BreakerState) -> api.Breaker:
    return api.Breaker(
        kind=BREAKER_KINDS[found.breaker],
        account=found.account,
        strategy=found.strategy,
        tripped=found.latched,
        epoch=found.epoch,
        text=found.text,
        rearm_time=timestamp(found.rearm_ns) if found.rearm_ns else None,
        actor=found.actor,
        change_time=timestamp(found.changed_ns),
    )


def mark(found: MarkState) -> api.Mark:
    return api.Mark(
        kind=MARK_KINDS[found.mark],
        name=found.name,
        set=found.on,
        epoch=found.epoch,
        reason=found.reason,
        actor=found.actor,
        change_time=timestamp(found.changed_ns),
    )


def credit(found: CreditState) -> api.Credit:
    return api.Credit(
        name=found.name,
        total=nanos_text(found.total_nanos),
        revision=found.revision,
        change_time=timestamp(found.changed_ns),
    )


def account_risk(found: DayProfit) -> api.AccountRisk:
    return api.AccountRisk(
        account=found.account, day_profit=nanos_text(found.pnl_nanos), rejects_in_row=found.rejects_in_row
    )


# Events, as they were when they happened


def kill_switch_at(event: KillSwitchEngaged | KillSwitchReleased) -> KillSwitch:
    engaged = isinstance(event, KillSwitchEngaged)
    return KillSwitch(
        account=event.account,
        target=event.target,
        engaged=engaged,
        epoch=event.epoch,
        reason=event.reason if isinstance(event, KillSwitchEngaged) else "",
        actor=event.actor if isinstance(event, KillSwitchEngaged) else event.approver,
        changed_ns=event.time_ns,
    )


def breaker_at(event: BreakerTripped | BreakerRearmed) -> BreakerState:
    tripped = event if isinstance(event, BreakerTripped) else None
    return BreakerState(
        breaker=event.breaker,
        account=event.account,
        strategy=event.strategy,
        latched=tripped is not None,
        epoch=event.epoch,
        text="" if tripped is None else tripped.text,
        rearm_ns=0 if tripped is None else tripped.rearm_ns,
        actor=event.approver if isinstance(event, BreakerRearmed) else "",
        changed_ns=event.time_ns,
    )


def credit_at(event: CreditChanged) -> CreditState:
    return CreditState(
        name=event.name, total_nanos=event.total_nanos, revision=event.revision, changed_ns=event.time_ns
    )


def mark_at(event: MarkChanged) -> MarkState:
    return MarkState(
        mark=event.mark,
        name=event.name,
        on=event.on,
        epoch=event.epoch,
        reason=event.reason,
        actor=event.approver or event.actor,
        changed_ns=event.time_ns,
    )


def risk_event(event: Event, sequence: int, state: State) -> api.RiskEvent | None:
    """None: the event is about no limit, and stops no orders."""
    shown = api.RiskEvent(sequence=sequence)
    match event:
        case BreakerTripped():
            shown.breaker_tripped.CopyFrom(breaker(breaker_at(event)))
        case BreakerRearmed():
            shown.breaker_rearmed.CopyFrom(breaker(breaker_at(event)))
            shown.actor = event.approver
        case MarkChanged():
            shown.mark_changed.CopyFrom(mark(mark_at(event)))
            shown.actor = event.approver or event.actor
        case CreditChanged():
            shown.credit_changed.CopyFrom(credit(credit_at(event)))
            shown.actor = event.approver or event.actor
        case LimitsChanged():
            shown.limits_changed.CopyFrom(limits(event.limits, event.revision, state))
            shown.actor = event.approver or event.actor
        case KillSwitchEngaged() | KillSwitchReleased():
            found = kill_switch_at(event)
            shown.kill_switch_changed.CopyFrom(kill_switch(found))
            shown.actor = found.actor
        case ProposalMade():
            shown.proposal_made.CopyFrom(proposal(Proposal(made=event), state, event.time_ns))
            shown.actor = event.proposer
        case ProposalClosed():
            shown.proposal_closed.proposal_id = str(event.proposal_id)
            shown.proposal_closed.approved = event.approved
            shown.proposal_closed.reason = event.reason
            shown.actor = event.actor
        case DayBegan():
            shown.day_began.SetInParent()
            shown.actor = event.actor
        case _:
            return None
    shown.time.CopyFrom(timestamp(event.time_ns))
    return shown


def hot_gate(status: HotGateStatus) -> api.HotGate:
    return api.HotGate(
        gate=status.gate,
        standing=api.GateStanding.Value(f"GATE_STANDING_{status.standing}"),
        why=status.why,
        gate_epoch=status.gate_epoch,
        pid=status.pid,
        silence=duration(status.silent_ns),
        lapses=status.lapses,
        entries_published=status.entries_published,
        entries_applied=status.entries_applied,
        drop_copies_kept=status.drops_kept,
        slices=[
            api.HotGate.Slice(
                line=line,
                granted=status.slices.get(line, 0),
                claimed=claimed,
                revoking=line in status.revoking,
            )
            for line, claimed in sorted(status.claims.items())
        ],
    )
