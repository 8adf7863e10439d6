"""Commands about orders that are unknown, ended, of another kind, or somebody else's: each with a clear answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message

from meltica.control.policy import RECHECK_S
from meltica.control.roles import METHODS, Effect
from meltica.control.server import full_name, methods
from meltica.domain.reports import ExecType
from meltica.v1 import accounting_service_pb2 as books_api
from meltica.v1 import algo_service_pb2 as algo_api
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import limits_pb2, order_pb2
from meltica.v1 import order_service_pb2 as api
from meltica.v1 import outcome_service_pb2 as outcome_api
from meltica.v1 import reconciliation_service_pb2 as reconciliation_api
from meltica.v1 import risk_service_pb2 as risk_api
from tests.integration.field_judge import digest
from tests.integration.stories_orders import leg, twap
from tests.unit.control.serving import Running, Stubs, order, refusal, request_id, serving

NOT_FOUND, PRECONDITION = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION
SHARES: Final = [books_api.FillShare(account="main", ratio=1)]


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


Ask = Callable[[Stubs, str], Any]


def asks(service: str, method: str, request: type[Any], **facts: Any) -> Ask:
    def ask(stubs: Stubs, order_id: str) -> Any:
        call = getattr(getattr(stubs, service), method)
        return call(request(request_id=request_id(), order_id=order_id, **facts))

    return ask


COMMANDS: Final[dict[str, Ask]] = {
    "cancel": asks("orders", "CancelOrder", api.CancelOrderRequest),
    "amend": asks("orders", "AmendOrder", api.AmendOrderRequest, quantity="0.4"),
    "pause": asks("algos", "PauseAlgo", algo_api.PauseAlgoRequest),
    "resume": asks("algos", "ResumeAlgo", algo_api.ResumeAlgoRequest),
    "amend the parent": asks("algos", "AmendAlgo", algo_api.AmendAlgoRequest, quantity="0.6"),
    "cancel the parent": asks("algos", "CancelAlgo", algo_api.CancelAlgoRequest),
    "resolve": asks(
        "outcomes",
        "ResolveOutcome",
        outcome_api.ResolveOutcomeRequest,
        client_order_id="m1",
        verdict=outcome_api.VERDICT_CARRIED_OUT,
        reason="asked",
    ),
    "drop": asks("outcomes", "DropCorrection", outcome_api.DropCorrectionRequest, execution_id="b1", reason="gone"),
    "allocate": asks("accounting", "AllocateFill", books_api.AllocateFillRequest, shares=SHARES),
}
ANSWERS: Final[dict[str, dict[str, str]]] = {
    "unknown": dict.fromkeys(COMMANDS, "UNKNOWN_ORDER"),
    "cancelled": {
        **dict.fromkeys(("cancel", "amend"), "ORDER_TERMINAL"),
        **dict.fromkeys(("pause", "resume", "amend the parent", "cancel the parent"), "NOT_AN_ALGO"),
        "resolve": "NOT_UNCERTAIN",
        "drop": "UNKNOWN_CORRECTION",
        "allocate": "UNKNOWN_EXECUTION",
    },
    "ended parent": {
        **dict.fromkeys(
            ("cancel", "amend", "pause", "resume", "amend the parent", "cancel the parent"), "ORDER_TERMINAL"
        ),
        "resolve": "NOT_UNCERTAIN",
        "drop": "UNKNOWN_CORRECTION",
        "allocate": "UNKNOWN_EXECUTION",
    },
    "slice": {
        "amend": "CHILD_ORDER",
        **dict.fromkeys(("pause", "resume", "amend the parent", "cancel the parent"), "NOT_AN_ALGO"),
        "resolve": "NOT_UNCERTAIN",
        "drop": "UNKNOWN_CORRECTION",
        "allocate": "UNKNOWN_EXECUTION",
    },
}


async def _cancelled(running: Running) -> str:
    stubs = await running.be("olivia")
    number = (await stubs.orders.SubmitOrder(order())).order.order_id
    running.gateway.report(f"m{number}", ExecType.CANCELED)
    return number


async def _parent(running: Running, *, ended: bool) -> str:
    stubs = await running.be("olivia")
    request: Any = await twap(running)
    if not ended:
        request.schedule.ClearField("start_time")
    number = (await stubs.algos.SubmitAlgo(request)).algo.order.order_id
    if ended:
        await stubs.algos.CancelAlgo(algo_api.CancelAlgoRequest(request_id=request_id(), order_id=number))
    return number


async def _order(running: Running, state: str) -> str:
    match state:
        case "unknown":
            return "999"
        case "cancelled":
            return await _cancelled(running)
        case "ended parent":
            return await _parent(running, ended=True)
    parent = await _parent(running, ended=False)
    await (await running.be("olivia")).orders.SubmitOrder(order())  # The slice goes out with it.
    orders = running.gateway.state.tables.orders.values()
    return str(next(each.order_id for each in orders if each.parent_id == int(parent)))


@pytest.mark.parametrize("state", ANSWERS)
async def test_each_command_with_each(running, state):
    number = await _order(running, state)
    stubs = await running.be("olivia")
    before = digest(running)
    for command, reason in ANSWERS[state].items():
        error = await refusal(COMMANDS[command](stubs, number))
        assert (error.reason, error.domain) == (reason, "meltica"), command
        assert error.code is (NOT_FOUND if reason.startswith("UNKNOWN") else PRECONDITION), command
        assert number in error.message or "m1" in error.message or reason == "CHILD_ORDER", error.message
        assert digest(running) == before, command


async def test_a_slice_can_be_cancelled(running):
    """It is an order; its parent sends what it lacks another time."""
    number = await _order(running, "slice")
    assert await COMMANDS["cancel"](await running.be("olivia"), number)


async def test_in_lists_it_is_the_items_answer(running):
    ended = await _cancelled(running)
    stubs = await running.be("olivia")
    amendments = [api.Amendment(order_id=each, quantity="0.4") for each in ("999", ended)]
    answer = await stubs.orders.AmendOrders(api.AmendOrdersRequest(request_id=request_id(), amendments=amendments))
    assert [result.reason for result in answer.results] == ["UNKNOWN_ORDER", "ORDER_TERMINAL"]
    cancel = api.CancelOrdersRequest(request_id=request_id(), order_ids=["999", ended])
    answer = await stubs.orders.CancelOrders(cancel)
    assert [result.reason for result in answer.results] == ["UNKNOWN_ORDER", "ORDER_TERMINAL"]


# Somebody else's account


@pytest.fixture
async def scoped(running):
    """Tara trades for fund-a alone; order 1, and the parent order 2, are main's."""
    await _order(running, "cancelled")
    await _parent(running, ended=False)
    policy = running.authority.policy
    policy.write_text(policy.read_text() + '\n[accounts]\ntara = ["fund-a"]\nravi = ["fund-a"]\n')
    await asyncio.sleep(RECHECK_S + 0.1)
    return running


