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
from meltica.domain.commands import SetLimits
from meltica.domain.limits import key_of
from meltica.domain.reports import ExecType
from meltica.v1 import accounting_service_pb2 as books_api
from meltica.v1 import algo_service_pb2 as algo_api
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import limits_pb2, order_pb2
from meltica.v1 import order_service_pb2 as api
from meltica.v1 import outcome_service_pb2 as outcome_api
from meltica.v1 import reconciliation_service_pb2 as reconciliation_api
from meltica.v1 import risk_service_pb2 as risk_api
from tests.engines import BTC, wide_limits
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
        api.SubmitOrdersRequest(orders=[leg(account="fund-a"), leg()], all_or_none=True),
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
        api.AmendOrdersRequest(amendments=[api.Amendment(order_id="1", quantity="0.4")], all_or_none=True),
        "amendments[0].order_id",
    ),
    ("tara", "orders", "SubmitOrders", api.SubmitOrdersRequest(), "account"),
    ("tara", "orders", "CancelOrders", api.CancelOrdersRequest(), "account"),
    ("tara", "orders", "CancelOrders", api.CancelOrdersRequest(order_ids=["2"], account="main"), "account"),
    ("tara", "orders", "CancelOrders", api.CancelOrdersRequest(group_id="1"), "group_id"),
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
    own = api.CancelAllOrdersRequest(request_id=request_id(), account="fund-a")
    assert not (await tara.orders.CancelAllOrders(own)).order_ids
    assert await COMMANDS["cancel the parent"](await scoped.be("olivia"), "2"), "olivia acts for all"


@pytest.fixture
async def shared(running):
    """Tara trades for fund-a alone; orders 1 and 2 are main's, order 3 is fund-a's."""
    gateway = running.gateway
    for row in wide_limits(account="fund-a"):
        if key_of(row) not in gateway.state.tables.limits:
            gateway.step(SetLimits(request_id=request_id(), actor="system:test", limits=row, revision=0))
    stubs = await running.be("olivia")
    for account in ("main", "main", "fund-a"):
        await stubs.orders.SubmitOrder(order(account=account))
    await _act_for(running, "fund-a")
    return running


async def _act_for(running: Running, *accounts: str) -> None:
    policy = running.authority.policy
    before = policy.read_text().partition("\n[accounts]")[0]
    policy.write_text(f"{before}\n[accounts]\ntara = {list(accounts)}\n".replace("'", '"'))
    await asyncio.sleep(RECHECK_S + 0.1)


FOREIGN: Final = ("NOT_YOUR_ACCOUNT", "is about account 'main'; yours: fund-a")


def _said(answer: Any) -> list[tuple[str, str, str, str]]:
    return [(each.reason, each.field, each.text, each.order_id) for each in answer.results]


async def test_in_a_list_of_its_own_items_one_of_somebody_else_takes_no_other_with_it(shared):
    tara = (await shared.be("tara")).orders
    submit = api.SubmitOrdersRequest(
        request_id=request_id(), orders=[leg(account="fund-a"), leg(), leg(account="fund-a", quantity="x")]
    )
    answer = await tara.SubmitOrders(submit)
    assert _said(answer)[:2] == [("", "", "", "4"), (FOREIGN[0], "account", FOREIGN[1], "")]
    assert answer.results[2].reason == "INVALID_REQUEST"
    amendments = [api.Amendment(order_id=each, quantity="0.4") for each in ("1", "999", "3")]
    amend = api.AmendOrdersRequest(request_id=request_id(), amendments=amendments)
    amended = await tara.AmendOrders(amend)
    assert _said(amended)[0] == (FOREIGN[0], "order_id", FOREIGN[1], "1")
    assert [each.reason for each in amended.results[1:]] == ["UNKNOWN_ORDER", ""]
    cancel = api.CancelOrdersRequest(request_id=request_id(), order_ids=["2", "x", "3"])
    cancelled = await tara.CancelOrders(cancel)
    assert _said(cancelled)[0] == (FOREIGN[0], "order_ids", FOREIGN[1], "2")
    assert [each.reason for each in cancelled.results[1:]] == ["INVALID_REQUEST", ""]
    pending = {number: bool(each.pending) for number, each in shared.gateway.state.tables.orders.items()}
    assert pending == {1: False, 2: False, 3: True, 4: False}
    assert len(shared.gateway.state.tables.orders[3].pending) == 2
    # The first answers again, whomever the caller acts for by now.
    before, entries = digest(shared), len(shared.gateway.journal)
    await _act_for(shared, "main")
    assert await tara.SubmitOrders(submit) == answer
    assert await tara.AmendOrders(amend) == amended
    assert await tara.CancelOrders(cancel) == cancelled
    assert (digest(shared), len(shared.gateway.journal)) == (before, entries)


async def test_a_filter_means_ones_own_orders(shared):
    tara = (await shared.be("tara")).orders
    cancel = api.CancelOrdersRequest(request_id=request_id(), side=order_pb2.SIDE_BUY)
    answer = await tara.CancelOrders(cancel)
    assert [each.order_id for each in answer.results] == ["3"]
    assert await tara.CancelOrders(cancel) == answer
    await _act_for(shared)
    nobodys = api.CancelOrdersRequest(request_id=request_id(), instrument=BTC)
    assert not (await tara.CancelOrders(nobodys)).results
    for number, pending in ((1, 0), (2, 0), (3, 1)):
        assert len(shared.gateway.state.tables.orders[number].pending) == pending


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
