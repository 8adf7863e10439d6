"""A whole floor in one object: market, strategy, the real engine and gate, the paper venue. Simulated time only."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from meltica.domain.commands import Command
from meltica.domain.events import Event
from meltica.domain.inputs import Input
from meltica.domain.instrument import Instrument
from meltica.domain.level_book import LevelBook
from meltica.domain.limits import SelfMatch
from meltica.domain.market import BookUpdate, Mark, MarketEvent
from meltica.domain.order_events import CancelRequested, OrderFilled, OrderSubmitted, ReplaceRequested
from meltica.strategies.runner import StrategyRunner
from meltica.strategies.sdk import Strategy
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.session import PaperSession
from tests.engines import TestBench

SECOND_NS = 1_000_000_000
LATENCY = Latency(entry_ns=2_000_000, response_ns=1_000_000)


class Floor:
    """Drive it with ``run``; look at ``fills``, ``events``, ``profit_nanos`` and the parts afterwards."""

    def __init__(self, instrument: Instrument, strategy: Strategy[Any], *, latency: Latency = LATENCY) -> None:
        self.instrument = instrument
        self.bench = TestBench("cython")
        self.bench.open_up(instrument, "desk", strategies=("tested",), self_match=SelfMatch.CANCEL_OLDEST)
        self.venue = PaperSession(instrument.venue, [instrument], epoch=1, latency=latency)
        self.book = LevelBook()
        self.runner = StrategyRunner(
            strategy, {instrument.instrument: instrument}, name="tested", account="desk", epoch=1
        )
        self.events: list[Event] = []
        self.now_ns = self.bench.now_ns

    @property
    def fills(self) -> list[OrderFilled]:
        return [event for event in self.events if isinstance(event, OrderFilled)]

    def run(self, market: Iterable[MarketEvent], until_ns: int) -> None:
        """Until the market's time; ends with the strategy stopped and what it cancels cancelled."""
        self._execute(self.runner.start(self.now_ns))
        for event in itertools.takewhile(lambda event: event.time_ns <= until_ns, market):
            self._catch_up(event.time_ns)
            self.now_ns = event.time_ns
            if isinstance(event, BookUpdate):
                self.book.apply(event)
            self._reports(self.venue.receive(event, event.time_ns))
            self._execute(self.runner.on_market(event))
        self._execute(self.runner.stop(self.now_ns))
        self._catch_up(self.now_ns + SECOND_NS)

    def profit_nanos(self) -> int:
        """What the strategy made, fees paid, with what it holds valued at the mid."""
        bid, ask = self.book.bids.best, self.book.asks.best
        assert bid is not None
        assert ask is not None
        position = self.runner.position(self.instrument.instrument)
        unrealised = position.unrealised_nanos((bid + ask) // 2, self.instrument.value_per_tick_lot_nanos)
        return position.realised_nanos + unrealised - position.fees_nanos

    def _catch_up(self, time_ns: int) -> None:
        while (deadline := self.venue.next_deadline_ns()) is not None and deadline <= time_ns:
            self.now_ns = max(self.now_ns, deadline)
            self._reports(self.venue.due(self.now_ns))

    def _reports(self, reports: Iterable[Any]) -> None:
        for report in reports:
            events = self._step(report)
            self._execute(self.runner.on_events(self.now_ns, events))

    def _execute(self, commands: Iterable[Command]) -> None:
        waiting = list(commands)
        while waiting:
            command = waiting.pop(0)
            waiting += self.runner.on_answer(self.now_ns, command, self._step(command))

    def _step(self, body: Any) -> tuple[Event, ...]:
        self.bench.now_ns = max(self.bench.now_ns, self.now_ns)
        marks: tuple[Mark, ...] = ()
        if self.book.bids.best is not None and self.book.asks.best is not None:
            middle = (self.book.bids.best + self.book.asks.best) // 2
            marks = (Mark(self.instrument.instrument, self.bench.now_ns, middle),)
        events = self.bench.engine.step(Input(self.bench.now_ns, body, marks))
        self.events.extend(events)
        for event in events:
            if isinstance(event, OrderSubmitted | CancelRequested | ReplaceRequested):
                self.venue.send(event, self.now_ns)
        return events
