"""What waits for a second person, and how it begins to."""

from __future__ import annotations

from typing import Final

from meltica.domain.approvals import PROPOSAL_LIFETIME_NS
from meltica.domain.commands import ChangeCredit, RearmBreaker, SetMark
from meltica.domain.events import ProposalKind, ProposalMade
from meltica.domain.limits import Limits
from meltica.domain.outcomes import ResolveOutcome
from meltica.domain.statements import SettleDifference
from meltica.engine.desk import Desk

SYSTEM: Final = "system:"
"""Actors of the gateway itself. Its first settings open what no person has set yet; afterwards people decide."""


def propose(
    desk: Desk,
    kind: ProposalKind,
    proposer: str,
    reason: str,
    *,
    against: int,
    account: str = "",
    target: str = "",
    limits: Limits | None = None,
    loosens: tuple[str, ...] = (),
    action: RearmBreaker | ChangeCredit | SetMark | ResolveOutcome | SettleDifference | None = None,
) -> None:
    desk.emit(
        ProposalMade(
            proposal_id=desk.state.tables.next_proposal_id,
            kind=kind,
            proposer=proposer,
            reason=reason,
            account=account,
            target=target,
            limits=limits,
            against=against,
            loosens=loosens,
            action=action,
            expires_ns=desk.now_ns + PROPOSAL_LIFETIME_NS,
            time_ns=desk.now_ns,
        )
    )
