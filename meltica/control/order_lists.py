"""OrderService, the part about orders that belong together."""

from __future__ import annotations

import asyncio
from typing import Final

from meltica.control import groups, order_form, resources
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain import commands, lifecycle
from meltica.domain.groups import LINKED, LIST_MOST, Group, GroupOpened, Link, Sizing
from meltica.domain.order_events import OrderHeld, OrderSubmitted
from meltica.domain.ports import Gateway
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api

SCAN_SLICE: Final = 2000
"""Groups looked at before others get their turn."""
_LINKS: Final[dict[int, Link]] = {number: link for link, number in groups.LINKS.items()}
_AMONG: Final[dict[int, Link | None]] = {
    order_pb2.LINK_UNSPECIFIED: None,
    **{number: link for link, number in groups.LINKS.items() if link in LINKED},
}
_SIZINGS: Final[dict[int, Sizing]] = {
    order_pb2.GROUP_SIZING_UNSPECIFIED: Sizing.FULL,
    **{number: sizing for sizing, number in groups.SIZINGS.items()},
}


class OrderLists:
    def __init__(self, gateway: Gateway, durable: DurableCommands) -> None:
        self._gateway = gateway
        self._durable = durable

    async def submit_order_list(
        self, request: api.SubmitOrderListRequest, caller: Caller
    ) -> api.SubmitOrderListResponse:
        form = Form()
        if request.among not in _AMONG:
            form.wrong("among", "LINK_OCO, LINK_OUO, or left out: each by itself")
        if request.sizing not in _SIZINGS:
            form.wrong("sizing", "GROUP_SIZING_FULL or GROUP_SIZING_PARTIAL")
        command = commands.SubmitOrderList(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            link=form.choice("link", request.link, _LINKS, order_pb2.Link),
            orders=order_form.items(form, request.orders, self._gateway.state, LIST_MOST),
            among=_AMONG.get(request.among),
            sizing=_SIZINGS.get(request.sizing, Sizing.FULL),
        )
        form.finish()
        answer = await self._durable.run(command)
        reply = api.SubmitOrderListResponse(sequence=answer.sequence)
        state = self._gateway.state
        for event in answer.events:
            if isinstance(event, OrderSubmitted | OrderHeld) and (found := state.instrument(event.instrument)):
                reply.orders.append(resources.order(lifecycle.opened(event), found))
            elif isinstance(event, GroupOpened):
                group = groups.as_opened(event)
                reply.group.CopyFrom(groups.shown(group, groups.instrument_of(state, group), is_open=True))
        return reply

    async def get_order_group(self, request: api.GetOrderGroupRequest, _caller: Caller) -> api.GetOrderGroupResponse:
        form = Form()
        group_id = form.number("group_id", request.group_id)
        state = self._gateway.state
        if (group := state.group(group_id)) is None:
            form.missing("group_id", "UNKNOWN_GROUP", f"no group {group_id}", group_id=str(group_id))
        form.finish()
        if group is None:
            raise LookupError(group_id)  # Never: finish has said it.
        reply = api.GetOrderGroupResponse(group=self._shown(group))
        for order_id in group.members:
            order = state.order(order_id)
            instrument = None if order is None else state.instrument(order.instrument)
            if order is not None and instrument is not None:
                reply.orders.append(resources.order(order, instrument))
        await self._gateway.settled()
        return reply

    async def list_order_groups(
        self, request: api.ListOrderGroupsRequest, _caller: Caller
    ) -> api.ListOrderGroupsResponse:
        form = Form()
        account = form.identifier("account", request.account)
        strategy = form.identifier("strategy", request.strategy)
        page = Page(form, request.page_size, request.page_token, account, strategy, request.open_only, numbered=True)
        form.finish()
        found: list[Group] = []
        after = int(page.after or 0)
        for place, group in enumerate(list(self._gateway.state.groups())):
            if group.group_id > after and self._wanted(group, account, strategy, open_only=request.open_only):
                found.append(group)
                if len(found) > page.size:
                    break
            if place % SCAN_SLICE == SCAN_SLICE - 1:
                await asyncio.sleep(0)
        shown = [self._shown(group) for group in found[: page.size]]
        await self._gateway.settled()
        token = page.token(found[page.size - 1].group_id) if len(found) > page.size else ""
        return api.ListOrderGroupsResponse(groups=shown, next_page_token=token)

    def _wanted(self, group: Group, account: str, strategy: str, *, open_only: bool) -> bool:
        first = self._gateway.state.order(group.group_id)
        return (
            first is not None
            and account in ("", first.account)
            and strategy in ("", first.strategy)
            and (not open_only or self._gateway.state.is_group_open(group))
        )

    def _shown(self, group: Group) -> order_pb2.OrderGroup:
        state = self._gateway.state
        return groups.shown(group, groups.instrument_of(state, group), is_open=state.is_group_open(group))
