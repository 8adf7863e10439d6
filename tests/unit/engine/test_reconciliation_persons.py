"""What persons decide about differences, what stops an account meanwhile, and balances."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain import lifecycle
from meltica.domain.breakers import MarkKind
from meltica.domain.commands import SetMark
from meltica.domain.events import CommandRefused, MarkChanged, ProposalMade
from meltica.domain.statements import (
    Action,
    BalanceAgreed,
    PositionAdjusted,
    RequestStatement,
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


def test_a_balance_of_before_a_fill_is_no_difference(bench):
    look(bench, balances=balance(1_000))
    order = acknowledged(bench)
    for number in range(4):
        bench.now_ns += 3 * SECOND
        asked = statement(bench, orders=(order_of(order, number),), positions=position(number), balances=balance(1_000))
        fill(bench, order, 1, f"e{number}")
        bench.step(asked)
    assert not bench.engine.state.tables.reconciliation.differences


def test_the_ledgers_balance_is_the_one_that_counts(bench):
    looks(bench, balances=balance(1_000, 900))
    assert standing(bench) == [("BALANCE", "USDT", 900, 1_000)]
    refused(bench, settle(bench, Action.ACCEPT_VENUE), "NOT_ACCEPTABLE", "action")
    look(bench, balances=balance(1_000, 1_000))
    assert standing(bench) == []


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
