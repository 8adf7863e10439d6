"""AlgoService over mutual TLS, the real engine behind it."""

import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from meltica.domain.commands import Wake
from meltica.domain.reports import ExecType
from meltica.v1 import algo_service_pb2 as api
from meltica.v1 import order_pb2, order_service_pb2
from tests.engines import BTC
from tests.unit.control.serving import refusal, request_id, serving

HOUR = 3600


def at(seconds: float) -> Timestamp:
    """So many seconds from now."""
    whole = int(time.time() + seconds)
    return Timestamp(seconds=whole)


def schedule(**fields) -> api.Schedule:
    facts = {
        "kind": api.SCHEDULE_KIND_TWAP,
        "end_time": at(HOUR),
        "slices": 10,
        "child_style": api.CHILD_STYLE_LIMIT,
    }
    return api.Schedule(**{**facts, **fields})


def algo(**fields) -> api.SubmitAlgoRequest:
    facts = {
        "request_id": request_id(),
        "account": "main",
        "strategy": "manual",
        "instrument": BTC,
        "side": order_pb2.SIDE_BUY,
        "quantity": "0.5",
        "price": "60000.00",
        "schedule": schedule(),
    }
    return api.SubmitAlgoRequest(**{**facts, **fields})


def wake(running) -> None:
    running.gateway.step(Wake(request_id="", actor="system:clock"))


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def test_a_parent_order_from_submit_to_cancel(running):
    tara = (await running.be("tara")).algos
    request = algo()
    answer = await tara.SubmitAlgo(request)
    begun = answer.algo
    assert (begun.order.order_id, begun.order.quantity, begun.phase) == ("1", "0.50000", api.ALGO_PHASE_RUNNING)
    assert begun.schedule.slices == 10
    assert (begun.child_order_ids, begun.order.actor) == ([], "spiffe://meltica.example/person/tara")

    wake(running)
    running.gateway.fill("m2", "x1", 2_000, 5_999_000, fee_nanos=7)
    found = (await tara.GetAlgo(api.GetAlgoRequest(order_id="1"))).algo
    assert (found.child_order_ids, found.live_child_order_ids) == (["2"], ["2"])
    assert (found.target_quantity, found.working_quantity) == ("0.05000", "0.03000")
    assert (found.order.cumulative_quantity, found.order.average_price) == ("0.02000", "59990")
    assert found.order.fees == "0.000000007"
    assert found.next_look_time.seconds > time.time() + HOUR / 11
    assert await tara.SubmitAlgo(request) == answer  # The first answer again, whatever came since.

    ended = await tara.CancelAlgo(api.CancelAlgoRequest(request_id=request_id(), order_id="1"))
    assert ended.canceling_order_ids == ["2"]
    assert (await tara.GetAlgo(api.GetAlgoRequest(order_id="1"))).algo.phase == api.ALGO_PHASE_CLOSING
    running.gateway.report("m2", ExecType.CANCELED)
    last = (await tara.GetAlgo(api.GetAlgoRequest(order_id="1"))).algo
    assert last.order.status == order_pb2.ORDER_STATUS_CANCELED
    error = await refusal(tara.CancelAlgo(api.CancelAlgoRequest(request_id=request_id(), order_id="1")))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_TERMINAL")


async def test_pause_amend_resume(running):
    tara = (await running.be("tara")).algos
    olivia = (await running.be("olivia")).algos
    await tara.SubmitAlgo(algo())
    wake(running)
    pause = api.PauseAlgoRequest(request_id=request_id(), order_id="1", reason="news")
    assert (await olivia.PauseAlgo(pause)).canceling_order_ids == ["2"]
    found = (await tara.GetAlgo(api.GetAlgoRequest(order_id="1"))).algo
    assert (found.phase, found.reason) == (api.ALGO_PHASE_PAUSED, "news")
    error = await refusal(olivia.PauseAlgo(api.PauseAlgoRequest(request_id=request_id(), order_id="1")))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ALGO_NOT_RUNNING")
    amend = api.AmendAlgoRequest(
        request_id=request_id(), order_id="1", quantity="0.6", price="59000.00", end_time=at(2 * HOUR)
    )
    await tara.AmendAlgo(amend)
    found = (await tara.GetAlgo(api.GetAlgoRequest(order_id="1"))).algo
    assert (found.order.quantity, found.order.price) == ("0.60000", "59000.00")
    assert found.schedule.end_time == amend.end_time
    await tara.ResumeAlgo(api.ResumeAlgoRequest(request_id=request_id(), order_id="1"))
    error = await refusal(tara.ResumeAlgo(api.ResumeAlgoRequest(request_id=request_id(), order_id="1")))
    assert error.reason == "ALGO_NOT_PAUSED"


