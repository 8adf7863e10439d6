"""What stops orders reaches the engine from the market, the clock and the disk, and only when it changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from meltica.app.kill_latch import KillLatch
from meltica.app.trading_day import DAY_NS, end_days
from meltica.app.valuation import value_positions
from meltica.domain.commands import BeginDay, EngageKillSwitch, ReportGate, Revalue, SetLimits, SetMark, SetPriceBand
from meltica.domain.errors import GateUnreachableError
from meltica.domain.events import BreakerTripped, DayBegan, GateStateChanged, MarkChanged
from meltica.domain.limits import DAY_NS as LIMITS_DAY_NS
from meltica.domain.market import BookInvalid, BookUpdate, MarketPriceBand, ShortSaleStatus
from meltica.domain.order import Ended, Side, TimeInForce
from meltica.domain.order_events import OrderDenied
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.hot.gate_twin import Gate
from meltica.venues.paper.session import PaperSession
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, instrument
from tests.unit.app.live import OLIVIA, VENUE, Live, book, names, submit


@pytest.fixture
async def live(tmp_path: Path) -> Live:
    found = Live(tmp_path)
    found.open_up()
    return found


def bodies(live: Live, kind: type) -> list[object]:
    return [record.input.body for record in live.journal.records() if isinstance(record.input.body, kind)]


def last(live: Live) -> tuple[object, ...]:
    return live.journal.records()[-1].events


async def test_a_gap_stops_orders_until_the_next_snapshot(live: Live) -> None:
    live.gateway.on_market(BookInvalid(BTC, 1, "sequence gap"))
    live.gateway.on_market(BookInvalid(BTC, 2, "still"))
    (event,) = last(live)
    assert isinstance(event, MarkChanged)
    assert (event.on, event.reason) == (True, "sequence gap")
    live.gateway.take(submit("r1"))
    assert [event.reason for event in last(live) if isinstance(event, OrderDenied)] == ["STALE_REFERENCE"]
    live.gateway.on_market(BookUpdate(BTC, 3, ((1, 1),), ()))
    live.gateway.on_market(book(4))
    live.gateway.on_market(book(5))
    assert [body.on for body in bodies(live, SetMark)] == [True, False]  # type: ignore[attr-defined]
    live.gateway.take(submit("r2"))
    assert names(last(live)) == ["OrderSubmitted"]


async def test_the_price_test_and_the_band_are_inputs_when_they_change(live: Live) -> None:
    for restricted in (False, True, True, False):
        live.gateway.on_market(ShortSaleStatus(BTC, 1, restricted))
    assert [body.on for body in bodies(live, SetMark)] == [True, False]  # type: ignore[attr-defined]
    live.gateway.on_market(MarketPriceBand(BTC, 1, MARK_TICKS - 5, MARK_TICKS - 1))
    live.gateway.take(submit("r1"))
    assert [event.reason for event in last(live) if isinstance(event, OrderDenied)] == ["PRICE_BAND"]
    assert len(bodies(live, SetPriceBand)) == 1


async def test_the_market_of_what_is_not_registered_is_no_input(live: Live) -> None:
    before = len(live.journal.entries)
    for event in (BookInvalid("X/Y@Z", 1, "gap"), ShortSaleStatus("X/Y@Z", 1, True), MarketPriceBand("X/Y@Z", 1, 1, 2)):
        live.gateway.on_market(event)
    assert len(live.journal.entries) == before


def hold(live: Live, lots: int = 100) -> None:
    live.gateway.take(submit("buy", quantity_lots=lots))
    trade = {"execution_id": "e1", "last_quantity_lots": lots, "last_price_ticks": MARK_TICKS}
    live.gateway.reported(
        [ExecutionReport(venue=VENUE, client_order_id="m1", exec_type=ExecType.TRADE, **trade)]  # type: ignore[arg-type]
    )


async def test_what_is_held_is_valued_when_its_price_has_changed(live: Live) -> None:
    live.gateway.revalue()
    hold(live)
    live.gateway.revalue()
    assert bodies(live, Revalue) == []
    live.gateway.on_market(book(1, MARK_TICKS + 9, MARK_TICKS + 11))
    live.gateway.revalue()
    live.gateway.revalue()
    assert len(bodies(live, Revalue)) == 1
    (profit,) = live.gateway.state.day_profits()
    assert profit.pnl_nanos == 10 * 100 * 100


async def test_it_is_valued_again_and_again_until_the_gateway_fails(live: Live) -> None:
    hold(live)
    task = asyncio.create_task(value_positions(live.gateway, 0.001))
    live.gateway.on_market(book(1, MARK_TICKS + 9, MARK_TICKS + 11))
    async with asyncio.timeout(5):
        while not bodies(live, Revalue):  # noqa: ASYNC110 - the journal has no bell
            await asyncio.sleep(0.001)
        live.gateway._failed = True
        live.gateway.board.take(book(2), 2)
        await task
    assert len(bodies(live, Revalue)) == 1


async def test_a_day_that_ended_while_nobody_was_here_is_made_up_for(live: Live) -> None:
    venue = PaperSession(VENUE, [instrument()])
    ends_ns = live.clock.time_ns % DAY_NS + 3_600 * 10**9
    task = asyncio.create_task(end_days(live.gateway, venue, ends_ns))
    await asyncio.sleep(0)
    assert names(last(live)) == ["DayBegan"]
    again = asyncio.create_task(end_days(live.gateway, venue, ends_ns))
    await asyncio.sleep(0)
    assert len(bodies(live, BeginDay)) == 1, "it has begun already"
    live.clock.time_ns += 3_600 * 10**9
    task.cancel()
    third = asyncio.create_task(end_days(live.gateway, venue, ends_ns - 1_800 * 10**9))
    await asyncio.sleep(0)
    assert len(bodies(live, BeginDay)) == 2, "another end has passed"
    for each in (again, third):
        each.cancel()
    assert DAY_NS == LIMITS_DAY_NS
    assert isinstance(last(live)[0], DayBegan)


async def test_day_orders_of_a_day_that_ended_while_nobody_was_here_expire(live: Live) -> None:
    live.gateway.on_market(book(1))
    for name, tif in (("d", TimeInForce.DAY), ("g", TimeInForce.GTC)):
        live.gateway.take(submit(name, time_in_force=tif, price_ticks=MARK_TICKS - 500))
    venue = PaperSession(VENUE, [instrument()])
    live.gateway.reported(venue.restore(live.gateway.state.working_orders(), live.clock.time_ns))
    task = asyncio.create_task(end_days(live.gateway, venue, live.clock.time_ns % DAY_NS + 3_600 * 10**9))
    await asyncio.sleep(0)
    task.cancel()
    assert [order.time_in_force for order in live.gateway.state.working_orders()] == [TimeInForce.GTC]
    assert live.gateway.state.tables.orders[1].ended is Ended.EXPIRED
    assert venue.working_orders == 1


async def test_a_switch_of_one_strategy_outlives_a_crash(live: Live, tmp_path: Path) -> None:
    body = EngageKillSwitch(request_id="k", actor=OLIVIA, reason="wild", target="strategies/maker")
    live.gateway.take(body)
    assert [latched.switch for latched in KillLatch(tmp_path / "kill").engaged()] == ["strategies/maker"]
    again = Live(tmp_path)
    again.open_up()
    again.gateway.restore_kill_latch()
    for number, (strategy, expected) in enumerate((("maker", "OrderDenied"), ("manual", "OrderSubmitted"))):
        again.gateway.take(submit(f"r{number}", strategy=strategy))
        assert names(last(again)) == [expected]
    nobody = EngageKillSwitch(request_id="k2", actor=OLIVIA, reason="wild", target="strategies/nobody")
    again.gateway.take(nobody)
    assert [latched.switch for latched in again.latch.engaged()] == ["strategies/maker"], "what is not, is not latched"


async def test_orders_of_a_stopped_instrument_do_not_leave(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.gateway.take(EngageKillSwitch(request_id="k", actor=OLIVIA, reason="why", target=f"instruments/{BTC}"))
    live.journal.commit()
    assert live.venue.told == []
    (profit,) = live.gateway.state.day_profits()
    assert profit.rejects_in_row == 0, "the venue has rejected nothing"


class DeadGate(Gate):
    """Answers until it is told to die."""

    dead = False

    def check(self, intent, /):  # type: ignore[no-untyped-def]
        if self.dead:
            raise GateUnreachableError("gone")
        return super().check(intent)


async def test_a_breaker_that_trips_while_the_gate_is_lost_is_not_forgotten(tmp_path: Path) -> None:
    """The order's price trips it, then the gate does not answer: the step is given up, the trip has happened."""
    gate = DeadGate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
    live = Live(tmp_path, gate=gate)
    live.open_up()
    row, revision = live.gateway.state.tables.limits["accounts/main"]
    tight = msgspec.structs.replace(row, max_daily_loss_nanos=100 * 100)
    live.gateway.take(SetLimits(request_id="l", actor=OLIVIA, limits=tight, revision=revision))
    hold(live)
    live.gateway.on_market(book(1, MARK_TICKS - 3, MARK_TICKS - 1))
    gate.dead = True
    live.gateway.take(submit("r2", side=Side.SELL, price_ticks=MARK_TICKS + 50))
    lost, denied = live.journal.records()[-2:]
    assert isinstance(lost.input.body, ReportGate)
    assert [type(event) for event in lost.events] == [BreakerTripped, GateStateChanged]
    assert [event.reason for event in denied.events if isinstance(event, OrderDenied)] == ["GATE_LOST"]
