"""What callers must not send: each wrong field is named, all of them at once, and nothing happens."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meltica.v1 import audit_service_pb2 as audit_api
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import limits_pb2, risk_service_pb2
from meltica.v1 import order_service_pb2 as api
from tests.engines import BTC
from tests.unit.control.serving import order, refusal, request_id, serving

NO_NUMBERS = [
    "NaN",
    "nan",
    "sNaN",
    "Infinity",
    "-inf",
    "1e9",
    "1E-2",
    "+1",
    " 1",
    "1 ",
    "1\n",
    "1_000",
    "1,5",
    "0x10",
    "01",
    ".5",
    "5.",
    "٣",
    "\uff11",
    "½",
    "--1",
    "1.2.3",
    "\x00",
    "9" * 19,
    "9" * 5000,
    "0." + "1" * 19,
]
NO_IDENTIFIERS = ["a b", "a\n", "ä", "a\x00b", "-a", ".", "a/b", "x" * 65, "💥", "a\u202eb", "'; DROP TABLE orders; --"]
NO_INSTRUMENTS = ["", "BTC USDT", "BTC/USD\u0422@BINANCE", "x" * 81, "BTC/USDT@BINANCE\n", "\x00"]
NO_REQUEST_IDS = ["", "1", "x" * 36, "{0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11}", "0b0f7c1e5d0c4a3e9a536f6f0a2f8c11"]
NO_ORDER_IDS = ["", "-1", "01", "1.0", "0x1", "٣", "1 ", "9" * 40, str(2**63)]

SUBMIT_CASES: list[tuple[str, Any]] = [
    *(("quantity", value) for value in (*NO_NUMBERS, "", "0", "-1", "-0.5", "0.000001", "99999999999999999")),
    *(("price", value) for value in (*NO_NUMBERS, "0", "-1", "0.001", "1000000.01", "99999999999999999")),
    *(("account", value) for value in ("", *NO_IDENTIFIERS)),
    *(("strategy", value) for value in NO_IDENTIFIERS),
    *(("instrument", value) for value in NO_INSTRUMENTS),
    *(("request_id", value) for value in NO_REQUEST_IDS),
    *(("client_order_id", value) for value in ("a b", "ä", "x" * 37, "a\n", "\x7f")),
    *(("side", value) for value in (0, 3, 99, -1)),
    *(("type", value) for value in (0, 10, -(2**31))),
    *(("time_in_force", value) for value in (0, 8, 2**31 - 1)),
]


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def test_each_wrong_field_of_an_order_is_named(running):
    tara = (await running.be("tara")).orders
    before = len(running.gateway.journal)
    for field, value in SUBMIT_CASES:
        error = await refusal(tara.SubmitOrder(order(**{field: value})))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), (field, value)
        assert [name for name, _ in error.violations] == [field], (field, value, error.violations)
        assert field in error.message
    assert len(running.gateway.journal) == before


async def test_all_wrong_fields_are_named_at_once(running):
    tara = (await running.be("tara")).orders
    error = await refusal(tara.SubmitOrder(api.SubmitOrderRequest(quantity="-1", price="NaN", instrument=BTC)))
    named = {name for name, _ in error.violations}
    assert named == {"request_id", "account", "side", "type", "time_in_force", "quantity", "price"}


async def test_the_worst_request_still_gets_a_clear_answer(running):
    """Everything wrong, as long as it can be, in a script that takes most bytes: the trailers must still fit."""
    tara = (await running.be("tara")).orders
    long = "💥" * 20_000
    names = ("account", "strategy", "instrument", "quantity", "price", "client_order_id")
    error = await refusal(tara.SubmitOrder(api.SubmitOrderRequest(request_id=long, **dict.fromkeys(names, long))))
    assert error.reason == "INVALID_REQUEST"
    assert {*names, "request_id"} <= {name for name, _ in error.violations}


async def test_unknown_fields_are_refused(running):
    tara, ravi = await running.be("tara"), await running.be("ravi")
    request = api.SubmitOrderRequest.FromString(order().SerializeToString() + b"\xa2\x06\x04only" + b"\xa8\x06\x01")
    error = await refusal(tara.orders.SubmitOrder(request))
    assert error.reason == "INVALID_REQUEST"
    assert error.violations == [("#100", "unknown field number 100"), ("#101", "unknown field number 101")]
    limits = limits_pb2.Limits(etag="0")
    limits.account.MergeFromString(b"\xa8\x06\x01")
    error = await refusal(
        ravi.risk.SetLimits(risk_service_pb2.SetLimitsRequest(request_id=request_id(), limits=limits))
    )
    assert error.violations == [("limits.account.#101", "unknown field number 101")]
    assert not running.gateway.state.tables.orders


async def test_garbage_is_the_callers_fault(running):
    channel = (await running.be("tara")).channel
    for data in (b"\xff\xff\xff", b"\x0a\xff", b"\x0a\x02\xc3\x28", b"\x00"):
        error = await refusal(channel.unary_unary("/meltica.v1.OrderService/SubmitOrder")(data))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"), data
    error = await refusal(channel.unary_stream("/meltica.v1.OrderService/StreamOrderEvents")(b"\xff").read())
    assert error.reason == "MALFORMED_MESSAGE"


async def test_a_huge_message_is_refused(running):
    error = await refusal((await running.be("tara")).orders.SubmitOrder(order(account="x" * 2_000_000)))
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("value", NO_ORDER_IDS)
async def test_order_ids(running, value):
    tara = (await running.be("tara")).orders
    for call in (
        tara.GetOrder(api.GetOrderRequest(order_id=value)),
        tara.CancelOrder(api.CancelOrderRequest(request_id=request_id(), order_id=value)),
        tara.AmendOrder(api.AmendOrderRequest(request_id=request_id(), order_id=value, quantity="1")),
    ):
        error = await refusal(call)
        assert [name for name, _ in error.violations] == ["order_id"]


async def test_an_amendment_of_nothing_and_to_nonsense(running):
    tara = (await running.be("tara")).orders
    await tara.SubmitOrder(order())
    error = await refusal(tara.AmendOrder(api.AmendOrderRequest(request_id=request_id(), order_id="1")))
    assert [name for name, _ in error.violations] == ["quantity"]
    for field in ("quantity", "price"):
        for value in ("", "0", "-1", *NO_NUMBERS):
            request = api.AmendOrderRequest(request_id=request_id(), order_id="1", **{field: value})
            error = await refusal(tara.AmendOrder(request))
            assert [name for name, _ in error.violations] == [field], value


async def test_pages(running):
    victor = (await running.be("victor")).orders
    error = await refusal(victor.ListOrders(api.ListOrdersRequest(page_size=-1)))
    assert [name for name, _ in error.violations] == ["page_size"]
    for token in ("x", "💥", "AAAA", "MTIzNDU2Nzg6", "x" * 100_000):
        error = await refusal(victor.ListOrders(api.ListOrdersRequest(page_token=token)))
        assert [name for name, _ in error.violations] == ["page_token"], token


async def test_reasons(running):
    olivia = (await running.be("olivia")).kill
    for reason in ("", "   ", "a\nb", "a\x00", "x" * 201):
        request = kill_api.EngageKillSwitchRequest(request_id=request_id(), reason=reason)
        error = await refusal(olivia.EngageKillSwitch(request))
        assert [name for name, _ in error.violations] == ["reason"]
    request = kill_api.EngageKillSwitchRequest(request_id=request_id(), reason="zlecenia oszalały")
    assert (await olivia.EngageKillSwitch(request)).kill_switch.reason == "zlecenia oszalały"


def account(etag: str = "0", name: str = "", **fields: Any) -> limits_pb2.Limits:
    usual = {"account": "a", "max_open_value": "1", "max_daily_loss": "1", "max_drawdown": "1"}
    return limits_pb2.Limits(etag=etag, name=name, account=usual | fields)


def of_instrument(**fields: Any) -> limits_pb2.Limits:
    usual = {"instrument": BTC, "max_quantity": "1", "max_value": "1", "max_day_quantity": "1"}
    return limits_pb2.Limits(etag="1", instrument=usual | fields)


def position(**fields: Any) -> limits_pb2.Limits:
    usual = {"account": "main", "instrument": BTC, "max_long_quantity": "0", "max_short_quantity": "0"}
    return limits_pb2.Limits(etag="1", position=usual | fields)


NO_DURATIONS = (Duration(seconds=-1), Duration(seconds=86_401), Duration(nanos=-1), Duration(nanos=10**9))
NO_MONEY = ("", "-1", "0.0000000001", *NO_NUMBERS)
U32 = 2**32 - 1

LIMITS_CASES: list[tuple[str, limits_pb2.Limits]] = [
    ("limits", limits_pb2.Limits(etag="0")),
    ("limits.etag", account(etag="abc")),
    ("limits.name", account(name="accounts/x")),
    *(
        (f"limits.account.{field}", account(**{field: value}))
        for field in ("max_open_value", "max_daily_loss", "max_drawdown")
        for value in NO_MONEY
    ),
    *(
        (f"limits.account.{field}", account(**{field: value}))
        for field in ("duplicate_window", "rearm_after")
        for value in NO_DURATIONS
    ),
    ("limits.account.account", account(account="a/b")),
    ("limits.account.message_burst", account(message_burst=U32)),
    ("limits.account.self_match", account(self_match=9)),
    ("limits.account.self_match_group", account(self_match_group=2**16)),
    ("limits.instrument.collar_bps", of_instrument(collar_bps=100_001)),
    ("limits.instrument.max_quantity", of_instrument(max_quantity="0.000001")),
    ("limits.instrument.max_day_quantity", of_instrument(max_day_quantity="")),
    ("limits.instrument.short_sale", of_instrument(short_sale=4)),
    ("limits.instrument.session_open", of_instrument(session_open=Duration(seconds=86_400))),
    ("limits.instrument.session_close", of_instrument(session_close=Duration(seconds=86_401))),
    ("limits.instrument.message_burst", of_instrument(message_burst=U32)),
    ("limits.position.max_short_quantity", position(max_short_quantity="-1")),
    ("limits.position.located_quantity", position(located_quantity="-1")),
    ("limits.firm.max_open_value", limits_pb2.Limits(etag="1", firm={"max_open_orders": 1})),
    ("limits.firm.message_burst", limits_pb2.Limits(etag="1", firm={"max_open_value": "1", "message_burst": U32})),
    ("limits.strategy.strategy", limits_pb2.Limits(etag="0", strategy={"max_open_value": "1"})),
    ("limits.strategy.strategy", limits_pb2.Limits(etag="0", strategy={"strategy": "a b", "max_open_value": "1"})),
    (
        "limits.strategy.max_executions",
        limits_pb2.Limits(etag="0", strategy={"strategy": "x", "max_open_value": "1", "max_executions": 2**63}),
    ),
    ("limits.port.port", limits_pb2.Limits(etag="0", port={"enabled": True})),
    ("limits.port.message_burst", limits_pb2.Limits(etag="0", port={"port": "paper", "message_burst": U32})),
]


async def test_limits(running):
    ravi = (await running.be("ravi")).risk
    before = len(running.gateway.journal)
    for field, limits in LIMITS_CASES:
        error = await refusal(ravi.SetLimits(risk_service_pb2.SetLimitsRequest(request_id=request_id(), limits=limits)))
        assert [name for name, _ in error.violations] == [field], (limits, error.violations)
    assert len(running.gateway.journal) == before


async def test_the_end_of_the_audit_log(running):
    ada = (await running.be("ada")).audit
    error = await refusal(ada.ListAuditEntries(audit_api.ListAuditEntriesRequest(after_sequence=2**64 - 1)))
    assert (error.code, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "AFTER_THE_END")


ANY_ORDER = st.builds(
    api.SubmitOrderRequest,
    request_id=st.one_of(st.uuids().map(str), st.text()),
    account=st.one_of(st.just("main"), st.text()),
    strategy=st.text(),
    instrument=st.one_of(st.just(BTC), st.text()),
    side=st.integers(-(2**31), 2**31 - 1) | st.sampled_from([1, 2]),
    type=st.integers(-(2**31), 2**31 - 1) | st.sampled_from([1, 2]),
    time_in_force=st.integers(-(2**31), 2**31 - 1) | st.sampled_from([1, 2, 3, 4]),
    quantity=st.one_of(st.decimals().map(str), st.text(), st.floats().map(repr), st.just("1")),
    price=st.one_of(st.decimals().map(str), st.text(), st.floats().map(repr), st.just("60000")),
    post_only=st.booleans(),
    reduce_only=st.booleans(),
    client_order_id=st.text(),
)


DEFINED = (
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ALREADY_EXISTS,
)


async def test_any_request_gets_a_defined_answer(running):
    """Whatever is in the fields: accepted, or refused with a reason of ours; never INTERNAL or UNKNOWN."""
    tara = (await running.be("tara")).orders
    requests: list[api.SubmitOrderRequest] = []

    @settings(max_examples=300, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
    @given(ANY_ORDER)
    def collect(request: api.SubmitOrderRequest) -> None:
        requests.append(request)

    collect()
    for request in requests:
        call = tara.SubmitOrder(request)
        assert await call.code() in DEFINED, (request, await call.details())
