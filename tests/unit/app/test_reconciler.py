"""The reconciler asks venues at the start and on request, brings their parts in, and fails closed when none comes."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from meltica.app.paper_money import PaperMoney
from meltica.app.reconciler import OVERDUE_INTERVALS, Reconciler
from meltica.app.run import elsewhere
from meltica.app.settings import HotGateSettings
from meltica.domain.breakers import MarkKind, mark_key
from meltica.domain.cash import CashBooked, CashKind, FundingSettled, InstrumentSplit
from meltica.domain.commands import Wake
from meltica.domain.inputs import Input, Record
from meltica.domain.position import Position
from meltica.domain.statements import RequestStatement, VenueStatement
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.lossy import MILLION, Faults, LossySession
from meltica.venues.paper.stating import PAGE, StatingPaperSession
from tests.engines import BTC, MARK_TICKS, SECOND, instrument
from tests.unit.app.live import TARA, DeafVenue, Live, book, submit

VENUE = DeafVenue.venue


class Mute(DeafVenue):
    """Is asked, and says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def statement(self, account: str, now_ns: int) -> None:
        self.asked.append(account)

    def stated(self, now_ns: int) -> tuple[VenueStatement, ...]:
        return ()


def with_paper(live: Live, faults: Faults | None = None) -> tuple[StatingPaperSession, Reconciler]:
    paper = StatingPaperSession(VENUE, live.gateway.state.instruments(), latency=Latency(1000, 1000))
    paper.receive(book(live.clock.now_ns()), live.clock.now_ns())
    line = paper if faults is None else LossySession(paper, faults)
    live.gateway.add_venue(line)
    reconciler = Reconciler(live.gateway, (line,), every_s=0.1)
    live.gateway.keep(reconciler)
    return paper, reconciler


def marked(live: Live) -> bool:
    mark = live.gateway.state.tables.marks.get(mark_key(MarkKind.MISMATCHED, "main"))
    return mark is not None and mark.on


def told_by(venue: StatingPaperSession, now_ns: int) -> list[VenueStatement]:
    found: list[VenueStatement] = []
    while parts := venue.stated(now_ns):
        found += parts
    return found


async def until(live: Live, holds) -> None:
    async with asyncio.timeout(5):
        while not holds():
            live.journal.commit()
            live.gateway._due()
            await asyncio.sleep(0.005)


@pytest.fixture
def live(tmp_path) -> Live:
    found = Live(tmp_path)
    found.open_up()
    return found


async def started(live: Live, reconciler: Reconciler, wait_s: float = 5.0) -> bool:
    task = asyncio.create_task(reconciler.start(wait_s))
    await until(live, task.done)
    return task.result()


async def test_an_account_is_guarded_until_the_venue_has_spoken(live):
    _, reconciler = with_paper(live)
    task = asyncio.create_task(reconciler.start())
    await asyncio.sleep(0)
    assert marked(live)
    await until(live, task.done)
    assert (task.result(), marked(live)) == (True, False)
    (standing,) = live.gateway.state.standings()
    assert (standing.guarded, standing.statements, standing.statement_id) == (False, 1, "0-1")


async def test_a_venue_that_does_not_answer_leaves_the_account_shut(live, caplog):
    mute = Mute()
    reconciler = Reconciler(live.gateway, (mute,), every_s=0.05)
    live.gateway.keep(reconciler)
    with caplog.at_level(logging.ERROR):
        assert not await started(live, reconciler, 0.05)
    assert (mute.asked, marked(live)) == (["main"], True)
    assert f"main at {VENUE} is not reconciled" in caplog.text
    live.gateway.take(submit("late"))
    assert type(live.journal.records()[-1].events[0]).__name__ == "OrderDenied"


async def test_a_venue_that_can_not_is_said_so_and_guards_nothing(live, caplog):
    with caplog.at_level(logging.WARNING):
        reconciler = Reconciler(live.gateway, (DeafVenue(),), every_s=1)
    assert await started(live, reconciler)
    assert (f"{VENUE} gives no statements" in caplog.text, marked(live)) == (True, False)