async def test_a_child_can_be_seen_and_cancelled_but_not_amended(running):
    stubs = await running.be("tara")
    await stubs.algos.SubmitAlgo(algo())
    wake(running)
    request = order_service_pb2.AmendOrderRequest(request_id=request_id(), order_id="2", quantity="0.9")
    error = await refusal(stubs.orders.AmendOrder(request))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CHILD_ORDER")
    error = await refusal(stubs.algos.GetAlgo(api.GetAlgoRequest(order_id="2")))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_AN_ALGO")


async def test_what_rings_with_a_command_is_not_its_answer(running):
    """A slice that the gate refuses in the same step: the command itself was carried out."""
    stubs = await running.be("tara")
    await stubs.algos.SubmitAlgo(algo(quantity="2000", schedule=schedule(slices=1)))  # More than a child may be.
    answer = await stubs.algos.SubmitAlgo(algo())  # The first one's alarm rings with it.
    assert answer.algo.order.quantity == "0.50000"
    child = (await stubs.orders.GetOrder(order_service_pb2.GetOrderRequest(order_id="2"))).order
    assert (child.parent_order_id, child.status) == ("1", order_pb2.ORDER_STATUS_REJECTED)


async def test_lists(running):
    tara = (await running.be("tara")).algos
    for strategy in ("a", "b", "a"):
        await tara.SubmitAlgo(algo(strategy=strategy, schedule=schedule(start_time=at(100))))
    await tara.CancelAlgo(api.CancelAlgoRequest(request_id=request_id(), order_id="1"))

    async def ids(**fields) -> list[str]:
        found = await tara.ListAlgos(api.ListAlgosRequest(**fields))
        return [each.order.order_id for each in found.algos]

    assert await ids() == ["1", "2", "3"]
    assert await ids(open_only=True) == ["2", "3"]
    assert await ids(strategy="a") == ["1", "3"]
    assert await ids(account="other") == []
    page = await tara.ListAlgos(api.ListAlgosRequest(page_size=2))
    assert [each.order.order_id for each in page.algos] == ["1", "2"]
    assert await ids(page_size=2, page_token=page.next_page_token) == ["3"]


ROUND_TRIP = (
    schedule(start_time=at(60), randomisation="0.25", catch_up=api.CATCH_UP_CROSS, at_end=api.AT_END_CROSS),
    schedule(kind=api.SCHEDULE_KIND_VWAP, slices=2, volume_curve=["0.5", "0.2", "0.3"]),
    schedule(
        kind=api.SCHEDULE_KIND_POV,
        slices=0,
        participation_rate="0.15",
        volume_has_ours=True,
        max_child_quantity="0.01000",
        child_style=api.CHILD_STYLE_PASSIVE,
    ),
    schedule(
        kind=api.SCHEDULE_KIND_SHORTFALL,
        risk_aversion="0.000002",
        volatility="0.95",
        temporary_impact="25",
        permanent_impact="0.00000025",
        child_style=api.CHILD_STYLE_MARKET,
    ),
)


@pytest.mark.parametrize("asked", ROUND_TRIP)
async def test_a_schedule_comes_back_as_it_was_asked_for(running, asked):
    tara = (await running.be("tara")).algos
    shown = (await tara.SubmitAlgo(algo(schedule=asked))).algo.schedule
    shown.start_time.CopyFrom(asked.start_time)
    if not asked.HasField("start_time"):
        shown.ClearField("start_time")
    for name in ("catch_up", "at_end"):
        if getattr(asked, name) == 0:
            assert getattr(shown, name) == 1
            setattr(shown, name, 0)
    assert shown == asked


