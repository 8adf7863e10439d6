"""A floor with a clock for the engine's alarms and a count of what trades: parent orders go out by themselves."""

from __future__ import annotations

from typing import Any

from meltica import hot
from meltica.domain.commands import SeeMarket, Wake
from meltica.domain.events import Event
from meltica.domain.inputs import Input
from meltica.domain.market import Mark, MarketEvent, MarketTrade, Quote
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.engine.engine import Engine
from tests.engines import MAX_ACCOUNTS, MAX_INSTRUMENTS
from tests.unit.strategies.floor import Floor


class AlgoFloor(Floor):
    """``inputs``: all that the engine was given, for another one."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.inputs: list[Input] = []
        self.traded_lots = 0

    def see(self, event: MarketEvent) -> None:
        """One market event, as ``run`` has many; then whatever is due by then."""
        self._catch_up(event.time_ns)
        self.now_ns = event.time_ns
        if isinstance(event, MarketTrade):
            self.traded_lots += event.quantity_lots
        else:
            self.book.apply(event)  # type: ignore[arg-type]
        self._reports(self.venue.receive(event, event.time_ns))
        self._execute(self.runner.on_market(event))
        self._look()
        self._catch_up(event.time_ns)

    def replayed(self) -> list[Event]:
        """What another engine says to the same inputs."""
        module = hot.load("python")
        gate = module.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        engine = Engine(gate, max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS, intent=module.OrderIntent)
        for happened, events in self.bench.history:
            assert engine.step(happened) == events
        return [event for happened in self.inputs for event in engine.step(happened)]

    def _look(self) -> None:
        quote = self._quote()
        if quote is not None and self.bench.engine.state.watched(quote):
            self._heard(SeeMarket(request_id="", actor="system:market", quote=quote))

    def _quote(self) -> Quote | None:
        bids, asks = self.book.bids.top(1), self.book.asks.top(1)
        if not bids or not asks:
            return None
        name, middle = self.instrument.instrument, (bids[0][0] + asks[0][0]) // 2
        return Quote(name, self.now_ns, bids[0], asks[0], middle, traded_lots=self.traded_lots)

    def _catch_up(self, time_ns: int) -> None:
        """Venue, alarms and timers in the order of their moments."""
        while True:
            due = [self.venue.next_deadline_ns(), self.bench.engine.state.next_due_ns()]
            first = min((at for at in due if at is not None), default=None)
            if first is None or first > time_ns:
                return
            self.now_ns = max(self.now_ns, first)
            if first == due[1]:
                self._heard(Wake(request_id="", actor="system:clock"))
            else:
                self._reports(self.venue.due(self.now_ns))

    def _heard(self, body: Any) -> None:
        self._execute(self.runner.on_events(self.now_ns, self._step(body)))

    def _step(self, body: Any) -> tuple[Event, ...]:
        self.bench.now_ns = max(self.bench.now_ns, self.now_ns)
        quote = self._quote()
        name = self.instrument.instrument
        marks = () if quote is None else (Mark(name, self.bench.now_ns, quote.last_ticks or 0, quote.bid, quote.ask),)
        happened = Input(self.bench.now_ns, body, marks)
        self.inputs.append(happened)
        events = self.bench.engine.step(happened)
        self.events.extend(events)
        for event in events:
            if isinstance(event, OrderSubmitted | CancelRequested | ReplaceRequested):
                self.venue.send(event, self.now_ns)
        return events
