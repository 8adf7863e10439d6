"""ExecutionService over mutual TLS: figures, groups, pages, and what must not be asked."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from meltica.control.execution import PIECE
from meltica.control.resources import timestamp
from meltica.domain.errors import NotAcceptingError
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from meltica.v1 import execution_service_pb2 as api
from meltica.v1.algo_service_pb2 import Schedule, SubmitAlgoRequest
from meltica.v1.order_pb2 import SIDE_SELL
from meltica.v1.order_service_pb2 import SubmitOrderListRequest
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


async def test_when_and_at_what_price_it_was_decided(running):
    tara = await running.be("tara")
    decided_ns = time.time_ns() - 5_000_000
    at = timestamp(decided_ns)
    await tara.orders.SubmitOrder(order(quantity="0.1", price="60500", decide_time=at, decision_price="59900"))
    schedule = Schedule(
        kind="SCHEDULE_KIND_TWAP",
        slices=2,
        end_time=timestamp(decided_ns + 3600 * 10**9),
        child_style="CHILD_STYLE_MARKET",
        catch_up="CATCH_UP_KEEP",
        at_end="AT_END_CANCEL",
    )
    algo = SubmitAlgoRequest(
        request_id=str(uuid4()),
        account="main",
        strategy="a",
        instrument=BTC,
        side=SIDE_SELL,
        quantity="0.1",
        schedule=schedule,
        decide_time=at,
        decision_price="60100",
    )
    await tara.algos.SubmitAlgo(algo)
    running.gateway.report("m1", ExecType.NEW)
    running.gateway.fill("m1", "x1", 10_000, 6_000_000)
    stub = (await running.be("victor")).executions
    one, two = [
        (await stub.GetOrderExecution(api.GetOrderExecutionRequest(order_id=order_id))).execution
        for order_id in ("1", "2")
    ]
    assert [each.decide_time.ToNanoseconds() for each in (one, two)] == [decided_ns, decided_ns]
    assert [each.decision_price for each in (one, two)] == ["59900", "60100"]
    assert one.figures.shortfall.delay.cost == "10", "0.1 from 59900 to the market's 60000"
    stages = {row.stage: row.p50 for row in one.figures.stages}
    assert stages[api.EXECUTION_STAGE_COMMAND].at_least.ToNanoseconds() > 4_900_000
    assert stages[api.EXECUTION_STAGE_WHOLE].at_most.ToNanoseconds() > 5_000_000
    for field, wrong in (("decide_time", Timestamp(seconds=-1)), ("decide_time", Timestamp(nanos=-1))):
        error = await refusal(tara.orders.SubmitOrder(order(quantity="0.1", price="60500", **{field: wrong})))
        assert [name for name, _ in error.violations] == [field]
    for text in ("-1", "0", "1.001", "x", "1e400"):
        error = await refusal(tara.orders.SubmitOrder(order(quantity="0.1", price="60500", decision_price=text)))
        assert [name for name, _ in error.violations] == ["decision_price"]
        algo.decision_price, algo.request_id = text, str(uuid4())
        error = await refusal(tara.algos.SubmitAlgo(algo))
        assert [name for name, _ in error.violations] == ["decision_price"]


async def test_a_group_as_one_and_each_order_by_itself(running):
    tara = await running.be("tara")
    common = {"quantity": "0.1", "request_id": "", "strategy": "a"}
    legs = [
        order(side=SIDE_SELL, price="60500", **common),
        order(side=SIDE_SELL, price="61500", **common),
    ]
    asked = SubmitOrderListRequest(request_id=str(uuid4()), link="LINK_OCO", orders=legs)
    await tara.orders.SubmitOrderList(asked)
    for name in ("m1", "m2"):
        running.gateway.report(name, ExecType.NEW)
    running.gateway.fill("m1", "x1", 10_000, 6_050_000)
    (cancel,) = running.gateway.state.order(2).pending
    running.gateway.report(cancel.client_order_id, ExecType.CANCELED, original_client_order_id="m2")
    stub = (await running.be("victor")).executions
    found = await stub.GetOrderGroupExecution(api.GetOrderGroupExecutionRequest(group_id="1"))
    (row,) = found.summaries
    assert (row.group, row.currency, row.figures.orders, row.figures.filled, row.figures.canceled) == (
        "1",
        "USDT",
        2,
        1,
        1,
    )
    assert [(each.order_id, each.group_id) for each in found.executions] == [("1", "1"), ("2", "1")]
    assert row.figures.fill_ratio == "1", "what the cancelled leg wanted its sibling has"
    assert row.figures.shortfall.opportunity.cost == "0"
    assert row.figures.shortfall.total.cost == row.figures.shortfall.impact.cost == "-50"
    assert found.sequence == len(running.gateway.journal)
    error = await refusal(stub.GetOrderGroupExecution(api.GetOrderGroupExecutionRequest(group_id="2")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_GROUP")
    error = await refusal(stub.GetOrderGroupExecution(api.GetOrderGroupExecutionRequest(group_id="x")))
    assert [name for name, _ in error.violations] == ["group_id"]


def ended(stub, **fields):
    return stub.StreamOrderExecutions(api.StreamOrderExecutionsRequest(**fields))


async def read(stream, count: int) -> tuple[list[api.OrderExecution], int]:
    """(so many executions, where to resume)."""
    found: list[api.OrderExecution] = []
    sequence = 0
    async with asyncio.timeout(20):
        while len(found) < count:
            frame = await stream.read()
            assert frame.sequence >= sequence
            found, sequence = [*found, *frame.executions], frame.sequence
    return found, sequence


async def test_executions_are_told_as_orders_end_and_again_when_they_change(running):
    tara = await running.be("tara")
    stub = (await running.be("victor")).executions
    stream, only_b = ended(stub, after_sequence=0), ended(stub, strategy="b")
    assert (await stream.read()).sequence == 0
    assert (await only_b.read()).sequence == len(running.gateway.journal)
    for number, strategy in enumerate("aba", 1):
        await tara.orders.SubmitOrder(order(quantity="0.1", price="60500", strategy=strategy))
        running.gateway.fill(f"m{number}", f"x{number}", 10_000 if number < 3 else 5_000, 6_000_100)
    found, middle = await read(stream, 2)
    assert [(each.order_id, each.filled_quantity) for each in found] == [("1", "0.10000"), ("2", "0.10000")]
    assert [each.order_id for each in (await read(only_b, 1))[0]] == ["2"]
    running.gateway.report("m3", ExecType.CANCELED)
    running.gateway.report("m1", ExecType.TRADE_CANCEL, execution_id="b1", reference_execution_id="x1")
    found, _ = await read(stream, 2)
    outcomes = [(each.order_id, each.outcome, each.filled_quantity) for each in found]
    canceled, working = api.EXECUTION_OUTCOME_CANCELED, api.EXECUTION_OUTCOME_WORKING
    assert outcomes == [("3", canceled, "0.05000"), ("1", working, "0.00000")], "a bust opened it again"
    again, end = await read(ended(stub, after_sequence=middle), 2)
    assert [(each.order_id, each.outcome, each.filled_quantity) for each in again] == outcomes
    assert end == len(running.gateway.journal)
    whole, _ = await read(ended(stub, after_sequence=0), 3)
    assert [each.order_id for each in whole] == ["2", "3", "1"], "each once, with its newest figures"
    for each in (stream, only_b):
        each.cancel()
    error = await refusal(ended(stub, after_sequence=end + 1).read())
    assert error.reason == "AFTER_THE_END"
    for field in ("account", "strategy", "venue", "instrument"):
        error = await refusal(ended(stub, **{field: "a b"}).read())
        assert [name for name, _ in error.violations] == [field]


async def test_many_orders_that_end_at_once_are_told_whole_also_to_who_resumes(running):
    tara = await running.be("tara")
    count = 2 * PIECE + 5
    for _ in range(count):
        await tara.orders.SubmitOrder(order(quantity="0.001", price="59000", strategy="a"))
    found, rows = running.gateway.executions, []
    for number in range(1, count + 1):
        running.gateway.report(f"m{number}", ExecType.EXPIRED)
    stub = (await running.be("victor")).executions
    after = 0
    while len(rows) < count:
        stream = ended(stub, after_sequence=after)
        await stream.read()
        frame = await stream.read()
        stream.cancel()
        rows += [each.order_id for each in frame.executions if each.order_id not in rows]
        assert frame.sequence > after
        after = frame.sequence
    assert rows == [str(number) for number in range(1, count + 1)]
    assert found.ended_after(after) == count


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
