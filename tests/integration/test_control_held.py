"""Orders with terms over mutual TLS: what is taken, shown, told, and refused with its field."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api
from tests.engines import START_NS
from tests.unit.control.serving import order, refusal, request_id, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


def terms(**fields) -> order_pb2.OrderTerms:
    return order_pb2.OrderTerms(**fields)


async def test_a_stop_is_shown_held_amended_told_and_cancelled(running):
    tara = (await running.be("tara")).orders
    request = order(
        type=order_pb2.ORDER_TYPE_STOP_LIMIT, price="59990.00", side=2, terms=terms(trigger_price="59995.50")
    )
    answer = await tara.SubmitOrder(request)
    assert answer.order.held == order_pb2.HELD_TRIGGER
    assert answer.order.status == order_pb2.ORDER_STATUS_NEW
    assert answer.order.terms.trigger_price == "59995.50"
    assert answer.order.terms.trigger_source == order_pb2.TRIGGER_SOURCE_BID_ASK
    assert await tara.SubmitOrder(request) == answer

    change = api.AmendOrderRequest(
        request_id=request_id(),
        order_id="1",
        quantity="0.4",
        terms=terms(trigger_price="59000", trigger_source=order_pb2.TRIGGER_SOURCE_LAST),
    )
    amended = await tara.AmendOrder(change)
    assert not amended.HasField("pending_request")
    found = (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order
    assert (found.quantity, found.price, found.terms.trigger_price) == ("0.40000", "59990.00", "59000.00")
    assert found.terms.trigger_source == order_pb2.TRIGGER_SOURCE_LAST
    (listed,) = (await tara.ListOrders(api.ListOrdersRequest(working_only=True))).orders
    assert listed == found

    await tara.CancelOrder(api.CancelOrderRequest(request_id=request_id(), order_id="1"))
    found = (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order
    assert (found.status, found.held) == (order_pb2.ORDER_STATUS_CANCELED, order_pb2.HELD_UNSPECIFIED)
    stream = tara.StreamOrderEvents(api.StreamOrderEventsRequest(after_sequence=0))
    told = []
    async for frame in stream:
        told += frame.events
        if len(told) == 3:
            break
    stream.cancel()
    assert [event.WhichOneof("event") for event in told] == ["held", "held_amended", "reported"]
    assert told[0].held.order.terms.trigger_price == "59995.50"
    assert told[1].held_amended.actor == "spiffe://meltica.example/person/tara"
    assert (told[1].held_amended.quantity, told[1].held_amended.terms.trigger_price) == ("0.40000", "59000.00")


async def test_every_term_comes_back_as_it_was_sent(running):
    tara = (await running.be("tara")).orders
    expire = Timestamp(seconds=START_NS // 10**9 + 10**9, nanos=5)
    for kind, asked in (
        (order_pb2.ORDER_TYPE_TRAILING_STOP, terms(trailing_offset="0.50", activation_price="61000.00")),
        (order_pb2.ORDER_TYPE_TRAILING_STOP, terms(trailing_offset_bps=25)),
        (order_pb2.ORDER_TYPE_TRAILING_STOP_LIMIT, terms(trailing_offset="1.00", limit_offset="0.10")),
        (order_pb2.ORDER_TYPE_PEGGED, terms(peg=order_pb2.PEG_MID, peg_offset="-0.05", peg_limit_price="60001.00")),
        (order_pb2.ORDER_TYPE_MARKET_IF_TOUCHED, terms(trigger_price="59000.00", expire_time=expire)),
    ):
        tif = order_pb2.TIME_IN_FORCE_GTD if asked.HasField("expire_time") else order_pb2.TIME_IN_FORCE_GTC
        answer = await tara.SubmitOrder(order(type=kind, price="", time_in_force=tif, terms=asked))
        asked.trigger_source = order_pb2.TRIGGER_SOURCE_BID_ASK
        assert answer.order.terms == asked
        assert answer.order.held != order_pb2.HELD_UNSPECIFIED


WRONG = [
    ({"trigger_price": "abc"}, "terms.trigger_price"),
    ({"trigger_price": "-1"}, "terms.trigger_price"),
    ({"trigger_price": "0"}, "terms.trigger_price"),
    ({"trigger_price": "1.001"}, "terms.trigger_price"),
    ({"trigger_price": "9" * 30}, "terms.trigger_price"),
    ({"trigger_price": "1", "trigger_source": 9}, "terms.trigger_source"),
    ({"trailing_offset": "1", "trailing_offset_bps": 5}, "terms.trailing_offset"),
    ({"trailing_offset_bps": 10_000}, "terms.trailing_offset_bps"),
    ({"trailing_offset_bps": -1}, "terms.trailing_offset_bps"),
    ({"trailing_offset": "x"}, "terms.trailing_offset"),
    ({"activation_price": "x"}, "terms.activation_price"),
    ({"limit_offset": "-1"}, "terms.limit_offset"),
    ({"peg": 1}, "terms.peg"),
    ({"peg_offset": "1e5"}, "terms.peg_offset"),
    ({"peg_limit_price": "-1"}, "terms.peg_limit_price"),
    ({"display_quantity": "0"}, "terms.display_quantity"),
    ({"display_spread": "1"}, "terms.display_spread"),
    ({"display_spread": "-0.1"}, "terms.display_spread"),
    ({"display_spread": "0.0000001"}, "terms.display_spread"),
    ({"expire_time": Timestamp(seconds=-5)}, "terms.expire_time"),
    ({"expire_time": Timestamp(seconds=2**40)}, "terms.expire_time"),
    ({"min_quantity": "x"}, "terms.min_quantity"),
]


async def test_each_wrong_term_is_named(running):
    tara = (await running.be("tara")).orders
    for fields, name in WRONG:
        error = await refusal(tara.SubmitOrder(order(type=order_pb2.ORDER_TYPE_STOP, price="", terms=terms(**fields))))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), fields
        assert name in [field for field, _ in error.violations], fields
    assert len((await tara.ListOrders(api.ListOrdersRequest())).orders) == 0


async def test_what_the_engine_refuses_names_the_field_too(running):
    tara = (await running.be("tara")).orders
    error = await refusal(tara.SubmitOrder(order(type=order_pb2.ORDER_TYPE_STOP, price="")))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TRIGGER_REQUIRED")
    assert error.violations[0][0] == "terms.trigger_price"
    error = await refusal(tara.SubmitOrder(order(time_in_force=order_pb2.TIME_IN_FORCE_AT_THE_CLOSE, price="60000.00")))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CLOSE_TIME_UNKNOWN")
