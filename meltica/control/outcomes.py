"""OutcomeService: what nobody knows of orders, and corrections that came before their trade."""

from __future__ import annotations

from typing import Final

from meltica.control import outcome_views, resources, risk_views
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain.approvals import Proposal
from meltica.domain.corrections import DropCorrection
from meltica.domain.events import ProposalMade
from meltica.domain.instrument import Instrument
from meltica.domain.order import Order
from meltica.domain.outcomes import ResolveOutcome, Verdict
from meltica.domain.ports import Gateway
from meltica.v1 import order_pb2
from meltica.v1 import outcome_service_pb2 as api

_VERDICTS: Final[dict[int, Verdict]] = {
    api.VERDICT_CARRIED_OUT: Verdict.CARRIED_OUT,
    api.VERDICT_NEVER_ARRIVED: Verdict.NEVER_ARRIVED,
}


class OutcomeService:
    def __init__(self, gateway: Gateway, durable: DurableCommands) -> None:
        self._gateway = gateway
        self._durable = durable

    async def list_uncertain_orders(
        self, request: api.ListUncertainOrdersRequest, _caller: Caller
    ) -> api.ListUncertainOrdersResponse:
        form = Form()
        account = form.identifier("account", request.account)
        page = Page(form, request.page_size, request.page_token, account, numbered=True)
        form.finish()
        after = int(page.after or 0)
        rows = [
            order
            for order in self._gateway.state.uncertain_orders()
            if account in ("", order.account) and order.order_id > after
        ]
        shown = [self._shown(order) for order in rows[: page.size]]
        await self._gateway.settled()
        token = page.token(rows[page.size - 1].order_id) if len(rows) > page.size else ""
        return api.ListUncertainOrdersResponse(orders=shown, next_page_token=token)

    async def resolve_outcome(self, request: api.ResolveOutcomeRequest, caller: Caller) -> api.ResolveOutcomeResponse:
        form = Form()
        order_id = self._order(form, request.order_id)
        command = ResolveOutcome(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            reason=form.reason(request.reason),
            order_id=order_id,
            client_order_id=form.client_order_id(request.client_order_id),
            verdict=form.choice("verdict", request.verdict, _VERDICTS, api.Verdict),
        )
        if not request.client_order_id:
            form.wrong("client_order_id", "is required: that of one of the order's doubts")
        form.finish()
        answer = await self._durable.run(command)
        reply = api.ResolveOutcomeResponse(sequence=answer.sequence)
        made = next((event for event in answer.events if isinstance(event, ProposalMade)), None)
        if made is not None:
            proposal = Proposal(made=made)
            reply.proposal.CopyFrom(risk_views.proposal(proposal, self._gateway.state, made.time_ns))
        elif (order := self._gateway.state.order(order_id)) is not None:
            reply.order.CopyFrom(self._shown(order))
        return reply

    async def list_kept_corrections(
        self, request: api.ListKeptCorrectionsRequest, _caller: Caller
    ) -> api.ListKeptCorrectionsResponse:
        form = Form()
        account = form.identifier("account", request.account)
        page = Page(form, request.page_size, request.page_token, account)
        form.finish()
        rows = {
            f"{kept.time_ns:020d}|{kept.key}": kept
            for kept in self._gateway.state.kept_corrections()
            if account in ("", kept.account) or not kept.account
        }
        found = [(key, rows[key]) for key in sorted(rows) if key > page.after]
        instrument = self._gateway.state.instrument
        shown = [outcome_views.kept(kept, instrument(kept.instrument)) for _, kept in found[: page.size]]
        await self._gateway.settled()
        token = page.token(found[page.size - 1][0]) if len(found) > page.size else ""
        return api.ListKeptCorrectionsResponse(corrections=shown, next_page_token=token)

    async def drop_correction(self, request: api.DropCorrectionRequest, caller: Caller) -> api.DropCorrectionResponse:
        form = Form()
        command = DropCorrection(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            reason=form.reason(request.reason),
            order_id=self._order(form, request.order_id),
            execution_id=form.execution_id(request.execution_id, required=True),
        )
        form.finish()
        answer = await self._durable.run(command)
        return api.DropCorrectionResponse(sequence=answer.sequence)

    def _order(self, form: Form, text: str) -> int:
        order_id = form.number("order_id", text)
        if order_id and self._gateway.state.order(order_id) is None:
            form.missing("order_id", "UNKNOWN_ORDER", f"no order {order_id}", order_id=str(order_id))
        return order_id

    def _shown(self, order: Order) -> order_pb2.Order:
        return resources.order(order, self._instrument(order.instrument))

    def _instrument(self, name: str) -> Instrument:
        if (found := self._gateway.state.instrument(name)) is None:
            raise LookupError(name)  # Never: instruments are not unregistered.
        return found
