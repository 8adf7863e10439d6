"""RiskService: limits, proposals to change them, and what the gate did."""

from __future__ import annotations

import time
from collections.abc import Callable

from meltica.control import limit_requests, resources
from meltica.control.approvals import Approvals
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.errors import RefusedError
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain import commands
from meltica.domain.approvals import Proposal
from meltica.domain.events import LimitsChanged, ProposalKind, ProposalMade
from meltica.domain.limits import key_of
from meltica.domain.ports import Gateway
from meltica.v1 import risk_service_pb2 as api

NAME_LIMIT = 200


class RiskService:
    def __init__(
        self,
        gateway: Gateway,
        durable: DurableCommands,
        approvals: Approvals,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._gateway = gateway
        self._durable = durable
        self._approvals = approvals
        self._clock_ns = clock_ns

    async def get_limits(self, request: api.GetLimitsRequest, _caller: Caller) -> api.GetLimitsResponse:
        form = Form()
        if not request.name or len(request.name) > NAME_LIMIT or not request.name.isprintable():
            form.wrong("name", "is required, such as accounts/main or instruments/BTC/USDT@BINANCE")
        form.finish()
        for limits, revision in self._gateway.state.limits():
            if key_of(limits) == request.name:
                reply = api.GetLimitsResponse(limits=resources.limits(limits, revision, self._gateway.state))
                await self._gateway.settled()
                return reply
        raise RefusedError("UNKNOWN_LIMITS", f"{request.name} was never set")

    async def list_limits(self, request: api.ListLimitsRequest, _caller: Caller) -> api.ListLimitsResponse:
        form = Form()
        page = Page(form, request.page_size, request.page_token)
        form.finish()
        state = self._gateway.state
        rows = sorted((key_of(limits), limits, revision) for limits, revision in state.limits())
        rows = [row for row in rows if row[0] > page.after]
        shown = [resources.limits(limits, revision, state) for _, limits, revision in rows[: page.size]]
        await self._gateway.settled()
        token = page.token(rows[page.size - 1][0]) if len(rows) > page.size else ""
        return api.ListLimitsResponse(limits=shown, next_page_token=token)

    async def set_limits(self, request: api.SetLimitsRequest, caller: Caller) -> api.SetLimitsResponse:
        form = Form()
        request_id = form.request_id(request.request_id)
        limits, revision = limit_requests.read(form, request.limits, self._gateway.state)
        form.finish()
        if limits is None:
            raise LookupError  # Never: then the form was wrong.
        command = commands.SetLimits(request_id=request_id, actor=caller.actor, limits=limits, revision=revision)
        answer = await self._durable.run(command)
        reply = api.SetLimitsResponse(sequence=answer.sequence)
        for event in answer.events:
            if isinstance(event, LimitsChanged):
                reply.limits.CopyFrom(resources.limits(event.limits, event.revision, self._gateway.state))
            elif isinstance(event, ProposalMade):
                proposal = resources.proposal(Proposal(made=event), self._gateway.state, event.time_ns)
                reply.proposal.CopyFrom(proposal)
        return reply

    async def list_proposals(self, request: api.ListProposalsRequest, _caller: Caller) -> api.ListProposalsResponse:
        form = Form()
        page = Page(form, request.page_size, request.page_token, request.open_only)
        form.finish()
        now_ns, state = self._clock_ns(), self._gateway.state
        before = int(page.after) if page.after else None
        rows = sorted(state.proposals(), key=lambda row: -row.made.proposal_id)
        rows = [row for row in rows if before is None or row.made.proposal_id < before]
        if request.open_only:
            rows = [row for row in rows if row.open and now_ns < row.made.expires_ns]
        shown = [resources.proposal(row, state, now_ns) for row in rows[: page.size]]
        await self._gateway.settled()
        token = page.token(rows[page.size - 1].made.proposal_id) if len(rows) > page.size else ""
        return api.ListProposalsResponse(proposals=shown, next_page_token=token)

    async def approve_proposal(
        self, request: api.ApproveProposalRequest, caller: Caller
    ) -> api.ApproveProposalResponse:
        _, answer = await self._approvals.decide(
            request.request_id, request.proposal_id, caller, kind=ProposalKind.LIMITS, approve=True
        )
        reply = api.ApproveProposalResponse(sequence=answer.sequence)
        for event in answer.events:
            if isinstance(event, LimitsChanged):
                reply.limits.CopyFrom(resources.limits(event.limits, event.revision, self._gateway.state))
        return reply

    async def reject_proposal(self, request: api.RejectProposalRequest, caller: Caller) -> api.RejectProposalResponse:
        proposal_id, answer = await self._approvals.decide(
            request.request_id, request.proposal_id, caller, kind=ProposalKind.LIMITS, approve=False
        )
        return api.RejectProposalResponse(proposal_id=str(proposal_id), sequence=answer.sequence)

    async def get_gate_status(self, _request: api.GetGateStatusRequest, _caller: Caller) -> api.GetGateStatusResponse:
        status = self._gateway.gate_status()
        refusals = sorted(status.refused.items(), key=lambda item: (-item[1], item[0]))
        return api.GetGateStatusResponse(
            backend=status.backend,
            passed=status.passed,
            refusals=[api.GetGateStatusResponse.Refusals(reason=reason, count=count) for reason, count in refusals],
            latency_p50_ns=status.latency_p50_ns,
            latency_p99_ns=status.latency_p99_ns,
        )
