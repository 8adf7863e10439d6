"""The second person's yes or no: one table, kind of proposal -> what it is bound to, and how it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain.approvals import Proposal, person_of
from meltica.domain.commands import ApproveProposal, ChangeCredit, RearmBreaker, SetMark
from meltica.domain.events import ProposalClosed, ProposalKind, ProposalMade
from meltica.domain.limits import key_of
from meltica.domain.outcomes import ResolveOutcome
from meltica.domain.statements import SettleDifference
from meltica.engine.desk import Desk
from meltica.engine.reconciliation import reconciliation
from meltica.engine.risk import breakers, controls, credit, kill_switch, marks
from meltica.engine.venue import outcomes


def approve_proposal(desk: Desk, command: ApproveProposal) -> None:
    proposal = desk.state.tables.proposals.get(command.proposal_id)
    if (fault := _fault(desk, proposal, command)) is not None or proposal is None:
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


def _fault(desk: Desk, proposal: Proposal | None, command: ApproveProposal) -> tuple[str, str, str] | None:
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
        return controls.limits_fault(desk, made.limits)  # Another may have taken the gate's last row meanwhile.
    return None


def _current(desk: Desk, made: ProposalMade) -> int:
    """The revision or epoch that the proposal is about, as it is now."""
    if made.limits is not None:
        return desk.state.tables.limits.get(key_of(made.limits), (None, 0))[1]
    match made.action:
        case RearmBreaker():
            return breakers.epoch_of(desk, made.action)
        case ChangeCredit():
            return credit.revision_of(desk, made.action)
        case SetMark():
            return marks.epoch_of(desk, made.action)
        case ResolveOutcome():
            return outcomes.since_of(desk, made.action)
        case SettleDifference():
            return reconciliation.revision_of(desk, made.action)
    return desk.state.tables.kill_switches[made.switch].epoch


_CARRY_OUT: Final[dict[ProposalKind, Callable[[Desk, ProposalMade, str], None]]] = {
    ProposalKind.LIMITS: controls.carry_out,
    ProposalKind.KILL_SWITCH_RELEASE: kill_switch.carry_out,
    ProposalKind.REARM: breakers.carry_out,
    ProposalKind.CREDIT: credit.carry_out,
    ProposalKind.MARK: marks.carry_out,
    ProposalKind.OUTCOME: outcomes.carry_out,
    ProposalKind.DIFFERENCE: reconciliation.carry_out,
}
