"""Limits, four eyes, the kill switch, halts and a lost gate."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain.approvals import PROPOSAL_LIFETIME_NS
from meltica.domain.commands import (
    ApproveProposal,
    EngageKillSwitch,
    GateState,
    ProposeKillSwitchRelease,
    ReportGate,
    SetLimits,
)
from meltica.domain.events import (
    GateStateChanged,
    KillSwitchEngaged,
    KillSwitchReleased,
    LimitsChanged,
    ProposalClosed,
    ProposalMade,
    TradingStatusChanged,
)
from meltica.domain.limits import PositionLimits
from meltica.domain.market import TradingStatus
from meltica.domain.order import Side
from meltica.domain.order_events import AmendDenied, CancelRequested, OrderDenied, OrderSubmitted, ReplaceRequested
from tests.engines import BTC, MARK_TICKS, SECOND, WIDE, TestBench
from tests.unit.engine.test_orders import amend, cancel, fill
from tests.unit.engine.watch import ADA, BOB, changed, facts, only, refused

LIMITS = {"limits", "gate"}


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def set_position(bench, lots, revision, actor=ADA):
    row = PositionLimits(account="main", instrument=BTC, max_long_lots=lots, max_short_lots=lots)
    return SetLimits(request_id=bench.request(), actor=actor, limits=row, revision=revision)


def approve(bench, proposal_id, actor=BOB, **kw):
    return ApproveProposal(request_id=bench.request(), actor=actor, proposal_id=proposal_id, **kw)


def engage(bench, account="", actor=ADA):
    return EngageKillSwitch(request_id=bench.request(), actor=actor, reason="smoke", account=account)


def propose(bench, account="", actor=ADA):
    return ProposeKillSwitchRelease(request_id=bench.request(), actor=actor, reason="clear", account=account)


def test_tightening_takes_effect_at_once(bench):
    before = facts(bench)
    event = only(bench.step(set_position(bench, 50, 1)), LimitsChanged)
    assert (event.revision, changed(before, facts(bench))) == (2, LIMITS)
    assert only(bench.submit(quantity_lots=51), OrderDenied).reason == "POSITION_LIMIT"


def test_loosening_waits_for_a_second_person(bench):
    bench.step(set_position(bench, 50, 1))
    before = facts(bench)
    made = only(bench.step(set_position(bench, 80, 2)), ProposalMade)
    assert made.loosens == ("max_long_lots", "max_short_lots")
    assert changed(before, facts(bench)) == {"proposals", "next_proposal_id"}
    for same in (ADA, ADA + "/laptop", "spiffe://other.example/person/ada"):
        refused(bench, approve(bench, made.proposal_id, same), "SAME_PERSON")
    assert only(bench.submit(quantity_lots=51), OrderDenied).reason == "POSITION_LIMIT"
    closed, done = bench.step(approve(bench, made.proposal_id))
    assert (type(closed), type(done), done.actor, done.approver) == (ProposalClosed, LimitsChanged, ADA, BOB)
    only(bench.submit(quantity_lots=51), OrderSubmitted)
    refused(bench, approve(bench, made.proposal_id), "PROPOSAL_CLOSED")


def test_a_proposal_can_be_rejected_withdrawn_and_expires(bench):
    made = [only(bench.step(set_position(bench, WIDE + n, 1)), ProposalMade).proposal_id for n in (1, 2, 3)]
    only(bench.step(approve(bench, made[0], BOB, approve=False)), ProposalClosed)
    only(bench.step(approve(bench, made[1], ADA, approve=False)), ProposalClosed)
    bench.now_ns += PROPOSAL_LIFETIME_NS
    refused(bench, approve(bench, made[2]), "PROPOSAL_EXPIRED")
    assert bench.engine.state.tables.limits[f"accounts/main/positions/{BTC}"][1] == 1


def test_a_proposal_about_what_has_changed_since_is_void(bench):
    made = only(bench.step(set_position(bench, WIDE + 1, 1)), ProposalMade)
    only(bench.step(set_position(bench, 10, 1)), LimitsChanged)
    refused(bench, approve(bench, made.proposal_id), "PROPOSAL_OVERTAKEN")


def test_the_settings_open_only_what_nobody_has_set(bench):
    only(bench.step(set_position(bench, WIDE + 1, 1, "system:settings")), ProposalMade)


def test_tighter_limits_leave_what_works_alone(bench):
    order = bench.submitted(quantity_lots=100)
    bench.step(set_position(bench, 10, 1))
    assert order.reserved_lots == 100
    fill(bench, order, 100, "e1")
    assert only(bench.submit(quantity_lots=1), OrderDenied).reason == "POSITION_LIMIT"
    only(bench.submit(Side.SELL, 110), OrderSubmitted)


def test_the_kill_switch_cancels_refuses_and_lets_cancels_pass(bench):
    order, other = bench.submitted(), bench.submitted(Side.SELL, price_ticks=MARK_TICKS + 1)
    cancel(bench, other)
    events = bench.step(engage(bench))
    assert [type(event) for event in events] == [KillSwitchEngaged, CancelRequested]
    assert events[1].order_id == order.order_id, "the other has its cancel already"
    assert only(bench.submit(), OrderDenied).reason == "KILL_SWITCH"
    assert only(amend(bench, order, 200), AmendDenied).reason == "KILL_SWITCH"
    only(cancel(bench, order), CancelRequested)
    fill(bench, order, 40, "late")
    assert bench.engine.state.position("main", BTC).lots == 40
    only(amend(bench, order, 40), ReplaceRequested)


def test_it_never_releases_by_itself_and_time_changes_nothing(bench):
    bench.step(engage(bench))
    bench.now_ns += 365 * 86_400 * SECOND
    assert only(bench.submit(), OrderDenied).reason == "KILL_SWITCH"


def test_of_one_account_it_stops_that_one_alone(bench):
    bench.open_up(bench.engine.state.instrument(BTC), "second")
    mine, theirs = bench.submitted(), bench.submitted(account="second")
    events = bench.step(engage(bench, "main"))
    assert [event.order_id for event in events[1:]] == [mine.order_id]
    assert only(bench.submit(), OrderDenied).reason == "KILL_SWITCH"
    only(bench.submit(account="second"), OrderSubmitted)
    assert not theirs.pending


def test_a_release_takes_two_and_leaves_the_other_switch_alone(bench):
    bench.step(engage(bench))
    bench.step(engage(bench, "main"))
    made = only(bench.step(propose(bench)), ProposalMade)
    refused(bench, approve(bench, made.proposal_id, ADA + "/phone"), "SAME_PERSON")
    _, released = bench.step(approve(bench, made.proposal_id))
    assert (type(released), released.epoch, released.account) == (KillSwitchReleased, 2, "")
    assert only(bench.submit(), OrderDenied).reason == "KILL_SWITCH", "the account's own holds"
    bench.step(approve(bench, only(bench.step(propose(bench, "main")), ProposalMade).proposal_id))
    only(bench.submit(), OrderSubmitted)


def test_engaging_twice_keeps_the_epoch_and_voids_a_release_that_waits(bench):
    """Whoever engages once more has seen something that the proposer did not know of."""
    bench.step(engage(bench))
    assert bench.step(engage(bench)) == ()
    waiting = only(bench.step(propose(bench)), ProposalMade)
    closed = only(bench.step(engage(bench, actor=BOB)), ProposalClosed)
    assert (closed.proposal_id, closed.approved) == (waiting.proposal_id, False)
    refused(bench, approve(bench, waiting.proposal_id), "PROPOSAL_CLOSED")
    assert only(bench.submit(), OrderDenied).reason == "KILL_SWITCH"


def test_a_release_of_an_earlier_engagement_is_void(bench):
    bench.step(engage(bench))
    first, second = (only(bench.step(propose(bench)), ProposalMade).proposal_id for _ in range(2))
    bench.step(approve(bench, first))
    bench.step(engage(bench))
    refused(bench, approve(bench, second), "PROPOSAL_OVERTAKEN")


def test_a_halted_instrument_takes_no_orders_but_cancels(bench):
    order = bench.submitted()
    halt = TradingStatus(BTC, bench.now_ns, halted=True, reason="LUDP")
    before = facts(bench)
    only(bench.step(halt), TradingStatusChanged)
    assert changed(before, facts(bench)) == {"halted", "gate"}
    assert bench.step(halt) == ()
    assert only(bench.submit(), OrderDenied).reason == "HALTED"
    only(cancel(bench, order), CancelRequested)
    row = bench.engine.state.tables.limits[f"instruments/{BTC}"][0]
    tighter = msgspec.structs.replace(row, collar_bps=row.collar_bps - 1)
    bench.step(SetLimits(request_id="t", actor=ADA, limits=tighter, revision=1))
    assert only(bench.submit(), OrderDenied).reason == "HALTED", "other limits don't end a halt"
    only(bench.step(TradingStatus(BTC, bench.now_ns, halted=False)), TradingStatusChanged)
    only(bench.submit(), OrderSubmitted)


def test_a_lost_gate_takes_no_orders_but_cancels(bench):
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 50, "e1")
    lost = ReportGate(request_id="g", actor="system:links", state=GateState.LOST)
    only(bench.step(lost), GateStateChanged)
    assert bench.step(lost) == ()
    assert only(bench.submit(), OrderDenied).reason == "GATE_LOST"
    assert only(amend(bench, order, 90), AmendDenied).reason == "GATE_LOST"
    only(amend(bench, order, 50), ReplaceRequested)
    only(cancel(bench, order), CancelRequested)
    only(bench.step(ReportGate(request_id="h", actor="system:links", state=GateState.REGAINED)), GateStateChanged)
    only(bench.submit(), OrderSubmitted)
