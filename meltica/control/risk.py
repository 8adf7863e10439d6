"""RiskService: limits, proposals to change them, and what the gate did."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final

from meltica.control import limit_requests, resources, risk_views
from meltica.control.approvals import RISK, Approvals
from meltica.control.batches import Batches, start_of
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.errors import unknown
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain import commands
from meltica.domain.approvals import Proposal
from meltica.domain.breakers import Breaker, MarkKind, MarkState
from meltica.domain.events import BreakerRearmed, CreditChanged, LimitsChanged, MarkChanged, ProposalMade
from meltica.domain.gates import ArmGate, RetireGate
from meltica.domain.limits import FIRM, key_of
from meltica.domain.ports import Gateway
from meltica.v1 import limits_pb2
from meltica.v1 import risk_service_pb2 as api

NAME_LIMIT = 200
_BREAKERS: Final[dict[int, Breaker]] = {int(number): kind for kind, number in risk_views.BREAKER_KINDS.items()}
_MARKS: Final[dict[int, MarkKind]] = {int(number): kind for kind, number in risk_views.MARK_KINDS.items()}


class RiskService:
    def __init__(
        self,
        gateway: Gateway,
        durable: DurableCommands,
        approvals: Approvals,
        batches: Batches,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._gateway = gateway
        self._durable = durable
        self._approvals = approvals
        self._batches = batches
        self._clock_ns = clock_ns

    async def get_limits(self, request: api.GetLimitsRequest, _caller: Caller) -> api.GetLimitsResponse:
        form = Form()
        if not request.name or len(request.name) > NAME_LIMIT or not request.name.isprintable():
            form.wrong("name", "is required, such as accounts/main or instruments/BTC/USDT@BINANCE")
        form.finish()
        for limits, revision in self._gateway.state.limits():
            if key_of(limits) == request.name:
                reply = api.GetLimitsResponse(limits=risk_views.limits(limits, revision, self._gateway.state))
                await self._gateway.settled()
                return reply
        raise unknown("UNKNOWN_LIMITS", "name", f"{request.name} was never set")

    async def list_limits(self, request: api.ListLimitsRequest, _caller: Caller) -> api.ListLimitsResponse:
        form = Form()
        page = Page(form, request.page_size, request.page_token)
        form.finish()
        state = self._gateway.state
        rows = sorted((key_of(limits), limits, revision) for limits, revision in state.limits())
        rows = [row for row in rows if row[0] > page.after]
        shown = [risk_views.limits(limits, revision, state) for _, limits, revision in rows[: page.size]]
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
        answer = await self._durable.run(command, at=f"limits.{request.limits.WhichOneof('scope')}.")
        reply = api.SetLimitsResponse(sequence=answer.sequence)
        for event in answer.events:
            if isinstance(event, LimitsChanged):
                reply.limits.CopyFrom(risk_views.limits(event.limits, event.revision, self._gateway.state))
            elif isinstance(event, ProposalMade):
                proposal = risk_views.proposal(Proposal(made=event), self._gateway.state, event.time_ns)
                reply.proposal.CopyFrom(proposal)
        return reply

    async def list_proposals(self, request: api.ListProposalsRequest, _caller: Caller) -> api.ListProposalsResponse:
        form = Form()
        page = Page(form, request.page_size, request.page_token, request.open_only, numbered=True)
        form.finish()
        now_ns, state = self._clock_ns(), self._gateway.state
        before = int(page.after) if page.after else None
        rows = sorted(state.proposals(), key=lambda row: -row.made.proposal_id)
        rows = [row for row in rows if before is None or row.made.proposal_id < before]
        if request.open_only:
            rows = [row for row in rows if row.open and now_ns < row.made.expires_ns]
        shown = [risk_views.proposal(row, state, now_ns) for row in rows[: page.size]]
        await self._gateway.settled()
        token = page.token(rows[page.size - 1].made.proposal_id) if len(rows) > page.size else ""
        return api.ListProposalsResponse(proposals=shown, next_page_token=token)

    async def approve_proposal(
        self, request: api.ApproveProposalRequest, caller: Caller
    ) -> api.ApproveProposalResponse:
        _, answer = await self._approvals.decide(
            request.request_id, request.proposal_id, caller, kinds=RISK, approve=True
        )
        reply = api.ApproveProposalResponse(sequence=answer.sequence)
        for event in answer.events:
            match event:
                case LimitsChanged():
                    reply.limits.CopyFrom(risk_views.limits(event.limits, event.revision, self._gateway.state))
                case BreakerRearmed():
                    reply.breaker.CopyFrom(risk_views.breaker(risk_views.breaker_at(event)))
                case CreditChanged():
                    reply.credit.CopyFrom(risk_views.credit(risk_views.credit_at(event)))
                case MarkChanged():
                    reply.mark.CopyFrom(risk_views.mark(risk_views.mark_at(event)))
        return reply

    async def reject_proposal(self, request: api.RejectProposalRequest, caller: Caller) -> api.RejectProposalResponse:
        proposal_id, answer = await self._approvals.decide(
            request.request_id, request.proposal_id, caller, kinds=RISK, approve=False
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
            hot_gates=[risk_views.hot_gate(gate) for gate in status.hot_gates],
        )

    async def arm_gate(self, request: api.ArmGateRequest, caller: Caller) -> api.ArmGateResponse:
        form = Form()
        command = ArmGate(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            gate=form.identifier("gate", request.gate, required=True),
            armed=request.armed,
            reason=form.reason(request.reason),
        )
        form.finish()
        return api.ArmGateResponse(sequence=(await self._durable.run(command)).sequence)

    async def retire_gate(self, request: api.RetireGateRequest, caller: Caller) -> api.RetireGateResponse:
        form = Form()
        command = RetireGate(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            gate=form.identifier("gate", request.gate, required=True),
            reason=form.reason(request.reason),
        )
        form.finish()
        return api.RetireGateResponse(sequence=(await self._durable.run(command)).sequence)

    async def get_risk_state(self, request: api.GetRiskStateRequest, _caller: Caller) -> api.GetRiskStateResponse:
        state, every = self._gateway.state, not request.active_only
        breakers = sorted(state.breakers(), key=lambda each: (each.account, each.strategy, each.breaker.name))
        marks = sorted(state.marks(), key=lambda each: (each.mark.name, each.name))
        began_ns = state.day_began_ns()
        reply = api.GetRiskStateResponse(
            breakers=[risk_views.breaker(found) for found in breakers if every or found.latched],
            marks=[risk_views.mark(found) for found in marks if every or found.on],
            credits=[risk_views.credit(found) for found in sorted(state.credit(), key=lambda each: each.name)],
            accounts=[risk_views.account_risk(found) for found in state.day_profits()],
            day_begin_time=resources.timestamp(began_ns) if began_ns else None,
        )
        await self._gateway.settled()
        return reply

    async def rearm_breaker(self, request: api.RearmBreakerRequest, caller: Caller) -> api.RearmBreakerResponse:
        form = Form()
        kind = form.choice("breaker", request.breaker, _BREAKERS, limits_pb2.BreakerKind)
        of_strategy = kind is Breaker.REPEATED_EXECUTION
        command = commands.RearmBreaker(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            reason=form.reason(request.reason),
            breaker=kind,
            account=form.identifier("account", request.account, required=not of_strategy),
            strategy=form.identifier("strategy", request.strategy),
        )
        for field in ("account",) if of_strategy else ("strategy",):
            if getattr(command, field):
                form.wrong(field, f"that breaker belongs to {'a strategy' if of_strategy else 'an account'}")
        form.finish()
        answer = await self._durable.run(command)
        made = next(event for event in answer.events if isinstance(event, ProposalMade))
        return api.RearmBreakerResponse(proposal=self._proposal(made), sequence=answer.sequence)

    async def change_credit(self, request: api.ChangeCreditRequest, caller: Caller) -> api.ChangeCreditResponse:
        form = Form()
        command = commands.ChangeCredit(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            reason=form.reason(request.reason),
            name=_credit_name(form, request.name),
            delta_nanos=form.signed_money("delta", request.delta),
        )
        form.finish()
        answer = await self._durable.run(command)
        reply = api.ChangeCreditResponse(sequence=answer.sequence)
        for event in answer.events:
            if isinstance(event, CreditChanged):
                reply.credit.CopyFrom(risk_views.credit(risk_views.credit_at(event)))
            elif isinstance(event, ProposalMade):
                reply.proposal.CopyFrom(self._proposal(event))
        return reply

    async def set_mark(self, request: api.SetMarkRequest, caller: Caller) -> api.SetMarkResponse:
        form = Form()
        command = commands.SetMark(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            mark=form.choice("mark", request.mark, _MARKS, limits_pb2.MarkKind),
            name=form.instrument_id("name", request.name, required=True),
            on=request.set,
            reason=form.reason(request.reason),
        )
        form.finish()
        answer = await self._durable.run(command)
        reply = api.SetMarkResponse(sequence=answer.sequence)
        for event in answer.events:
            if isinstance(event, MarkChanged):
                reply.mark.CopyFrom(risk_views.mark(risk_views.mark_at(event)))
            elif isinstance(event, ProposalMade):
                reply.proposal.CopyFrom(self._proposal(event))
        if reply.WhichOneof("result") is None:  # It is so already.
            about = command.mark, command.name
            never = MarkState(mark=command.mark, name=command.name)
            found = next((each for each in self._gateway.state.marks() if (each.mark, each.name) == about), never)
            reply.mark.CopyFrom(risk_views.mark(found))
        return reply

    async def stream_risk_events(
        self, request: api.StreamRiskEventsRequest, _caller: Caller
    ) -> AsyncGenerator[api.StreamRiskEventsResponse, None]:
        after = await start_of(self._gateway, request.after_sequence if request.HasField("after_sequence") else None)
        yield api.StreamRiskEventsResponse(sequence=after)  # At once: the caller knows that it is connected.
        async for batch in self._batches.of(self._risk_events(after)):
            events = [event for _, found in batch for event in found]
            if batch:
                after = batch[-1][0]
            yield api.StreamRiskEventsResponse(events=events, sequence=after)

    async def _risk_events(self, after: int) -> AsyncIterator[tuple[int, list[api.RiskEvent]]]:
        state = self._gateway.state
        async for sequence, _, record in self._gateway.records(after):
            found = (risk_views.risk_event(event, sequence, state) for event in record.events)
            if shown := [event for event in found if event is not None]:
                yield sequence, shown

    def _proposal(self, made: ProposalMade) -> limits_pb2.Proposal:
        return risk_views.proposal(Proposal(made=made), self._gateway.state, made.time_ns)


def _credit_name(form: Form, name: str) -> str:
    kind, slash, rest = name.partition("/")
    if kind in ("accounts", "strategies") and slash:
        form.identifier("name", rest, required=True)
    elif name != FIRM:
        form.wrong("name", "is required: firm, accounts/… or strategies/…")
    return name
