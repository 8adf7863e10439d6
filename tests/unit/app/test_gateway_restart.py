"""A process that ends like a light between send and answer: the next one doubts, asks, and sends nothing again."""

from __future__ import annotations

from pathlib import Path

import pytest

from meltica.app.recovery import doubt_unanswered
from meltica.domain.commands import CancelOrder, Wake
from meltica.domain.order_events import CancelRequested, OrderSubmitted
from meltica.domain.outcomes import QueryRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound
from tests.engines import SECOND
from tests.unit.app.live import TARA, VENUE, DeafVenue, Live, book, engage, submit


class AskedVenue(DeafVenue):
    """Can be asked what became of a command."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def query(self, asked: QueryRequested, now_ns: int) -> None:
        self.asked.append(asked.client_order_id)


@pytest.fixture
async def first(tmp_path: Path) -> Live:
    found = Live(tmp_path / "first")
    found.open_up()
    return found


def next_life(first: Live, tmp_path: Path) -> tuple[Live, AskedVenue]:
    """As ``run`` does it: doubts, then the kill latch."""
    live, venue = Live(tmp_path / "first", before=first.journal), AskedVenue()
    live.gateway.close("the gateway is starting")
    live.gateway.add_venue(venue)
    doubt_unanswered(live.gateway)
    live.gateway.restore_kill_latch()
    live.gateway.open()
    live.gateway.on_market(book(live.clock.now_ns()))
    live.journal.commit()
    return live, venue


def later(live: Live, seconds: int) -> None:
    live.clock.time_ns += seconds * SECOND
    live.gateway.take(Wake(request_id="", actor="system:clock"))
    live.journal.commit()


def doubts(live: Live) -> list[str]:
    return [doubt.client_order_id for order in live.gateway.state.uncertain_orders() for doubt in order.doubts]


async def test_what_has_no_answer_is_asked_about_and_not_sent_again(first: Live, tmp_path: Path) -> None:
    first.gateway.take(submit("r1"))
    first.gateway.take(submit("r2"))
    first.journal.commit()
    first.gateway.reported([ExecutionReport(venue=VENUE, client_order_id="m2", exec_type=ExecType.NEW)])
    first.gateway.take(CancelOrder(request_id="c2", actor=TARA, order_id=2))
    first.journal.commit()
    live, venue = next_life(first, tmp_path)
    assert doubts(live) == ["m1", "m2.1"]
    later(live, 1)
    assert (venue.told, sorted(venue.asked)) == ([], ["m1", "m2.1"])
    live.gateway.reported([ExecutionReport(venue=VENUE, client_order_id="m1", exec_type=ExecType.NEW)])
    live.gateway.reported([ExecutionReport(venue=VENUE, client_order_id="m2.1", exec_type=ExecType.CANCELED)])
    live.journal.commit()
    assert (doubts(live), venue.told) == ([], [])


async def test_what_the_venue_never_got_ends_by_its_own_word(first: Live, tmp_path: Path) -> None:
    first.gateway.take(submit("r1"))
    first.journal.commit()
    live, venue = next_life(first, tmp_path)
    for seconds in (1, 2, 4):
        later(live, seconds)
        live.gateway.reported([OrderNotFound(venue=VENUE, client_order_id="m1", horizon_ns=5 * SECOND)])
    live.journal.commit()
    order = live.gateway.state.tables.orders[1]
    assert (doubts(live), venue.told, order.ended is not None, order.reserved_lots) == ([], [], True, 0)


async def test_what_was_not_durable_never_left_and_is_in_nobodys_books(first: Live, tmp_path: Path) -> None:
    first.gateway.take(submit("r1"))
    first.journal.commit()
    first.gateway.take(submit("r2"))
    live, _ = next_life(first, tmp_path)
    assert first.told(OrderSubmitted) == [1]
    assert doubts(live) == ["m1"]
    assert list(live.gateway.state.tables.orders) == [1]
    assert "r2" not in live.gateway.state.tables.requests, "asked again, it is a fresh order"


async def test_nothing_to_doubt_is_no_entry(first: Live, tmp_path: Path) -> None:
    before = len(first.journal.entries)
    live, _ = next_life(first, tmp_path)
    assert len(live.journal.entries) == before
    doubt_unanswered(live.gateway)
    assert len(live.journal.entries) == before


async def test_it_is_said_once_however_often_the_process_ends(first: Live, tmp_path: Path) -> None:
    first.gateway.take(submit("r1"))
    first.journal.commit()
    live, _ = next_life(first, tmp_path)
    since = live.gateway.state.tables.orders[1].doubts[0].since_ns
    again, venue = next_life(live, tmp_path)
    assert doubts(again) == ["m1"]
    assert again.gateway.state.tables.orders[1].doubts[0].since_ns == since
    later(again, 1)
    assert (venue.asked, venue.told) == (["m1"], [])


async def test_a_latched_kill_switch_does_not_rely_on_a_cancel_that_may_never_have_left(
    first: Live, tmp_path: Path
) -> None:
    first.gateway.take(submit("r1"))
    first.journal.commit()
    first.gateway.reported([ExecutionReport(venue=VENUE, client_order_id="m1", exec_type=ExecType.NEW)])
    first.gateway.take(CancelOrder(request_id="c1", actor=TARA, order_id=1))
    first.journal.commit()
    first.gateway.take(engage("k1"))  # Acted on, not durable: only the latch remembers it.
    live, venue = next_life(first, tmp_path)
    assert [command.client_order_id for command in venue.told if isinstance(command, CancelRequested)] == ["m1.2"]
    assert doubts(live) == ["m1.1"]
