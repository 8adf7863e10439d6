"""Parent orders through the live gateway to the paper venue: the market moves, the clock goes on, nobody helps."""

from __future__ import annotations

import asyncio

import pytest

from meltica import hot
from meltica.domain import lifecycle
from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import CancelOrder, SeeMarket, Wake
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.market import MarketTrade
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested
from meltica.domain.parent import Phase
from meltica.domain.schedule import AtEnd, ChildStyle, Schedule, ScheduleKind
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.strategies.runner import StrategyRunner
from meltica.strategies.sdk import Algo, Parameters, Strategy, twap
from meltica.venues.paper.session import PaperSession
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND, instrument
from tests.unit.app.live import TARA, VENUE, Live, book, submit


@pytest.fixture
def live(tmp_path):
    found = Live(tmp_path)
    found.gateway.add_venue(PaperSession(VENUE, [instrument()], epoch=1))
    found.open_up()
    return found


async def begin(live: Live, schedule: Schedule, quantity_lots: int, **facts):
    command = SubmitAlgo(
        request_id=f"algo-{len(live.journal.entries)}",
        actor=TARA,
        account="main",
        strategy="manual",
        instrument=BTC,
        side=Side.BUY,
        quantity_lots=quantity_lots,
        schedule=schedule,
        **facts,
    )
    task = asyncio.ensure_future(live.gateway.execute(command))
    await until_quiet(live)
    answer = await task
    return live.gateway.state.order(answer.events[0].order_id)


async def until_quiet(live: Live) -> None:
    """Let the loop's timers run and the journal's thread commit until nothing more follows."""
    for _ in range(6):
        await asyncio.sleep(0.001)
        live.journal.commit()


async def later(live: Live, seconds: float) -> None:
    live.clock.time_ns += int(seconds * SECOND)
    live.gateway.on_market(book(live.clock.now_ns()))
    await until_quiet(live)


async def trade(live: Live, lots: int, ticks: int = MARK_TICKS) -> None:
    live.gateway.on_market(MarketTrade(BTC, live.clock.now_ns(), ticks, lots))
    await until_quiet(live)


def recovered(live: Live) -> str:
    """What an engine knows that has only the journal."""
    module = hot.load("python")
    gate = module.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
    engine = Engine(gate, max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS, intent=module.OrderIntent)
    for number, record in enumerate(live.journal.records(), 1):
        engine.absorb(number, record)
    return snapshot.digest(engine)


async def test_a_twap_that_crosses_is_filled_slice_by_slice(live):
    end_ns = live.clock.time_ns + 50 * SECOND
    schedule = Schedule(kind=ScheduleKind.TWAP, end_ns=end_ns, slices=5, style=ChildStyle.MARKET)
    order = await begin(live, schedule, 25)
    for filled in (5, 10, 15, 20):
        assert order.cumulative_lots == filled
        await later(live, 10)
    assert lifecycle.status(order) is OrderStatus.FILLED
    assert order.cumulative_value == 25 * (MARK_TICKS + 1)
    assert live.gateway.state.position("main", BTC).lots == 25
    assert live.gateway.state.next_due_ns() is None
    assert recovered(live) == snapshot.digest(live.gateway._engine)
    assert live.failures == []


async def test_a_passive_twap_waits_at_the_touch_and_crosses_at_the_end(live):
    end_ns = live.clock.time_ns + 20 * SECOND
    schedule = Schedule(kind=ScheduleKind.TWAP, end_ns=end_ns, slices=2, at_end=AtEnd.CROSS)
    order = await begin(live, schedule, 8, price_ticks=MARK_TICKS + 2)
    await later(live, 10)
    first, second = (live.gateway.state.order(n) for n in live.gateway.state.algo(order.order_id, 0)[1].children)
    assert (first.price_ticks, second.price_ticks) == (MARK_TICKS - 1, MARK_TICKS - 1)
    assert order.cumulative_lots == 0
    await later(live, 10)
    await later(live, 1)
    assert lifecycle.status(order) is OrderStatus.FILLED
    assert order.cumulative_value == 8 * (MARK_TICKS + 1)
    assert recovered(live) == snapshot.digest(live.gateway._engine)


async def test_pov_goes_with_the_trades_of_others(live):
    schedule = Schedule(
        kind=ScheduleKind.POV,
        end_ns=live.clock.time_ns + 1000 * SECOND,
        rate_ppm=200_000,
        max_child_lots=2,
        style=ChildStyle.MARKET,
    )
    order = await begin(live, schedule, 100)
    traded = 0
    await trade(live, 50)  # What traded before it looked first is not counted.
    for lots in (3, 9, 1, 20, 8, 2, 5):
        await later(live, 0.1)  # A new book: what was taken of the old one is there again.
        await trade(live, lots)
        traded += lots
        assert traded // 4 - 2 < order.cumulative_lots <= traded // 4
    looks = [record for record in live.journal.records() if isinstance(record.input.body, SeeMarket)]
    assert len(looks) < 8
    assert recovered(live) == snapshot.digest(live.gateway._engine)


