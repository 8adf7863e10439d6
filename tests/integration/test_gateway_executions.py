"""Execution figures of a real gateway: while it trades, after a restart, and offline from its journal."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from meltica import hot
from meltica.app.cli import app
from meltica.app.execution_keeper import CHECKPOINT_NAME
from meltica.app.replay import replay
from meltica.app.reports.execution_report import fold
from meltica.domain.execution import ExecutionFilter, GroupBy
from meltica.journal.reader import SqliteReader
from meltica.v1 import execution_service_pb2 as api
from meltica.v1 import order_pb2
from meltica.v1.execution_service_pb2_grpc import ExecutionServiceStub
from tests.integration.gateway_person import CALL_S, Person, eventually
from tests.integration.gateway_running import gateway


async def figures(person: Person, order_id: str) -> api.OrderExecution | None:
    """None: the past is not caught up with yet."""
    request = api.GetOrderExecutionRequest(order_id=order_id)
    try:
        return (await ExecutionServiceStub(person.channel).GetOrderExecution(request, timeout=CALL_S)).execution
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return None


async def summary(person: Person) -> api.ExecutionFigures:
    request = api.ListExecutionSummariesRequest(group_by=api.EXECUTION_GROUP_ALL)
    answer = await ExecutionServiceStub(person.channel).ListExecutionSummaries(request, timeout=CALL_S)
    (found,) = answer.summaries
    return found.figures


@pytest.mark.slow
async def test_figures_live_after_a_restart_and_offline_are_the_same(tmp_path: Path) -> None:
    with gateway(tmp_path) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            taken = (await olivia.submit(quantity="0.004", price="60900")).order.order_id
            await olivia.order_in(taken, order_pb2.ORDER_STATUS_FILLED)
            rested = (await olivia.submit(quantity="0.002", price="58500")).order.order_id
            await olivia.order_in(rested, order_pb2.ORDER_STATUS_NEW)
            await olivia.cancel(rested)
            await olivia.order_in(rested, order_pb2.ORDER_STATUS_CANCELED)
            live = [await figures(olivia, each) for each in (taken, rested)]
            together = await summary(olivia)
        assert running.stop() == 0
        assert (running.state / CHECKPOINT_NAME).stat().st_size > 0
        check(live[0], together)
        assert live[1] is not None
        assert (live[1].outcome, live[1].filled_quantity) == (api.EXECUTION_OUTCOME_CANCELED, "0.000")
        assert live[1].end_price
        assert live[1].figures.shortfall.impact.cost == "0"
        running.start()
        async with Person(running, "victor") as victor:
            again = [await eventually(lambda each=each: figures(victor, each), "the past") for each in (taken, rested)]
            assert again == live
        assert running.stop() == 0
        assert "passed over" not in running.log.read_text()
        (running.state / CHECKPOINT_NAME).write_bytes(b"torn")
        running.start()
        async with Person(running, "victor") as victor:
            again = [await eventually(lambda each=each: figures(victor, each), "the past") for each in (taken, rested)]
            assert again == live, "folded anew"
        assert running.stop() == 0
        assert "they are folded anew" in running.log.read_text()
    report = replay(running.journal, hot.backend())
    assert report.differences == (), "what stands beside the records decides nothing"
    with SqliteReader(running.journal) as source:
        offline = fold(source)
    (found,) = offline.summaries(GroupBy.ALL, ExecutionFilter())
    assert (found.orders, found.filled, found.canceled, found.executions) == (
        together.orders,
        together.filled,
        together.canceled,
        together.executions,
    )
    shown = CliRunner().invoke(app, ["report", "executions", str(running.journal), "--html", str(tmp_path / "x.html")])
    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines()[1].split()[:3] == ["manual", "USDT", "2"]
    assert "Latency of each stage" in (tmp_path / "x.html").read_text()


def check(order: api.OrderExecution | None, together: api.ExecutionFigures) -> None:
    """A marketable order took what the book had: at or beyond the touch, in stages that follow each other."""
    assert order is not None
    fall = order.figures.shortfall
    parts = [Decimal(part.cost) for part in (fall.delay, fall.impact, fall.opportunity, fall.fees)]
    assert sum(parts) == Decimal(fall.total.cost)
    assert parts[3] > 0, "it took, and paid for that"
    assert Decimal(order.figures.against_arrival.cost) == parts[1]
    assert order.figures.against_mid.basis_points
    assert (order.figures.fill_ratio, order.figures.maker_share) == ("1", "0")
    assert order.venue_acknowledge_time.ToNanoseconds() > 0, "the paper venue says when"
    assert order.venue_first_fill_time.ToNanoseconds() >= order.venue_acknowledge_time.ToNanoseconds()
    times = [
        order.receive_time,
        order.step_time,
        order.durable_time,
        order.send_time,
        order.acknowledge_time,
        order.first_fill_time,
        order.end_time,
    ]
    assert sorted(each.ToNanoseconds() for each in times) == [each.ToNanoseconds() for each in times]
    assert times[0].ToNanoseconds() > 0
    assert (together.orders, together.filled, together.canceled, together.sent) == (2, 1, 1, 2)
