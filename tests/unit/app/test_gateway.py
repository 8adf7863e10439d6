"""The order of things in the live driver: step, journal, and only then act; and the one exception."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from meltica import hot
from meltica.domain.commands import AmendOrder, ApproveProposal, CancelOrder, ProposeKillSwitchRelease
from meltica.domain.errors import GateUnreachableError, NotAcceptingError, RequestReusedError
from meltica.domain.lifecycle import OrderStatus, status
from meltica.domain.market import MarketTrade
from meltica.domain.order_events import CancelRequested, OrderDenied, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND
from tests.unit.app.live import TARA, VENUE, Live, engage, names, submit, turns


@pytest.fixture
async def live(tmp_path: Path) -> Live:
    found = Live(tmp_path)
    found.open_up()
    return found


def accept(live: Live, order_id: int) -> None:
    live.gateway.reported([ExecutionReport(venue=VENUE, client_order_id=f"m{order_id}", exec_type=ExecType.NEW)])
    live.journal.commit()


async def test_nothing_is_answered_sent_or_published_before_it_is_durable(live: Live) -> None:
    published: list[int] = []

    async def read() -> None:
        async for sequence, _, _ in live.gateway.records(live.journal.durable_seq):
            published.append(sequence)

    before = live.journal.durable_seq
    call = asyncio.create_task(live.gateway.execute(submit("r1")))
    await turns()
    settled = asyncio.create_task(live.gateway.settled())
    reader = asyncio.create_task(read())
    await turns()
    assert len(live.journal.entries) == before + 1, "it is journaled"
    assert (live.venue.told, published, call.done(), settled.done()) == ([], [], False, False)
    assert await live.gateway.audit_entries(before, 10) == ()
    live.journal.commit()
    await turns()
    assert live.told(OrderSubmitted) == [1]
    assert published == [before + 1]
    assert (await call).sequence == await settled == before + 1
    assert [entry.sequence for entry in await live.gateway.audit_entries(before, 10)] == [before + 1]
    reader.cancel()


async def test_a_commit_acts_on_what_it_covers_and_on_nothing_else(live: Live) -> None:
    first, second = (live.gateway.take(submit(name)) for name in ("r1", "r2"))
    live.journal.commit(until=first)
    assert live.told(OrderSubmitted) == [1]
    live.journal.commit(until=second)
    assert live.told(OrderSubmitted) == [1, 2]


async def test_a_denied_order_is_journaled_and_never_sent(live: Live) -> None:
    call = asyncio.create_task(live.gateway.execute(submit("r1", price_ticks=MARK_TICKS * 2)))
    await turns()
    live.journal.commit()
    assert names((await call).events) == ["OrderDenied"]
    assert live.venue.told == []


async def test_the_kill_switch_cancels_before_it_is_durable(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.journal.commit()
    accept(live, 1)
    call = asyncio.create_task(live.gateway.execute(engage("k1")))
    await turns()
    assert live.told(CancelRequested) == [1], "the cancel is out"
    assert [latched.switch for latched in live.latch.engaged()] == [""], "the latch is on the disk"
    assert not call.done(), "the answer waits"
    live.journal.commit()
    await call
    assert live.told(CancelRequested) == [1], "and is not sent twice"


async def test_an_order_that_was_not_durable_when_the_kill_came_is_never_sent(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.gateway.take(engage("k1"))
    live.journal.commit()
    assert live.venue.told == []
    order = live.gateway.state.order(1)
    assert order is not None
    assert (status(order), order.reserved_lots) == (OrderStatus.REJECTED, 0)
    assert list(live.gateway.state.working_orders()) == []
    last = live.journal.records()[-1]
    assert isinstance(last.input.body, ExecutionReport)
    assert last.input.body.text == "not sent: the kill switch was engaged first"
    answer = asyncio.create_task(live.gateway.execute(submit("r2")))
    await turns()
    live.journal.commit()
    (denied,) = (await answer).events
    assert isinstance(denied, OrderDenied)
    assert denied.reason == "KILL_SWITCH"


async def test_an_amendment_that_was_not_durable_when_the_kill_came_is_never_sent(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.journal.commit()
    accept(live, 1)
    live.gateway.take(AmendOrder(request_id="a1", actor=TARA, order_id=1, quantity_lots=200))
    live.gateway.take(engage("k1"))
    live.journal.commit()
    assert live.told(ReplaceRequested) == []
    assert live.told(CancelRequested) == [1]
    order = live.gateway.state.order(1)
    assert order is not None
    assert [request.kind.name for request in order.pending] == ["CANCEL"]


async def test_the_accounts_own_kill_switch_withholds_too(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.gateway.take(engage("k1", account="main"))
    live.journal.commit()
    assert live.venue.told == []
    assert [latched.switch for latched in live.latch.engaged()] == ["main"]


async def test_another_accounts_kill_switch_withholds_nothing(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.gateway.take(engage("k1", account="nobody"))
    live.journal.commit()
    assert live.told(OrderSubmitted) == [1]
    assert live.latch.engaged() == [], "what the engine does not know is not latched"


async def test_cancels_and_the_kill_switch_pass_a_closed_gateway(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.journal.commit()
    live.gateway.close("the gateway is shutting down")
    with pytest.raises(NotAcceptingError, match="shutting down"):
        await live.gateway.execute(submit("r2"))
    cancel = asyncio.create_task(live.gateway.execute(CancelOrder(request_id="c1", actor=TARA, order_id=1)))
    kill = asyncio.create_task(live.gateway.execute(engage("k1")))
    await turns()
    live.journal.commit()
    assert names((await cancel).events) == ["CancelRequested"]
    assert "KillSwitchEngaged" in names((await kill).events)


async def test_a_disk_that_is_behind_refuses_orders_and_no_cancels(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.journal.commit()
    live.journal.has_room = False
    entries = len(live.journal.entries)
    with pytest.raises(NotAcceptingError, match="behind"):
        await live.gateway.execute(submit("r2"))
    assert len(live.journal.entries) == entries, "refused before the step"
    cancel = asyncio.create_task(live.gateway.execute(CancelOrder(request_id="c1", actor=TARA, order_id=1)))
    await turns()
    live.journal.commit()
    assert names((await cancel).events) == ["CancelRequested"]


async def test_a_request_is_answered_once(live: Live) -> None:
    first = asyncio.create_task(live.gateway.execute(submit("r1")))
    await turns()
    again = asyncio.create_task(live.gateway.execute(submit("r1")))
    await turns()
    assert not again.done(), "the second answer waits for the disk as well"
    live.journal.commit()
    assert await first == await again
    assert live.told(OrderSubmitted) == [1]
    with pytest.raises(RequestReusedError):
        await live.gateway.execute(submit("r1", quantity_lots=101))
    with pytest.raises(RequestReusedError):
        await live.gateway.execute(submit("r1", actor="spiffe://meltica.example/person/olivia"))
    live.gateway.close("the gateway is shutting down")
    assert await live.gateway.execute(submit("r1")) == await first, "what was answered is answered, open or not"


async def test_a_failed_disk_answers_that_nobody_knows(live: Live) -> None:
    call = asyncio.create_task(live.gateway.execute(submit("r1")))
    await turns()
    live.journal.fail()
    with pytest.raises(NotAcceptingError, match="may have been carried out"):
        await call
    with pytest.raises(NotAcceptingError):
        await live.gateway.execute(submit("r2"))
    assert live.venue.told == []


async def test_a_release_that_is_overtaken_by_a_new_engagement_keeps_the_latch(live: Live) -> None:
    """Release, engage, and only then the release becomes durable: a crash now must not forget the engagement."""
    ravi = "spiffe://meltica.example/person/ravi"
    live.gateway.take(engage("k1"))
    live.gateway.take(ProposeKillSwitchRelease(request_id="p1", actor=ravi, reason="done"))
    live.journal.commit()
    released = live.gateway.take(ApproveProposal(request_id="a1", actor=TARA, proposal_id=1))
    live.gateway.take(engage("k2"))
    live.journal.commit(until=released)
    assert [latched.switch for latched in live.latch.engaged()] == [""]


async def test_a_release_forgets_the_latch_when_it_is_durable(live: Live) -> None:
    ravi = "spiffe://meltica.example/person/ravi"
    live.gateway.take(engage("k1"))
    live.gateway.take(ProposeKillSwitchRelease(request_id="p1", actor=ravi, reason="done"))
    live.gateway.take(ApproveProposal(request_id="a1", actor=TARA, proposal_id=1))
    assert live.latch.engaged()
    live.journal.commit()
    assert live.latch.engaged() == []


async def test_what_a_crash_left_latched_is_engaged_again_once(live: Live) -> None:
    live.latch.engage("", "smoke", TARA)
    live.gateway.restore_kill_latch()
    switch = next(iter(live.gateway.state.kill_switches()))
    assert switch.engaged
    assert switch.reason == f"latched before the restart by {TARA}: smoke"
    entries = len(live.journal.entries)
    live.gateway.restore_kill_latch()
    assert len(live.journal.entries) == entries


class TroubledGate:
    """A real gate that stops answering, or breaks, when the test says so."""

    def __init__(self) -> None:
        self._gate: Any = hot.load("python").Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        self.trouble: Exception | None = None

    def check(self, intent: object) -> int:
        if self.trouble is not None:
            raise self.trouble
        return int(self._gate.check(intent))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)


async def test_a_step_that_breaks_off_ends_everything(tmp_path: Path) -> None:
    """The engine may be ahead of its journal now: nothing is asked, sent or stored any more."""
    gate = TroubledGate()
    live = Live(tmp_path, gate=gate)
    live.open_up()
    waiting = live.gateway.take(submit("r1"))
    gate.trouble = MemoryError("no room")
    with pytest.raises(MemoryError):
        await live.gateway.execute(submit("r2"))
    assert [type(failure) for failure in live.failures] == [MemoryError]
    gate.trouble = None
    with pytest.raises(NotAcceptingError, match="has failed"):
        await live.gateway.execute(submit("r3"))
    live.journal.commit()
    await live.gateway.save_snapshot()
    assert (len(live.journal.entries), live.venue.told, live.journal.snapshots) == (waiting, [], [])
    with pytest.raises(NotAcceptingError):
        await live.gateway.execute(engage("k1"))
    assert live.latch.engaged(), "the latch works to the end"


async def test_a_gate_that_does_not_answer_refuses_and_is_journaled(tmp_path: Path) -> None:
    gate = TroubledGate()
    live = Live(tmp_path, gate=gate)
    live.open_up()
    gate.trouble = GateUnreachableError("no answer within 5 ms")
    call = asyncio.create_task(live.gateway.execute(submit("r1")))
    await turns()
    live.journal.commit()
    (denied,) = (await call).events
    assert isinstance(denied, OrderDenied)
    assert denied.reason == "GATE_LOST"
    assert "no answer within 5 ms" in denied.text
    assert names(live.journal.records()[-2].events) == ["GateStateChanged"]
    assert live.failures == []


async def test_the_price_that_decides_is_journaled_with_what_it_decided(live: Live) -> None:
    live.gateway.take(submit("r1"))
    (mark,) = live.journal.records()[-1].input.marks
    assert (mark.instrument, mark.price_ticks) == (BTC, MARK_TICKS)
    live.gateway.take(CancelOrder(request_id="c1", actor=TARA, order_id=1))
    assert live.journal.records()[-1].input.marks == ()


async def test_a_price_goes_stale(live: Live) -> None:
    live.clock.time_ns += 2 * SECOND
    live.gateway.on_market(MarketTrade(BTC, live.clock.time_ns, MARK_TICKS, 1))  # A trade is no book
    live.gateway.take(submit("r1"))
    (denied,) = live.journal.records()[-1].events
    assert isinstance(denied, OrderDenied)
    assert denied.reason == "STALE_REFERENCE"


async def test_an_order_of_a_venue_without_a_session_is_rejected(live: Live) -> None:
    live.gateway._sender._venues.clear()
    live.gateway.take(submit("r1"))
    live.journal.commit()
    order = live.gateway.state.order(1)
    assert order is not None
    assert status(order) is OrderStatus.REJECTED
