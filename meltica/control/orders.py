"""OrderService: orders in, orders shown, orders watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from meltica.control import order_form, resources, terms
from meltica.control.batches import Batches, start_of
from meltica.control.bulk_orders import BulkOrders
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.order_events import OrderEvent, Wanted, requested, shown
from meltica.control.order_lists import OrderLists
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain import commands, lifecycle
from meltica.domain.instrument import Instrument
from meltica.domain.order_events import CancelRequested, OrderHeld, OrderSubmitted, ReplaceRequested
from meltica.domain.ports import Gateway
from meltica.domain.terms import NO_TERMS
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api

SCAN_SLICE: Final = 2000
"""Orders looked at before others get their turn: a long list must not hold up the market."""
PIECE: Final = 16
"""Events of one journal entry that go together; a frame holds batches.MOST pieces at most, which is about 1 MB."""


class OrderService:
    def __init__(self, gateway: Gateway, durable: DurableCommands, batches: Batches) -> None:
        self._gateway = gateway
        self._durable = durable
        self._batches = batches
        bulk, lists = BulkOrders(gateway, durable), OrderLists(gateway, durable)
        self.submit_orders, self.amend_orders = bulk.submit_orders, bulk.amend_orders
        self.cancel_orders = bulk.cancel_orders
        self.submit_order_list = lists.submit_order_list
        self.get_order_group, self.list_order_groups = lists.get_order_group, lists.list_order_groups

    async def submit_order(self, request: api.SubmitOrderRequest, caller: Caller) -> api.SubmitOrderResponse:
        form = Form()
        request_id = form.request_id(request.request_id)
        command = order_form.order(form, request, self._gateway.state, request_id=request_id, actor=caller.actor)
        form.finish()
        answer = await self._durable.run(command)
        began = (event for event in answer.events if isinstance(event, OrderSubmitted | OrderHeld))
        submitted = next(event for event in began if isinstance(event, OrderHeld) or event.parent_id == 0)
        order = resources.order(lifecycle.opened(submitted), self._instrument(submitted.instrument))
        return api.SubmitOrderResponse(order=order, sequence=answer.sequence)

    async def amend_order(self, request: api.AmendOrderRequest, caller: Caller) -> api.AmendOrderResponse:
        form = Form()
        order_id = form.number("order_id", request.order_id)
        instrument = self._instrument_of(form, order_id)
        quantity = form.quantity("quantity", request.quantity, instrument) if request.HasField("quantity") else None
        price = form.price("price", request.price, instrument) if request.HasField("price") else None
        command = commands.AmendOrder(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            order_id=order_id,
            quantity_lots=quantity,
            price_ticks=price,
            client_order_id=form.client_order_id(request.client_order_id),
            terms=(terms.read(form, request.terms, instrument) or NO_TERMS) if request.HasField("terms") else None,
        )
        if quantity is None and price is None and not request.HasField("terms"):
            form.wrong("quantity", "name a new quantity, a new price, or both")
        form.finish()
        answer = await self._durable.run(command)
        reply = api.AmendOrderResponse(order_id=str(order_id), sequence=answer.sequence)
        for event in answer.events:
            if isinstance(event, ReplaceRequested) and event.order_id == order_id and instrument is not None:
                reply.pending_request.CopyFrom(requested(event, instrument))
        return reply

    async def cancel_order(self, request: api.CancelOrderRequest, caller: Caller) -> api.CancelOrderResponse:
        form = Form()
        order_id = form.number("order_id", request.order_id)
        instrument = self._instrument_of(form, order_id)
        command = commands.CancelOrder(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            order_id=order_id,
            client_order_id=form.client_order_id(request.client_order_id),
        )
        form.finish()
        answer = await self._durable.run(command)
        reply = api.CancelOrderResponse(order_id=str(order_id), sequence=answer.sequence)
        for event in answer.events:
            if isinstance(event, CancelRequested) and instrument is not None:
                reply.pending_request.CopyFrom(requested(event, instrument))
        return reply

    async def cancel_all_orders(
        self, request: api.CancelAllOrdersRequest, caller: Caller
    ) -> api.CancelAllOrdersResponse:
        form = Form()
        command = commands.CancelAllOrders(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            account=form.identifier("account", request.account),
            strategy=form.identifier("strategy", request.strategy),
            instrument=form.instrument_id("instrument", request.instrument),
        )
        form.finish()
        answer = await self._durable.run(command)
        order_ids = [str(event.order_id) for event in answer.events if isinstance(event, CancelRequested)]
        return api.CancelAllOrdersResponse(order_ids=order_ids, sequence=answer.sequence)

    async def get_order(self, request: api.GetOrderRequest, _caller: Caller) -> api.GetOrderResponse:
        form = Form()
        order_id = form.number("order_id", request.order_id)
        self._instrument_of(form, order_id)
        form.finish()
        reply = api.GetOrderResponse(order=self._shown(order_id))
        await self._gateway.settled()
        return reply

    async def list_orders(self, request: api.ListOrdersRequest, _caller: Caller) -> api.ListOrdersResponse:
        form = Form()
        wanted = Wanted(
            account=form.identifier("account", request.account),
            instrument=form.instrument_id("instrument", request.instrument),
            strategy=form.identifier("strategy", request.strategy),
        )
        page = Page(form, request.page_size, request.page_token, wanted, request.working_only, numbered=True)
        form.finish()
        order_ids = await self._find(wanted, working_only=request.working_only, page=page)
        more = len(order_ids) > page.size
        found = [self._shown(order_id) for order_id in order_ids[: page.size]]
        await self._gateway.settled()
        token = page.token(order_ids[page.size - 1]) if more else ""
        return api.ListOrdersResponse(orders=found, next_page_token=token)

    async def _find(self, wanted: Wanted, *, working_only: bool, page: Page) -> list[int]:
        """Ids of one page and, if there is one, of the next order after it."""
        state = self._gateway.state
        after = int(page.after or 0)
        candidates = list(state.open_orders() if working_only else state.orders())
        found: list[int] = []
        for place, order in enumerate(candidates):
            if order.order_id > after and wanted.matches(order):
                found.append(order.order_id)
                if len(found) > page.size:
                    break
            if place % SCAN_SLICE == SCAN_SLICE - 1:
                await asyncio.sleep(0)
        return found

    async def stream_order_events(
        self, request: api.StreamOrderEventsRequest, _caller: Caller
    ) -> AsyncGenerator[api.StreamOrderEventsResponse, None]:
        form = Form()
        wanted = Wanted(
            account=form.identifier("account", request.account),
            instrument=form.instrument_id("instrument", request.instrument),
            strategy=form.identifier("strategy", request.strategy),
            order_id=form.number("order_id", request.order_id) if request.order_id else 0,
        )
        form.finish()
        after = await start_of(self._gateway, request.after_sequence if request.HasField("after_sequence") else None)
        yield api.StreamOrderEventsResponse(sequence=after)  # At once: the caller knows that it is connected.
        async for batch in self._batches.of(self._events(after, wanted)):
            events = [event for _, found in batch for event in found]
            if batch:
                after = batch[-1][0]
            yield api.StreamOrderEventsResponse(events=events, sequence=after)

    async def _events(self, after: int, wanted: Wanted) -> AsyncIterator[tuple[int, list[OrderEvent]]]:
        state = self._gateway.state
        async for sequence, _, record in self._gateway.records(after):
            found = [event for one in record.events if (event := shown(one, sequence, state, wanted)) is not None]
            # A cancel-all may be thousands of events: only its last piece lets a reader resume after it.
            for start in range(0, len(found) - PIECE, PIECE):
                yield sequence - 1, found[start : start + PIECE]
            yield sequence, found[max(len(found) - 1, 0) // PIECE * PIECE :]

    def _instrument(self, instrument: str) -> Instrument:
        if (found := self._gateway.state.instrument(instrument)) is None:
            raise LookupError(instrument)  # Never: instruments are not unregistered.
        return found

    def _instrument_of(self, form: Form, order_id: int) -> Instrument | None:
        """The order's instrument; an order that does not exist is remembered as missing."""
        if (order := self._gateway.state.order(order_id)) is None:
            form.missing("order_id", "UNKNOWN_ORDER", f"no order {order_id}", order_id=str(order_id))
            return None
        return self._gateway.state.instrument(order.instrument)

    def _shown(self, order_id: int) -> order_pb2.Order:
        order = self._gateway.state.order(order_id)
        if order is None:
            raise LookupError(order_id)  # Never: orders are not forgotten.
        return resources.order(order, self._instrument(order.instrument))