def wrong() -> tuple[tuple[dict[str, Any], str | None], ...]:
    """Made when they are asked for: a moment of a while ago is wrong in another way."""
    return (
        ({"account": ""}, "account"),
        ({"instrument": "?"}, None),
        ({"side": 0}, "side"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "0.000001"}, "quantity"),
        ({"price": "-1"}, "price"),
        ({"time_in_force": order_pb2.TIME_IN_FORCE_IOC}, "time_in_force"),
        ({"client_order_id": "a b"}, "client_order_id"),
        ({"request_id": "x"}, "request_id"),
        ({"short_sale": True}, "short_sale"),
        ({"short_exempt": True}, "short_exempt"),
        ({"schedule": schedule(kind=0)}, "schedule.kind"),
        ({"schedule": schedule(start_time=Timestamp(seconds=-5))}, "schedule.start_time"),
        ({"schedule": schedule(end_time=Timestamp(seconds=10**12))}, "schedule.end_time"),
        ({"schedule": schedule(end_time=None)}, "schedule.end_time"),
        ({"schedule": schedule(end_time=at(-10))}, "schedule.end_time"),
        ({"schedule": schedule(start_time=at(2 * HOUR))}, "schedule.end_time"),
        ({"schedule": schedule(end_time=at(40 * 24 * HOUR))}, "schedule.end_time"),
        ({"schedule": schedule(slices=0)}, "schedule.slices"),
        ({"schedule": schedule(slices=-1)}, "schedule.slices"),
        ({"schedule": schedule(slices=100_000)}, "schedule.slices"),
        ({"schedule": schedule(slices=1000, end_time=at(20))}, "schedule.slices"),
        ({"schedule": schedule(participation_rate="0.1")}, "schedule.participation_rate"),
        ({"schedule": schedule(participation_rate="a")}, "schedule.participation_rate"),
        ({"schedule": schedule(volume_has_ours=True)}, "schedule.volume_has_ours"),
        ({"schedule": schedule(volume_curve=["1"])}, "schedule.volume_curve"),
        ({"schedule": schedule(kind=api.SCHEDULE_KIND_VWAP)}, "schedule.volume_curve"),
        ({"schedule": schedule(kind=api.SCHEDULE_KIND_VWAP, volume_curve=["0.5", "0.4"])}, "schedule.volume_curve"),
        ({"schedule": schedule(kind=api.SCHEDULE_KIND_VWAP, volume_curve=["1", "-1"])}, "schedule.volume_curve[1]"),
        ({"schedule": schedule(max_child_quantity="0.000001")}, "schedule.max_child_quantity"),
        ({"schedule": schedule(randomisation="0.6")}, "schedule.randomisation"),
        ({"schedule": schedule(randomisation="1.1")}, "schedule.randomisation"),
        ({"schedule": schedule(child_style=0)}, "schedule.child_style"),
        ({"schedule": schedule(child_style=api.CHILD_STYLE_LIMIT), "price": ""}, "price"),
        ({"schedule": schedule(catch_up=9)}, "schedule.catch_up"),
        ({"schedule": schedule(at_end=9)}, "schedule.at_end"),
        ({"schedule": schedule(child_style=api.CHILD_STYLE_MARKET), "post_only": True}, "post_only"),
        (
            {"schedule": schedule(kind=api.SCHEDULE_KIND_POV, slices=0, max_child_quantity="1")},
            "schedule.participation_rate",
        ),
        (
            {"schedule": schedule(kind=api.SCHEDULE_KIND_POV, slices=0, participation_rate="0.1")},
            "schedule.max_child_quantity",
        ),
        ({"schedule": schedule(kind=api.SCHEDULE_KIND_SHORTFALL)}, "schedule.temporary_impact"),
        (
            {"schedule": schedule(kind=api.SCHEDULE_KIND_SHORTFALL, temporary_impact="1", permanent_impact="1")},
            "schedule.temporary_impact",
        ),
        (
            {"schedule": schedule(kind=api.SCHEDULE_KIND_SHORTFALL, temporary_impact="1", volatility="-1")},
            "schedule.volatility",
        ),
        ({"schedule": schedule(risk_aversion="1")}, "schedule.risk_aversion"),
        ({"schedule": schedule(kind=api.SCHEDULE_KIND_ICEBERG, slices=0)}, "schedule.max_child_quantity"),
        (
            {
                "schedule": schedule(
                    kind=api.SCHEDULE_KIND_ICEBERG,
                    slices=0,
                    max_child_quantity="1",
                    child_style=api.CHILD_STYLE_PASSIVE,
                )
            },
            "schedule.child_style",
        ),
        (
            {
                "schedule": schedule(
                    kind=api.SCHEDULE_KIND_ICEBERG, slices=0, max_child_quantity="1", catch_up=api.CATCH_UP_REPRICE
                )
            },
            "schedule.catch_up",
        ),
        (
            {
                "schedule": schedule(
                    kind=api.SCHEDULE_KIND_ICEBERG,
                    slices=0,
                    max_child_quantity="1",
                    end_time=None,
                    at_end=api.AT_END_CROSS,
                )
            },
            "schedule.at_end",
        ),
    )


