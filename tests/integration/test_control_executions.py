"""ExecutionService over mutual TLS: figures, groups, pages, and what must not be asked."""

import asyncio
from pathlib import Path

import grpc
import pytest

from meltica.domain.errors import NotAcceptingError
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from meltica.v1 import execution_service_pb2 as api
from meltica.v1.order_pb2 import SIDE_SELL
from tests.engines import BTC
from tests.unit.control.serving import order, refusal, serving

MARK = "60000.00"


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def listed(stub, **fields):
    return await stub.ListExecutionSummaries(api.ListExecutionSummariesRequest(**fields))


async def test_one_order_s_execution(running):
    tara = await running.be("tara")
    await tara.orders.SubmitOrder(order(quantity="0.5", price="60500", strategy="a"))
    running.gateway.report("m1", ExecType.NEW, venue_time_ns=1_700_000_000_000_000_001)
    running.gateway.fill("m1", "x1", 20_000, 6_006_000, fee_nanos=3_000_000_000)
    running.gateway.report("m1", ExecType.CANCELED)
    victor = await running.be("victor")
    answer = await victor.executions.GetOrderExecution(api.GetOrderExecutionRequest(order_id="1"))
    found = answer.execution
    assert answer.sequence == len(running.gateway.journal)
    assert (found.order_id, found.instrument, found.strategy, found.currency) == ("1", BTC, "a", "USDT")
    assert (found.quantity, found.filled_quantity, found.average_price) == ("0.50000", "0.20000", "60060")
    assert found.outcome == api.EXECUTION_OUTCOME_CANCELED
    assert (found.decision_price, found.arrival_price, found.end_price) == ("60000", "60000", "60000")
    assert found.market_average_price == found.against_market_basis_points == "", "no trade of others is known"
    assert found.venue_acknowledge_time.nanos == 1
    assert not found.HasField("send_time")
    assert not found.HasField("decide_time")
    shortfall = found.figures.shortfall
    parts = [shortfall.delay, shortfall.impact, shortfall.opportunity, shortfall.fees, shortfall.total]
    assert [part.cost for part in parts] == ["0", "12", "0", "3", "15"]
    assert [part.basis_points for part in parts] == ["0", "4", "0", "1", "5"]
    assert shortfall.paper_value == "30000"
    assert (found.figures.against_arrival.cost, found.figures.against_arrival.basis_points) == ("12", "10")
    assert (found.figures.against_mid.cost, found.figures.against_mid.basis_points) == ("", ""), "unknown is not 0"
    assert (found.figures.fill_ratio, found.figures.maker_share, found.figures.cancel_ratio) == ("0.4", "1", "1")
    stages = {row.stage: row for row in found.figures.stages}
    assert stages[api.EXECUTION_STAGE_TIME_TO_FILL].count == 1
    p50 = stages[api.EXECUTION_STAGE_TIME_TO_FILL].p50
    assert 0 < p50.at_least.ToNanoseconds() <= p50.at_most.ToNanoseconds()
    assert found.first_fill_time.ToNanoseconds() > found.receive_time.ToNanoseconds() > 0


async def test_an_adopted_order_s_prices_are_empty(running):
    running.gateway.report(
        "phone",
        ExecType.NEW,
        order_quantity_lots=10,
        price_ticks=6_000_000,
        account="main",
        instrument=BTC,
        side=Side.BUY,
    )
    running.gateway.fill("phone", "x1", 5, 6_000_000)
    victor = await running.be("victor")
    found = (await victor.executions.GetOrderExecution(api.GetOrderExecutionRequest(order_id="1"))).execution
    assert (found.strategy, found.decision_price, found.arrival_price) == ("external", "", "")
    assert not found.figures.HasField("shortfall")
    assert found.figures.against_arrival == api.Slippage()
    assert (found.figures.unknown_arrival, found.figures.fill_ratio, found.figures.traded_value) == (1, "", "3")


