"""The paper venue says what became of a command; a line says of an execution nothing at all."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.market import BookUpdate
from meltica.domain.order_events import CancelRequested, ReplaceRequested
from meltica.domain.outcomes import QueryRequested, Sent
from meltica.domain.ports import QueryableVenue
from meltica.domain.position import Position
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound
from meltica.domain.statements import Action, Difference, DifferenceKind
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.lossy import Faults, LossySession
from meltica.venues.paper.stating import HORIZON_NS, StatingPaperSession
from tests.unit.venues.orders import BTC, BUY, submitted

BOOK = BookUpdate(BTC.instrument, 0, ((100, 10),), ((102, 5),), snapshot=True)


@pytest.fixture
def venue() -> StatingPaperSession:
    found = StatingPaperSession("PAPER", [BTC])
    found.receive(BOOK, 1)
    return found


def asked(name: str, sent: Sent = Sent.NEW) -> QueryRequested:
    return QueryRequested(order_id=1, sent=sent, client_order_id=name, number=1, query_ns=0, time_ns=0)


def answer(venue, name: str, sent: Sent = Sent.NEW):
    venue.query(asked(name, sent), 10)
    (report,) = venue.due(10)
    return report


def send(venue, *commands) -> None:
    for command in commands:
        venue.send(command, 5)
    venue.due(5)


def cancel(name: str, original: str) -> CancelRequested:
    return CancelRequested(
        order_id=1, client_order_id=name, original_client_order_id=original, actor="", time_ns=0, reason=""
    )


def replace(name: str, original: str, lots: int, price: int) -> ReplaceRequested:
    return ReplaceRequested(
        order_id=1, client_order_id=name, original_client_order_id=original, quantity_lots=lots, price_ticks=price,
        gate_lots=0, reserved_price_ticks=0, actor="", time_ns=0,
    )  # fmt: skip


def test_what_works_what_is_filled_and_what_is_not_there(venue) -> None:
    assert isinstance(venue, QueryableVenue)
    send(venue, submitted("a", BUY, 3, 100), submitted("b", BUY, 3, 102))
    assert answer(venue, "a").exec_type is ExecType.ORDER_STATUS
    assert answer(venue, "b").exec_type is ExecType.ORDER_STATUS, "a fill has an id, a price and a fee: a statement's"
    missing = answer(venue, "c")
    assert (type(missing), missing.client_order_id, missing.horizon_ns) == (OrderNotFound, "c", HORIZON_NS)


def test_a_cancel_and_a_replace_under_their_own_names(venue) -> None:
    send(venue, submitted("a", BUY, 3, 100), replace("a2", "a", 2, 99), cancel("a3", "a2"))
    told = answer(venue, "a2", Sent.REPLACE)
    assert (told.exec_type, told.client_order_id, told.order_quantity_lots, told.price_ticks) == (
        ExecType.REPLACED, "a2", 2, 99,
    )  # fmt: skip
    assert answer(venue, "a3", Sent.CANCEL).exec_type is ExecType.CANCELED
    assert answer(venue, "a", Sent.NEW).exec_type is ExecType.CANCELED
    assert isinstance(answer(venue, "a9", Sent.CANCEL), OrderNotFound)


def test_the_horizon_is_beyond_the_way_there() -> None:
    venue = StatingPaperSession("PAPER", [BTC], latency=Latency(entry_ns=7))
    venue.query(asked("x"), 10)
    (told,) = venue.due(10)
    assert isinstance(told, OrderNotFound)
    assert told.horizon_ns == HORIZON_NS + 7


def test_a_line_asks_the_venue_about_what_it_never_carried(venue) -> None:
    """A line of after a restart."""
    send(venue, submitted("a", BUY, 3, 100))
    line = LossySession(venue, Faults(lost_ppm=1_000_000))
    line.query(asked("a"), 10)
    (told,) = line.due(10)
    assert isinstance(told, ExecutionReport)
    assert told.exec_type is ExecType.ORDER_STATUS


def test_executions_that_get_lost_are_in_the_statement(venue) -> None:
    line = LossySession(venue, Faults(lost_fills_ppm=1_000_000))
    command = submitted("b", BUY, 3, 102)
    line.send(command, 5)
    assert [report.exec_type for report in line.due(5)] == [ExecType.NEW]
    line.statement(command.account, 10)
    fills = [fill for _ in range(3) for part in line.stated(10) for fill in part.fills]
    assert [(fill.client_order_id, fill.quantity_lots) for fill in fills] == [("b", 3)]


def difference(kind: DifferenceKind, subject: str, ours: int, theirs: int, **facts: Any) -> Difference:
    given = {"venue": "PAPER", "account": "main", "difference_id": 1, "proposed": Action.ACCEPT_VENUE, "text": ""}
    return Difference(kind=kind, subject=subject, ours=ours, theirs=theirs, first_ns=1, last_ns=1, **{**given, **facts})


def test_after_a_restart_it_knows_what_it_had_told_and_nobody_has_settled(venue) -> None:
    """What is only suspected may have been a report on its way."""
    balance, position = DifferenceKind.BALANCE, DifferenceKind.POSITION
    standing = [
        difference(balance, "USDT", 100, 70),
        difference(position, BTC.instrument, 5, 7),
        difference(balance, "BTC", 0, 9, difference_id=0),
        difference(balance, "USDT", 0, 9, venue="ELSEWHERE"),
        difference(position, "ETH/USDT@PAPER", 0, 9),
        difference(DifferenceKind.ORDER_MISSING, "1", 0, 9),
    ]
    had = Position(account="main", instrument=BTC.instrument)
    had.lots = 6
    venue.hold([had], {("main", "USDT"): 1000, ("main", "BTC"): 4}, standing)
    venue.statement("main", 10)
    (told,) = venue.stated(10)
    assert {each.currency: each.nanos for each in told.balances} == {"USDT": 970, "BTC": 4}
    assert {each.instrument: each.lots for each in told.positions} == {BTC.instrument: 8}
