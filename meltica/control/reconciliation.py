"""ReconciliationService: how far each account is reconciled, where the two differ, and what persons decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from meltica.control import resources, risk_views
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain.approvals import Proposal
from meltica.domain.events import ProposalMade
from meltica.domain.instrument import Instrument
from meltica.domain.money import NANOS, nanos_text
from meltica.domain.ports import Gateway, StatementSource
from meltica.domain.statements import (
    Action,
    Difference,
    DifferenceKind,
    RequestStatement,
    SettleDifference,
    Standing,
)
from meltica.v1 import reconciliation_service_pb2 as api

KINDS: Final = {kind: api.DifferenceKind.Value(f"DIFFERENCE_KIND_{kind.name}") for kind in DifferenceKind}
ACTIONS: Final = {action: api.DifferenceAction.Value(f"DIFFERENCE_ACTION_{action.name}") for action in Action}
_ACTIONS_ASKED: Final[dict[int, Action]] = {number: action for action, number in ACTIONS.items()}


class ReconciliationService:
    def __init__(
        self,
        gateway: Gateway,
        durable: DurableCommands,
        sources: Callable[[], Sequence[StatementSource]] = tuple,
    ) -> None:
        self._gateway = gateway
        self._sources = sources
        self._durable = durable

    async def get_reconciliation(
        self, request: api.GetReconciliationRequest, _caller: Caller
    ) -> api.GetReconciliationResponse:
        form = Form()
        account = form.identifier("account", request.account)
        venue = form.identifier("venue", request.venue)
        form.finish()
        differences = list(self._gateway.state.differences())
        sources = {(source.venue, source.account): source for source in self._sources()}
        standings = {(one.venue, one.account): one for one in self._gateway.state.standings()}
        rows = [
            _standing(standings.get(at) or Standing(venue=at[0], account=at[1]), differences, sources.get(at))
            for at in sorted({**standings, **sources})
            if venue in {"", at[0]} and account in {"", at[1]}
        ]
        await self._gateway.settled()
        return api.GetReconciliationResponse(reconciliations=rows)

    async def list_differences(
        self, request: api.ListDifferencesRequest, _caller: Caller
    ) -> api.ListDifferencesResponse:
        form = Form()
        account = form.identifier("account", request.account)
        also = f"{account}|{int(request.include_suspected)}{int(request.include_ignored)}"
        page = Page(form, request.page_size, request.page_token, also)
        form.finish()
        rows = {
            f"{found.first_ns:020d}|{found.key}": found
            for found in self._gateway.state.differences()
            if account in {"", found.account}
            and (found.difference_id or request.include_suspected)
            and (not found.ignored or request.include_ignored)
        }
        left = [(key, rows[key]) for key in sorted(rows) if key > page.after]
        shown = [self._shown(found) for _, found in left[: page.size]]
        await self._gateway.settled()
        token = page.token(left[page.size - 1][0]) if len(left) > page.size else ""
        return api.ListDifferencesResponse(differences=shown, next_page_token=token)

    async def request_statement(
        self, request: api.RequestStatementRequest, caller: Caller
    ) -> api.RequestStatementResponse:
        form = Form()
        command = RequestStatement(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            venue=form.identifier("venue", request.venue, required=True),
            account=form.identifier("account", request.account, required=True),
            reason=form.reason(request.reason),
        )
        form.finish()
        answer = await self._durable.run(command)
        return api.RequestStatementResponse(sequence=answer.sequence)

    async def settle_difference(
        self, request: api.SettleDifferenceRequest, caller: Caller
    ) -> api.SettleDifferenceResponse:
        form = Form()
        found = self._found(form, request.difference_id)
        command = SettleDifference(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            reason=form.reason(request.reason),
            difference_id=0 if found is None else found.difference_id,
            action=form.choice("action", request.action, _ACTIONS_ASKED, api.DifferenceAction),
            price_ticks=self._price(form, request.price, found),
        )
        form.finish()
        answer = await self._durable.run(command)
        reply = api.SettleDifferenceResponse(sequence=answer.sequence)
        made = next((event for event in answer.events if isinstance(event, ProposalMade)), None)
        if made is not None:
            reply.proposal.CopyFrom(risk_views.proposal(Proposal(made=made), self._gateway.state, made.time_ns))
        return reply

    def _found(self, form: Form, text: str) -> Difference | None:
        number = form.number("difference_id", text)
        found = next((d for d in self._gateway.state.differences() if d.difference_id == number > 0), None)
        if number and found is None:
            form.missing("difference_id", "UNKNOWN_DIFFERENCE", f"no difference {number} stands")
        return found

    def _price(self, form: Form, text: str, found: Difference | None) -> int | None:
        if not text:
            return None
        instrument = None if found is None else self._instrument(found.instrument)
        if found is not None and instrument is None:
            form.wrong("price", "nothing of this difference has a price: leave it empty")
        return form.price("price", text, instrument)

    def _instrument(self, name: str) -> Instrument | None:
        return self._gateway.state.instrument(name)

    def _shown(self, found: Difference) -> api.Difference:
        instrument = self._instrument(found.instrument)
        return api.Difference(
            difference_id=str(found.difference_id) if found.difference_id else "",
            kind=KINDS[found.kind],
            venue=found.venue,
            account=found.account,
            subject=found.subject,
            instrument=found.instrument,
            order_id=str(found.order_id) if found.order_id else "",
            ours=_amount(found, found.ours, instrument),
            theirs=_amount(found, found.theirs, instrument),
            proposed_action=ACTIONS[found.proposed],
            text=found.text,
            looks=found.looks,
            revision=found.revision,
            first_time=resources.timestamp(found.first_ns),
            last_time=resources.timestamp(found.last_ns),
            ignored_reason=found.ignored,
        )


def _amount(found: Difference, number: int, instrument: Instrument | None) -> str:
    if found.kind is DifferenceKind.BALANCE:
        return nanos_text(number)
    return f"{number} lots" if instrument is None else instrument.quantity_text(number)


def _standing(standing: Standing, differences: list[Difference], source: StatementSource | None) -> api.Reconciliation:
    """Without a source: the venue is not connected any more."""
    source = source or StatementSource(standing.venue, standing.account, 0, "the venue is not connected")
    mine = [found for found in differences if (found.venue, found.account) == (standing.venue, standing.account)]
    return api.Reconciliation(
        venue=standing.venue,
        account=standing.account,
        guarded=standing.guarded,
        request_time=_moment(standing.requested_ns),
        statement_id=standing.statement_id,
        asked_time=_moment(standing.asked_ns),
        taken_time=_moment(standing.taken_ns),
        compare_time=_moment(standing.compared_ns),
        statements=standing.statements,
        orders=standing.orders,
        fills=standing.fills,
        positions=standing.positions,
        differences=sum(1 for found in mine if found.difference_id and not found.ignored),
        suspected=sum(1 for found in mine if not found.difference_id),
        unlisted=standing.unlisted,
        no_source=source.no_source,
        overdue=source.overdue,
        interval=Duration(seconds=source.every_ns // NANOS, nanos=source.every_ns % NANOS) if source.every_ns else None,
    )


def _moment(time_ns: int) -> Timestamp | None:
    return resources.timestamp(time_ns) if time_ns else None