async def test_what_every_answer_was_lost_of_is_found_by_a_statement(live):
    _, reconciler = with_paper(live, Faults(unanswered_ppm=MILLION, timeout_ns=3_600 * SECOND))
    await started(live, reconciler)
    live.gateway.take(submit("a", quantity_lots=5, price_ticks=MARK_TICKS + 1))
    resting = submit("b", quantity_lots=5, price_ticks=MARK_TICKS - 9)
    live.gateway.take(resting)
    running = asyncio.create_task(reconciler.run())
    first, second = live.gateway.state.orders()
    await until(live, lambda: first.cumulative_lots == 5 and second.acknowledged)
    position = live.gateway.state.position("main", BTC)
    assert position is not None
    assert (position.lots, marked(live), [d for d in live.gateway.state.differences() if d.difference_id]) == (
        5,
        False,
        [],
    )
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_person_asks_and_is_answered(live):
    _, reconciler = with_paper(live)
    live.gateway.take(RequestStatement(request_id="q1", actor=TARA, venue=VENUE, account="main", reason="I wonder"))
    running = asyncio.create_task(reconciler.run())
    await until(live, lambda: any(row.statements for row in live.gateway.state.standings()))
    running.cancel()


async def test_the_ledgers_balances_are_journaled_with_the_statement(live):
    paper, _ = with_paper(live)
    paper._nanos["main", "USDT"] = 70
    reconciler = Reconciler(live.gateway, (paper,), every_s=9, booked=lambda _venue, _account, _currency: (69, 5))
    live.gateway.keep(reconciler)
    await started(live, reconciler)
    bodies = [record.input.body for record in live.journal.records()]
    (found,) = next(body.balances for body in bodies if isinstance(body, VenueStatement) and body.balances)
    assert (found.nanos, found.booked_nanos, found.booked_ns) == (70, 69, 5)


async def test_a_ledger_that_can_not_tell_now_compares_nothing(live):
    paper, _ = with_paper(live)
    paper._nanos["main", "USDT"] = 70
    reconciler = Reconciler(live.gateway, (paper,), every_s=9, booked=lambda _venue, _account, _currency: None)
    live.gateway.keep(reconciler)
    assert await started(live, reconciler)
    bodies = [record.input.body for record in live.journal.records()]
    assert {body.balances for body in bodies if isinstance(body, VenueStatement)} == {()}
    assert not live.gateway.state.tables.reconciliation.offsets


async def test_an_account_without_a_source_is_neither_asked_nor_guarded_and_said_so(live, caplog):
    mute = Mute()
    live.gateway.add_venue(mute)
    reconciler = Reconciler(live.gateway, (mute,), every_s=0.01, no_source=lambda _venue, _account: "elsewhere")
    live.gateway.keep(reconciler)
    with caplog.at_level(logging.WARNING):
        assert await started(live, reconciler, 0.05)
    assert (mute.asked, marked(live)) == ([], False)
    assert f"main at {VENUE} is not reconciled: elsewhere" in caplog.text
    live.gateway.take(RequestStatement(request_id="q1", actor=TARA, venue=VENUE, account="main", reason="I wonder"))
    await until(live, lambda: "main: spiffe" in caplog.text or "asked for one" in caplog.text)
    assert mute.asked == []
    live.clock.time_ns += 3_600 * SECOND
    assert [(s.no_source, s.overdue) for s in reconciler.sources()] == [("elsewhere", False)]
    assert [s.no_source for s in Reconciler(live.gateway, (DeafVenue(),), every_s=1).sources()] == [
        "the venue gives no statements"
    ]


async def test_statements_that_stay_away_are_told_once_and_so_is_their_return(live, caplog):
    paper, reconciler = with_paper(live)
    told: list[bool] = []
    reconciler.told = told.append
    await started(live, reconciler)
    every_ns = reconciler.sources()[0].every_ns
    live.clock.time_ns += OVERDUE_INTERVALS * every_ns - every_ns // 2
    with caplog.at_level(logging.INFO):
        reconciler.look()
        assert (told, reconciler.sources()[0].overdue) == ([], False)
        live.clock.time_ns += every_ns
        reconciler.look()
        reconciler.look()
        assert (told, reconciler.sources()[0].overdue) == ([False], True)
        paper.statement("main", live.clock.now_ns())
        for part in told_by(paper, live.clock.now_ns() + SECOND):
            live.gateway.take(part)
        reconciler.look()
    assert told == [False, True]
    assert f"main at {VENUE}: no statement for more than 3 intervals" in caplog.text
    assert f"main at {VENUE}: statements come again" in caplog.text


async def test_that_statements_stay_away_is_seen_by_the_way(live):
    """Nobody has to ask for the look."""
    _, reconciler = with_paper(live)
    told: list[bool] = []
    reconciler.told = told.append
    await started(live, reconciler)
    live.clock.time_ns += (OVERDUE_INTERVALS + 1) * reconciler.sources()[0].every_ns
    running = asyncio.create_task(reconciler.run())
    await until(live, lambda: told)
    running.cancel()
    assert told[0] is False


