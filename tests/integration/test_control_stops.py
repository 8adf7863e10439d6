"""RiskService beyond limits, over mutual TLS: breakers, credit, marks, a switch for one thing, the stream of it all."""

from pathlib import Path

import grpc
import pytest

from meltica.control.client import ErrorDetails
from meltica.domain.commands import BeginDay
from meltica.domain.reports import ExecType
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import limits_pb2, order_pb2, order_service_pb2
from meltica.v1 import risk_service_pb2 as api
from tests.engines import BTC
from tests.unit.control.serving import Running, order, refusal, request_id, serving

OLIVIA, RAVI = (f"spiffe://meltica.example/person/{name}" for name in ("olivia", "ravi"))


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def approved(running: Running, proposal: limits_pb2.Proposal, by: str = "ravi") -> api.ApproveProposalResponse:
    stubs = await running.be(by)
    request = api.ApproveProposalRequest(request_id=request_id(), proposal_id=proposal.proposal_id)
    return await stubs.risk.ApproveProposal(request)


async def trip(running: Running) -> None:
    """The venue rejects one order, which is as many as the account may have."""
    olivia, tara = await running.be("olivia"), await running.be("tara")
    limits = (await olivia.risk.GetLimits(api.GetLimitsRequest(name="accounts/main"))).limits
    limits.account.max_consecutive_rejects = 1
    await olivia.risk.SetLimits(api.SetLimitsRequest(request_id=request_id(), limits=limits))
    submitted = (await tara.orders.SubmitOrder(order())).order
    running.gateway.report(submitted.client_order_id, ExecType.REJECTED)


def rearm(**fields: object) -> api.RearmBreakerRequest:
    usual = {"request_id": request_id(), "reason": "the venue is well", "account": "main"}
    kind = limits_pb2.BREAKER_KIND_CONSECUTIVE_REJECTS
    return api.RearmBreakerRequest(**{"breaker": kind, **usual, **fields})


async def test_a_tripped_breaker_is_shown_and_takes_two_to_rearm(running):
    tara, olivia, victor = [await running.be(name) for name in ("tara", "olivia", "victor")]
    assert not (await victor.risk.GetRiskState(api.GetRiskStateRequest())).breakers
    await trip(running)
    state = await victor.risk.GetRiskState(api.GetRiskStateRequest(active_only=True))
    (breaker,) = state.breakers
    assert (breaker.kind, breaker.account) == (limits_pb2.BREAKER_KIND_CONSECUTIVE_REJECTS, "main")
    assert (breaker.tripped, breaker.epoch, breaker.HasField("rearm_time")) == (True, 1, False)
    assert [(row.account, row.day_profit, row.rejects_in_row) for row in state.accounts] == [("main", "0", 1)]
    error = await refusal(tara.orders.SubmitOrder(order()))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONSECUTIVE_REJECTS")
    assert "RearmBreaker" in error.message
    proposed = (await olivia.risk.RearmBreaker(rearm())).proposal
    assert (proposed.kind, proposed.breaker) == (limits_pb2.PROPOSAL_KIND_REARM, breaker.kind)
    same = api.ApproveProposalRequest(request_id=request_id(), proposal_id=proposed.proposal_id)
    assert (await refusal(olivia.risk.ApproveProposal(same))).code is grpc.StatusCode.PERMISSION_DENIED
    wrong_door = kill_api.ApproveReleaseRequest(request_id=request_id(), proposal_id=proposed.proposal_id)
    ravi = await running.be("ravi")
    assert (await refusal(ravi.kill.ApproveRelease(wrong_door))).reason == "PROPOSAL_KIND_MISMATCH"
    answer = await approved(running, proposed)
    assert (answer.breaker.tripped, answer.breaker.epoch, answer.breaker.actor) == (False, 2, RAVI)
    assert not (await victor.risk.GetRiskState(api.GetRiskStateRequest(active_only=True))).breakers
    assert (await tara.orders.SubmitOrder(order())).order.working


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"breaker": 0}, "breaker"),
        ({"breaker": 99}, "breaker"),
        ({"account": ""}, "account"),
        ({"strategy": "x"}, "strategy"),
        ({"reason": ""}, "reason"),
        ({"breaker": limits_pb2.BREAKER_KIND_REPEATED_EXECUTION}, "account"),
    ],
)
async def test_a_rearming_that_makes_no_sense(running, fields, field):
    error = await refusal((await running.be("olivia")).risk.RearmBreaker(rearm(**fields)))
    assert (error.reason, error.violations[0][0]) == ("INVALID_REQUEST", field)


async def test_what_is_not_tripped_needs_no_rearming(running):
    error = await refusal((await running.be("olivia")).risk.RearmBreaker(rearm()))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_TRIPPED")


def credit(name: str, delta: str) -> api.ChangeCreditRequest:
    return api.ChangeCreditRequest(request_id=request_id(), name=name, delta=delta, reason="a test")


