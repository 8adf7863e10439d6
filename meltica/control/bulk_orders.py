"""OrderService, the part about many orders at once: one journal entry, one answer for each item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from meltica.control import order_form, resources
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.errors import fired_checks
from meltica.control.order_form import Asked, Read
from meltica.control.requests import Form
from meltica.domain import commands, lifecycle
from meltica.domain.events import Event
from meltica.domain.many import ITEMS_MOST, Item, ManyAnswered, Outcome, Unreadable
from meltica.domain.order_events import OrderDenied, OrderHeld, OrderSubmitted
from meltica.domain.ports import Gateway, State
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api

OUTCOMES: Final = {outcome: api.ItemResult.Outcome.Value(f"OUTCOME_{outcome.name}") for outcome in Outcome}


class BulkOrders:
    def __init__(self, gateway: Gateway, durable: DurableCommands) -> None:
        self._gateway = gateway
        self._durable = durable

    async def submit_orders(self, request: api.SubmitOrdersRequest, caller: Caller) -> api.SubmitOrdersResponse:
        form, state = Form(), self._gateway.state
        orders, unreadable = self._read(
            form, "orders", request.orders, lambda item, asked: order_form.item(item, asked, state), request.all_or_none
        )
        command = commands.SubmitOrders(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            orders=orders,
            all_or_none=request.all_or_none,
            unreadable=unreadable,
            accounts=_mine(caller),
        )
        form.finish()
        answer = await self._durable.run(command, items=True)
        return api.SubmitOrdersResponse(results=_results(answer.events, state), sequence=answer.sequence)

    async def amend_orders(self, request: api.AmendOrdersRequest, caller: Caller) -> api.AmendOrdersResponse:
        form, state = Form(), self._gateway.state
        amendments, unreadable = self._read(
            form,
            "amendments",
            request.amendments,
            lambda item, asked: order_form.amendment(item, asked, state),
            request.all_or_none,
        )
        command = commands.AmendOrders(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            amendments=amendments,
            all_or_none=request.all_or_none,
            unreadable=unreadable,
            accounts=_mine(caller),
        )
        form.finish()
        answer = await self._durable.run(command, items=True)
        return api.AmendOrdersResponse(results=_results(answer.events, state), sequence=answer.sequence)

    @staticmethod
    def _read(
        form: Form, field: str, asked: Sequence[Asked], read: Callable[[Form, Asked], Read], together: bool
    ) -> tuple[tuple[Read, ...], tuple[Unreadable, ...]]:
        """Items that are wanted together are wrong together; else what can't be read is that item's answer."""
        if not form.counted(field, len(asked), ITEMS_MOST):
            return (), ()
        if together:
            return tuple(read(form.item(f"{field}[{place}]."), each) for place, each in enumerate(asked)), ()
        return order_form.apart(asked, read, ITEMS_MOST)

    async def cancel_orders(self, request: api.CancelOrdersRequest, caller: Caller) -> api.CancelOrdersResponse:
        form = Form()
        side = None
        if request.side != order_pb2.SIDE_UNSPECIFIED:
            side = form.choice("side", request.side, order_form.SIDES, order_pb2.Side)
        if request.order_ids:
            form.counted("order_ids", len(request.order_ids), ITEMS_MOST)
        # One that can't be read must not keep the others from being cancelled.
        texts = list(dict.fromkeys(request.order_ids[:ITEMS_MOST]))
        ids, unreadable = order_form.apart(texts, lambda item, text: item.number("order_ids", text), ITEMS_MOST)
        older = form.duration_ns("older_than", request.older_than) if request.HasField("older_than") else 0
        command = commands.CancelOrders(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            order_ids=ids,
            account=form.identifier("account", request.account),
            strategy=form.identifier("strategy", request.strategy),
            instrument=form.instrument_id("instrument", request.instrument),
            side=side,
            older_than_ns=older,
            group_id=form.number("group_id", request.group_id) if request.group_id else 0,
            unreadable=unreadable,
            accounts=_mine(caller),
        )
        form.finish()
        answer = await self._durable.run(command, items=True)
        results = _results(answer.events, self._gateway.state)
        return api.CancelOrdersResponse(results=results, sequence=answer.sequence)


def _mine(caller: Caller) -> tuple[str, ...] | None:
    return None if caller.accounts is None else tuple(sorted(caller.accounts))


def _results(events: Sequence[Event], state: State) -> list[api.ItemResult]:
    begun = {event.order_id: event for event in events if isinstance(event, OrderSubmitted | OrderHeld | OrderDenied)}
    answered = next(event for event in events if isinstance(event, ManyAnswered))
    results = []
    for item in answered.items:
        result = _result(item)
        if (event := begun.get(item.order_id)) is not None and (found := state.instrument(event.instrument)):
            result.order.CopyFrom(resources.order(lifecycle.opened(event), found))
        results.append(result)
    return results


def _result(item: Item) -> api.ItemResult:
    return api.ItemResult(
        outcome=OUTCOMES[item.outcome],
        order_id=str(item.order_id) if item.order_id else "",
        reason=item.reason,
        field=item.field,
        text=item.text,
        fired_checks=fired_checks(item.fired_mask) if item.fired_mask else [],
    )
