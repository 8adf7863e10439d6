"""KillSwitchService: one call stops, two persons release."""

from __future__ import annotations

from meltica.control import resources, risk_views
from meltica.control.approvals import RELEASE, Approvals
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain import commands
from meltica.domain.approvals import KillSwitch, Proposal
from meltica.domain.events import KillSwitchEngaged, KillSwitchReleased, ProposalMade
from meltica.domain.order_events import CancelRequested
from meltica.domain.ports import Gateway
from meltica.v1 import kill_switch_service_pb2 as api


class KillSwitchService:
    def __init__(self, gateway: Gateway, durable: DurableCommands, approvals: Approvals) -> None:
        self._gateway = gateway
        self._durable = durable
        self._approvals = approvals

    async def engage_kill_switch(
        self, request: api.EngageKillSwitchRequest, caller: Caller
    ) -> api.EngageKillSwitchResponse:
        form = Form()
        command = commands.EngageKillSwitch(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            reason=form.reason(request.reason),
            account=form.identifier("account", request.account),
            target=form.target("target", request.target, other=request.account),
        )
        form.finish()
        answer = await self._durable.run(command)
        switch = next(
            (risk_views.kill_switch_at(event) for event in answer.events if isinstance(event, KillSwitchEngaged)), None
        )
        if switch is None:  # It was engaged already.
            switch = self._find(command.switch)
            await self._gateway.settled()
        return api.EngageKillSwitchResponse(
            kill_switch=resources.kill_switch(switch),
            canceled_order_ids=[str(event.order_id) for event in answer.events if isinstance(event, CancelRequested)],
            sequence=answer.sequence,
        )

    async def get_kill_switch(self, request: api.GetKillSwitchRequest, _caller: Caller) -> api.GetKillSwitchResponse:
        form = Form()
        account = form.identifier("account", request.account)
        target = form.target("target", request.target, other=request.account)
        form.finish()
        reply = api.GetKillSwitchResponse(kill_switch=resources.kill_switch(self._find(target or account)))
        await self._gateway.settled()
        return reply

    async def list_kill_switches(
        self, request: api.ListKillSwitchesRequest, _caller: Caller
    ) -> api.ListKillSwitchesResponse:
        form = Form()
        page = Page(form, request.page_size, request.page_token)
        form.finish()
        # The page's key is "=name", because the global switch has no name.
        rows = sorted((f"={switch.switch}", switch) for switch in self._gateway.state.kill_switches())
        rows = [row for row in rows if row[0] > page.after]
        shown = [resources.kill_switch(switch) for _, switch in rows[: page.size]]
        await self._gateway.settled()
        token = page.token(rows[page.size - 1][0]) if len(rows) > page.size else ""
        return api.ListKillSwitchesResponse(kill_switches=shown, next_page_token=token)

    async def propose_release(self, request: api.ProposeReleaseRequest, caller: Caller) -> api.ProposeReleaseResponse:
        form = Form()
        command = commands.ProposeKillSwitchRelease(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            reason=form.reason(request.reason),
            account=form.identifier("account", request.account),
            target=form.target("target", request.target, other=request.account),
        )
        form.finish()
        answer = await self._durable.run(command)
        made = next(event for event in answer.events if isinstance(event, ProposalMade))
        proposal = risk_views.proposal(Proposal(made=made), self._gateway.state, made.time_ns)
        return api.ProposeReleaseResponse(proposal=proposal, sequence=answer.sequence)

    async def approve_release(self, request: api.ApproveReleaseRequest, caller: Caller) -> api.ApproveReleaseResponse:
        _, answer = await self._approvals.decide(
            request.request_id, request.proposal_id, caller, kinds=RELEASE, approve=True
        )
        switch = next(
            risk_views.kill_switch_at(event) for event in answer.events if isinstance(event, KillSwitchReleased)
        )
        return api.ApproveReleaseResponse(kill_switch=resources.kill_switch(switch), sequence=answer.sequence)

    async def reject_release(self, request: api.RejectReleaseRequest, caller: Caller) -> api.RejectReleaseResponse:
        proposal_id, answer = await self._approvals.decide(
            request.request_id, request.proposal_id, caller, kinds=RELEASE, approve=False
        )
        return api.RejectReleaseResponse(proposal_id=str(proposal_id), sequence=answer.sequence)

    def _find(self, name: str) -> KillSwitch:
        """One that was never engaged is released, with epoch 0."""
        switches = self._gateway.state.kill_switches()
        account, target = ("", name) if "/" in name else (name, "")
        return next(
            (switch for switch in switches if switch.switch == name), KillSwitch(account=account, target=target)
        )