async def test_slices_go_out_while_somebody_else_trades_and_are_not_in_their_answers(live):
    schedule = Schedule(
        kind=ScheduleKind.TWAP, end_ns=live.clock.time_ns + 50 * SECOND, slices=5, style=ChildStyle.MARKET
    )
    order = await begin(live, schedule, 25)
    live.clock.time_ns += 10 * SECOND
    live.gateway.board.take(book(live.clock.time_ns), live.clock.time_ns)
    task = asyncio.ensure_future(live.gateway.execute(submit("mine", price_ticks=MARK_TICKS - 5)))
    await until_quiet(live)
    answer = await task
    assert [getattr(event, "parent_id", 0) for event in answer.events] == [0]
    assert order.cumulative_lots == 10


async def test_a_gateway_that_closes_sends_no_more_slices(live):
    schedule = Schedule(
        kind=ScheduleKind.TWAP, end_ns=live.clock.time_ns + 50 * SECOND, slices=5, style=ChildStyle.MARKET
    )
    order = await begin(live, schedule, 25)
    live.gateway.close("draining")
    await later(live, 10)
    assert order.cumulative_lots == 5
    wakes = [record for record in live.journal.records() if isinstance(record.input.body, Wake)]
    live.gateway.open()
    await later(live, 0.1)
    assert order.cumulative_lots == 10
    assert len([record for record in live.journal.records() if isinstance(record.input.body, Wake)]) == len(wakes) + 1
    await asyncio.gather(live.gateway.execute(cancel(order.order_id)), until_quiet(live))
    assert lifecycle.status(order) is OrderStatus.CANCELED


async def test_the_cancel_of_a_parent_reaches_the_venue(live):
    schedule = Schedule(kind=ScheduleKind.TWAP, end_ns=live.clock.time_ns + 50 * SECOND, slices=5)
    order = await begin(live, schedule, 25)
    asked = asyncio.ensure_future(live.gateway.execute(cancel(order.order_id)))
    await until_quiet(live)
    assert any(isinstance(event, CancelRequested) for event in (await asked).events)
    await later(live, 1)
    assert lifecycle.status(order) is OrderStatus.CANCELED
    assert list(live.gateway.state.open_orders()) == []


def cancel(order_id: int) -> CancelOrder:
    return CancelOrder(request_id=f"cancel-{order_id}", actor=TARA, order_id=order_id)


class Slicer(Strategy[Parameters]):
    """Asks for one TWAP with its first book, and notes how far it is."""

    def __init__(self) -> None:
        super().__init__(Parameters())
        self.algos: list[Algo] = []

    def instruments(self):
        return (BTC,)

    def on_top_of_book(self, context, top):
        if not context.orders(BTC) and context.position(BTC).lots == 0:
            schedule = twap(end_ns=context.time_ns + 40 * SECOND, slices=4, style=ChildStyle.MARKET)
            context.submit_algo(BTC, Side.BUY, 8, schedule)

    def on_algo(self, context, algo):
        self.algos.append(algo)


async def test_a_strategy_s_parent_goes_out_and_its_next_life_knows_how_far_it_is(live):
    first = Slicer()
    live.gateway.add_strategy(StrategyRunner(first, {BTC: instrument()}, name="maker", account="main", epoch=1))
    await later(live, 1)
    await later(live, 1)
    await later(live, 10)
    assert (first.algos[-1].phase, first.algos[-1].order.cumulative_lots) == (Phase.RUNNING, 4)
    second = Slicer()
    runner = StrategyRunner(second, {BTC: instrument()}, name="maker", account="main", epoch=2)
    live.gateway.add_strategy(runner)
    (order,) = runner._desk.orders(BTC)
    known = runner._desk.algo(order)
    assert (known.phase, known.order.cumulative_lots, len(known.slices)) == (Phase.RUNNING, 4, 2)
    await later(live, 10)
    await later(live, 10)
    for strategy in (first, second):
        assert (strategy.algos[-1].phase, strategy.algos[-1].order.cumulative_lots) == (Phase.DONE, 8)
        assert len(strategy.algos[-1].slices) == 4
    assert recovered(live) == snapshot.digest(live.gateway._engine)


async def test_a_strategy_is_told_why_its_schedule_is_refused(live):
    class Hasty(Slicer):
        why = ""

        def on_top_of_book(self, context, top):
            if not self.why:
                context.submit_algo(BTC, Side.BUY, 8, twap(end_ns=context.time_ns - 1, slices=4))

        def on_rejected(self, context, order, why):
            self.why = why

    hasty = Hasty()
    live.gateway.add_strategy(StrategyRunner(hasty, {BTC: instrument()}, name="maker", account="main", epoch=1))
    await later(live, 1)
    assert hasty.why == "INVALID_SCHEDULE: has passed already"
