"""One life of the gateway's process: the real wiring on simulated time, from recovery to a stop or a death."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from meltica.app.bootstrap import Bootstrap
from meltica.app.clock import SteadyClock
from meltica.app.execution_keeper import executing
from meltica.app.gates import watched
from meltica.app.gateway import LiveGateway
from meltica.app.hot.gates import hot_gates
from meltica.app.kill_latch import KillLatch
from meltica.app.ledger_keeper import keeping
from meltica.app.measured_gate import MeasuredGate
from meltica.app.reconciler import Reconciler
from meltica.app.recovery import doubt_unanswered, recover
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.app.strategy_kinds import build
from meltica.app.trading_day import end_days
from meltica.app.valuation import value_positions
from meltica.domain.commands import Command, SetLimits
from meltica.domain.limits import key_of
from meltica.domain.market import MarketEvent
from meltica.domain.ports import Answer, VenueCommand, VenueSession
from meltica.hot.ports import RiskGate
from meltica.journal.errors import JournalFailedError
from meltica.journal.reader import SqliteReader
from meltica.journal.store import SqliteStore
from meltica.links.frames import GateShape
from meltica.venues.paper.lossy import MILLION, Faults, LossySession
from sim.world.disk import SteppedWriter, Store
from sim.world.gate import FarGate, FarGateKeeper
from sim.world.hot_link import WorldGates, WorldLink
from sim.world.line import Line
from sim.world.loop import VirtualLoop
from sim.world.network import HORIZON_NS

if TYPE_CHECKING:
    from meltica.venues.paper.session import PaperSession
    from sim.world.exchange import Exchange
    from sim.world.world import World

SHAPE: Final = GateShape(max_instruments=GATE_INSTRUMENTS, max_accounts=GATE_ACCOUNTS)
DRAIN_S: Final = 2.0
POLL_S: Final = 0.2
"""Until a statement that has come is taken: what it says is a little old by then."""
LAST_TURNS: Final = 100
"""In which the tasks of a dead process see that they are cancelled."""


class LossyLine(LossySession):
    """Tells the oracle what leaves."""

    def __init__(self, line: Line, faults: Faults, leaves: Callable[[VenueCommand], None]) -> None:
        super().__init__(line, faults)
        self._line, self._leaves = line, leaves

    def send(self, command: VenueCommand, now_ns: int) -> None:
        if not self._line.dead:
            self._leaves(command)
            super().send(command, now_ns)


def _nobody(command: VenueCommand) -> None: ...


class Life:
    """``alive`` until it is stopped, killed or fails; ``ready`` once it takes commands."""

    gateway_kind: type[LiveGateway] = LiveGateway
    writer_kind: type[SteppedWriter] = SteppedWriter
    gate_kind: type[FarGate] = FarGate
    line_kind: type[Line] = Line
    lossy_kind: type[LossyLine] = LossyLine
    gates_kind: type[WorldGates] = WorldGates
    link_kind: type[WorldLink] = WorldLink
    """Tests put faulty ones here, to see that they are found."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number
        self.loop = VirtualLoop(world.clock, world.idle)
        self.loop.set_exception_handler(self._unhandled)
        self.alive = True
        self.ready = False
        self.why = ""
        """How it ended."""
        self.failures: list[BaseException] = []
        self.frozen_ns = 0
        """It stands still until then."""
        self.frozen_from_ns = 0
        self.link_frozen_ns = 0
        """The thread of the control link does as well."""
        self.lines: dict[str, Line] = {}
        self.venues: list[VenueSession] = []
        """The ways to the venues, as the gateway has them."""
        self.gateway: LiveGateway = cast("LiveGateway", None)
        self._bootstrap: Bootstrap | None = None
        self._writer: SteppedWriter | None = None
        self._stores: list[SqliteStore] = []
        self._stop = asyncio.Event()

    # What the world does to it

    def run(self) -> None:
        """Until ``world.idle`` raises."""
        self.spawn(self._main())
        self.loop.run_forever()

    def go_on(self) -> None:
        self.loop.run_forever()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.create_task(work).add_done_callback(self._done)

    def market(self, event: MarketEvent) -> None:
        if self.ready and self.alive:
            self.loop.call_soon(self._on_market, event)

    def _on_market(self, event: MarketEvent) -> None:
        if self.alive and self._bootstrap is not None:
            self._bootstrap.look(event)
            self.gateway.on_market(event)

    async def execute(self, command: Command) -> Answer:
        return await self.gateway.execute(command)

    def stop(self) -> None:
        self._stop.set()

    def die(self, why: str) -> None:
        """Nothing that it does from now on is seen by anybody."""
        if self.alive:
            self.alive = self.ready = False
            self.why = why
            for line in self.lines.values():
                line.die()
            if self._writer is not None:
                self._writer.die()

    def bury(self) -> None:
        """Let its tasks end without time passing, and its files go."""
        self.die("buried")
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        for _ in range(LAST_TURNS):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        if left := asyncio.all_tasks(self.loop):
            raise RuntimeError(f"these hold the journal open: {left}")
        for store in self._stores:
            store.abandon()
        self.loop.close()

    # What it does

    async def _main(self) -> None:
        world = self.world
        async with contextlib.AsyncExitStack() as running:
            gateway = await running.enter_async_context(self._opened())
            journal, folder = world.disk.journal, world.disk.folder
            books = await running.enter_async_context(keeping(gateway, journal, folder))
            executions = await running.enter_async_context(executing(gateway, journal, folder))
            self._wire(gateway)
            every_s = world.settings.reconcile_every_s
            reconciler = Reconciler(gateway, self.venues, every_s=every_s, booked=books.custody, poll_s=POLL_S)
            gateway.keep(reconciler)
            gateway.keep(world.oracle)
            await reconciler.start()
            self._start_strategies(gateway)
            gateway.open()
            self.ready = True
            world.oracle.started(self)
            first = next(iter(self.lines.values()))
            await running.enter_async_context(hot_gates(gateway, world.settings, partial(self.gates_kind, life=self)))
            tasks = [
                self.loop.create_task(work)
                for work in (
                    end_days(gateway, cast("PaperSession", first), 0),
                    value_positions(gateway),
                    reconciler.run(),
                    executions.keep_up(gateway),
                )
            ]
            for task in tasks:
                task.add_done_callback(self._done)
            await self._stop.wait()
            self.ready = False
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._drain(gateway)
            for line in self.lines.values():
                line.die()  # Before the journal: nothing may come in that it does not take any more.
        self.die("stopped in good order")

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[LiveGateway]:
        """Journal, gate, recovered engine, as ``meltica.app.run`` opens them."""
        world = self.world
        store = SqliteStore(world.disk.journal, checkpoint_commits=100, checkpoint_bytes=256 << 10)
        self._stores.append(store)
        with SqliteReader(world.disk.journal) as source:
            keeper = FarGateKeeper(self.gate_kind(SHAPE, lambda: world.gate_is_there))
            raw = cast("FarGate", keeper.gate)
            with raw.recovering():
                engine = recover(source, cast("RiskGate", raw))
            world.oracle.recovered(engine, source)
            if world.gate_is_there:
                raw.reconnect()
            gate = MeasuredGate(cast("RiskGate", raw), "process")
            engine.use_gate(cast("RiskGate", gate))
            writer = self.writer_kind(
                Store(store, world.disk),
                self.fail,
                self._on_durable,
                disk=world.disk,
                loop=self.loop,
            )
            self._writer = writer
            async with writer:
                not_before_ns = engine.state.tables.time_ns
                self.gateway = self.gateway_kind(
                    engine,
                    gate=gate,
                    writer=writer,
                    source=source,
                    latch=KillLatch(world.disk.folder / "kill"),
                    clock=SteadyClock(
                        not_before_ns, wall_ns=world.clock.wall_ns, monotonic_ns=world.clock.monotonic_ns
                    ),
                    fail=self.fail,
                    snapshot_every=world.snapshot_every,
                )
                async with watched(keeper, self.gateway):
                    yield self.gateway
                self.gateway.rest()
                if writer.failure is None and self.alive:
                    await self.gateway.save_snapshot()
                source.close()

    def _on_durable(self, sequence: int) -> None:
        self.gateway.on_durable(sequence)

    def _wire(self, gateway: LiveGateway) -> None:
        world = self.world
        doubt_unanswered(gateway)
        gateway.restore_kill_latch()
        self._bootstrap = Bootstrap(gateway, world.settings)
        for capabilities in world.capabilities:
            self._bootstrap.describe(capabilities)
        self._bootstrap.set_policy()
        self._bootstrap.register(world.instruments)
        for limits in world.limits:
            if key_of(limits) not in gateway.state.tables.limits:
                request_id = f"world-{key_of(limits)}"
                gateway.take(SetLimits(request_id=request_id, actor="system:settings", limits=limits, revision=0))
        for exchange in world.exchanges:
            dice = random.Random(f"{world.seed}|line|{exchange.venue}|{self.number}")
            line = self.line_kind(exchange, gateway, self.loop, world.clock, dice, world.oracle.leaves)
            self.lines[exchange.venue] = line
            self.venues.append(self._way(line, exchange))
            gateway.add_venue(self.venues[-1])

    def _way(self, line: Line, exchange: Exchange) -> VenueSession:
        """The session itself; to a venue that tells nothing again behind a lossy line, where there are such faults."""
        ppm = round(self.world.faults.lossy * MILLION)
        if exchange.tells_again or not ppm:
            return line
        line.is_asked = True
        line.leaves = _nobody  # It left when it was given to the lossy one, which may take its time.
        return self.lossy_kind(
            line,
            Faults(
                seed=self.world.seed * MILLION + self.number,
                lost_ppm=ppm,
                unanswered_ppm=ppm,
                late_ppm=ppm,
                lost_fills_ppm=ppm,
                horizon_ns=HORIZON_NS,
            ),
            self.world.oracle.leaves,
        )

    def _start_strategies(self, gateway: LiveGateway) -> None:
        known = gateway.state.tables.instruments
        gateway.open()
        for wanted in self.world.settings.strategies:
            gateway.add_strategy(build(wanted, known, gateway.state.tables.sequence))
        gateway.close("the gateway is starting")

    async def _drain(self, gateway: LiveGateway) -> None:
        gateway.close("the gateway is shutting down")
        gateway.stop_strategies()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gateway.strategies_done(), DRAIN_S)
        await gateway.settled()

    # What goes wrong in it

    def fail(self, error: BaseException) -> None:
        if self.alive:  # What the dead stumble over is nobody's concern.
            self.failures.append(error)
            self.die("it failed")

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG002
        if self.alive:
            self.fail(context.get("exception") or RuntimeError(context["message"]))

    def _done(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and self.alive:
            self.fail(error)

    @property
    def fault(self) -> BaseException | None:
        """What it failed of, unless that was the disk's, which the world had asked for."""
        for error in self.failures:
            cause = error.cause if isinstance(error, JournalFailedError) else error
            if not (isinstance(cause, OSError) and cause.errno == errno.EIO):
                return cause
        return None
