"""The example strategies on a whole floor: synthetic market, real engine and gate, paper venue."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator

import pytest

from meltica.domain.commands import SubmitOrder
from meltica.domain.lifecycle import is_working
from meltica.domain.market import BookInvalid, BookUpdate, MarketTrade
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderDenied, OrderFilled, OrderReported, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType
from meltica.strategies.examples.market_maker import MarketMaker, MarketMakerParameters
from meltica.strategies.examples.momentum import Momentum, MomentumParameters
from meltica.venues.paper.builtin import BUILTIN
from meltica.venues.paper.market import SyntheticMarket
from meltica.venues.paper.session import NO_LATENCY
from tests.unit.strategies.floor import SECOND_NS, Floor

BTC, CHARACTER = BUILTIN[0]
SEEDS = range(10)


@functools.cache
def made(seed: int, seconds: int = 20) -> Floor:
    """A market maker's day."""
    floor = Floor(BTC, MarketMaker(MarketMakerParameters(instrument=BTC.instrument)))
    market = SyntheticMarket([(BTC, CHARACTER)], seed=seed, start_ns=floor.now_ns)
    floor.run(market, floor.now_ns + seconds * SECOND_NS)
    return floor


class TestMarketMaker:
    def test_it_earns_and_it_loses(self):
        profits = [made(seed).profit_nanos() for seed in SEEDS]
        assert sum(profit > 0 for profit in profits) >= 4, profits
        assert sum(profit < 0 for profit in profits) >= 1, profits

    def test_same_seed_same_day(self):
        again = Floor(BTC, MarketMaker(MarketMakerParameters(instrument=BTC.instrument)))
        again.run(SyntheticMarket([(BTC, CHARACTER)], seed=0, start_ns=again.now_ns), again.now_ns + 20 * SECOND_NS)
        assert again.events == made(0).events

    def test_its_books_are_the_engines(self):
        for seed in SEEDS:
            floor = made(seed)
            engines = floor.bench.engine.state.position("desk", BTC.instrument)
            assert floor.runner.position(BTC.instrument) == engines
            assert not floor.runner.failed

    def test_every_quantity_is_accounted_for(self):
        for seed in SEEDS:
            orders = list(made(seed).bench.engine.state.orders())
            assert orders
            assert not any(is_working(order) for order in orders), "stopped, but something still works"
            for order in orders:
                assert sum(e.quantity_lots for e in order.executions.values()) == order.cumulative_lots
                assert order.cumulative_lots <= order.quantity_lots

    def test_it_only_makes_and_stays_within_its_maximum(self):
        parameters = MarketMakerParameters(instrument=BTC.instrument)
        for seed in SEEDS:
            position, most = 0, parameters.max_position_lots + parameters.quantity_lots
            for fill in made(seed).fills:
                assert fill.maker
                position += fill.quantity_lots * fill.side.sign
                assert abs(position) <= most
        assert any(fill.side is Side.SELL for fill in made(0).fills)

    def test_it_amends_rather_than_cancels(self):
        kinds = Counter(type(event) for event in made(0).events)
        assert kinds[ReplaceRequested] > 50
        canceled = [e for e in made(0).events if isinstance(e, OrderReported) and e.exec_type is ExecType.CANCELED]
        assert len(canceled) < 20

    def test_a_gap_takes_its_quotes_off_the_market(self):
        floor = Floor(BTC, MarketMaker(MarketMakerParameters(instrument=BTC.instrument)), latency=NO_LATENCY)
        begin = floor.now_ns
        book = BookUpdate(BTC.instrument, begin + 1, ((599_980, 50),), ((600_020, 50),), snapshot=True)
        floor.run([book, BookInvalid(BTC.instrument, begin + 2, "gap")], begin + 10)
        kinds = [type(event) for event in floor.events]
        assert kinds.count(OrderSubmitted) == 2
        assert [e.exec_type for e in floor.events if isinstance(e, OrderReported)].count(ExecType.CANCELED) == 2

    def test_a_refusal_makes_it_pause(self):
        floor = Floor(BTC, MarketMaker(MarketMakerParameters(instrument=BTC.instrument, quantity_lots=50)))
        floor.bench.gate.kill()
        market = SyntheticMarket([(BTC, CHARACTER)], seed=1, start_ns=floor.now_ns)
        floor.run(market, floor.now_ns + 5 * SECOND_NS)
        denied = sum(isinstance(event, OrderDenied) for event in floor.events)
        assert 2 <= denied <= 25, "it hammers at a closed gate"

    def test_its_quotes_lean_against_its_inventory(self):
        quotes = {}
        for bought in (False, True):
            parameters = MarketMakerParameters(instrument=BTC.instrument, max_position_lots=40)
            floor = Floor(BTC, MarketMaker(parameters), latency=NO_LATENCY)
            begin = floor.now_ns
            events = [BookUpdate(BTC.instrument, begin + 1, ((599_950, 50),), ((600_050, 50),), snapshot=True)]
            if bought:
                events.append(MarketTrade(BTC.instrument, begin + 2, 599_980, 20, Side.SELL))
            floor.run(events, begin + 10)
            asks = [e.price_ticks for e in floor.events if isinstance(e, OrderSubmitted) and e.side is Side.SELL]
            asks += [e.price_ticks for e in floor.events if isinstance(e, ReplaceRequested)]
            quotes[bought] = asks[-1]
        assert quotes[True] < quotes[False], "long, but not more eager to sell"


