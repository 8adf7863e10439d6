"""What persons decide about differences, what stops an account meanwhile, and balances."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain import lifecycle
from meltica.domain.breakers import MarkKind
from meltica.domain.cash import CashBooked, CashKind
from meltica.domain.commands import SetMark
from meltica.domain.events import CommandRefused, MarkChanged, ProposalMade
from meltica.domain.statements import (
    Action,
    BalanceAgreed,
    DifferenceSettled,
    PositionAdjusted,
    ReconciliationPolicySet,
    RequestStatement,
    SetReconciliationPolicy,
    StatedBalance,
    StatementRequested,
)
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.unit.engine.stating import (
    acknowledged,
    approve,
    found,
    look,
    looks,
    marked,
    order_of,
    position,
    settle,
    standing,
    statement,
)
from tests.unit.engine.test_orders import fill, held
from tests.unit.engine.watch import ADA, BOB, only, refused


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


# Persons


def test_a_position_that_two_persons_accept_is_booked_and_the_true_fill_replaces_it(bench):
    order = acknowledged(bench)
    bench.now_ns += SECOND
    happened_ns = bench.now_ns
    told = {"orders": (order_of(order),), "positions": position(30)}
    looks(bench, **told)
    assert standing(bench) == [("POSITION", BTC, 0, 30)]
    refused(bench, settle(bench, Action.ACCEPT_VENUE, price_ticks=-1), "PRICE_OUT_OF_RANGE", "price")
    only(bench.step(settle(bench, Action.ACCEPT_VENUE, price_ticks=MARK_TICKS - 5)), ProposalMade)
    events = approve(bench)
    (adjusted,) = [event for event in events if isinstance(event, PositionAdjusted)]
    assert (adjusted.lots, adjusted.actor, adjusted.approver) == (30, ADA, BOB)
    assert (bench.engine.state.position("main", BTC).lots, held(bench)[2], marked(bench)) == (30, 100, False)
    assert look(bench, **told) == ()
    fill(bench, order, 20, "e1", venue_time_ns=happened_ns)
    fill(bench, order, 5, "new", venue_time_ns=bench.now_ns)
    assert bench.engine.state.position("main", BTC).lots == 35, "20 of the 30 are the fill, 5 are new"
    fill(bench, order, 10, "e2", venue_time_ns=happened_ns)
    assert bench.engine.state.position("main", BTC).lots == 35
    assert bench.engine.state.tables.reconciliation.adjustments == {}
    assert (lifecycle.leaves_lots(order), held(bench)[0]) == (65, 1)


def test_a_proposal_is_void_when_the_difference_has_changed(bench):
    looks(bench, positions=position(30))
    bench.step(settle(bench, Action.ACCEPT_VENUE))
    look(bench, positions=position(31))
    assert only(approve(bench), CommandRefused).reason == "PROPOSAL_OVERTAKEN"


def test_an_ignored_difference_stops_nothing_until_it_changes(bench):
    looks(bench, positions=position(30))
    assert marked(bench)
    only(bench.step(settle(bench, Action.IGNORE)), ProposalMade)
    approve(bench)
    assert not marked(bench)
    assert look(bench, positions=position(30)) == ()
    look(bench, positions=position(29))
    assert marked(bench)
    look(bench)
    assert (standing(bench), marked(bench)) == ([], False)


def test_asking_again_is_one_persons_decision(bench):
    looks(bench, positions=position(30))
    event = only(bench.step(settle(bench, Action.QUERY)), StatementRequested)
    assert (event.venue, event.account, event.actor) == ("BINANCE", "main", ADA)


def test_what_persons_ask_for_wrongly_is_refused(bench):
    looks(bench, positions=position(30, "X/Y@BINANCE"))
    refused(bench, settle(bench, Action.ACCEPT_VENUE, number=9), "UNKNOWN_DIFFERENCE", "difference_id")
    refused(bench, settle(bench, Action.ACCEPT_VENUE, number=0), "UNKNOWN_DIFFERENCE", "difference_id")
    refused(bench, settle(bench, Action.ACCEPT_VENUE), "NOT_ACCEPTABLE", "action")
    silent = msgspec.structs.replace(settle(bench, Action.IGNORE), reason="")
    refused(bench, silent, "REASON_MISSING", "reason")
    ask = RequestStatement(request_id="", actor=ADA, venue="BINANCE", account="main")
    refused(bench, msgspec.structs.replace(ask, account="nobody"), "UNKNOWN_ACCOUNT", "account")
    refused(bench, msgspec.structs.replace(ask, venue="NOWHERE"), "UNKNOWN_VENUE", "venue")


# Balances


def balance(nanos, booked=None):
    return (StatedBalance(currency="USDT", nanos=nanos, booked_nanos=booked),)


def test_the_first_balance_that_agrees_otherwise_is_where_counting_begins(bench):
    event = only(look(bench, balances=balance(1_000)), BalanceAgreed)
    assert event.offset_nanos == 1_000
    order = acknowledged(bench)
    fill(bench, order, 30, "e1", price=7, fee_nanos=11)
    paid = 30 * 7 * bench.engine.state.instrument(BTC).value_per_tick_lot_nanos + 11
    told = {"orders": (order_of(order, 30),), "positions": position(30)}
    assert look(bench, **told, balances=balance(1_000 - paid)) == ()
    (difference,) = found(looks(bench, **told, balances=balance(2_000 - paid)))
    assert (difference.kind.name, difference.theirs - difference.ours, marked(bench)) == ("BALANCE", 1_000, False)
    bench.step(settle(bench, Action.ACCEPT_VENUE))
    assert look(bench, **told, balances=balance(2_000 - paid)) == ()


def test_counting_does_not_begin_with_a_balance_that_may_lack_a_fill(bench):
    order = acknowledged(bench)
    bench.now_ns += 3 * SECOND
    asked = statement(bench, orders=(order_of(order),), balances=balance(1_000))
    fill(bench, order, 30, "e1")
    assert all(not isinstance(event, BalanceAgreed) for event in bench.step(asked))
    told = {"orders": (order_of(order, 30),), "positions": position(30)}
    paid = 30 * MARK_TICKS * bench.engine.state.instrument(BTC).value_per_tick_lot_nanos
    assert only(look(bench, **told, balances=balance(1_000 - paid)), BalanceAgreed).offset_nanos == 1_000


def test_a_balance_of_before_a_fill_is_no_difference(bench):
    look(bench, balances=balance(1_000))
    order = acknowledged(bench)
    paid = MARK_TICKS * bench.engine.state.instrument(BTC).value_per_tick_lot_nanos
    for number in range(4):
        bench.now_ns += 3 * SECOND
        told = {"orders": (order_of(order, number),), "positions": position(number)}
        asked = statement(bench, **told, balances=balance(1_000 - number * paid))
        fill(bench, order, 1, f"e{number}")
        bench.step(asked)
        assert not bench.engine.state.tables.reconciliation.differences
    asked = statement(bench, balances=balance(999 - 4 * paid), positions=position(4), orders=(order_of(order, 4),))
    fill(bench, order, 1, "e9")
    bench.step(asked)
    (suspected,) = bench.engine.state.tables.reconciliation.differences.values()
    assert (suspected.kind.name, suspected.theirs - suspected.ours) == ("BALANCE", -1), "also while fills come"


def test_the_ledgers_balance_is_the_one_that_counts(bench):
    looks(bench, balances=balance(1_000, 900))
    assert standing(bench) == [("BALANCE", "USDT", 900, 1_000)]
    look(bench, balances=balance(1_000, 1_000))
    assert standing(bench) == []
    assert not bench.engine.state.tables.reconciliation.offsets, "what the ledger holds has no starting point"


def test_two_persons_adjust_the_ledger(bench):
    (difference,) = found(looks(bench, balances=balance(900, 1_000)))
    assert (difference.proposed, difference.text) == (
        Action.ACCEPT_VENUE,
        "the venue has 0.0000001 USDT less than the books",
    )
    only(bench.step(settle(bench, Action.ACCEPT_VENUE)), ProposalMade)
    _, booked, settled = approve(bench)
    assert (type(booked), booked.kind, booked.nanos, booked.venue) == (CashBooked, CashKind.ADJUSTMENT, -100, "BINANCE")
    assert (booked.reason, booked.actor) == ("difference 1: asked by telephone", ADA)
    assert (type(settled), settled.approver, standing(bench)) == (DifferenceSettled, BOB, [])


@pytest.mark.parametrize(("gap", "alone"), [(100, True), (-100, True), (101, False), (-101, False)])
def test_one_person_adjusts_the_ledger_up_to_what_the_policy_says(bench, gap, alone):
    policy = SetReconciliationPolicy(request_id=bench.request(), actor="system:settings", alone_nanos=100)
    only(bench.step(policy), ReconciliationPolicySet)
    assert bench.step(policy) == ()
    looks(bench, balances=balance(1_000 + gap, 1_000))
    first = bench.step(settle(bench, Action.ACCEPT_VENUE))[0]
    assert isinstance(first, CashBooked if alone else ProposalMade)


@pytest.mark.parametrize("alone_nanos", [-1, 2**63])
def test_a_policy_without_sense_is_refused(bench, alone_nanos):
    policy = SetReconciliationPolicy(request_id=bench.request(), actor="system:settings", alone_nanos=alone_nanos)
    refused(bench, policy, "AMOUNT_OUT_OF_RANGE", "alone")


def test_what_the_ledger_has_not_heard_of_yet_is_no_difference(bench):
    """It books what is durable: behind the engine by the fills of the last milliseconds."""
    order = acknowledged(bench)
    paid = MARK_TICKS * bench.engine.state.instrument(BTC).value_per_tick_lot_nanos
    bench.now_ns += 3 * SECOND
    for number in range(3):
        fill(bench, order, 1, f"e{number}")
        bench.now_ns += 1
    told = {"orders": (order_of(order, 3),), "positions": position(3)}
    heard_ns = min(x.time_ns for x in order.executions.values())
    stated = (StatedBalance(currency="USDT", nanos=-3 * paid, booked_nanos=-paid, booked_ns=heard_ns),)
    assert bench.step(statement(bench, **told, balances=stated))[:-1] == ()
    early = (msgspec.structs.replace(stated[0], booked_nanos=0),)
    (noted,) = bench.step(statement(bench, **told, balances=early))[:-1]
    assert noted.difference.theirs - noted.difference.ours == -paid, "one that it should have heard of"


# The guard


def test_an_account_takes_no_new_risk_until_its_first_statement_was_compared(bench):
    ask = RequestStatement(request_id="", actor="system:reconciliation", venue="BINANCE", account="main", guard=True)
    requested, mark = bench.step(ask)
    assert (type(requested), mark.on, mark.reason) == (StatementRequested, True, "not reconciled with BINANCE yet")
    assert type(bench.submit()[0]).__name__ == "OrderDenied"
    _, cleared = bench.step(statement(bench))
    assert (cleared.on, marked(bench)) == (False, False)
    bench.submitted()


def test_what_a_person_has_marked_two_persons_clear(bench):
    mark = {"mark": MarkKind.MISMATCHED, "name": "main", "on": True, "reason": "I saw it"}
    bench.step(SetMark(request_id=bench.request(), actor=ADA, **mark))
    looks(bench, positions=position(30))
    look(bench)
    assert (standing(bench), marked(bench)) == ([], True)


def test_a_person_takes_over_the_mark_of_the_reconciler(bench):
    looks(bench, positions=position(30))
    mark = {"mark": MarkKind.MISMATCHED, "name": "main", "on": True, "reason": "I saw it too"}
    only(bench.step(SetMark(request_id=bench.request(), actor=ADA, **mark)), MarkChanged)
    look(bench)
    assert (standing(bench), marked(bench)) == ([], True)
