"""Statements of a venue: facts are booked under their true names, differences need a second look and then a person."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import ApproveProposal
from meltica.domain.events import MarkChanged, ProposalMade
from meltica.domain.order import Side
from meltica.domain.order_events import OrderAdopted, OrderFilled, OrderReported, ReportIgnored
from meltica.domain.outcomes import DoubtRaised
from meltica.domain.reports import ExecType
from meltica.domain.statements import (
    Action,
    DifferenceSettled,
    RequestStatement,
    StatedBalance,
    StatementCompared,
    StatementKept,
)
from meltica.engine.reconciliation.differences import LOOKS_MOST, LOOKS_NEEDED
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.replay.judge import recovered, replayed
from tests.unit.engine.stating import (
    acknowledged,
    approve,
    books,
    fill_of,
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
from tests.unit.engine.test_orders import amend, cancel, fill, held, tell
from tests.unit.engine.watch import ADA, facts, only, refused


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


# Facts


def test_a_statement_that_agrees_changes_nothing_and_says_so(bench):
    order = acknowledged(bench)
    fill(bench, order, 30, "e1")
    before = books(bench)
    bench.now_ns += SECOND
    event = only(bench.step(statement(bench, orders=(order_of(order, 30),), positions=position(30))), StatementCompared)
    assert (event.orders, event.positions, event.unlisted) == (1, 1, 0)
    assert books(bench) == before


def test_a_fill_that_no_report_told_of_is_booked_under_its_own_id_once(bench):
    order = acknowledged(bench)
    told = {
        "orders": (order_of(order, 30),),
        "fills": (fill_of(order, 30, "e1", fee_nanos=7, maker=True),),
        "positions": position(30),
    }
    event = only(look(bench, **told), OrderFilled)
    assert (event.execution_id, event.quantity_lots, event.fee_nanos, event.maker) == ("e1", 30, 7, True)
    assert only(fill(bench, order, 30, "e1"), ReportIgnored).reason == "DUPLICATE_REPORT"
    assert look(bench, **told) == ()
    assert (order.cumulative_lots, standing(bench), marked(bench)) == (30, [], False)


def test_an_order_of_the_account_that_nobody_knew_is_adopted_with_its_fills(bench):
    stranger = order_of(bench.submitted(), 40, client_order_id="by-telephone", side=Side.SELL, venue_order_id="v9")
    cancel(bench, bench.engine.state.tables.orders[1])
    tell(bench, ExecType.CANCELED, bench.engine.state.tables.orders[1])
    sold = fill_of(stranger, 40, "e1")
    adopted, acknowledged_, filled = look(bench, orders=(stranger,), fills=(sold,), positions=position(-40))
    assert (type(adopted), type(acknowledged_), type(filled)) == (OrderAdopted, OrderReported, OrderFilled)
    assert held(bench)[2:] == (0, 60)
    assert look(bench, orders=(stranger,), fills=(sold,), positions=position(-40)) == ()


def test_an_acknowledgement_a_replacement_and_an_end_that_were_lost_are_made_up_for(bench):
    order = bench.submitted(quantity_lots=100)
    only(look(bench, orders=(order_of(order),)), OrderReported)
    assert lifecycle.status(order).value == "New"
    request = only(amend(bench, order, 150), object)
    stated = order_of(order, quantity_lots=150, client_order_id=request.client_order_id, chain=("m1",))
    only(look(bench, orders=(stated,)), OrderReported)
    assert (order.quantity_lots, order.pending, held(bench)[2]) == (150, (), 150)
    gone = msgspec.structs.replace(stated, ended=ExecType.CANCELED)
    only(look(bench, orders=(gone,)), OrderReported)
    assert (lifecycle.status(order).value, held(bench)[2]) == ("Canceled", 0)
    assert only(tell(bench, ExecType.CANCELED, order), ReportIgnored).reason == "DUPLICATE_REPORT"


def test_an_order_that_ended_there_stays_exposure_until_its_fills_are_booked(bench):
    order = acknowledged(bench)
    gone = order_of(order, 30, ended=ExecType.CANCELED)
    looks(bench, orders=(gone,), positions=position(30))
    assert (lifecycle.is_working(order), held(bench)[2], order.executions) == (True, 100, {})
    assert standing(bench) == [("FILL_MISSING", "1", 0, 30), ("POSITION", BTC, 0, 30)]
    look(bench, orders=(gone,), fills=(fill_of(order, 30, "e1"),), positions=position(30))
    assert (lifecycle.status(order).value, held(bench)[2], standing(bench), marked(bench)) == ("Canceled", 0, [], False)


# Differences


def test_more_filled_there_than_executions_are_known_is_listed_and_never_invented(bench):
    order = acknowledged(bench)
    told = {"orders": (order_of(order, 30),), "positions": position(30)}
    assert found(look(bench, **told)) == []
    (missing, off) = found(look(bench, **told))
    assert (missing.kind.name, missing.ours, missing.theirs, missing.proposed) == ("FILL_MISSING", 0, 30, Action.QUERY)
    assert (off.kind.name, off.proposed) == ("POSITION", Action.QUERY)
    assert off.text.startswith("the venue's position is 0.00030 above ours; ")
    assert "missing add up to +0.00030" in off.text
    assert (order.cumulative_lots, order.executions, held(bench)[2], marked(bench)) == (0, {}, 100, True)
    events = fill(bench, order, 30, "e1")
    assert [type(event) for event in events] == [OrderFilled, DifferenceSettled, DifferenceSettled, MarkChanged]
    assert (standing(bench), marked(bench)) == ([], False)


def test_a_difference_needs_two_looks_far_enough_apart(bench):
    acknowledged(bench)
    bench.now_ns += 3 * SECOND
    for _ in range(10):
        bench.step(statement(bench))
        bench.now_ns += SECOND // 20
    assert standing(bench) == []
    assert (LOOKS_NEEDED, LOOKS_MOST) == (2, 5)
    look(bench)
    assert standing(bench) == [("ORDER_MISSING", "1", 100, 0)]


def test_what_looks_different_each_time_is_listed_in_the_end(bench):
    for number in range(1, LOOKS_MOST + 1):
        assert standing(bench) == []
        look(bench, positions=position(number))
    assert standing(bench) == [("POSITION", BTC, 0, LOOKS_MOST)]


def test_what_is_on_its_way_is_no_difference(bench):
    order = acknowledged(bench)
    bench.now_ns += 3 * SECOND
    asked = statement(bench, orders=(order_of(order, 10),), positions=position(10))
    for number in range(1, 4):
        fill(bench, order, 10, f"e{number}")
    late = bench.submitted()
    only(bench.step(asked), StatementCompared)
    assert (standing(bench), late.reserved_lots) == ([], 100)
    assert not bench.engine.state.tables.reconciliation.differences


def test_a_working_order_that_the_venue_does_not_have_stays_exposure_until_two_persons_end_it(bench):
    order = acknowledged(bench)
    events = looks(bench)
    assert [d.kind.name for d in found(events)] == ["ORDER_MISSING"]
    assert not any(isinstance(event, DoubtRaised) for event in events)
    looks(bench, 5)
    assert (lifecycle.is_working(order), held(bench)[2], marked(bench)) == (True, 100, False)
    only(bench.step(settle(bench, Action.ACCEPT_VENUE)), ProposalMade)
    refused(bench, ApproveProposal(request_id=bench.request(), actor=ADA, proposal_id=1), "SAME_PERSON")
    approve(bench)
    assert (lifecycle.status(order).value, held(bench)[2], standing(bench)) == ("Canceled", 0, [])
    fill(bench, order, 5, "late")
    assert (order.cumulative_lots, bench.engine.state.position("main", BTC).lots) == (5, 5)


def test_one_that_was_never_acknowledged_is_in_doubt_from_then_on(bench):
    bench.submitted()
    (doubt,) = [event for event in looks(bench) if isinstance(event, DoubtRaised)]
    assert (doubt.client_order_id, held(bench)[2]) == ("m1", 100)
    assert not [event for event in looks(bench) if isinstance(event, DoubtRaised)]


@pytest.mark.parametrize("asked", [cancel, lambda bench, order: amend(bench, order, 150)], ids=["cancel", "replace"])
def test_a_filled_order_with_a_request_that_has_no_answer_is_not_missed(bench, asked):
    order = acknowledged(bench)
    asked(bench, order)
    fill(bench, order, 100, "e1")
    looks(bench, 3, positions=position(100))
    assert (len(order.pending), standing(bench)) == (1, [])


def test_an_order_that_can_not_be_adopted_is_listed(bench):
    order = acknowledged(bench)
    strange = order_of(order, client_order_id="", venue_order_id="v7", instrument="X/Y@BINANCE")
    (difference,) = found(looks(bench, orders=(order_of(order), strange)))
    assert (difference.kind.name, difference.subject, marked(bench)) == ("ORDER_UNKNOWN_HERE", "v7", True)
    assert "not registered" in difference.text
    look(bench, orders=(order_of(order),))
    assert (standing(bench), marked(bench)) == ([], False)


def test_the_name_of_our_order_on_another_one_is_not_guessed_about(bench):
    order = acknowledged(bench)
    (difference,) = found(looks(bench, orders=(order_of(order, side=Side.SELL),), orders_complete=False))
    assert (difference.kind.name, "which is another one" in difference.text) == ("ORDER_UNKNOWN_HERE", True)
    assert held(bench)[2:] == (100, 0)


def test_fewer_fills_there_than_here_is_a_difference(bench):
    order = acknowledged(bench)
    fill(bench, order, 30, "e1")
    (difference,) = found(looks(bench, orders=(order_of(order, 20),), positions=position(30)))
    assert (difference.kind.name, difference.ours, difference.theirs) == ("FILL_UNKNOWN_THERE", 30, 20)
    refused(bench, settle(bench, Action.ACCEPT_VENUE), "NOT_ACCEPTABLE", "action")
    tell(
        bench,
        ExecType.TRADE_CORRECT,
        order,
        execution_id="c1",
        reference_execution_id="e1",
        last_quantity_lots=20,
        last_price_ticks=MARK_TICKS,
    )
    assert standing(bench) == []


def test_a_venue_order_id_finds_the_order_where_the_venue_keeps_no_other(bench):
    order = bench.submitted()
    tell(bench, ExecType.NEW, order, venue_order_id="v1")
    assert look(bench, orders=(order_of(order, client_order_id="", venue_order_id="v1"),)) == ()


def test_what_is_not_complete_says_nothing_of_what_is_not_there(bench):
    order = acknowledged(bench)
    fill(bench, order, 30, "e1")
    looks(bench, 6, orders_complete=False, positions_complete=False)
    assert standing(bench) == []


def test_a_fill_that_came_and_another_that_is_missing_are_two_things(bench):
    order = acknowledged(bench)
    look(bench, orders=(order_of(order, 10),), positions_complete=False)
    told = {"orders": (order_of(order, 20),), "positions_complete": False}
    assert found(look(bench, **told, fills=(fill_of(order, 10, "e1"),))) == []
    (difference,) = found(look(bench, **told))
    assert (difference.kind.name, difference.ours, difference.theirs) == ("FILL_MISSING", 10, 20)


def test_what_is_on_its_way_now_does_not_settle_what_was_suspected_before(bench):
    order = acknowledged(bench)
    look(bench)
    asked = statement(bench, asked_ns=bench.now_ns)
    fill(bench, order, 1, "e1")
    bench.step(asked)
    assert "ORDER_MISSING|BINANCE|main|1" in bench.engine.state.tables.reconciliation.differences


# Parts


def test_parts_are_compared_when_all_are_in_whatever_their_order(bench):
    first, second = acknowledged(bench), acknowledged(bench)
    bench.now_ns += 3 * SECOND
    whole = statement(bench, parts=3)
    parts = [
        msgspec.structs.replace(whole, part=1, orders=(order_of(first, 10),)),
        msgspec.structs.replace(whole, part=2, orders=(order_of(second),)),
        msgspec.structs.replace(whole, part=3, fills=(fill_of(first, 10, "e1"),), positions=position(10)),
    ]
    booked, kept = bench.step(parts[2])
    assert (type(booked), type(kept)) == (OrderFilled, StatementKept), "a fill is a fact, with or without the rest"
    assert bench.step(parts[2]) == (), "told twice"
    only(bench.step(parts[0]), StatementKept)
    only(bench.step(parts[1]), StatementCompared)
    assert bench.step(parts[1]) == ()
    assert bench.engine.state.tables.reconciliation.kept == {}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"account": "nobody"}, "UNKNOWN_ACCOUNT"),
        ({"statement_id": ""}, "CONTRADICTS"),
        ({"part": 0}, "CONTRADICTS"),
        ({"part": 2}, "CONTRADICTS"),
        ({"part": 10_001, "parts": 10_001}, "CONTRADICTS"),
        ({"asked_ns": 0}, "CONTRADICTS"),
        ({"asked_ns": 2**62}, "CONTRADICTS"),
        ({"positions": position(2**62)}, "CONTRADICTS"),
        ({"balances": (StatedBalance(currency="USDT", nanos=2**63),)}, "CONTRADICTS"),
    ],
    ids=str,
)
def test_what_is_no_statement_is_noted_and_changes_nothing(bench, told, reason):
    before = facts(bench)
    assert only(bench.step(statement(bench, **told)), ReportIgnored).reason == reason
    assert facts(bench) == before


@pytest.mark.parametrize("wrong", [{"quantity_lots": 0}, {"cumulative_lots": -1}, {"quantity_lots": 2**62}], ids=str)
def test_an_order_without_sense_spoils_its_part(bench, wrong):
    order = acknowledged(bench)
    before = facts(bench)
    assert only(bench.step(statement(bench, orders=(order_of(order, **wrong),))), ReportIgnored).reason == "CONTRADICTS"
    assert facts(bench) == before


def test_one_part_that_is_not_complete_is_enough_to_say_nothing_of_what_is_missing(bench):
    acknowledged(bench)
    for _ in range(3):
        bench.now_ns += 3 * SECOND
        whole = statement(bench, parts=2)
        bench.step(whole)
        bench.step(msgspec.structs.replace(whole, part=2, orders_complete=False))
    assert not bench.engine.state.tables.reconciliation.differences


def test_a_part_of_another_statement_under_the_same_name_is_not_taken(bench):
    whole = statement(bench, parts=2)
    only(bench.step(whole), StatementKept)
    for wrong in ({"part": 2, "parts": 3}, {"part": 2, "asked_ns": whole.asked_ns - 1}, {"positions": position(1)}):
        assert only(bench.step(msgspec.structs.replace(whole, **wrong)), ReportIgnored).reason == "CONTRADICTS"


# A restart


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_a_restart_anywhere_knows_the_same(backend):
    bench = TestBench(backend)
    order = acknowledged(bench)
    bench.step(RequestStatement(request_id="", actor=ADA, venue="BINANCE", account="main", guard=True))
    bench.step(statement(bench, parts=2, part=2, asked_ns=bench.now_ns))
    looks(
        bench,
        orders=(order_of(order, 5),),
        positions=position(30),
        balances=(StatedBalance(currency="USDT", nanos=9, booked_nanos=8),),
    )
    bench.step(settle(bench, Action.ACCEPT_VENUE, number=2))
    approve(bench)
    fill(bench, order, 5, "e1", venue_time_ns=1)
    looks(bench, orders=(order_of(order, 5),), positions=position(30))
    digest = replayed(bench.history, backend)
    for at in range(0, len(bench.history) + 1, 3):
        assert recovered(bench.history, backend, at // 2, at) == digest
