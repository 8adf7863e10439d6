"""OutcomeService over mutual TLS: doubts and kept corrections are listed, decided, and seen in the stream."""

from pathlib import Path

import grpc
import pytest

from meltica.domain.reports import ExecType, OrderNotFound, OutcomeUnknown
from meltica.v1 import order_pb2, order_service_pb2, risk_service_pb2
from meltica.v1 import outcome_service_pb2 as api
from tests.engines import BTC as INSTRUMENT
from tests.unit.control.serving import order, refusal, request_id, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


def lose(running, name, text="connection lost"):
    running.gateway.step(OutcomeUnknown(venue="BINANCE", client_order_id=name, text=text))


def resolve(order_id="1", name="m1", verdict=api.VERDICT_CARRIED_OUT, **fields):
    facts = {"request_id": request_id(), "reason": "asked by telephone"}
    return api.ResolveOutcomeRequest(
        **{**facts, "order_id": order_id, "client_order_id": name, "verdict": verdict, **fields}
    )


async def test_a_doubt_is_shown_and_settled_by_one_person(running):
    tara, olivia = await running.be("tara"), await running.be("olivia")
    for _ in range(3):
        await tara.orders.SubmitOrder(order(price="59000.00"))
    for name in ("m1", "m3"):
        lose(running, name)
    running.gateway.step(OrderNotFound(venue="BINANCE", client_order_id="m1"))
    found = (await tara.orders.GetOrder(order_service_pb2.GetOrderRequest(order_id="1"))).order
    assert (found.uncertain, found.working, found.status) == (True, True, order_pb2.ORDER_STATUS_PENDING_NEW)
    (doubt,) = found.doubts
    assert (doubt.sent, doubt.client_order_id, doubt.text, doubt.not_found) == (
        order_pb2.Doubt.SENT_NEW,
        "m1",
        "connection lost",
        1,
    )
    assert doubt.query_time.seconds - doubt.since_time.seconds in {1, 2}
    page = await tara.outcomes.ListUncertainOrders(api.ListUncertainOrdersRequest(page_size=1))
    assert [each.order_id for each in page.orders] == ["1"]
    rest = api.ListUncertainOrdersRequest(page_size=1, page_token=page.next_page_token)
    second = await tara.outcomes.ListUncertainOrders(rest)
    assert ([each.order_id for each in second.orders], second.next_page_token) == (["3"], "")
    nobody = await tara.outcomes.ListUncertainOrders(api.ListUncertainOrdersRequest(account="other"))
    assert not nobody.orders
    answer = await olivia.outcomes.ResolveOutcome(resolve())
    assert (answer.order.status, answer.order.uncertain) == (order_pb2.ORDER_STATUS_NEW, False)
    assert answer.sequence == len(running.gateway.journal)


async def test_what_lowers_the_exposure_waits_for_a_second_person(running):
    tara, olivia, ravi = await running.be("tara"), await running.be("olivia"), await running.be("ravi")
    await tara.orders.SubmitOrder(order())
    lose(running, "m1")
    answer = await olivia.outcomes.ResolveOutcome(resolve(verdict=api.VERDICT_NEVER_ARRIVED))
    shown = answer.proposal
    assert (shown.order_id, shown.client_order_id, shown.verdict) == ("1", "m1", "never arrived")
    decide = risk_service_pb2.ApproveProposalRequest(request_id=request_id(), proposal_id=shown.proposal_id)
    assert (await refusal(olivia.risk.ApproveProposal(decide))).reason == "SAME_PERSON"
    decide.request_id = request_id()
    await ravi.risk.ApproveProposal(decide)
    found = (await tara.orders.GetOrder(order_service_pb2.GetOrderRequest(order_id="1"))).order
    assert (found.status, found.reason) == (order_pb2.ORDER_STATUS_REJECTED, "asked by telephone")
    assert not (await tara.outcomes.ListUncertainOrders(api.ListUncertainOrdersRequest())).orders


async def test_kept_corrections_are_listed_and_dropped(running):
    tara, olivia = await running.be("tara"), await running.be("olivia")
    await tara.orders.SubmitOrder(order())
    running.gateway.report("m1", ExecType.TRADE_CANCEL, execution_id="b1", reference_execution_id="e1")
    told = {"last_quantity_lots": 5, "last_price_ticks": 6_000_000, "fee_nanos": 7}
    running.gateway.report("m1", ExecType.TRADE_CORRECT, execution_id="c2", reference_execution_id="e2", **told)
    first = await tara.outcomes.ListKeptCorrections(api.ListKeptCorrectionsRequest(page_size=1))
    (kept,) = first.corrections
    assert (kept.order_id, kept.reference_execution_id, kept.quantity, kept.price) == ("1", "e1", "0.00000", "")
    rest = api.ListKeptCorrectionsRequest(page_size=1, page_token=first.next_page_token)
    (second,) = (await tara.outcomes.ListKeptCorrections(rest)).corrections
    assert (second.execution_id, second.quantity, second.price) == ("c2", "0.00005", "60000.00")
    drop = {"order_id": "1", "execution_id": "c2", "reason": "withdrawn"}
    await olivia.outcomes.DropCorrection(api.DropCorrectionRequest(request_id=request_id(), **drop))
    left = (await tara.outcomes.ListKeptCorrections(api.ListKeptCorrectionsRequest())).corrections
    assert [each.execution_id for each in left] == ["b1"]
    error = await refusal(olivia.outcomes.DropCorrection(api.DropCorrectionRequest(request_id=request_id(), **drop)))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_CORRECTION")


