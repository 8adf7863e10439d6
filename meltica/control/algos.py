"""AlgoService: parent orders in, and how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from meltica.control import algo_events, decisions, resources, schedules
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.order_events import Wanted
from meltica.control.pages import Page
from meltica.control.requests import REASON_LIMIT, Form
from meltica.domain import algo_commands as commands
from meltica.domain import lifecycle
from meltica.domain.commands import CancelOrder
from meltica.domain.instrument import Instrument
from meltica.domain.order import Order, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderHeld
from meltica.domain.parent import AlgoView, Parent
from meltica.domain.parent_events import AlgoStarted
from meltica.domain.ports import Answer, Gateway
from meltica.domain.schedule import ScheduleKind
from meltica.v1 import algo_service_pb2 as api
from meltica.v1 import order_pb2

SCAN_SLICE: Final = 2000
"""Parent orders looked at before others get their turn."""
_SIDES: Final[dict[int, Side]] = {number: side for side, number in resources.SIDES.items()}
_RESTING: Final[dict[int, TimeInForce]] = {
    order_pb2.TIME_IN_FORCE_UNSPECIFIED: TimeInForce.GTC,
    order_pb2.TIME_IN_FORCE_GTC: TimeInForce.GTC,
    order_pb2.TIME_IN_FORCE_DAY: TimeInForce.DAY,
}
NOTHING_DONE: Final = AlgoView(target_lots=0, working_lots=0, children=(), live=())


class AlgoService:
    def __init__(self, gateway: Gateway, durable: DurableCommands, clock_ns: Callable[[], int]) -> None:
        self._gateway = gateway
        self._durable = durable
        self._clock_ns = clock_ns

    async def submit_algo(self, request: api.SubmitAlgoRequest, caller: Caller) -> api.SubmitAlgoResponse:
        form = Form()
        instrument = form.instrument("instrument", request.instrument, self._gateway.state)
        decision = decisions.read(form, request, instrument)
        command = commands.SubmitAlgo(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            account=form.identifier("account", request.account, required=True),
            strategy=form.identifier("strategy", request.strategy),
            instrument=request.instrument,
            side=form.choice("side", request.side, _SIDES, order_pb2.Side),
            quantity_lots=form.quantity("quantity", request.quantity, instrument),
            price_ticks=form.price("price", request.price, instrument) if request.price else None,
            time_in_force=form.choice("time_in_force", request.time_in_force, _RESTING, order_pb2.TimeInForce),
            post_only=request.post_only,
            reduce_only=request.reduce_only,
            short=request.short_sale,
            short_exempt=request.short_exempt,
            client_order_id=form.client_order_id(request.client_order_id),
            schedule=schedules.read(form, request.schedule, instrument),
            decided_ns=decision.decided_ns,
            decision_ticks=decision.ticks,
        )
        form.finish()
        answer = await self._durable.run(command)
        return api.SubmitAlgoResponse(algo=self._begun(answer), sequence=answer.sequence)

    async def pause_algo(self, request: api.PauseAlgoRequest, caller: Caller) -> api.PauseAlgoResponse:
        form = Form()
        order_id = self._order_id(form, request.order_id)
        if len(request.reason) > REASON_LIMIT or (request.reason and not request.reason.isprintable()):
            form.wrong("reason", f"must be one line of at most {REASON_LIMIT} printable characters")
        command = commands.PauseAlgo(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            order_id=order_id,
            keep_children=request.keep_children,
            reason=request.reason.strip(),
        )
        form.finish()
        answer = await self._durable.run(command)
        return api.PauseAlgoResponse(sequence=answer.sequence, canceling_order_ids=self._cancelling(order_id, answer))

    async def resume_algo(self, request: api.ResumeAlgoRequest, caller: Caller) -> api.ResumeAlgoResponse:
        form = Form()
        order_id = self._order_id(form, request.order_id)
        command = commands.ResumeAlgo(
            request_id=form.request_id(request.request_id), actor=caller.actor, order_id=order_id
        )
        form.finish()
        answer = await self._durable.run(command)
        return api.ResumeAlgoResponse(sequence=answer.sequence)

    async def amend_algo(self, request: api.AmendAlgoRequest, caller: Caller) -> api.AmendAlgoResponse:
        form = Form()
        order_id = self._order_id(form, request.order_id)
        order = self._gateway.state.order(order_id)
        instrument = None if order is None else self._gateway.state.instrument(order.instrument)
        quantity = form.quantity("quantity", request.quantity, instrument) if request.HasField("quantity") else None
        price = form.price("price", request.price, instrument) if request.HasField("price") else None
        end_ns = schedules.moment(form, "end_time", request.end_time) if request.HasField("end_time") else None
        command = commands.AmendAlgo(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            order_id=order_id,
            quantity_lots=quantity,
            price_ticks=price,
            end_ns=end_ns,
        )
        if quantity is None and price is None and end_ns is None:
            form.wrong("quantity", "name a new quantity, a new price, a new end, or several")
        form.finish()
        answer = await self._durable.run(command)
        return api.AmendAlgoResponse(sequence=answer.sequence, canceling_order_ids=self._cancelling(order_id, answer))

    async def cancel_algo(self, request: api.CancelAlgoRequest, caller: Caller) -> api.CancelAlgoResponse:
        form = Form()
        order_id = self._order_id(form, request.order_id)
        command = CancelOrder(request_id=form.request_id(request.request_id), actor=caller.actor, order_id=order_id)
        form.finish()
        answer = await self._durable.run(command)
        return api.CancelAlgoResponse(sequence=answer.sequence, canceling_order_ids=self._cancelling(order_id, answer))

    async def get_algo(self, request: api.GetAlgoRequest, _caller: Caller) -> api.GetAlgoResponse:
        form = Form()
        order_id = self._order_id(form, request.order_id)
        form.finish()
        reply = api.GetAlgoResponse(algo=self._shown(order_id))
        await self._gateway.settled()
        return reply

    async def list_algos(self, request: api.ListAlgosRequest, _caller: Caller) -> api.ListAlgosResponse:
        form = Form()
        wanted = Wanted(
            account=form.identifier("account", request.account),
            instrument=form.instrument_id("instrument", request.instrument),
            strategy=form.identifier("strategy", request.strategy),
        )
        page = Page(form, request.page_size, request.page_token, wanted, request.open_only, numbered=True)
        form.finish()
        order_ids = await self._find(wanted, page, open_only=request.open_only)
        found = [self._shown(order_id) for order_id in order_ids[: page.size]]
        await self._gateway.settled()
        token = page.token(order_ids[page.size - 1]) if len(order_ids) > page.size else ""
        return api.ListAlgosResponse(algos=found, next_page_token=token)

    async def _find(self, wanted: Wanted, page: Page, *, open_only: bool) -> list[int]:
        """Ids of one page and, if there is one, of the next after it."""
        state = self._gateway.state
        after = int(page.after or 0)
        found: list[int] = []
        for place, parent in enumerate(list(state.parents())):
            order = state.order(parent.order_id)
            if order is None or order.order_id <= after or not wanted.matches(order):
                continue
            if not open_only or order.held is not None:
                found.append(order.order_id)
                if len(found) > page.size:
                    break
            if place % SCAN_SLICE == SCAN_SLICE - 1:
                await asyncio.sleep(0)
        return found

    def _order_id(self, form: Form, text: str) -> int:
        """One that is a parent order; another is remembered as missing."""
        order_id, state = form.number("order_id", text), self._gateway.state
        if state.order(order_id) is None:
            form.missing("order_id", "UNKNOWN_ORDER", f"no order {order_id}", order_id=str(order_id))
        elif state.algo(order_id, 0) is None:
            why = f"order {order_id} does not go out in slices"
            form.missing("order_id", "NOT_AN_ALGO", why, order_id=str(order_id))
        return order_id

    def _cancelling(self, order_id: int, answer: Answer) -> list[str]:
        """Slices of this parent whose cancel went out with the answer."""
        requested = [event.order_id for event in answer.events if isinstance(event, CancelRequested)]
        children = (self._gateway.state.order(number) for number in requested)
        return [str(child.order_id) for child in children if child is not None and child.parent_id == order_id]

    def _begun(self, answer: Answer) -> api.Algo:
        """As it was when it began, however often it is asked for."""
        began = next(event for event in answer.events if isinstance(event, AlgoStarted))
        held = next(event for event in answer.events if isinstance(event, OrderHeld))
        if (instrument := self._gateway.state.instrument(held.instrument)) is None:
            raise LookupError(held.instrument)  # Never: instruments are not forgotten.
        parent = Parent(order_id=began.order_id, schedule=began.schedule, arrival_half_ticks=began.arrival_half_ticks)
        return _algo(lifecycle.opened(held), parent, NOTHING_DONE, instrument)

    def _shown(self, order_id: int) -> api.Algo:
        state = self._gateway.state
        order, found = state.order(order_id), state.algo(order_id, self._clock_ns())
        instrument = None if order is None else state.instrument(order.instrument)
        if order is None or found is None or instrument is None:
            raise LookupError(order_id)  # Never: orders and instruments are not forgotten.
        return _algo(order, *found, instrument)


def _algo(order: Order, parent: Parent, view: AlgoView, instrument: Instrument) -> api.Algo:
    quantity = instrument.quantity_text
    return api.Algo(
        order=resources.order(order, instrument),
        schedule=schedules.shown(parent.schedule, instrument),
        phase=algo_events.PHASES[parent.phase],
        reason=parent.reason,
        target_quantity=quantity(view.target_lots),
        working_quantity=quantity(view.working_lots),
        market_quantity=quantity(parent.market_lots) if parent.schedule.kind is ScheduleKind.POV else "",
        overfilled_quantity=quantity(parent.overfilled_lots),
        arrival_mid=algo_events.arrival_text(parent.arrival_half_ticks, instrument),
        child_order_ids=[str(number) for number in view.children],
        live_child_order_ids=[str(number) for number in view.live],
        next_look_time=resources.timestamp(order.due_ns) if order.due_ns else None,
    )
