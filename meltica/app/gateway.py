"""The live driver around the engine: step, journal, and only then act.

One input is one step, one journal entry, and a set of effects that wait in the outbox until that entry is durable. The
one exception is engaging the kill switch: its effects go first. Everything here runs on one event loop; the only other
thread is the journal's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from typing import NamedTuple

import msgspec

from meltica.app.board import MarketBoard
from meltica.app.clock import SteadyClock
from meltica.app.journal_view import JournalView
from meltica.app.judged import instruments_of
from meltica.app.kill_latch import KillLatch
from meltica.app.market_facts import fact_of
from meltica.app.measured_gate import MeasuredGate
from meltica.app.sending import Sender
from meltica.app.settings import Settings
from meltica.app.sights import Sights
from meltica.app.snapshots import Snapshots
from meltica.app.watcher import Keeper, Watcher
from meltica.domain.algo_commands import AlgoCommand
from meltica.domain.cash import is_outdated
from meltica.domain.commands import (
    AmendOrder,
    BeginDay,
    CancelAllOrders,
    CancelOrder,
    CancelOrders,
    Command,
    EngageKillSwitch,
    GateState,
    ReportGate,
    Revalue,
    SeeMarket,
    SubmitOrder,
    SubmitOrderList,
    Wake,
    asks_the_same,
)
from meltica.domain.errors import GateUnreachableError, InvariantError, NotAcceptingError, RequestReusedError
from meltica.domain.events import Event, KillSwitchReleased
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.market import (
    Mark,
    MarketEvent,
    TopOfBook,
    TradingStatus,
)
from meltica.domain.order_events import CancelRequested, OrderReleased, OrderSubmitted, ReplaceRequested
from meltica.domain.outcomes import QueryRequested
from meltica.domain.ports import (
    Answer,
    Book,
    GateStatus,
    VenueSession,
)
from meltica.domain.reports import VenueReport
from meltica.domain.statements import VenueStatement
from meltica.engine.engine import Engine
from meltica.engine.risk.kill_switch import exists
from meltica.hot.ports import RiskGate
from meltica.journal.errors import JournalFailedError
from meltica.journal.port import JournalSource
from meltica.journal.reader import read_one
from meltica.journal.writer import GroupCommitWriter
from meltica.strategies.runner import StrategyRunner

LOG = logging.getLogger("meltica.gateway")

Body = Command | VenueReport | VenueStatement | TradingStatus


class Waiting(NamedTuple):
    """A journal entry whose effects wait for it to be durable."""

    sequence: int
    time_ns: int
    record: Record


class LiveGateway(JournalView):
    """Implements ``domain.ports.Gateway``. ``fail`` is called once when the process must stop."""

    def __init__(
        self,
        engine: Engine,
        *,
        gate: MeasuredGate,
        writer: GroupCommitWriter,
        source: JournalSource,
        latch: KillLatch,
        clock: SteadyClock,
        fail: Callable[[BaseException], None],
        snapshot_every: int = Settings().snapshot_every,
    ) -> None:
        self.state = engine.state
        self.board = MarketBoard()
        self.clock = clock
        self._sights = Sights(self.board, engine.state, clock.now_ns)
        self._engine = engine
        self._gate = gate
        self._writer = writer
        self._source = source
        self._latch = latch
        self._fail = fail
        self._venues: list[VenueSession] = []
        self._strategies: list[StrategyRunner] = []
        self._watchers: list[Watcher] = []
        self._keepers: list[Keeper] = []
        self._stopped: set[str] = set()
        """Strategies whose failure was told."""
        self._outbox: deque[Waiting] = deque()
        self._sender = Sender(engine.state, self._sights, clock.now_ns, self.take)
        self._closed = "the gateway is starting"
        self._failed = False
        """A step broke off: the engine may be ahead of its journal, so it is neither asked nor stored any more."""
        self._timer: asyncio.TimerHandle | None = None
        self._resting = False
        self._committed = asyncio.Event()
        self._last: tuple[int, tuple[Event, ...]] = (0, ())
        self._snapshots = Snapshots(engine, writer, snapshot_every)

    # Wiring

    def add_venue(self, venue: VenueSession) -> None:
        self._venues.append(venue)
        self._sender.add(venue)

    def add_strategy(self, runner: StrategyRunner) -> None:
        """Start it with what it had: its working orders, its positions, the kill switch."""
        self._strategies.append(runner)
        now_ns, kills = self.clock.now_ns(), self.state.tables.kill_switches.values()
        mine = [order for order in self.state.open_orders() if order.strategy == runner.name]
        positions = self.state.strategy_positions(runner.name, runner.account)
        algos = [found for order in mine if (found := self.state.algo(order.order_id, now_ns)) is not None]
        commands = runner.start(now_ns, orders=mine, positions=positions, kill_switches=kills, algos=algos)
        self._ordered(runner, commands)

    def restore_kill_latch(self) -> None:
        """Engage again what a crash between acting and journaling left behind. Before anything is sent."""
        epoch = self.state.tables.sequence
        for number, latched in enumerate(self._latch.engaged()):
            switch = self.state.tables.kill_switches.get(latched.switch)
            if switch is None or not switch.engaged:
                of_account = "/" not in latched.switch
                self.take(
                    EngageKillSwitch(
                        request_id=f"kill-latch-{epoch}-{number}",
                        actor="system:kill-latch",
                        reason=f"latched before the restart by {latched.actor}: {latched.reason}",
                        account=latched.switch if of_account else "",
                        target="" if of_account else latched.switch,
                    )
                )

    async def strategies_done(self) -> None:
        """Returns when no strategy has an order that may still be filled."""
        names = {runner.name for runner in self._strategies}
        while any(order.strategy in names for order in self.state.working_orders()):
            await self._committed.wait()

    def stop_strategies(self) -> None:
        for runner in self._strategies:
            self._ordered(runner, runner.stop(self.clock.now_ns()))

    def open(self) -> None:
        """Begin to take commands, and to let go what waits for its moment."""
        self._closed = ""
        self._arm_timer()

    def close(self, why: str) -> None:
        """Take no more commands but cancels and the kill switch."""
        self._closed = why

    @property
    def accepting(self) -> bool:
        return not self._closed

    def rest(self) -> None:
        """Wake up no more: what a venue owes from here on is heard in the next life. Then the journal may close."""
        self._resting = True
        self._arm_timer()

    def watch(self, watcher: Watcher) -> None:
        """Told what happens, in order, beside the venues and the strategies."""
        self._watchers.append(watcher)

    def keep(self, keeper: Keeper) -> None:
        """Told each record once it is durable, in order."""
        self._keepers.append(keeper)

    def own_gate(self) -> RiskGate:
        return self._engine.gate

    def settle_soon(self) -> None:
        """Watchers are told how far the journal is durable although nothing new may come."""
        durable = self._writer.durable_seq
        for watcher in self._watchers:
            watcher.durable(durable)

    # Inputs

    async def execute(self, command: Command) -> Answer:
        if (sequence := self.state.tables.requests.get(command.request_id)) is not None:
            return await self._answered_before(sequence, command)
        self._refuse_unless_open(command)
        try:
            sequence = self.take(command)
            now_ns, events = self._last
            await self._writer.durable(sequence)
        except JournalFailedError as error:
            raise NotAcceptingError("the journal's disk failed; it may have been carried out") from error
        return Answer(sequence, now_ns, events)

    def _refuse_unless_open(self, command: Command) -> None:
        if isinstance(command, CancelOrder | CancelAllOrders | CancelOrders | EngageKillSwitch):
            return
        if self._closed:
            raise NotAcceptingError(self._closed)
        if not self._writer.has_room:
            raise NotAcceptingError("the journal's disk is behind; try again in a moment")

    async def _answered_before(self, sequence: int, command: Command) -> Answer:
        await self._writer.durable(sequence)
        entry = read_one(self._source, sequence)
        if entry is None:
            raise InvariantError(f"journal entry {sequence} answered {command.request_id} but is not there")
        record = decode_record(entry.payload)
        if not asks_the_same(command, record.input.body):
            raise RequestReusedError(f"request_id {command.request_id} was used before for a different command")
        return Answer(sequence, entry.time_ns, record.events)

    def take(self, body: Body) -> int:
        """Step and journal; effects follow when it is durable. The journal entry's number.

        Any error in here but an unreachable gate leaves the engine ahead of its journal, so it ends the process.
        """
        if isinstance(body, EngageKillSwitch) and exists(self.state.tables, body.switch):
            # The engine refuses to stop what it does not know: then nothing may be latched either.
            for watcher in self._watchers:
                watcher.engaging(body)
            self._latch.engage(body.switch, body.reason, body.actor)
        if self._failed:
            raise NotAcceptingError("the gateway has failed and is stopping")
        if not isinstance(body, Wake | EngageKillSwitch | ReportGate):
            self._wake_if_due()  # What the clock brings is no part of the answer to anybody.
        try:
            sequence, now_ns, events = self._step_without_gate_if_lost(body)
        except BaseException as error:
            self._failed = True
            self._fail(error)
            raise
        self._last = (now_ns, events)
        return sequence

    def _step_without_gate_if_lost(self, body: Body) -> tuple[int, int, tuple[Event, ...]]:
        happened = Input(self.clock.now_ns(), body, self._marks_for(body))
        try:
            return self._step(happened)
        except GateUnreachableError as error:
            lost = ReportGate(request_id="", actor="system:gateway", state=GateState.LOST, reason=str(error))
            self._step(Input(happened.time_ns, lost, happened.marks))  # The engine has seen these prices.
            return self._step(Input(self.clock.now_ns(), body, self._marks_for(body)))

    def _step(self, happened: Input) -> tuple[int, int, tuple[Event, ...]]:
        body, now_ns = happened.body, happened.time_ns
        events = self._engine.step(happened)
        if isinstance(body, EngageKillSwitch):
            self._sender.cancel_first(events)
            self._arm_timer()
        record = self._sights.record(happened, events)
        sequence = self._writer.append(encode_record(record), now_ns)
        if sequence != self.state.tables.sequence:
            raise InvariantError(f"the journal is at {sequence}, the engine at {self.state.tables.sequence}")
        self._outbox.append(Waiting(sequence, now_ns, record))
        self._sender.stepped(events)
        self._snapshots.stepped(sequence)
        return sequence, now_ns, events

    def _marks_for(self, body: Body) -> tuple[Mark, ...]:
        """The prices that the gate may judge this by, and orders whose moment has come; journaled with it."""
        marks = self._marks_of(body)
        if (due_ns := self.state.next_due_ns()) is None or due_ns > (now_ns := self.clock.now_ns()):
            return marks
        there = {mark.instrument for mark in marks}
        due = (self.board.mark(name) for name in sorted(self.state.due_instruments(now_ns) - there))
        return (*marks, *(mark for mark in due if mark is not None))

    def _marks_of(self, body: Body) -> tuple[Mark, ...]:
        """Most reports are judged by none, and cancels neither."""
        if isinstance(body, Revalue):
            return tuple(self._moved())
        found = (self.board.mark(name) for name in instruments_of(body, self.state))
        return tuple(mark for mark in found if mark is not None)

    def on_market(self, event: MarketEvent) -> None:
        """One market event: board, trading status, venues, strategies, in this order; from now on it is as of now."""
        if self._failed:
            return
        now_ns = self.clock.now_ns()
        event = msgspec.structs.replace(event, time_ns=now_ns)
        self.board.take(event, now_ns)
        if (fact := fact_of(event, self.state.tables)) is not None:
            self.take(fact)
        self._show(event.instrument)
        for venue in self._venues:
            self._take_all(venue.receive(event, now_ns))
        for runner in self._strategies:
            self._ordered(runner, runner.on_market(event))
        self._arm_timer()

    def _show(self, instrument: str) -> None:
        """Most market data says nothing to the engine: it sees what an order of its own waits for."""
        if not self.state.held and not self.state.watch:
            return
        quote = self.board.quote(instrument)
        if quote is not None and self.state.watched(quote, self.clock.now_ns()):
            self.take(SeeMarket(request_id="", actor="system:market", quote=quote))

    def revalue(self) -> None:
        """Value what is held at the newest prices, if any has changed."""
        if next(iter(self._moved()), None) is not None:
            self.take(Revalue(request_id="", actor="system:valuation"))

    def _moved(self) -> Iterator[Mark]:
        """Marks that the engine has not seen, of what is held."""
        tables = self.state.tables
        for mark in filter(None, map(self.board.mark, self.state.worth.held())):
            if mark.price_ticks != tables.prices.get(mark.instrument) and not is_outdated(tables.accounting, mark):
                yield mark

    def begin_day(self) -> None:
        """A new trading day, unless the gateway has failed."""
        if not self._failed:
            self.take(BeginDay(request_id="", actor="system:trading-day"))

    def reported(self, reports: Iterable[VenueReport]) -> None:
        """What a venue said outside of the market's course: at the start, at the end of its day."""
        self._take_all(reports)
        self._arm_timer()

    def _take_all(self, reports: Iterable[VenueReport]) -> None:
        for report in reports:
            self.take(report)

    def _ordered(self, runner: StrategyRunner, commands: Iterable[Command]) -> None:
        """A strategy's intents. What was asked for while the gateway closes is not sent, but for cancels."""
        if runner.failed and runner.name not in self._stopped:
            self._stopped.add(runner.name)
            LOG.error("strategy %s is stopped, its orders are cancelled: %s", runner.name, runner.failed)
        for command in commands:
            if self.accepting or isinstance(command, CancelOrder | CancelAllOrders):
                self.take(command)

    def _arm_timer(self) -> None:
        """One timer for the earliest moment that a venue or a strategy waits for."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._resting:
            return
        asked = [venue.next_deadline_ns() for venue in self._venues]
        asked += [runner.next_timer_ns() for runner in self._strategies]
        asked.append(self.state.next_due_ns() if self.accepting else None)
        deadlines = [at for at in asked if at is not None]
        if deadlines:
            wait_s = max(min(deadlines) - self.clock.now_ns(), 0) / 1e9
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._due)

    def _wake_if_due(self) -> None:
        due_ns = self.state.next_due_ns() if self.accepting else None
        if due_ns is not None and due_ns <= self.clock.now_ns():
            self.take(Wake(request_id="", actor="system:clock"))

    def _due(self) -> None:
        self._timer = None
        if self._failed:
            return
        self._wake_if_due()
        for venue in self._venues:
            self._take_all(venue.due(self.clock.now_ns()))
        for runner in self._strategies:
            self._ordered(runner, runner.on_timer(self.clock.now_ns()))
        self._arm_timer()

    # Effects

    def on_durable(self, sequence: int) -> None:
        """The journal is safe up to here: act on what it says."""
        self._sender.durable_ns = self.clock.now_ns()
        while not self._failed and self._outbox and self._outbox[0].sequence <= sequence:
            self._act(self._outbox.popleft())
        for watcher in self._watchers:
            watcher.durable(sequence)
        self._arm_timer()
        committed, self._committed = self._committed, asyncio.Event()
        committed.set()

    def _act(self, entry: Waiting) -> None:
        body, events = entry.record.input.body, entry.record.events
        for event in events:
            match event:
                case OrderReleased() | OrderSubmitted() | ReplaceRequested() | CancelRequested() | QueryRequested():
                    self._sender.act_on(event)
                case KillSwitchReleased() if not self.state.tables.kill_switches[event.switch].engaged:
                    self._latch.release(event.switch)  # Engaged again meanwhile: then the file is that one's
        self._tell(entry)
        actor = getattr(body, "actor", "")
        for runner in self._strategies:
            if actor == f"strategy:{runner.name}" and isinstance(
                body, SubmitOrder | SubmitOrderList | AmendOrder | CancelOrder | CancelAllOrders | AlgoCommand
            ):
                self._ordered(runner, runner.on_answer(entry.time_ns, body, events))
            else:
                self._ordered(runner, runner.on_events(entry.time_ns, events))

    def _tell(self, entry: Waiting) -> None:
        for watcher in self._watchers:
            watcher.happened(entry.record.events)
        for keeper in self._keepers:
            keeper.take(entry.sequence, entry.time_ns, entry.record)
        for name in self.state.watch.look(again=isinstance(entry.record.input.body, ReportGate)):
            self._show(name)

    async def save_snapshot(self) -> None:
        """The state as it is now, durable on return. Not after a failure: recovery must start from what is whole."""
        if not self._failed:
            await self._snapshots.save()

    # What others read

    def mark(self, instrument: str) -> Mark | None:
        return self.board.mark(instrument)

    def book(self, instrument: str, depth: int) -> Book | None:
        return self.board.book(instrument, depth)

    def market(self, instruments: Collection[str]) -> AsyncIterator[TopOfBook]:
        return self.board.changes(instruments)

    def gate_status(self) -> GateStatus:
        found = [watcher.status() for watcher in self._watchers]
        return msgspec.structs.replace(self._gate.status(), hot_gates=tuple(gate for each in found for gate in each))