async def test_credit_goes_down_alone_and_up_by_two(running):
    olivia = await running.be("olivia")
    down = await olivia.risk.ChangeCredit(credit("firm", "-12.5"))
    assert (down.WhichOneof("result"), down.credit.total, down.credit.revision) == ("credit", "-12.5", 1)
    up = await olivia.risk.ChangeCredit(credit("firm", "2"))
    assert (up.proposal.name, up.proposal.credit_delta) == ("firm", "2")
    answer = await approved(running, up.proposal)
    assert (answer.credit.name, answer.credit.total, answer.credit.revision) == ("firm", "-10.5", 2)
    state = await olivia.risk.GetRiskState(api.GetRiskStateRequest())
    assert list(state.credits) == [answer.credit]


@pytest.mark.parametrize(
    ("name", "delta", "field"),
    [
        ("", "1", "name"),
        ("ports/paper", "1", "name"),
        ("accounts/", "1", "name"),
        ("accounts/a b", "1", "name"),
        ("firm", "", "delta"),
        ("firm", "0", "delta"),
        ("firm", "1e3", "delta"),
        ("firm", "0.0000000001", "delta"),
    ],
)
async def test_credit_that_makes_no_sense(running, name, delta, field):
    error = await refusal((await running.be("olivia")).risk.ChangeCredit(credit(name, delta)))
    assert (error.reason, error.violations[0][0]) == ("INVALID_REQUEST", field)


async def test_credit_of_what_has_no_limits(running):
    error = await refusal((await running.be("olivia")).risk.ChangeCredit(credit("accounts/nobody", "-1")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_LIMITS")


def mark(kind: int, name: str, *, on: bool) -> api.SetMarkRequest:
    return api.SetMarkRequest(request_id=request_id(), mark=kind, name=name, set=on, reason="statement differs")


async def test_one_person_sets_a_mark_and_two_clear_it(running):
    olivia, tara = await running.be("olivia"), await running.be("tara")
    kind = limits_pb2.MARK_KIND_MISMATCHED
    found = await olivia.risk.SetMark(mark(kind, "main", on=True))
    assert (found.mark.set, found.mark.epoch, found.mark.actor) == (True, 1, OLIVIA)
    again = await olivia.risk.SetMark(mark(kind, "main", on=True))
    assert again.mark == found.mark
    error = await refusal(tara.orders.SubmitOrder(order()))
    assert (error.reason, "statement differs" in error.message) == ("POSITION_MISMATCH", True)
    clearing = (await olivia.risk.SetMark(mark(kind, "main", on=False))).proposal
    assert (clearing.mark, clearing.name) == (kind, "main")
    answer = await approved(running, clearing)
    assert (answer.mark.set, answer.mark.actor) == (False, RAVI)
    assert (await tara.orders.SubmitOrder(order())).order.working


async def test_a_mark_of_nothing(running):
    olivia = await running.be("olivia")
    error = await refusal(olivia.risk.SetMark(mark(limits_pb2.MARK_KIND_DISCONNECTED, "nowhere", on=True)))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_PORT")
    error = await refusal(olivia.risk.SetMark(mark(0, "main", on=True)))
    assert error.violations[0][0] == "mark"


@pytest.mark.parametrize("who", ["tara", "victor", "ada"])
async def test_who_may_not(running, who):
    risk = (await running.be(who)).risk
    for call in (
        risk.RearmBreaker(rearm()),
        risk.ChangeCredit(credit("firm", "-1")),
        risk.SetMark(mark(limits_pb2.MARK_KIND_MISMATCHED, "main", on=True)),
    ):
        assert (await refusal(call)).reason == "ROLE_REQUIRED"


def engage(**fields: str) -> kill_api.EngageKillSwitchRequest:
    return kill_api.EngageKillSwitchRequest(**{"request_id": request_id(), "reason": "runaway", **fields})


async def test_one_strategy_is_stopped_and_let_go(running):
    tara, olivia, ravi = [await running.be(name) for name in ("tara", "olivia", "ravi")]
    mine = (await tara.orders.SubmitOrder(order(strategy="mine"))).order
    await tara.orders.SubmitOrder(order(strategy="other"))
    answer = await tara.kill.EngageKillSwitch(engage(target="strategies/mine"))
    assert (answer.kill_switch.target, answer.kill_switch.account) == ("strategies/mine", "")
    assert list(answer.canceled_order_ids) == [mine.order_id]
    assert (await refusal(tara.orders.SubmitOrder(order(strategy="mine")))).reason == "KILL_SWITCH"
    await tara.orders.SubmitOrder(order(strategy="other"))
    shown = await tara.kill.GetKillSwitch(kill_api.GetKillSwitchRequest(target="strategies/mine"))
    assert shown.kill_switch == answer.kill_switch
    assert not (await tara.kill.GetKillSwitch(kill_api.GetKillSwitchRequest())).kill_switch.engaged
    listed = (await tara.kill.ListKillSwitches(kill_api.ListKillSwitchesRequest())).kill_switches
    assert [switch.target for switch in listed] == ["", "strategies/mine"]
    request = kill_api.ProposeReleaseRequest(request_id=request_id(), reason="fine", target="strategies/mine")
    proposed = (await olivia.kill.ProposeRelease(request)).proposal
    assert proposed.target == "strategies/mine"
    approve = kill_api.ApproveReleaseRequest(request_id=request_id(), proposal_id=proposed.proposal_id)
    released = (await ravi.kill.ApproveRelease(approve)).kill_switch
    assert (released.target, released.engaged, released.epoch) == ("strategies/mine", False, 2)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"target": "strategies/nobody"}, "UNKNOWN_STRATEGY"),
        ({"target": "ports/nowhere"}, "UNKNOWN_PORT"),
        ({"target": "instruments/X/Y@Z"}, "UNKNOWN_INSTRUMENT"),
        ({"target": "planets/mars"}, "INVALID_REQUEST"),
        ({"target": "strategies/"}, "INVALID_REQUEST"),
        ({"target": "strategies/mine", "account": "main"}, "INVALID_REQUEST"),
    ],
)
async def test_targets_that_are_none(running, fields, reason):
    error = await refusal((await running.be("tara")).kill.EngageKillSwitch(engage(**fields)))
    assert error.reason == reason


