"""OrderService over mutual TLS: orders that belong together, and many orders at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from meltica.domain.reports import ExecType
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api
from tests.unit.control.serving import order, refusal, request_id, serving

DONE, REFUSED = api.ItemResult.OUTCOME_DONE, api.ItemResult.OUTCOME_REFUSED
WITHDRAWN, NOT_JUDGED = api.ItemResult.OUTCOME_WITHDRAWN, api.ItemResult.OUTCOME_NOT_JUDGED


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


def item(**fields):
    return order(request_id="", **fields)


def bracket(**fields) -> api.SubmitOrderListRequest:
    sell = {"side": order_pb2.SIDE_SELL}
    stop = {"type": order_pb2.ORDER_TYPE_STOP, "terms": order_pb2.OrderTerms(trigger_price="59000.00"), "price": ""}
    orders = [item(), item(**sell, price="61000.00"), item(**sell, **stop)]
    facts = {"request_id": request_id(), "link": order_pb2.LINK_BRACKET, "orders": orders}
    return api.SubmitOrderListRequest(**{**facts, "sizing": order_pb2.GROUP_SIZING_PARTIAL, **fields})


async def test_a_bracket_from_submit_to_the_end(running):
    tara = (await running.be("tara")).orders
    request = bracket()
    answer = await tara.SubmitOrderList(request)
    assert [found.order_id for found in answer.orders] == ["1", "2", "3"]
    held = [order_pb2.HELD_UNSPECIFIED, order_pb2.HELD_PARENT, order_pb2.HELD_PARENT]
    assert [found.held for found in answer.orders] == held
    assert {found.group_id for found in answer.orders} == {"1"}
    group = answer.group
    assert (group.group_id, group.parent_order_id, list(group.order_ids)) == ("1", "1", ["1", "2", "3"])
    assert (group.link, group.among, group.sizing, group.open) == (
        order_pb2.LINK_BRACKET,
        order_pb2.LINK_OUO,
        order_pb2.GROUP_SIZING_PARTIAL,
        True,
    )
    assert answer.sequence == len(running.gateway.journal)
    assert await tara.SubmitOrderList(request) == answer
    assert len(running.gateway.state.tables.orders) == 3

    running.gateway.fill("m1", "x1", 20_000, 6_000_000)
    found = await tara.GetOrderGroup(api.GetOrderGroupRequest(group_id="1"))
    assert [each.leaves_quantity for each in found.orders] == ["0.30000", "0.20000", "0.20000"]
    assert [each.held for each in found.orders] == [0, 0, order_pb2.HELD_TRIGGER]
    running.gateway.fill("m2", "x2", 20_000, 6_100_000)
    running.gateway.report("m1", ExecType.CANCELED)
    running.gateway.fill("m1", "x3", 10_000, 6_000_000)
    found = await tara.GetOrderGroup(api.GetOrderGroupRequest(group_id="1"))
    assert (found.group.uncovered_quantity, found.group.overfilled_quantity) == ("0.10000", "0.00000")
    assert not found.group.open


async def test_the_stream_tells_of_groups(running):
    tara, victor = (await running.be("tara")).orders, (await running.be("victor")).orders
    two = [item(price="59000.00"), item(price="58900.00")]
    await tara.SubmitOrderList(api.SubmitOrderListRequest(request_id=request_id(), link=order_pb2.LINK_OCO, orders=two))
    running.gateway.fill("m1", "x1", 50_000, 5_900_000)
    running.gateway.fill("m2", "x2", 30_000, 5_890_000)
    events: list[api.OrderEvent] = []
    call = victor.StreamOrderEvents(api.StreamOrderEventsRequest(after_sequence=0))
    async for frame in call:
        events.extend(frame.events)
        if events and events[-1].WhichOneof("event") == "group_imbalanced":
            break
    call.cancel()
    opened = next(event for event in events if event.WhichOneof("event") == "group_opened")
    assert (opened.order_id, opened.group_opened.group.link) == ("1", order_pb2.LINK_OCO)
    imbalanced = events[-1].group_imbalanced
    assert (events[-1].order_id, imbalanced.group_id, imbalanced.overfilled_quantity) == ("1", "1", "0.30000")
    requested = next(event for event in events if event.WhichOneof("event") == "cancel_requested")
    assert (requested.cancel_requested.actor, requested.order_id) == ("system:group", "2")


async def test_groups_are_listed_a_page_at_a_time(running):
    tara, victor = (await running.be("tara")).orders, (await running.be("victor")).orders
    for _ in range(3):
        await tara.SubmitOrderList(bracket())
    await tara.CancelOrders(api.CancelOrdersRequest(request_id=request_id(), group_id="4"))
    running.gateway.report("m4", ExecType.CANCELED)
    request = api.ListOrderGroupsRequest(page_size=2)
    first = await victor.ListOrderGroups(request)
    assert [group.group_id for group in first.groups] == ["1", "4"]
    request.page_token = first.next_page_token
    second = await victor.ListOrderGroups(request)
    assert ([group.group_id for group in second.groups], second.next_page_token) == (["7"], "")
    still = await victor.ListOrderGroups(api.ListOrderGroupsRequest(open_only=True))
    assert [group.group_id for group in still.groups] == ["1", "7"]
    assert not (await victor.ListOrderGroups(api.ListOrderGroupsRequest(account="second"))).groups
    error = await refusal(victor.GetOrderGroup(api.GetOrderGroupRequest(group_id="99")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_GROUP")


async def test_a_list_that_contradicts_itself_is_refused_with_every_field_named(running):
    tara = (await running.be("tara")).orders
    request = bracket(sizing=9, among=order_pb2.LINK_OTO)
    request.orders[0].quantity = "much"
    request.orders[1].instrument = "DOGE@NOWHERE"
    request.orders[2].request_id = request_id()
    error = await refusal(tara.SubmitOrderList(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    fields = {field for field, _ in error.violations}
    expected = {"sizing", "among", "orders[0].quantity", "orders[1].instrument", "orders[2].request_id"}
    assert expected <= fields
    assert running.gateway.state.tables.orders == {}


async def test_what_the_engine_finds_wrong_names_the_order(running):
    tara = (await running.be("tara")).orders
    request = bracket()
    request.orders[2].quantity = "0.4"
    error = await refusal(tara.SubmitOrderList(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "LEGS_DIFFER")
    assert error.violations[0][0] == "orders[2].quantity"
    request = bracket()
    request.orders[0].price = "1.00"
    error = await refusal(tara.SubmitOrderList(request))
    assert (error.reason, error.metadata["order_id"], error.metadata["field"]) == ("PRICE_COLLAR", "1", "orders[0]")
    two = [item(price="58000.00"), item(price="1.00")]
    request = api.SubmitOrderListRequest(request_id=request_id(), link=order_pb2.LINK_OCO, orders=two)
    error = await refusal(tara.SubmitOrderList(request))
    assert error.metadata["field"] == "orders[1]"
    assert error.message.startswith("orders[1]: Price too far from the reference: 1.00 is not within ")
    assert "of the reference price 60000.00. " in error.message


async def test_many_orders_are_answered_one_by_one(running):
    tara = (await running.be("tara")).orders
    orders = [item(), item(price="1.00"), item(account="nobody"), item(price="59000.00")]
    request = api.SubmitOrdersRequest(request_id=request_id(), orders=orders)
    answer = await tara.SubmitOrders(request)
    assert [result.outcome for result in answer.results] == [DONE, REFUSED, REFUSED, DONE]
    assert [result.order_id for result in answer.results] == ["1", "2", "", "3"]
    assert [result.order.status for result in answer.results] == [
        order_pb2.ORDER_STATUS_PENDING_NEW,
        order_pb2.ORDER_STATUS_REJECTED,
        order_pb2.ORDER_STATUS_UNSPECIFIED,
        order_pb2.ORDER_STATUS_PENDING_NEW,
    ]
    assert list(answer.results[1].fired_checks) == ["PRICE_COLLAR"]
    assert (answer.results[2].reason, answer.results[2].field) == ("UNKNOWN_ACCOUNT", "account")
    assert await tara.SubmitOrders(request) == answer, "the same request, the first answer"
    assert len(running.gateway.state.tables.orders) == 3
    request.all_or_none = True
    assert (await refusal(tara.SubmitOrders(request))).reason == "REQUEST_ID_REUSED"


async def test_all_of_them_or_none(running):
    tara = (await running.be("tara")).orders
    orders = [item(), item(price="1.00"), item()]
    answer = await tara.SubmitOrders(api.SubmitOrdersRequest(request_id=request_id(), orders=orders, all_or_none=True))
    assert [result.outcome for result in answer.results] == [WITHDRAWN, REFUSED, NOT_JUDGED]
    assert not (await tara.ListOrders(api.ListOrdersRequest(working_only=True))).orders
    found = (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order
    assert found.status == order_pb2.ORDER_STATUS_REJECTED
    assert "order 2 of the list was refused" in found.reason


@pytest.mark.parametrize("number", [0, 501])
async def test_a_list_has_a_bound(running, number):
    tara = (await running.be("tara")).orders
    error = await refusal(tara.SubmitOrders(api.SubmitOrdersRequest(request_id=request_id(), orders=[item()] * number)))
    assert (error.reason, error.violations[0][0]) == ("INVALID_REQUEST", "orders")
    many = [api.Amendment(order_id="1", quantity="1")] * number
    error = await refusal(tara.AmendOrders(api.AmendOrdersRequest(request_id=request_id(), amendments=many)))
    assert (error.reason, error.violations[0][0]) == ("INVALID_REQUEST", "amendments")


async def test_an_unknown_field_of_an_item_is_named(running):
    tara = (await running.be("tara")).orders
    strange = item()
    strange.MergeFromString(b"\xf8\x3f\x01")  # Field 1023, a varint.
    error = await refusal(tara.SubmitOrders(api.SubmitOrdersRequest(request_id=request_id(), orders=[item(), strange])))
    assert error.violations == [("orders[1].#1023", "unknown field number 1023")]


async def test_many_amendments(running):
    tara = (await running.be("tara")).orders
    await tara.SubmitOrders(api.SubmitOrdersRequest(request_id=request_id(), orders=[item(), item()]))
    amendments = [
        api.Amendment(order_id="1", quantity="0.6"),
        api.Amendment(order_id="2", price="1.00"),
        api.Amendment(order_id="1", price="59000.00"),
    ]
    answer = await tara.AmendOrders(api.AmendOrdersRequest(request_id=request_id(), amendments=amendments))
    assert [(result.outcome, result.reason) for result in answer.results] == [
        (DONE, ""),
        (REFUSED, "PRICE_COLLAR"),
        (REFUSED, "NAMED_TWICE"),
    ]
    wrong = [api.Amendment(order_id="9", quantity="1"), api.Amendment(order_id="1"), api.Amendment(order_id="x")]
    together = api.AmendOrdersRequest(request_id=request_id(), amendments=wrong, all_or_none=True)
    error = await refusal(tara.AmendOrders(together))
    fields = [field for field, _ in error.violations]
    assert {"amendments[0].order_id", "amendments[1].quantity", "amendments[2].order_id"} <= set(fields)


async def test_cancels_by_what_is_named(running):
    tara = (await running.be("tara")).orders
    orders = [item(), item(strategy="mine"), item(side=order_pb2.SIDE_SELL, price="61000.00")]
    await tara.SubmitOrders(api.SubmitOrdersRequest(request_id=request_id(), orders=orders))

    async def cancelled(**wanted) -> list[tuple[str, str]]:
        answer = await tara.CancelOrders(api.CancelOrdersRequest(request_id=request_id(), **wanted))
        return [(result.order_id, result.reason) for result in answer.results]

    assert await cancelled(older_than=Duration(seconds=3600)) == []
    assert await cancelled(side=order_pb2.SIDE_SELL) == [("3", "")]
    assert await cancelled(strategy="mine", instrument=orders[0].instrument) == [("2", "")]
    assert await cancelled(order_ids=["1", "7"]) == [("1", ""), ("", "UNKNOWN_ORDER")]
    error = await refusal(tara.CancelOrders(api.CancelOrdersRequest(request_id=request_id())))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "NOTHING_TO_CANCEL")
    wrong = api.CancelOrdersRequest(
        request_id=request_id(), side=9, older_than=Duration(seconds=-1), order_ids=["a"], group_id="b"
    )
    error = await refusal(tara.CancelOrders(wrong))
    assert {field for field, _ in error.violations} == {"side", "older_than", "group_id"}


async def test_a_deadline_loses_no_list(running):
    tara = (await running.be("tara")).orders
    running.gateway.durable.clear()
    request = api.SubmitOrdersRequest(request_id=request_id(), orders=[item(), item()])
    asked = asyncio.ensure_future(tara.SubmitOrders(request, timeout=0.3))
    with pytest.raises(grpc.aio.AioRpcError):
        await asked
    running.gateway.durable.set()
    assert [result.order_id for result in (await tara.SubmitOrders(request)).results] == ["1", "2"]
    assert len(running.gateway.state.tables.orders) == 2