async def test_what_nobody_can_book_is_listed_as_well(running):
    """A bust of an order that is not known, once with an instrument that is and once without."""
    tara, olivia = await running.be("tara"), await running.be("olivia")
    await tara.orders.SubmitOrder(order())
    told = {"execution_id": "c1", "reference_execution_id": "e1", "last_quantity_lots": 5, "last_price_ticks": 100}
    running.gateway.report("theirs", ExecType.TRADE_CORRECT, account="main", instrument=INSTRUMENT, **told)
    running.gateway.report("others", ExecType.TRADE_CORRECT, **told)
    running.gateway.report("m1", ExecType.TRADE_CANCEL, execution_id="b1")
    pages, token = [], ""
    while not pages or token:
        request = api.ListKeptCorrectionsRequest(page_size=1, page_token=token, account="main")
        page = await tara.outcomes.ListKeptCorrections(request)
        pages, token = [*pages, *page.corrections], page.next_page_token
    known, stray, ours = pages
    assert (known.order_id, known.venue, known.client_order_id) == ("0", "BINANCE", "theirs")
    assert (known.quantity, known.price, known.why) == ("0.00005", "1.00", "no order of that name is known here")
    assert (stray.instrument, stray.quantity, stray.price, stray.account) == ("", "", "", "")
    assert (ours.order_id, ours.why, ours.venue) == ("1", "it does not say which execution it is about", "")
    drop = {"order_id": "0", "execution_id": "c1", "reason": "booked by hand"}
    for _ in range(2):
        await olivia.outcomes.DropCorrection(api.DropCorrectionRequest(request_id=request_id(), **drop))
    left = (await tara.outcomes.ListKeptCorrections(api.ListKeptCorrectionsRequest())).corrections
    assert [each.execution_id for each in left] == ["b1"]
    error = await refusal(olivia.outcomes.DropCorrection(api.DropCorrectionRequest(request_id=request_id(), **drop)))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_CORRECTION")


async def test_the_stream_tells_all_of_it(running):
    tara = await running.be("tara")
    await tara.orders.SubmitOrder(order(quantity="0.00100"))
    lose(running, "m1")
    running.gateway.step(OrderNotFound(venue="BINANCE", client_order_id="m1", text="no such order"))
    olivia = await running.be("olivia")
    await olivia.outcomes.ResolveOutcome(resolve())
    running.gateway.report("m1", ExecType.TRADE_CANCEL, execution_id="b1", reference_execution_id="e1")
    drop = {"order_id": "1", "execution_id": "b1", "reason": "withdrawn"}
    await olivia.outcomes.DropCorrection(api.DropCorrectionRequest(request_id=request_id(), **drop))
    running.gateway.fill("m1", "e2", 130, 6_000_000)
    found = (await tara.orders.GetOrder(order_service_pb2.GetOrderRequest(order_id="1"))).order
    assert (found.overfilled_quantity, found.leaves_quantity) == ("0.00030", "0.00000")
    wanted = ["submitted", "outcome_unknown", "outcome_not_found", "outcome_resolved", "reported"]
    wanted += ["correction_kept", "correction_dropped", "filled"]
    events = []
    stream = tara.orders.StreamOrderEvents(order_service_pb2.StreamOrderEventsRequest(after_sequence=0))
    async for frame in stream:
        events += frame.events
        if len(events) >= len(wanted):
            break
    stream.cancel()
    assert [event.WhichOneof("event") for event in events] == wanted
    assert events[-1].filled.overfilled_quantity == "0.00030"
    assert events[3].outcome_resolved.carried_out


async def test_every_field_wrong_is_told_with_its_name(running):
    tara, olivia = await running.be("tara"), await running.be("olivia")
    await tara.orders.SubmitOrder(order())
    error = await refusal(olivia.outcomes.ResolveOutcome(api.ResolveOutcomeRequest()))
    fields = {"request_id", "order_id", "client_order_id", "verdict", "reason"}
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert {field for field, _ in error.violations} == fields
    error = await refusal(olivia.outcomes.DropCorrection(api.DropCorrectionRequest(execution_id="x" * 257)))
    assert {field for field, _ in error.violations} == {"request_id", "order_id", "execution_id", "reason"}
    for request, reason in (
        (resolve(), "NOT_UNCERTAIN"),
        (resolve(order_id="99"), "UNKNOWN_ORDER"),
        (resolve(name="whose"), "NOT_UNCERTAIN"),
    ):
        assert (await refusal(olivia.outcomes.ResolveOutcome(request))).reason == reason
    for call in (tara.outcomes.ListUncertainOrders, tara.outcomes.ListKeptCorrections):
        wrong = api.ListUncertainOrdersRequest if call is tara.outcomes.ListUncertainOrders else None
        request = (wrong or api.ListKeptCorrectionsRequest)(account="a b", page_size=-1, page_token="x")
        assert {field for field, _ in (await refusal(call(request))).violations} == {
            "account",
            "page_size",
            "page_token",
        }