OTHERS: Final[list[tuple[str, str, str, Message, str]]] = [
    ("tara", "orders", "SubmitOrder", order(), "account"),
    (
        "tara",
        "orders",
        "SubmitOrders",
        api.SubmitOrdersRequest(orders=[leg(account="fund-a"), leg()]),
        "orders[1].account",
    ),
    ("tara", "orders", "SubmitOrderList", api.SubmitOrderListRequest(orders=[leg()]), "orders[0].account"),
    ("tara", "orders", "AmendOrder", api.AmendOrderRequest(order_id="1", quantity="0.4"), "order_id"),
    ("tara", "orders", "CancelOrder", api.CancelOrderRequest(order_id="1"), "order_id"),
    ("tara", "orders", "CancelAllOrders", api.CancelAllOrdersRequest(account="main"), "account"),
    ("tara", "orders", "CancelAllOrders", api.CancelAllOrdersRequest(), "account"),
    (
        "tara",
        "orders",
        "AmendOrders",
        api.AmendOrdersRequest(amendments=[api.Amendment(order_id="1", quantity="0.4")]),
        "amendments[0].order_id",
    ),
    ("tara", "orders", "CancelOrders", api.CancelOrdersRequest(order_ids=["1"]), "order_ids[0]"),
    ("tara", "orders", "CancelOrders", api.CancelOrdersRequest(group_id="1"), "group_id"),
    ("tara", "orders", "CancelOrders", api.CancelOrdersRequest(side=order_pb2.SIDE_BUY), "account"),
    ("tara", "algos", "SubmitAlgo", algo_api.SubmitAlgoRequest(account="main"), "account"),
    ("tara", "algos", "PauseAlgo", algo_api.PauseAlgoRequest(order_id="2"), "order_id"),
    ("tara", "algos", "ResumeAlgo", algo_api.ResumeAlgoRequest(order_id="2"), "order_id"),
    ("tara", "algos", "AmendAlgo", algo_api.AmendAlgoRequest(order_id="2", quantity="0.4"), "order_id"),
    ("tara", "algos", "CancelAlgo", algo_api.CancelAlgoRequest(order_id="2"), "order_id"),
    ("tara", "accounting", "AllocateFill", books_api.AllocateFillRequest(order_id="1"), "order_id"),
    ("tara", "accounting", "ReverseAllocation", books_api.ReverseAllocationRequest(allocation_id="1"), "account"),
    (
        "tara",
        "reconciliation",
        "RequestStatement",
        reconciliation_api.RequestStatementRequest(venue="BINANCE", account="main"),
        "account",
    ),
    ("ravi", "outcomes", "ResolveOutcome", outcome_api.ResolveOutcomeRequest(order_id="1"), "order_id"),
    ("ravi", "risk", "ApproveProposal", risk_api.ApproveProposalRequest(proposal_id="1"), "account"),
    (
        "ravi",
        "risk",
        "SetLimits",
        risk_api.SetLimitsRequest(limits=limits_pb2.Limits(account={"account": "main"})),
        "limits.account.account",
    ),
    ("ravi", "risk", "SetLimits", risk_api.SetLimitsRequest(limits=limits_pb2.Limits(firm={})), "account"),
]