async def test_limits_of_every_kind_go_out_as_they_came_in(running):
    olivia = await running.be("olivia")
    for name in ("firm", "accounts/main", f"instruments/{BTC}", "strategies/mine", "ports/paper"):
        limits = (await olivia.risk.GetLimits(api.GetLimitsRequest(name=name))).limits
        request = api.SetLimitsRequest(request_id=request_id(), limits=limits)
        answer = (await olivia.risk.SetLimits(request)).limits
        assert answer.etag == "2"
        answer.etag = limits.etag
        assert answer == limits


async def test_a_new_strategy_begins_with_limits_that_two_gave_it(running):
    olivia, tara = await running.be("olivia"), await running.be("tara")
    assert (await refusal(tara.orders.SubmitOrder(order(strategy="fresh")))).reason == "STRATEGY_DISABLED"
    row = {"strategy": "fresh", "enabled": True, "max_open_value": "1000000", "max_executions": 5}
    limits = limits_pb2.Limits(etag="0", strategy=row | {"messages_per_second": 9, "message_burst": 9})
    proposed = (await olivia.risk.SetLimits(api.SetLimitsRequest(request_id=request_id(), limits=limits))).proposal
    answer = await approved(running, proposed)
    assert answer.limits.name == "strategies/fresh"
    assert (await tara.orders.SubmitOrder(order(strategy="fresh"))).order.working


async def test_order_flags_reach_the_gate_and_are_shown(running):
    tara = await running.be("tara")
    sale = {"side": order_pb2.SIDE_SELL, "price": "60001.00"}
    placed = await tara.orders.SubmitOrder(order(**sale, short_sale=True, short_exempt=True, intermarket_sweep=True))
    found = (await tara.orders.GetOrder(order_service_pb2.GetOrderRequest(order_id=placed.order.order_id))).order
    assert (found.short_sale, found.short_exempt, found.intermarket_sweep) == (True, True, True)
    error: ErrorDetails = await refusal(tara.orders.SubmitOrder(order(short_sale=True)))
    assert (error.reason, error.violations[0][0]) == ("SHORT_NOT_A_SALE", "short_sale")


async def test_the_stream_tells_what_stops_orders(running):
    victor, olivia = await running.be("victor"), await running.be("olivia")
    await trip(running)
    running.gateway.step(BeginDay(request_id="", actor="system:test"))
    await olivia.risk.ChangeCredit(credit("firm", "-1"))
    await olivia.risk.SetMark(mark(limits_pb2.MARK_KIND_MISMATCHED, "main", on=True))
    await approved(running, (await olivia.risk.RearmBreaker(rearm())).proposal)
    await olivia.kill.EngageKillSwitch(engage(target=f"instruments/{BTC}"))
    expected = [
        "limits_changed",
        "breaker_tripped",
        "day_began",
        "credit_changed",
        "mark_changed",
        "proposal_made",
        "proposal_closed",
        "breaker_rearmed",
        "kill_switch_changed",
    ]
    events: list[api.RiskEvent] = []
    call = victor.risk.StreamRiskEvents(api.StreamRiskEventsRequest(after_sequence=0))
    async for frame in call:
        events.extend(frame.events)
        told = [event.WhichOneof("event") for event in events]
        if told and told[-1] == "kill_switch_changed":
            break
    call.cancel()
    assert told[-len(expected) :] == expected
    assert set(told[: -len(expected)]) == {"limits_changed"}, "the rest of the setting up"
    by_kind = {event.WhichOneof("event"): event for event in events}
    assert by_kind["breaker_tripped"].breaker_tripped.text == "rejects of the venue in a row, of account main: 1"
    assert by_kind["breaker_rearmed"].actor == RAVI
    assert by_kind["kill_switch_changed"].kill_switch_changed.target == f"instruments/{BTC}"
    assert by_kind["day_began"].actor == "system:test"
