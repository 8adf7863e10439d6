"""StreamOrderEvents, the part about orders that go out in slices: it tells their course, and resumes anywhere in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from meltica.control import algo_events
from meltica.control.order_events import _SHOWN, Wanted, shown
from meltica.domain.parent_events import AlgoVolume, ParentEvent
from meltica.domain.reports import ExecType
from meltica.v1 import algo_service_pb2 as api
from meltica.v1 import order_service_pb2 as order_api
from tests.integration.test_control_algos import HOUR, algo, at, schedule, wake
from tests.unit.control.serving import order, refusal, request_id, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def told(stubs: Any, *, after: int = 0, **wanted: str) -> list[order_api.OrderEvent]:
    """All that there is by now."""
    request = order_api.StreamOrderEventsRequest(after_sequence=after, **wanted)
    end = (await stubs.orders.ListOrders(order_api.ListOrdersRequest())) and await newest(stubs)
    events: list[order_api.OrderEvent] = []
    stream = stubs.orders.StreamOrderEvents(request)
    async with asyncio.timeout(10):
        async for frame in stream:
            events.extend(frame.events)
            if frame.sequence >= end:
                break
    stream.cancel()
    return events


async def newest(stubs: Any) -> int:
    stream = stubs.orders.StreamOrderEvents(order_api.StreamOrderEventsRequest())
    sequence = (await stream.read()).sequence
    stream.cancel()
    return int(sequence)


def words(events: list[order_api.OrderEvent]) -> list[tuple[str, str]]:
    return [(event.order_id, event.WhichOneof("event")) for event in events]


async def day(running: Any) -> Any:
    """Begins, a slice, pause, amend, resume, a fill of the next slice, cancelled, and closed by the venue's answer."""
    stubs = await running.be("tara")
    await stubs.algos.SubmitAlgo(algo())
    wake(running)
    await stubs.algos.PauseAlgo(api.PauseAlgoRequest(request_id=request_id(), order_id="1", reason="news"))
    running.gateway.report("m2", ExecType.CANCELED)
    amend = api.AmendAlgoRequest(request_id=request_id(), order_id="1", quantity="0.6", end_time=at(2 * HOUR))
    await stubs.algos.AmendAlgo(amend)
    await stubs.algos.ResumeAlgo(api.ResumeAlgoRequest(request_id=request_id(), order_id="1"))
    wake(running)
    running.gateway.fill("m3", "x1", 1_000, 5_999_000)
    await stubs.algos.CancelAlgo(api.CancelAlgoRequest(request_id=request_id(), order_id="1"))
    running.gateway.report("m3", ExecType.CANCELED)
    return stubs


async def test_its_course_is_told(running):
    stubs = await day(running)
    events = await told(stubs)
    of_parent = [event for event in events if event.order_id == "1"]
    names = [event.WhichOneof("event") for event in of_parent]
    assert names[:2] == ["held", "algo_started"]
    assert names[-1] == "reported"
    assert {"algo_waits", "algo_amended"} <= set(names)
    phases = [event.algo_moved.phase for event in of_parent if event.HasField("algo_moved")]
    assert phases == [api.ALGO_PHASE_PAUSED, api.ALGO_PHASE_RUNNING, api.ALGO_PHASE_CLOSING]
    moved = next(event.algo_moved for event in of_parent if event.HasField("algo_moved"))
    assert (moved.reason, moved.actor) == ("news", "spiffe://meltica.example/person/tara")
    started = of_parent[1].algo_started
    assert (started.schedule.kind, started.schedule.slices) == (api.SCHEDULE_KIND_TWAP, 10)
    algo_now = (await stubs.algos.GetAlgo(api.GetAlgoRequest(order_id="1"))).algo
    assert started.arrival_mid == algo_now.arrival_mid
    amended = next(event.algo_amended for event in of_parent if event.HasField("algo_amended"))
    assert (amended.quantity, amended.price) == ("0.60000", "60000.00")
    assert any(event.algo_waits.HasField("next_look_time") for event in of_parent)
    slices = [event for event in events if event.order_id != "1"]
    assert {event.parent_order_id for event in slices} == {"1"}
    assert {event.parent_order_id for event in of_parent} == {""}
    assert "filled" in [event.WhichOneof("event") for event in slices]


async def test_it_resumes_anywhere(running):
    stubs = await day(running)
    events = await told(stubs)
    for after in range(events[0].sequence - 1, events[-1].sequence):
        assert words(await told(stubs, after=after)) == words([each for each in events if each.sequence > after])


async def test_one_order_and_its_slices(running):
    stubs = await day(running)
    events = await told(stubs)
    await stubs.algos.SubmitAlgo(algo(schedule=schedule(start_time=at(100))))
    await stubs.orders.SubmitOrder(order())
    assert words(await told(stubs, order_id="1")) == words(events)
    assert {name for name, _ in words(await told(stubs, order_id="3"))} == {"3"}
    assert await told(stubs, order_id="999") == []
    error = await refusal(stubs.orders.StreamOrderEvents(order_api.StreamOrderEventsRequest(order_id="x")).read())
    assert [field for field, _ in error.violations] == ["order_id"]


async def test_overfills_and_the_markets_volume_are_told(running):
    stubs = await running.be("tara")
    await stubs.algos.SubmitAlgo(algo(quantity="0.05", schedule=schedule(slices=1)))
    wake(running)
    running.gateway.fill("m2", "x1", 6_000, 6_000_000)
    over = [event for event in await told(stubs) if event.HasField("algo_overfilled")]
    assert [(event.order_id, event.algo_overfilled.quantity) for event in over] == [("1", "0.01000")]
    # Here no market brings volume; so what the engine says of it is shown as it says it.
    volume = AlgoVolume(order_id=1, counter_lots=900_000, market_lots=250_000, time_ns=5)
    event = shown(volume, 7, running.gateway.state, Wanted(order_id=1))
    assert (event.sequence, event.order_id, event.algo_volume.market_quantity) == (7, "1", "2.50000")
    assert shown(volume, 7, running.gateway.state, Wanted(order_id=2)) is None


def test_no_event_of_a_parent_is_left_out():
    assert set(ParentEvent.__args__) == set(algo_events.SHOWN)
    assert algo_events.SHOWN.items() <= _SHOWN.items()