async def test_commands_about_somebody_elses_account(scoped):
    before, entries = digest(scoped), len(scoped.gateway.journal)
    for person, service, method, asked, field in OTHERS:
        request = type(asked).FromString(asked.SerializeToString())
        request.request_id = request_id()
        stubs = await scoped.be(person)
        error = await refusal(getattr(getattr(stubs, service), method)(request))
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_YOUR_ACCOUNT"), (method, field)
        assert [name for name, _ in error.violations] == [field], method
        assert "fund-a" in error.message
    assert (digest(scoped), len(scoped.gateway.journal)) == (before, entries)


async def test_what_is_ones_own_is_judged_as_ever(scoped):
    tara = await scoped.be("tara")
    assert (await refusal(tara.orders.SubmitOrder(order(account="fund-a")))).reason == "UNKNOWN_ACCOUNT"
    assert (await refusal(COMMANDS["cancel"](tara, "999"))).reason == "UNKNOWN_ORDER"
    for nobody in ("0", "x", ""):
        filtered = api.CancelOrdersRequest(request_id=request_id(), group_id=nobody, side=order_pb2.SIDE_BUY)
        assert (await refusal(tara.orders.CancelOrders(filtered))).reason == "NOT_YOUR_ACCOUNT", nobody
    own = api.CancelAllOrdersRequest(request_id=request_id(), account="fund-a")
    assert not (await tara.orders.CancelAllOrders(own)).order_ids
    assert await COMMANDS["cancel the parent"](await scoped.be("olivia"), "2"), "olivia acts for all"


async def test_anybody_with_the_role_stops_everything_and_reads_everything(scoped):
    tara = await scoped.be("tara")
    stop = kill_api.EngageKillSwitchRequest(request_id=request_id(), reason="runaway")
    assert (await tara.kill.EngageKillSwitch(stop)).kill_switch.engaged
    assert {"1", "2"} <= {each.order_id for each in (await tara.orders.ListOrders(api.ListOrdersRequest())).orders}


async def test_a_new_command_is_shut_for_whoever_acts_for_some_accounts(scoped):
    """An empty request of any command: not even its fields are looked at."""
    stubs = await scoped.be("tara")
    asked = 0
    for method in methods():
        rule = METHODS[full_name(method)]
        if rule.effect not in {Effect.CHANGE, Effect.STOP} or method.name == "EngageKillSwitch":
            continue
        error = await refusal(stubs.channel.unary_unary(full_name(method))(b"", timeout=10))
        assert error.reason in {"NOT_YOUR_ACCOUNT", "ROLE_REQUIRED"}, method.name
        asked += 1
    assert asked >= 36