async def test_others_have_their_turn_between_the_parts_of_a_large_statement(live):
    _, reconciler = with_paper(live)
    await started(live, reconciler)
    for number in range(3 * PAGE):
        live.gateway.take(submit(f"o{number}", quantity_lots=1, price_ticks=MARK_TICKS - 9 - number))
    live.journal.commit()
    live.gateway._due()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(others())
    reconciler._ask_all()
    live.clock.time_ns += SECOND
    await reconciler._bring()
    other.cancel()
    assert (turns >= 3, live.gateway.state.tables.reconciliation.kept) == (True, {})
    (standing,) = live.gateway.state.standings()
    assert standing.orders == 3 * PAGE


async def test_a_restarted_paper_venue_states_what_the_gateway_remembers(live):
    paper, reconciler = with_paper(live)
    await started(live, reconciler)
    for number in range(PAGE + 3):
        live.gateway.take(submit(f"o{number}", quantity_lots=1, price_ticks=MARK_TICKS - 9 - number))
    live.gateway.take(submit("taker", quantity_lots=7, price_ticks=MARK_TICKS + 1))
    await until(live, lambda: live.gateway.state.position("main", BTC) is not None)
    again = StatingPaperSession(VENUE, live.gateway.state.instruments(), epoch=9)
    again.hold(live.gateway.state.positions(), paper._nanos)
    again.restore(live.gateway.state.working_orders(), live.clock.now_ns())
    for venue in (paper, again):
        live.clock.time_ns += 3 * SECOND
        venue.statement("main", live.clock.now_ns())
        parts = told_by(venue, live.clock.now_ns() + SECOND)
        assert len(parts) >= 2
        for part in reversed(parts):
            live.gateway.take(part)
    assert not list(live.gateway.state.differences())
    assert {name: lots for (_, name), lots in again._lots.items()} == {BTC: 7}
    assert again._nanos == paper._nanos


def test_accounts_that_hot_gates_trade_have_no_source_at_the_paper_venue():
    one = HotGateSettings(name="g1", key="a", accounts=("main", "other"))
    assert elsewhere((), "main") == ""
    assert elsewhere((one,), "spare") == ""
    assert elsewhere((one,), "main") == "hot gates trade for it elsewhere (g1): the paper venue knows nothing of that"
    both = elsewhere((one, HotGateSettings(name="g2", key="b")), "main")
    assert "(g1, g2)" in both, "no accounts named: all"


def test_the_paper_venue_settles_money_funding_and_splits_by_its_own_books():
    perp = instrument("BTC/USDT:USDT@BINANCE", 2)
    paper = StatingPaperSession(VENUE, (instrument(), perp))
    paper.hold(
        [Position(account="main", instrument=perp.instrument, lots=7), Position(account="b", instrument=BTC, lots=-5)],
        {("main", "USDT"): 100},
    )
    money = PaperMoney(paper)

    def happens(*events):
        money.take(1, 1, Record(Input(1, Wake(request_id="", actor="system:test")), events))

    def cash(kind, nanos, **facts):
        told = {"account": "main", "kind": kind, "currency": "USDT", "nanos": nanos, "reason": "", "actor": ""}
        return CashBooked(**{**told, "time_ns": 1, "venue": VENUE, **facts})

    happens(cash(CashKind.DEPOSIT, 50), cash(CashKind.WITHDRAWAL, 20), cash(CashKind.ADJUSTMENT, 999))
    happens(cash(CashKind.FEE, -9), cash(CashKind.DEPOSIT, 7, venue=""), cash(CashKind.DEPOSIT, 7, venue="OKX"))
    assert paper._nanos["main", "USDT"] == 130, "its own fees and adjustments are its own doing"
    happens(cash(CashKind.CONVERSION, 30, to_currency="EUR", to_nanos=27))
    assert (paper._nanos["main", "USDT"], paper._nanos["main", "EUR"]) == (100, 27)
    facts = {"actor": "", "time_ns": 1}
    happens(FundingSettled(instrument=perp.instrument, rate_picos=10**10, mark_ticks=300, **facts))
    assert paper._nanos["main", "USDT"] == 100 - 7 * 300 * perp.value_per_tick_lot_nanos // 100
    happens(FundingSettled(instrument="X/Y:Y@OKX", rate_picos=10**10, mark_ticks=300, **facts))
    happens(InstrumentSplit(instrument=BTC, numerator=3, denominator=2, reason="", **facts))
    assert paper._lots == {("main", perp.instrument): 7, ("b", BTC): -7}
