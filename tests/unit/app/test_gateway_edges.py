"""Three moments with little to lean on: a dead journal, a start without a market, a strategy that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from meltica.app.run import _line_to
from meltica.app.settings import Settings
from meltica.domain.commands import SubmitOrder
from meltica.domain.errors import MelticaError
from meltica.domain.market import BookUpdate
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested
from meltica.domain.outcomes import QueryRequested
from meltica.domain.reports import ExecType, ExecutionReport, OutcomeUnknown, VenueReport
from meltica.strategies.runner import StrategyRunner
from meltica.strategies.sdk import Context, MarkPrice, Parameters, Strategy
from meltica.venues.paper.lossy import LossySession
from meltica.venues.paper.session import PaperSession
from meltica.venues.paper.stating import StatingPaperSession
from tests.engines import BTC, MARK_TICKS, SECOND, instrument
from tests.unit.app.live import VENUE, DeafVenue, Live, book, engage, submit
from tests.unit.venues.orders import BTC as BITCOIN
from tests.unit.venues.orders import submitted


@pytest.fixture
async def live(tmp_path: Path) -> Live:
    found = Live(tmp_path)
    found.open_up()
    return found


def report(exec_type: ExecType, order_id: int = 1, **fields: object) -> ExecutionReport:
    return ExecutionReport(venue=VENUE, client_order_id=f"m{order_id}", exec_type=exec_type, **fields)


async def test_the_kill_switchs_cancels_leave_although_the_journal_takes_nothing_more(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.journal.commit()
    live.journal.fail()
    with pytest.raises(MelticaError):
        await live.gateway.execute(engage("k1"))
    assert live.told(CancelRequested) == [1]
    assert live.failures, "and the process stops"
    assert live.latch.engaged(), "and it is engaged after the next start"


class SlowVenue(DeafVenue):
    """Owes one report that is due at once, as the paper venue does after a restart."""

    def __init__(self) -> None:
        super().__init__()
        self.owed: list[VenueReport] = []

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        owed, self.owed = self.owed, []
        return owed

    def next_deadline_ns(self) -> int | None:
        return 0 if self.owed else None


async def test_a_gateway_that_rests_hears_nothing_that_its_journal_could_no_longer_take(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.journal.commit()
    venue = SlowVenue()
    live.gateway.add_venue(venue)
    live.gateway.rest()
    venue.owed.append(report(ExecType.NEW))
    live.gateway.on_durable(live.journal.durable_seq)  # The last snapshot's entry, say
    entries = len(live.journal.entries)
    await asyncio.sleep(0.01)
    assert venue.owed, "nobody asked for it"
    assert len(live.journal.entries) == entries


async def test_what_a_venue_owes_after_a_restart_comes_without_a_market(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.journal.commit()
    venue = SlowVenue()
    live.gateway.add_venue(venue)
    venue.owed.append(report(ExecType.NEW))
    live.gateway.reported([])
    await asyncio.sleep(0.01)
    assert venue.owed == []
    assert live.gateway.state.tables.orders[1].acknowledged


class Idle(Strategy[Parameters]):
    def instruments(self) -> tuple[str, ...]:
        return (BTC,)


async def test_a_strategy_comes_back_with_its_own_position_and_nobody_elses(live: Live) -> None:
    for number, (strategy, side, lots) in enumerate((("idle", Side.BUY, 100), ("manual", Side.SELL, 30)), 1):
        live.gateway.take(submit(f"r{number}", strategy=strategy, side=side, quantity_lots=lots))
        told = {"execution_id": f"e{number}", "last_quantity_lots": lots, "last_price_ticks": MARK_TICKS}
        live.gateway.reported([report(ExecType.TRADE, number, **told)])
    live.journal.commit()
    runner = StrategyRunner(Idle(Parameters()), {BTC: instrument()}, name="idle", account="main", epoch=1)
    live.gateway.add_strategy(runner)
    assert live.gateway.state.position("main", BTC).lots == 70
    assert runner.position(BTC).lots == 100


class Marked(Strategy[Parameters]):
    """Bids at the venue's mark price, once it is known."""

    def instruments(self) -> tuple[str, ...]:
        return (BTC,)

    def on_mark_price(self, context: Context, mark: MarkPrice) -> None:
        assert context.mark_price(BTC) == mark
        context.submit(BTC, Side.BUY, 5, mark.price_ticks)


async def test_a_strategy_hears_the_mark_price_as_of_when_it_came(live: Live) -> None:
    runner = StrategyRunner(Marked(Parameters()), {BTC: instrument()}, name="idle", account="main", epoch=1)
    live.gateway.add_strategy(runner)
    began_ns = live.clock.now_ns()
    live.gateway.on_market(MarkPrice(BTC, 1, MARK_TICKS - 7, between=True))
    asked = live.journal.records()[-1].input.body
    assert isinstance(asked, SubmitOrder)
    assert (asked.strategy, asked.price_ticks) == ("idle", MARK_TICKS - 7)
    assert began_ns < (asked.decided_ns or 0) < live.clock.now_ns(), "not when the venue says that it was"


async def test_a_query_goes_to_a_venue_that_can_ask_and_nothing_is_sent_again(live: Live) -> None:
    class Asked(DeafVenue):
        asked: list[QueryRequested] = []  # noqa: RUF012 - of this one test

        def query(self, asked: QueryRequested, now_ns: int) -> None:
            self.asked.append(asked)

    venue = Asked()
    for chosen in (live.venue, venue):  # First the one that can't be asked: it is left alone.
        live.gateway.add_venue(chosen)
        live.gateway.on_market(book(live.clock.now_ns()))
        live.gateway.take(submit(f"r-{type(chosen).__name__}"))
        live.journal.commit()
        name = chosen.told[-1].client_order_id
        live.gateway.reported([OutcomeUnknown(venue=VENUE, client_order_id=name, text="connection lost")])
        live.clock.time_ns += 2 * SECOND
        live.gateway._due()
        assert not venue.asked or chosen is venue, "only after its entry is durable"
        live.journal.commit()
        assert [type(command).__name__ for command in chosen.told] == ["OrderSubmitted"]
    names = {asked.client_order_id for asked in venue.asked}
    assert "m2" in names
    assert names <= {"m1", "m2"}
    assert live.gateway.state.next_due_ns() is not None


def test_the_settings_put_the_paper_venue_behind_a_bad_line():
    paper = PaperSession(VENUE, [instrument()])
    assert _line_to(paper, Settings().paper.faults) is paper
    read = msgspec.toml.decode("[paper.faults]\nseed = 7\nlost_ppm = 9\nhorizon_ms = 3\n", type=Settings)
    assert isinstance(_line_to(paper, read.paper.faults), LossySession)
    read = msgspec.toml.decode("[paper.faults]\nlost_fills_ppm = 1_000_000\n", type=Settings)
    line = _line_to(StatingPaperSession(BITCOIN.venue, [BITCOIN]), read.paper.faults)
    line.receive(BookUpdate(BITCOIN.instrument, 0, ((100, 10),), ((102, 5),), snapshot=True), 1)
    line.send(submitted("a", Side.BUY, 3, 102), 5)
    assert [told.exec_type for told in line.due(5)] == [ExecType.NEW], "and no word of its execution"
    for wrong in (
        "lost_ppm = -1",
        "lost_fills_ppm = 1_000_001",
        "late_ppm = 1_000_001",
        "timeout_ms = 0",
        "unknown = 1",
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.toml.decode(f"[paper.faults]\n{wrong}\n", type=Settings)
