"""Down without loss, full without harm, and our own faults without gossip."""

import asyncio
import logging
import time
from pathlib import Path

import grpc
import msgspec
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meltica.control.calls import MAX_STREAMS_EACH, MAX_UNARY
from meltica.control.roles import METHODS
from meltica.domain.errors import InvariantError
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import order_service_pb2 as api
from tests.unit.control.serving import eventually, order, refusal, request_id, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def test_a_drain_answers_what_was_begun(running):
    """An order waits for the disk, a stream and a health watcher are open: all three end well, and at once."""
    tara, victor = await running.be("tara"), await running.be("victor")
    watch = health_pb2_grpc.HealthStub(victor.channel).Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    stream = victor.orders.StreamOrderEvents(api.StreamOrderEventsRequest())
    await stream.read()
    running.gateway.durable.clear()
    submitted = asyncio.ensure_future(tara.orders.SubmitOrder(order()))
    await eventually(lambda: running.gateway.state.tables.orders)
    began = time.monotonic()
    drained = asyncio.ensure_future(running.server.drain(20))
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    error = await refusal(drain_of(stream))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    assert not drained.done()
    running.gateway.durable.set()
    assert (await submitted).order.order_id == "1"
    await drained
    assert time.monotonic() - began < 10
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tara.orders.SubmitOrder(order(), timeout=2)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def drain_of(stream) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


async def test_a_drain_waits_for_commands_whose_callers_left(running):
    tara = (await running.be("tara")).orders
    running.gateway.durable.clear()
    with pytest.raises(grpc.aio.AioRpcError):
        await tara.SubmitOrder(order(), timeout=0.2)
    drained = asyncio.ensure_future(running.server.drain(20))
    done, _ = await asyncio.wait({drained}, timeout=0.3)
    assert not done
    running.gateway.durable.set()
    await drained


async def test_a_gateway_that_does_not_accept(running):
    running.gateway.accepting = False
    error = await refusal((await running.be("tara")).orders.SubmitOrder(order()))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_ACCEPTING")


async def test_our_own_fault_is_logged_and_not_told(running, caplog):
    running.gateway.fault = RuntimeError("password=hunter2")
    request = order()
    error = await refusal((await running.be("tara")).orders.SubmitOrder(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "hunter2" not in error.message + str(error.metadata)
    assert error.metadata["incident"] in error.message
    assert error.metadata["incident"] in caplog.text
    assert "hunter2" in caplog.text
    assert error.request_id == request.request_id


async def test_the_kill_switch_passes_when_all_calls_are_taken(running):
    tara, olivia = await running.be("tara"), await running.be("olivia")
    running.gateway.durable.clear()
    waiting = [asyncio.ensure_future(tara.orders.SubmitOrder(order())) for _ in range(MAX_UNARY)]
    await eventually(lambda: len(running.gateway.state.tables.orders) == MAX_UNARY)
    error = await refusal(tara.orders.SubmitOrder(order()))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_BUSY")
    request = kill_api.EngageKillSwitchRequest(request_id=request_id(), reason="flood")
    engaged = asyncio.ensure_future(olivia.kill.EngageKillSwitch(request))
    await eventually(lambda: running.gateway.state.tables.kill_switches[""].engaged)
    running.gateway.durable.set()
    assert len((await engaged).canceled_order_ids) == MAX_UNARY
    await asyncio.gather(*waiting)


async def test_nobody_takes_all_streams(running):
    victor, ada = await running.be("victor"), await running.be("ada")
    streams = [victor.orders.StreamOrderEvents(api.StreamOrderEventsRequest()) for _ in range(MAX_STREAMS_EACH)]
    for stream in streams:
        await stream.read()
    error = await refusal(victor.orders.StreamOrderEvents(api.StreamOrderEventsRequest()).read())
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
    other = ada.orders.StreamOrderEvents(api.StreamOrderEventsRequest())
    await other.read()
    for stream in (*streams, other):
        stream.cancel()


async def test_changes_and_refused_roles_are_logged(running, caplog):
    caplog.set_level(logging.INFO, "meltica.control")
    tara, victor = (await running.be("tara")).orders, (await running.be("victor")).orders
    request = order()
    await tara.SubmitOrder(request)
    await refusal(tara.SubmitOrder(order(price="1")))
    await refusal(victor.SubmitOrder(order()))
    await victor.ListOrders(api.ListOrdersRequest())
    fields = [record.fields for record in caplog.records if record.name == "meltica.control.calls"]
    assert [(row["actor"].rpartition("/")[2], row["outcome"]) for row in fields] == [
        ("tara", "OK"),
        ("tara", "PRICE_COLLAR"),
        ("victor", "ROLE_REQUIRED"),
    ]
    assert fields[0]["request_id"] == request.request_id
    assert fields[0]["method"] == "/meltica.v1.OrderService/SubmitOrder"


async def test_health_by_service(running):
    stub = health_pb2_grpc.HealthStub((await running.be("victor")).channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service="meltica.v1.OrderService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert (await refusal(stub.Check(health_pb2.HealthCheckRequest(service="x")))).reason == "UNKNOWN_SERVICE"
    assert "meltica.v1.AuditService" in (await stub.List(health_pb2.HealthListRequest())).statuses


SUBMIT = "/meltica.v1.OrderService/SubmitOrder"


async def test_a_call_without_a_deadline_has_the_servers(running):
    """The caller is let go; the order is not lost, and the same request_id finds it."""
    impatient = {**METHODS, SUBMIT: msgspec.structs.replace(METHODS[SUBMIT], deadline_s=0.2)}
    server = running.another_server("127.0.0.1:0", rules=impatient)
    running.port = await server.start()
    tara = (await running.be("tara")).orders
    running.gateway.durable.clear()
    request = order()
    error = await refusal(tara.SubmitOrder(request))
    assert (error.code, error.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "SERVER_DEADLINE")
    running.gateway.durable.set()
    assert (await tara.SubmitOrder(request)).order.order_id == "1"
    await server.drain(0)


async def test_a_method_without_a_row_keeps_the_server_from_starting(running):
    rules = {name: rule for name, rule in METHODS.items() if name != SUBMIT}
    with pytest.raises(InvariantError, match="SubmitOrder has no row"):
        running.another_server("127.0.0.1:0", rules=rules)
