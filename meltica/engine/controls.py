"""Commands about limits, the kill switch and reference data: one person may tighten, loosening takes two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain.approvals import PROPOSAL_LIFETIME_NS, KillSwitch, Proposal, person_of
from meltica.domain.commands import (
    ApproveProposal,
    EngageKillSwitch,
    GateState,
    ProposeKillSwitchRelease,
    RegisterInstrument,
    ReportGate,
    SetLimits,
)
from meltica.domain.events import (
    GateStateChanged,
    InstrumentRegistered,
    KillSwitchEngaged,
    KillSwitchReleased,
    LimitsChanged,
    ProposalClosed,
    ProposalKind,
    ProposalMade,
    TradingStatusChanged,
)
from meltica.domain.limits import (
    ACCOUNT_NAME,
    AccountLimits,
    InstrumentLimits,
    Limits,
    PositionLimits,
    key_of,
    loosened,
)
from meltica.domain.market import TradingStatus
from meltica.domain.money import INT64_MAX
from meltica.engine.desk import Desk
from meltica.engine.orders import request_cancel_once
from meltica.engine.state import GLOBAL
from meltica.hot.layout_gen import BURST_BOUND, COLLAR_BPS_BOUND, LOTS_BOUND

SYSTEM: Final = "system:"
"""Actors of the gateway itself. Its first settings open what no person has set yet; afterwards people decide."""

BOUNDS: Final = {
    "collar_bps": COLLAR_BPS_BOUND,
    "max_long_lots": LOTS_BOUND,
    "max_open_orders": 2**32 - 1,
    "max_short_lots": LOTS_BOUND,
    "message_burst": BURST_BOUND,
    "messages_per_second": 2**32 - 1,
}
"""What the gate's registers hold (proto/hot/layout.toml); the others are 63 bits."""


def register_instrument(desk: Desk, command: RegisterInstrument) -> None:
    tables = desk.state.tables
    instrument = command.instrument
    known = tables.instruments.get(instrument.instrument)
    if known == instrument:
        return
    if known is not None:
        text = f"{instrument.instrument} is registered with other facts; orders and positions are counted in its ticks"
        desk.refuse(command.actor, "INSTRUMENT_EXISTS", "instrument", text)
    elif any(other.handle == instrument.handle for other in tables.instruments.values()):
        desk.refuse(command.actor, "HANDLE_TAKEN", "handle", f"handle {instrument.handle} is another instrument's")
    elif instrument.handle >= desk.max_instruments:
        text = f"the gate has rows for {desk.max_instruments} instruments; start it with more"
        desk.refuse(command.actor, "GATE_FULL", "handle", text)
    else:
        desk.emit(InstrumentRegistered(instrument=instrument, actor=command.actor, time_ns=desk.now_ns))


def trading_status(desk: Desk, status: TradingStatus) -> None:
    tables = desk.state.tables
    if status.instrument in tables.instruments and status.halted != (status.instrument in tables.halted):
        desk.emit(
            TradingStatusChanged(
                instrument=status.instrument, halted=status.halted, reason=status.reason, time_ns=desk.now_ns
            )
        )


def set_limits(desk: Desk, command: SetLimits) -> None:
    if (fault := _limits_fault(desk, command.limits)) is not None:
        desk.refuse(command.actor, *fault)
        return
    key = key_of(command.limits)
    old, revision = desk.state.tables.limits.get(key, (None, 0))
    if command.revision != revision:
        text = f"{key} is at revision {revision}, the change was made against {command.revision}; read it again"
        desk.refuse(command.actor, "REVISION_MISMATCH", "etag", text)
        return
    looser = loosened(old, command.limits)
    if looser and not (old is None and command.actor.startswith(SYSTEM)):
        _propose(desk, ProposalKind.LIMITS, command.actor, "", limits=command.limits, against=revision, loosens=looser)
        return
    _change_limits(desk, command.limits, revision + 1, command.actor, "")


def _limits_fault(desk: Desk, limits: Limits) -> tuple[str, str, str] | None:
    for field in limits.__struct_fields__:
        value, most = getattr(limits, field), BOUNDS.get(field, INT64_MAX)
        if isinstance(value, int) and not 0 <= value <= most:
            return "LIMIT_OUT_OF_RANGE", field, f"{value} is not within 0..{most}"
    tables = desk.state.tables
    if isinstance(limits, AccountLimits) and not ACCOUNT_NAME.fullmatch(limits.account):
        text = f"{limits.account[:80]!r} can't be an account's name: at most 64 letters, digits and ._:-"
        return "ACCOUNT_NAME_INVALID", "account", text
    match limits:
        case InstrumentLimits() | PositionLimits() if limits.instrument not in tables.instruments:
            return "UNKNOWN_INSTRUMENT", "instrument", f"{limits.instrument!r} is not an instrument of this gateway"
        case PositionLimits() if limits.account not in tables.accounts:
            return "UNKNOWN_ACCOUNT", "account", f"{limits.account!r} has no account limits yet; set those first"
        case AccountLimits() if limits.account not in tables.accounts and len(tables.accounts) >= desk.max_accounts:
            return "GATE_FULL", "account", f"the gate has rows for {desk.max_accounts} accounts; start it with more"
    return None


def _change_limits(desk: Desk, limits: Limits, revision: int, actor: str, approver: str) -> None:
    desk.emit(LimitsChanged(limits=limits, revision=revision, actor=actor, approver=approver, time_ns=desk.now_ns))