async def test_groups_filters_and_pages(running):
    tara = await running.be("tara")
    for number, strategy in enumerate(("a", "b", "a"), 1):
        await tara.orders.SubmitOrder(order(quantity="0.1", price="59000", strategy=strategy))
        running.gateway.fill(f"m{number}", f"x{number}", 10_000, 6_000_100 + number)
    await tara.orders.SubmitOrder(order(side=SIDE_SELL, quantity="0.1", price="61000", strategy="b"))
    stub = (await running.be("victor")).executions
    by_strategy = await listed(stub, group_by=api.EXECUTION_GROUP_STRATEGY)
    assert [(row.group, row.currency, row.figures.orders) for row in by_strategy.summaries] == [
        ("a", "USDT", 2),
        ("b", "USDT", 2),
    ]
    assert [row.figures.shortfall.total.cost for row in by_strategy.summaries] == ["0.204", "0.102"]
    first = await listed(stub, group_by=api.EXECUTION_GROUP_STRATEGY, page_size=1)
    assert [row.group for row in first.summaries] == ["a"]
    second = await listed(stub, group_by=api.EXECUTION_GROUP_STRATEGY, page_size=1, page_token=first.next_page_token)
    assert ([row.group for row in second.summaries], second.next_page_token) == (["b"], "")
    orders = await listed(stub, group_by=api.EXECUTION_GROUP_ORDER, strategy="a", page_size=1)
    assert [row.group for row in orders.summaries] == ["1"]
    token = orders.next_page_token
    orders = await listed(stub, group_by=api.EXECUTION_GROUP_ORDER, strategy="a", page_size=1, page_token=token)
    assert ([row.group for row in orders.summaries], orders.next_page_token) == (["3"], "")
    (day,) = (await listed(stub, group_by=api.EXECUTION_GROUP_DAY, venue="BINANCE", account="main")).summaries
    assert (day.figures.filled, day.figures.working) == (3, 1)
    later = await listed(stub, group_by=api.EXECUTION_GROUP_DAY, first_day="2100-01-01")
    assert not later.summaries
    for group, key in ((api.EXECUTION_GROUP_VENUE, "BINANCE"), (api.EXECUTION_GROUP_INSTRUMENT, BTC)):
        assert [row.group for row in (await listed(stub, group_by=group)).summaries] == [key]


async def test_wrong_fields_are_named(running):
    stub = (await running.be("victor")).executions
    sound = {"group_by": api.EXECUTION_GROUP_STRATEGY}
    for field, value in [
        ("group_by", 0),
        ("group_by", 99),
        ("account", "a b"),
        ("strategy", "ä"),
        ("venue", "x" * 65),
        ("instrument", "BTC USDT"),
        ("page_size", -1),
        ("page_token", "nonsense"),
        *(
            (field, day)
            for field in ("first_day", "last_day")
            for day in ("2026-1-1", "2026-02-30", "today", "٢٠٢٦-01-01")
        ),
    ]:
        error = await refusal(listed(stub, **{**sound, field: value}))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), (field, value)
        assert [name for name, _ in error.violations] == [field], (field, value)
    error = await refusal(listed(stub, **sound, first_day="2026-01-02", last_day="2026-01-01"))
    assert [name for name, _ in error.violations] == ["last_day"]
    for value in ("", "-1", "01", "9" * 40):
        error = await refusal(stub.GetOrderExecution(api.GetOrderExecutionRequest(order_id=value)))
        assert [name for name, _ in error.violations] == ["order_id"]


async def test_a_token_of_another_kind_of_group_is_refused(running):
    tara = await running.be("tara")
    for _ in range(2):
        await tara.orders.SubmitOrder(order(quantity="0.1", price="59000", strategy="a"))
    stub = (await running.be("victor")).executions
    token = (await listed(stub, group_by=api.EXECUTION_GROUP_ORDER, page_size=1)).next_page_token
    error = await refusal(listed(stub, group_by=api.EXECUTION_GROUP_STRATEGY, page_token=token))
    assert [name for name, _ in error.violations] == ["page_token"]


async def test_an_unknown_order(running):
    stub = (await running.be("victor")).executions
    error = await refusal(stub.GetOrderExecution(api.GetOrderExecutionRequest(order_id="77")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ORDER")


async def test_nothing_is_told_before_it_is_durable(running):
    stub = (await running.be("victor")).executions
    tara = await running.be("tara")
    await tara.orders.SubmitOrder(order(quantity="0.1", price="59000"))
    running.gateway.durable.clear()
    one = _answer(stub.GetOrderExecution(api.GetOrderExecutionRequest(order_id="1")))
    calls = [asyncio.create_task(one), asyncio.create_task(listed(stub, group_by=api.EXECUTION_GROUP_ALL))]
    _, waiting = await asyncio.wait(calls, timeout=0.3)
    assert len(waiting) == 2
    running.gateway.durable.set()
    await asyncio.gather(*calls)


async def _answer(call):
    return await call


async def test_figures_that_are_not_whole_are_not_shown(running):
    def not_yet(_order_id):
        raise NotAcceptingError("execution figures are at journal entry 5 of 9")

    running.gateway.executions.order = not_yet
    stub = (await running.be("victor")).executions
    error = await refusal(stub.GetOrderExecution(api.GetOrderExecutionRequest(order_id="1")))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_ACCEPTING")
    assert "5 of 9" in error.message
