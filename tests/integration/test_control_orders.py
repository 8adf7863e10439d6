"""OrderService over mutual TLS, the real engine behind it."""

import asyncio
from pathlib import Path

import grpc
import pytest

from meltica.control.batches import MOST
from meltica.control.orders import PIECE
from meltica.control.pages import LARGEST_SIZE
from meltica.domain.commands import SubmitOrder
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.reports import ExecType
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api
from tests.engines import BTC, MARK_TICKS
from tests.unit.control.serving import order, refusal, request_id, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def test_an_order_from_submit_to_fill(running):
    tara = (await running.be("tara")).orders
    answer = await tara.SubmitOrder(order(quantity="0.5", price="60000.00"))
    assert answer.order.order_id == "1"
    assert answer.order.status == order_pb2.ORDER_STATUS_PENDING_NEW
    assert answer.order.working
    assert answer.order.actor == "spiffe://meltica.example/person/tara"
    assert (answer.order.quantity, answer.order.price, answer.order.leaves_quantity) == (
        "0.50000",
        "60000.00",
        "0.50000",
    )
    assert answer.sequence == len(running.gateway.journal)

    running.gateway.report("m1", ExecType.NEW, venue_order_id="v-9")
    running.gateway.fill("m1", "x1", 10_000, 6_000_000, fee_nanos=1_500_000_000)
    running.gateway.fill("m1", "x2", 20_000, 5_999_999)
    found = (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order
    assert found.status == order_pb2.ORDER_STATUS_PARTIALLY_FILLED
    assert (found.cumulative_quantity, found.leaves_quantity) == ("0.30000", "0.20000")
    # (0.1 x 60000.00 + 0.2 x 59999.99) / 0.3
    assert found.average_price == "59999.993333333"
    assert (found.fees, found.currency, found.venue_order_id) == ("1.5", "USDT", "v-9")


async def test_a_market_order_has_no_price(running):
    tara = (await running.be("tara")).orders
    request = order(type=order_pb2.ORDER_TYPE_MARKET, time_in_force=order_pb2.TIME_IN_FORCE_IOC, price="")
    assert (await tara.SubmitOrder(request)).order.price == ""
    error = await refusal(tara.SubmitOrder(order(type=order_pb2.ORDER_TYPE_MARKET, time_in_force=3)))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PRICE_NOT_ALLOWED")
    assert error.violations[0][0] == "price"


async def test_the_same_request_id_gives_the_first_answer(running):
    tara = (await running.be("tara")).orders
    request = order()
    first = await tara.SubmitOrder(request)
    running.gateway.fill("m1", "x1", 50_000, 6_000_000)
    assert await tara.SubmitOrder(request) == first
    upper = api.SubmitOrderRequest()
    upper.CopyFrom(request)
    upper.request_id = request.request_id.upper()
    assert await tara.SubmitOrder(upper) == first
    request.quantity = "0.6"
    error = await refusal(tara.SubmitOrder(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert error.violations[0][0] == "request_id"
    assert len((await tara.ListOrders(api.ListOrdersRequest())).orders) == 1


async def test_a_deadline_does_not_lose_the_order(running):
    tara = (await running.be("tara")).orders
    running.gateway.durable.clear()
    request = order()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tara.SubmitOrder(request, timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    running.gateway.durable.set()
    answer = await tara.SubmitOrder(request)
    assert answer.order.order_id == "1"
    assert len(running.gateway.state.tables.orders) == 1


async def test_nothing_is_shown_before_it_is_durable(running):
    tara = (await running.be("tara")).orders
    await tara.SubmitOrder(order())
    running.gateway.durable.clear()
    running.gateway.fill("m1", "x1", 50_000, 6_000_000)
    asked = asyncio.ensure_future(tara.GetOrder(api.GetOrderRequest(order_id="1")))
    done, _ = await asyncio.wait({asked}, timeout=0.3)
    assert not done
    running.gateway.durable.set()
    assert (await asked).order.status == order_pb2.ORDER_STATUS_FILLED


async def test_the_gate_says_which_checks_fired(running):
    tara = (await running.be("tara")).orders
    request = order(price="1.00", quantity="500")
    error = await refusal(tara.SubmitOrder(request))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MAX_QUANTITY")
    assert error.metadata["fired_checks"] == "MAX_QUANTITY,PRICE_COLLAR"
    assert (error.metadata["check"], error.metadata["order_id"]) == ("MAX_QUANTITY", "1")
    assert error.request_id == request.request_id
    assert "limit 100.00000" in error.message
    assert (await refusal(tara.SubmitOrder(request))).message == error.message  # The first answer, again.
    denied = (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order
    assert (denied.status, denied.reason) == (order_pb2.ORDER_STATUS_REJECTED, "MAX_QUANTITY")


async def test_amend_and_cancel(running):
    tara = (await running.be("tara")).orders
    await tara.SubmitOrder(order())
    running.gateway.report("m1", ExecType.NEW)
    request = api.AmendOrderRequest(request_id=request_id(), order_id="1", quantity="0.4", price="59999.99")
    amended = await tara.AmendOrder(request)
    assert amended.pending_request.kind == order_pb2.PendingRequest.KIND_REPLACE
    assert (amended.pending_request.quantity, amended.pending_request.price) == ("0.40000", "59999.99")
    assert await tara.AmendOrder(request) == amended
    running.gateway.report("m1.1", ExecType.REPLACED, original_client_order_id="m1")
    cancelled = await tara.CancelOrder(api.CancelOrderRequest(request_id=request_id(), order_id="1"))
    assert cancelled.pending_request.kind == order_pb2.PendingRequest.KIND_CANCEL
    found = (await tara.GetOrder(api.GetOrderRequest(order_id="1"))).order
    assert (found.quantity, found.price, len(found.pending_requests)) == ("0.40000", "59999.99", 1)
    running.gateway.report("m1.2", ExecType.CANCELED, original_client_order_id="m1.1")
    error = await refusal(tara.CancelOrder(api.CancelOrderRequest(request_id=request_id(), order_id="1")))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_TERMINAL")
    error = await refusal(tara.AmendOrder(api.AmendOrderRequest(request_id=request_id(), order_id="1", quantity="1")))
    assert error.reason == "ORDER_TERMINAL"


@pytest.mark.parametrize("method", ["GetOrder", "CancelOrder", "AmendOrder"])
async def test_an_order_that_does_not_exist(running, method):
    tara = (await running.be("tara")).orders
    fields = {} if method == "GetOrder" else {"request_id": request_id()}
    if method == "AmendOrder":
        fields["quantity"] = "1"
    error = await refusal(getattr(tara, method)(getattr(api, f"{method}Request")(order_id="99", **fields)))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ORDER")
    assert "ListOrders" in error.message


async def test_cancel_all_by_filter(running):
    tara, olivia = (await running.be("tara")).orders, (await running.be("olivia")).orders
    for strategy in ("a", "b", "a"):
        await tara.SubmitOrder(order(strategy=strategy))
    answer = await olivia.CancelAllOrders(api.CancelAllOrdersRequest(request_id=request_id(), strategy="a"))
    assert list(answer.order_ids) == ["1", "3"]
    answer = await olivia.CancelAllOrders(api.CancelAllOrdersRequest(request_id=request_id()))
    assert list(answer.order_ids) == ["2"]


async def test_pages_of_orders(running):
    tara = (await running.be("tara")).orders
    for number in range(7):
        await tara.SubmitOrder(order(strategy="even" if number % 2 == 0 else "odd"))
    running.gateway.report("m1", ExecType.CANCELED)
    request = api.ListOrdersRequest(strategy="even", page_size=2)
    pages = []
    while True:
        page = await tara.ListOrders(request)
        pages.append([found.order_id for found in page.orders])
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert pages == [["1", "3"], ["5", "7"]]
    working = await tara.ListOrders(
        api.ListOrdersRequest(strategy="even", working_only=True, page_size=2 * LARGEST_SIZE)
    )
    assert [found.order_id for found in working.orders] == ["3", "5", "7"]
    request = api.ListOrdersRequest(strategy="odd", page_token=request.page_token)
    error = await refusal(tara.ListOrders(request))
    assert (error.reason, error.violations[0][0]) == ("INVALID_REQUEST", "page_token")


async def test_the_stream_resumes_where_it_ended(running):
    tara, victor = (await running.be("tara")).orders, (await running.be("victor")).orders
    await tara.SubmitOrder(order(strategy="other"))
    await tara.SubmitOrder(order(strategy="mine"))
    running.gateway.report("m2", ExecType.NEW)

    async def read(after: int, count: int) -> list[api.OrderEvent]:
        events: list[api.OrderEvent] = []
        call = victor.StreamOrderEvents(api.StreamOrderEventsRequest(after_sequence=after, strategy="mine"))
        async for frame in call:
            events.extend(frame.events)
            if len(events) >= count:
                call.cancel()
                return events
        raise AssertionError("the stream ended")

    first = await read(0, 2)
    assert [event.WhichOneof("event") for event in first] == ["submitted", "reported"]
    running.gateway.fill("m2", "x1", 50_000, 6_000_000)
    (filled,) = await read(first[-1].sequence, 1)
    assert filled.filled.execution_id == "x1"
    assert (filled.filled.cumulative_quantity, filled.filled.leaves_quantity) == ("0.50000", "0.00000")
    assert filled.filled.liquidity == api.LIQUIDITY_MAKER


async def test_a_stream_without_a_start_begins_now_and_beats(running):
    tara, victor = (await running.be("tara")).orders, (await running.be("victor")).orders
    await tara.SubmitOrder(order())
    head = len(running.gateway.journal)
    call = victor.StreamOrderEvents(api.StreamOrderEventsRequest())
    first = await call.read()
    assert (first.sequence, len(first.events)) == (head, 0)
    await tara.SubmitOrder(order())
    second = await call.read()
    assert [event.order_id for event in second.events] == ["2"]
    call.cancel()
    error = await refusal(victor.StreamOrderEvents(api.StreamOrderEventsRequest(after_sequence=head + 99)).read())
    assert (error.code, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "AFTER_THE_END")


async def test_a_cancel_of_many_comes_in_pieces_and_resumes_whole(running):
    """Thousands of cancels are one journal entry: a reader that is cut off in its middle gets all of it again."""
    many = PIECE * MOST + 1
    for number in range(many):
        running.gateway.step(
            SubmitOrder(
                request_id=str(number),
                actor="system:test",
                account="main",
                strategy="",
                instrument=BTC,
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC,
                quantity_lots=1,
                price_ticks=MARK_TICKS,
            )
        )
    before = len(running.gateway.journal)
    tara, victor = (await running.be("tara")).orders, (await running.be("victor")).orders
    cancelled = await tara.CancelAllOrders(api.CancelAllOrdersRequest(request_id=request_id()))
    assert len(cancelled.order_ids) == many
    call = victor.StreamOrderEvents(api.StreamOrderEventsRequest(after_sequence=before))
    events: list[str] = []
    frames = []
    while len(events) < many:
        frame = await call.read()
        events.extend(event.order_id for event in frame.events)
        frames.append(frame.sequence)
    call.cancel()
    assert events == [str(number) for number in range(1, many + 1)]
    assert frames == [before] * (len(frames) - 1) + [cancelled.sequence]
    assert len(frames) > 2