class TestMomentum:
    def trend(self, floor: Floor, step: int) -> list[BookUpdate]:
        """A market that moves ``step`` ticks every 100 ms for five seconds, then stands still for ten."""
        begin = floor.now_ns
        prices = [600_000 + step * min(n, 50) for n in range(150)]
        return [
            BookUpdate(
                BTC.instrument,
                begin + n * SECOND_NS // 10,
                ((price - 2, 100),),
                ((price + 2 + n % 2, 100),),
                snapshot=True,
            )
            for n, price in enumerate(prices)
        ]

    @pytest.mark.parametrize(("step", "first"), [(4, Side.BUY), (-4, Side.SELL)])
    def test_it_follows_the_move_and_leaves(self, step: int, first: Side):
        floor = Floor(BTC, Momentum(MomentumParameters(instrument=BTC.instrument, hold_ms=2_000)))
        floor.run(self.trend(floor, step), floor.now_ns + 60 * SECOND_NS)
        assert not floor.runner.failed
        sides = [fill.side for fill in floor.fills]
        assert sides[0] is first
        assert sides[1] is first.opposite
        assert floor.runner.position(BTC.instrument).lots == 0
        assert floor.runner.position(BTC.instrument).realised_nanos > 0

    def test_what_is_refused_on_the_way_out_is_asked_for_again_after_a_while(self):
        """Somebody else's order takes the room of a reduce-only one: no reason to ask with each quote."""
        floor = Floor(BTC, Momentum(MomentumParameters(instrument=BTC.instrument, hold_ms=2_000)))
        theirs = SubmitOrder(
            request_id="other",
            actor="system:test",
            account="desk",
            strategy="",
            instrument=BTC.instrument,
            side=Side.SELL,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity_lots=10,
            price_ticks=620_000,
        )

        def market() -> Iterator[BookUpdate]:
            for number, event in enumerate(self.trend(floor, 4)):
                yield event
                if number == 10:
                    assert isinstance(floor._step(theirs)[0], OrderSubmitted)

        floor.run(market(), floor.now_ns + 60 * SECOND_NS)
        denied = [event for event in floor.events if isinstance(event, OrderDenied)]
        assert {event.reason for event in denied} == {"REDUCE_ONLY_WOULD_INCREASE"}
        assert 2 <= len(denied) <= 10, "once in two seconds"

    def test_it_stays_out_of_a_quiet_market(self):
        floor = Floor(BTC, Momentum(MomentumParameters(instrument=BTC.instrument)))
        floor.run(self.trend(floor, 0), floor.now_ns + 60 * SECOND_NS)
        assert floor.events == []

    def test_a_move_across_a_gap_is_none(self):
        floor = Floor(BTC, Momentum(MomentumParameters(instrument=BTC.instrument)))
        events = self.trend(floor, 0)
        jumped = [
            BookUpdate(e.instrument, e.time_ns, ((600_500, 5),), ((600_504 + n % 2, 5),), snapshot=True)
            for n, e in enumerate(events[75:])
        ]
        gap = BookInvalid(BTC.instrument, events[74].time_ns, "gap")
        floor.run([*events[:74], gap, *jumped], floor.now_ns + 60 * SECOND_NS)
        assert not [event for event in floor.events if isinstance(event, OrderFilled)]

    def test_on_the_synthetic_market_it_ends_flat_or_small(self):
        for seed in range(3):
            parameters = MomentumParameters(instrument=BTC.instrument)
            floor = Floor(BTC, Momentum(parameters))
            market = SyntheticMarket([(BTC, CHARACTER)], seed=seed, start_ns=floor.now_ns)
            floor.run(market, floor.now_ns + 30 * SECOND_NS)
            assert not floor.runner.failed
            assert floor.fills
            assert abs(floor.runner.position(BTC.instrument).lots) <= parameters.quantity_lots