async def test_each_field_that_is_wrong_is_named(running):
    tara = (await running.be("tara")).algos
    for fields, field in wrong():
        error = await refusal(tara.SubmitAlgo(algo(**fields)))
        if field is None:
            assert error.code is grpc.StatusCode.NOT_FOUND, fields
            continue
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT, (fields, error.reason)
        assert field in [name for name, _ in error.violations], (fields, error.violations)
    assert list(running.gateway.state.parents()) == []


async def test_amendments_that_are_wrong(running):
    tara = (await running.be("tara")).algos
    later = at(100)
    await tara.SubmitAlgo(algo(schedule=schedule(start_time=later)))
    await tara.SubmitAlgo(algo(price="", schedule=schedule(child_style=api.CHILD_STYLE_PASSIVE, start_time=later)))
    for order_id, fields, field in (
        ("1", {}, "quantity"),
        ("1", {"quantity": "0"}, "quantity"),
        ("1", {"price": "x"}, "price"),
        ("1", {"end_time": Timestamp(seconds=-1)}, "end_time"),
        ("1", {"end_time": at(-100)}, "schedule.end_time"),
        ("2", {"price": "60000"}, "price"),
    ):
        request = api.AmendAlgoRequest(request_id=request_id(), order_id=order_id, **fields)
        error = await refusal(tara.AmendAlgo(request))
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert [name for name, _ in error.violations] == [field]
    for call, request in (
        (tara.AmendAlgo, api.AmendAlgoRequest(quantity="1")),
        (tara.PauseAlgo, api.PauseAlgoRequest()),
        (tara.ResumeAlgo, api.ResumeAlgoRequest()),
        (tara.CancelAlgo, api.CancelAlgoRequest()),
    ):
        request.request_id, request.order_id = request_id(), "77"
        assert (await refusal(call(request))).reason == "UNKNOWN_ORDER"


async def test_who_may(running):
    viewer, tara = (await running.be("victor")).algos, (await running.be("tara")).algos
    error = await refusal(viewer.SubmitAlgo(algo()))
    assert error.reason == "ROLE_REQUIRED"
    await tara.SubmitAlgo(algo())
    assert (await viewer.GetAlgo(api.GetAlgoRequest(order_id="1"))).algo.order.order_id == "1"
    for call, request in (
        (viewer.PauseAlgo, api.PauseAlgoRequest(request_id=request_id(), order_id="1")),
        (viewer.CancelAlgo, api.CancelAlgoRequest(request_id=request_id(), order_id="1")),
    ):
        assert (await refusal(call(request))).reason == "ROLE_REQUIRED"
