"""Lists in which one item can't be read: it is that item's answer, the others go on, and a retry hears the same."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from meltica.domain.inputs import decode_record, encode_record
from meltica.domain.order_events import OrderSubmitted
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api
from tests.unit.control.serving import Running, order, refusal, request_id, serving

DONE, REFUSED = api.ItemResult.OUTCOME_DONE, api.ItemResult.OUTCOME_REFUSED
WITHDRAWN, NOT_JUDGED = api.ItemResult.OUTCOME_WITHDRAWN, api.ItemResult.OUTCOME_NOT_JUDGED


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


def item(**fields):
    return order(**{"request_id": "", **fields})


def mixed() -> api.SubmitOrdersRequest:
    terms = order_pb2.OrderTerms(display_quantity="-1")
    orders = [
        item(),
        item(price="12,5"),
        item(instrument="NO/SUCH@BINANCE"),
        item(quantity="0", account="a b"),
        item(terms=terms),
        item(request_id=request_id()),
        item(account="nobody"),
        item(price="59000"),
    ]
    return api.SubmitOrdersRequest(request_id=request_id(), orders=orders)


WRONG = [
    (1, "INVALID_REQUEST", "price"),
    (2, "UNKNOWN_INSTRUMENT", "instrument"),
    (3, "INVALID_REQUEST", "account"),
    (4, "INVALID_REQUEST", "terms.display_quantity"),
    (5, "INVALID_REQUEST", "request_id"),
    (6, "UNKNOWN_ACCOUNT", "account"),
]


def restart(running: Running) -> None:
    """What a gateway knows of its answers after a restart: what its journal says."""
    gateway = running.gateway
    for entry, _ in gateway.journal:
        body = decode_record(entry.payload).input.body
        if (known := gateway.answers.get(getattr(body, "request_id", ""))) is not None:
            gateway.answers[body.request_id] = (body, known[1])


async def test_the_others_go_on(running):
    tara = (await running.be("tara")).orders
    entries = len(running.gateway.journal)
    request = mixed()
    answer = await tara.SubmitOrders(request)
    assert len(running.gateway.journal) == entries + 1
    assert [result.outcome for result in answer.results] == [DONE, *[REFUSED] * 6, DONE]
    assert [(at, answer.results[at].reason, answer.results[at].field) for at, _, _ in WRONG] == WRONG
    assert "account: " in answer.results[3].text
    assert "quantity: " in answer.results[3].text
    assert [result.order_id for result in answer.results] == ["1", *[""] * 6, "2"]
    _, record = running.gateway.journal[-1]
    assert [event.order_id for event in record.events if isinstance(event, OrderSubmitted)] == [1, 2]
    assert decode_record(encode_record(record)).input == record.input


async def test_the_same_request_has_the_same_answer_also_after_a_restart(running):
    tara = (await running.be("tara")).orders
    request = mixed()
    answer = await tara.SubmitOrders(request)
    entries = len(running.gateway.journal)
    assert await tara.SubmitOrders(request) == answer
    restart(running)
    assert await tara.SubmitOrders(request) == answer
    assert len(running.gateway.journal) == entries
    request.orders[1].price = "12.5"
    error = await refusal(tara.SubmitOrders(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_all_or_none_says_which_and_does_nothing(running):
    tara = (await running.be("tara")).orders
    entries = len(running.gateway.journal)
    request = mixed()
    request.all_or_none = True
    error = await refusal(tara.SubmitOrders(request))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in error.violations] == [
        "orders[1].price",
        "orders[2].instrument",
        "orders[3].account",
        "orders[3].quantity",
        "orders[4].terms.display_quantity",
        "orders[5].request_id",
    ]
    assert len(running.gateway.journal) == entries


async def test_amendments(running):
    tara = (await running.be("tara")).orders
    for _ in range(3):
        await tara.SubmitOrder(order())
    amendments = [
        api.Amendment(order_id="1", quantity="0.4"),
        api.Amendment(order_id="2", price="NaN"),
        api.Amendment(order_id="77", quantity="1"),
        api.Amendment(order_id="x", quantity="1"),
        api.Amendment(order_id="2"),
        api.Amendment(order_id="3", price="59000"),
    ]
    request = api.AmendOrdersRequest(request_id=request_id(), amendments=amendments)
    answer = await tara.AmendOrders(request)
    assert [(result.outcome, result.reason, result.field) for result in answer.results] == [
        (DONE, "", ""),
        (REFUSED, "INVALID_REQUEST", "price"),
        (REFUSED, "UNKNOWN_ORDER", "order_id"),
        (REFUSED, "INVALID_REQUEST", "order_id"),
        (REFUSED, "INVALID_REQUEST", "quantity"),
        (DONE, "", ""),
    ]
    assert await tara.AmendOrders(request) == answer
    both = api.AmendOrdersRequest(request_id=request_id(), amendments=amendments, all_or_none=True)
    error = await refusal(tara.AmendOrders(both))
    assert [field for field, _ in error.violations] == [
        "amendments[1].price",
        "amendments[2].order_id",
        "amendments[3].order_id",
        "amendments[4].quantity",
    ]


async def test_amendments_together(running):
    tara = (await running.be("tara")).orders
    for _ in range(3):
        await tara.SubmitOrder(order())
    amendments = [
        api.Amendment(order_id="1", quantity="0.6"),
        api.Amendment(order_id="2", price="90000"),
        api.Amendment(order_id="3", price="59000"),
    ]
    request = api.AmendOrdersRequest(request_id=request_id(), amendments=amendments, all_or_none=True)
    answer = await tara.AmendOrders(request)
    assert [result.outcome for result in answer.results] == [WITHDRAWN, REFUSED, NOT_JUDGED]
    assert answer.results[1].reason == "PRICE_COLLAR"
    found = (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order
    assert (found.quantity, found.status, len(found.pending_requests)) == (
        "0.50000",
        order_pb2.ORDER_STATUS_PENDING_NEW,
        0,
    )
    assert await tara.AmendOrders(request) == answer


async def test_a_number_that_can_not_be_read_keeps_no_cancel_back(running):
    tara = (await running.be("tara")).orders
    for _ in range(3):
        await tara.SubmitOrder(order())
    asked = ["1", "x", "2", "1", "", "99", "01", "-1"]
    request = api.CancelOrdersRequest(request_id=request_id(), order_ids=asked)
    answer = await tara.CancelOrders(request)
    assert [(result.outcome, result.order_id, result.reason, result.field) for result in answer.results] == [
        (DONE, "1", "", ""),
        (REFUSED, "", "INVALID_REQUEST", "order_ids"),
        (DONE, "2", "", ""),
        (REFUSED, "", "INVALID_REQUEST", "order_ids"),
        (REFUSED, "", "UNKNOWN_ORDER", "order_ids"),
        (REFUSED, "", "INVALID_REQUEST", "order_ids"),
        (REFUSED, "", "INVALID_REQUEST", "order_ids"),
    ]
    assert await tara.CancelOrders(request) == answer


async def test_numbers_that_can_not_be_read_are_no_filter(running):
    """Nothing but what is named by number is cancelled, also where no number could be read."""
    tara = (await running.be("tara")).orders
    await tara.SubmitOrder(order())
    answer = await tara.CancelOrders(
        api.CancelOrdersRequest(request_id=request_id(), order_ids=["x"], account="main", side=order_pb2.SIDE_BUY)
    )
    assert [result.outcome for result in answer.results] == [REFUSED]
    assert not (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order.pending_requests
    alone = await tara.CancelOrders(api.CancelOrdersRequest(request_id=request_id(), order_ids=["x"]))
    assert [result.reason for result in alone.results] == ["INVALID_REQUEST"]