def _propose(
    desk: Desk,
    kind: ProposalKind,
    proposer: str,
    reason: str,
    *,
    against: int,
    account: str = GLOBAL,
    limits: Limits | None = None,
    loosens: tuple[str, ...] = (),
) -> None:
    desk.emit(
        ProposalMade(
            proposal_id=desk.state.tables.next_proposal_id,
            kind=kind,
            proposer=proposer,
            reason=reason,
            account=account,
            limits=limits,
            against=against,
            loosens=loosens,
            expires_ns=desk.now_ns + PROPOSAL_LIFETIME_NS,
            time_ns=desk.now_ns,
        )
    )


def engage_kill_switch(desk: Desk, command: EngageKillSwitch) -> None:
    """Always works, needs nothing, and may be repeated: a switch that is engaged stays so, with its epoch."""
    if command.account != GLOBAL and command.account not in desk.state.tables.accounts:
        desk.refuse(command.actor, "UNKNOWN_ACCOUNT", "account", f"{command.account!r} is not an account here")
        return
    switch = desk.state.tables.kill_switches.get(command.account, KillSwitch())
    _void_releases(desk, command, switch)
    if not switch.engaged:
        desk.emit(
            KillSwitchEngaged(
                account=command.account,
                epoch=switch.epoch + 1,
                reason=command.reason,
                actor=command.actor,
                time_ns=desk.now_ns,
            )
        )
    for order in desk.state.working_orders():
        if command.account in (GLOBAL, order.account):
            request_cancel_once(desk, order, command.actor)


def _void_releases(desk: Desk, command: EngageKillSwitch, switch: KillSwitch) -> None:
    """Who engages once more has seen something new: a release that waits for its second person is void."""
    for proposal in desk.state.tables.proposals.values():
        made = proposal.made
        about_this = made.kind is ProposalKind.KILL_SWITCH_RELEASE and made.account == command.account
        if proposal.open and about_this and switch.engaged and made.against == switch.epoch:
            desk.emit(
                ProposalClosed(
                    proposal_id=made.proposal_id,
                    approved=False,
                    actor=command.actor,
                    reason="the kill switch was engaged once more",
                    time_ns=desk.now_ns,
                )
            )


def propose_kill_switch_release(desk: Desk, command: ProposeKillSwitchRelease) -> None:
    switch = desk.state.tables.kill_switches.get(command.account)
    if switch is None or not switch.engaged:
        desk.refuse(
            command.actor, "NOT_ENGAGED", "account", "the kill switch is not engaged: there is nothing to release"
        )
        return
    _propose(
        desk,
        ProposalKind.KILL_SWITCH_RELEASE,
        command.actor,
        command.reason,
        account=command.account,
        against=switch.epoch,
    )


def approve_proposal(desk: Desk, command: ApproveProposal) -> None:
    proposal = desk.state.tables.proposals.get(command.proposal_id)
    if (fault := _approval_fault(desk, proposal, command)) is not None or proposal is None:
        if fault is not None:
            desk.refuse(command.actor, *fault)
        return
    made = proposal.made
    desk.emit(
        ProposalClosed(
            proposal_id=made.proposal_id,
            approved=command.approve,
            actor=command.actor,
            reason="approved" if command.approve else "rejected",
            time_ns=desk.now_ns,
        )
    )
    if command.approve:
        _CARRY_OUT[made.kind](desk, made, command.actor)


def _approval_fault(desk: Desk, proposal: Proposal | None, command: ApproveProposal) -> tuple[str, str, str] | None:
    field = "proposal_id"
    if proposal is None:
        return "UNKNOWN_PROPOSAL", field, f"no proposal {command.proposal_id}"
    made = proposal.made
    if not proposal.open:
        return "PROPOSAL_CLOSED", field, f"proposal {made.proposal_id} is closed: {proposal.closed_why}"
    if desk.now_ns >= made.expires_ns:
        return "PROPOSAL_EXPIRED", field, f"proposal {made.proposal_id} has expired; propose it again"
    if command.approve and person_of(command.actor) == person_of(made.proposer):
        return "SAME_PERSON", field, "whoever proposed can't approve; it takes a second person"
    if command.approve and _current(desk, made) != made.against:
        return "PROPOSAL_OVERTAKEN", field, "what it is about has changed since; propose it again"
    if command.approve and made.limits is not None:
        return _limits_fault(desk, made.limits)  # Another account may have taken the gate's last row meanwhile.
    return None


def _current(desk: Desk, made: ProposalMade) -> int:
    """The revision or epoch that the proposal is about, as it is now."""
    if made.limits is not None:
        return desk.state.tables.limits.get(key_of(made.limits), (None, 0))[1]
    return desk.state.tables.kill_switches[made.account].epoch


def _carry_out_limits(desk: Desk, made: ProposalMade, approver: str) -> None:
    if made.limits is not None:
        _change_limits(desk, made.limits, made.against + 1, made.proposer, approver)


def _carry_out_release(desk: Desk, made: ProposalMade, approver: str) -> None:
    desk.emit(
        KillSwitchReleased(
            account=made.account,
            epoch=made.against + 1,
            proposer=made.proposer,
            approver=approver,
            time_ns=desk.now_ns,
        )
    )


_CARRY_OUT: Final[dict[ProposalKind, Callable[[Desk, ProposalMade, str], None]]] = {
    ProposalKind.LIMITS: _carry_out_limits,
    ProposalKind.KILL_SWITCH_RELEASE: _carry_out_release,
}


def report_gate(desk: Desk, command: ReportGate) -> None:
    lost = command.state is GateState.LOST
    if lost != bool(desk.state.tables.gate_lost):
        reason = command.reason or command.state.value
        desk.emit(GateStateChanged(lost=lost, reason=reason, time_ns=desk.now_ns))
