"""Four eyes: who may approve what. The engine judges persons and time; what only roles can tell is judged here."""

from __future__ import annotations

from typing import Final

from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.errors import RefusedError
from meltica.control.identity import Kind
from meltica.control.policy import PolicyFile
from meltica.control.requests import Form
from meltica.control.roles import Role
from meltica.domain import commands
from meltica.domain.approvals import Proposal
from meltica.domain.events import ProposalKind
from meltica.domain.ports import Answer, Gateway

RISK: Final = frozenset(
    {
        ProposalKind.LIMITS,
        ProposalKind.REARM,
        ProposalKind.CREDIT,
        ProposalKind.MARK,
        ProposalKind.OUTCOME,
        ProposalKind.DIFFERENCE,
    }
)
RELEASE: Final = frozenset({ProposalKind.KILL_SWITCH_RELEASE})
_DOORS: Final = {
    RISK: "RiskService.ApproveProposal and RejectProposal",
    RELEASE: "KillSwitchService.ApproveRelease and RejectRelease",
}
"""What each pair of methods decides about."""


class Approvals:
    """The second person's yes or no, for both services that take one."""

    def __init__(self, gateway: Gateway, durable: DurableCommands, policy: PolicyFile) -> None:
        self._gateway = gateway
        self._durable = durable
        self._policy = policy

    async def decide(
        self, request_id: str, proposal_id: str, caller: Caller, *, kinds: frozenset[ProposalKind], approve: bool
    ) -> tuple[int, Answer]:
        """(proposal, the engine's answer).

        :raises RefusedError: the proposal is of another kind, or the two are not a person each with a risk officer
            among them; or what the engine refuses: the same person, too late, overtaken, closed.
        """
        form = Form()
        command = commands.ApproveProposal(
            request_id=form.request_id(request_id),
            actor=caller.actor,
            proposal_id=form.number("proposal_id", proposal_id),
            approve=approve,
        )
        form.finish()
        for proposal in self._gateway.state.proposals():
            if proposal.made.proposal_id == command.proposal_id:
                self._judge(proposal, caller, kinds=kinds, approve=approve)
        return command.proposal_id, await self._durable.run(command)

    def _judge(self, proposal: Proposal, caller: Caller, *, kinds: frozenset[ProposalKind], approve: bool) -> None:
        made = proposal.made
        if made.kind not in kinds:
            door = next(methods for decided, methods in _DOORS.items() if made.kind in decided)
            why = f"proposal {made.proposal_id} is about {made.kind.value}: use {door}"
            raise RefusedError("PROPOSAL_KIND_MISMATCH", why)
        if not approve:
            return
        if caller.identity.kind is not Kind.PERSON:
            raise RefusedError("PERSON_REQUIRED", f"{caller.actor} is not a person")
        if caller.actor == made.proposer:
            raise RefusedError(
                "SAME_PERSON", f"{made.proposer} proposed it and can't approve it; it takes a second person"
            )
        if Role.RISK_OFFICER not in caller.roles | self._policy.current().roles_of_actor(made.proposer):
            why = f"neither {made.proposer}, who proposed, nor {caller.actor} is a risk officer; one of the two must be"
            raise RefusedError("RISK_OFFICER_REQUIRED", why)
