"""Everything meets here: journal, engine, gate, venue, market, strategies, control plane; start, run, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from meltica import hot
from meltica.app.bootstrap import MILLISECOND_NS, Bootstrap
from meltica.app.clock import SteadyClock
from meltica.app.execution_keeper import executing
from meltica.app.feed.sources import MarketSource, open_market
from meltica.app.fired_log import FiredLog
from meltica.app.gates import CardKeeper, GateKeeper, RemoteGateKeeper, local_gate, watched
from meltica.app.gateway import LiveGateway
from meltica.app.hot.gates import hot_gates
from meltica.app.kill_latch import KillLatch
from meltica.app.ledger_keeper import LedgerKeeper, keeping
from meltica.app.measured_gate import MeasuredGate
from meltica.app.paper_money import PaperMoney
from meltica.app.process import private_folder
from meltica.app.pump import pump
from meltica.app.reconciler import Reconciler
from meltica.app.recovery import doubt_unanswered, recover
from meltica.app.settings import FaultSettings, HotGateSettings, Settings
from meltica.app.strategy_kinds import build, strategy_of
from meltica.app.trading_day import end_days, parse_time_of_day
from meltica.app.valuation import value_positions
from meltica.control.authority import ensure_authority
from meltica.control.credentials import CertificateFiles
from meltica.control.health import RECONCILED
from meltica.control.policy import PolicyFile
from meltica.control.server import ControlServer
from meltica.domain.errors import MelticaError
from meltica.domain.order import Order
from meltica.domain.ports import VenueSession
from meltica.engine.engine import Engine
from meltica.hot.ports import RiskGate
from meltica.journal.reader import SqliteReader
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter
from meltica.venues.paper.capabilities import capabilities
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.lossy import Faults, LossySession
from meltica.venues.paper.session import PaperSession
from meltica.venues.paper.stating import StatingPaperSession

LOG = logging.getLogger("meltica.run")

DRAIN_S = 2.0
"""How long a stop waits for the venue to confirm the strategies' cancels, and for calls under way."""


class GatewayFailedError(MelticaError):
    """The gateway stopped itself rather than go on; the message says why. What was durable is safe."""


async def run(settings: Settings, ready: Callable[[str], None]) -> None:
    """Runs until SIGTERM or SIGINT. ``ready`` is told the address once commands are taken.

    :raises GatewayFailedError: a failure of the journal, or a bug; nothing more was written or sent.
    """
    check_settings(settings)
    stop = asyncio.Event()
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    private_folder(settings.state_folder)
    async with contextlib.AsyncExitStack() as running:
        gateway = await running.enter_async_context(_gateway(settings, fail))
        source = open_market(
            Path(settings.market.data) if settings.market.data else None,
            seed=settings.market.seed,
            instruments=settings.market.instruments,
            start_ns=gateway.clock.now_ns(),
        )
        books = await running.enter_async_context(keeping(gateway, settings.journal, settings.state_folder))
        executions = await running.enter_async_context(executing(gateway, settings.journal, settings.state_folder))
        day_ends_ns = parse_time_of_day("paper.day_ends", settings.paper.day_ends)
        epoch = gateway.state.tables.sequence
        bootstrap, venue, line = _wire(gateway, settings, source, books)
        gateway.keep(PaperMoney(venue))
        gateway.keep(FiredLog(gateway.state))
        reconciler = Reconciler(
            gateway,
            (line,),
            every_s=settings.reconcile_every_s,
            booked=books.custody,
            no_source=lambda _venue, account: elsewhere(settings.hot_gates, account),
        )
        gateway.keep(reconciler)
        await reconciler.start()
        _start_strategies(gateway, settings, source, epoch)
        authority, _ = ensure_authority(settings.authority, datetime.now(UTC))
        server = ControlServer(
            gateway,
            address=settings.listen,
            certificates=CertificateFiles(authority),
            policy=PolicyFile(authority.policy),
            executions=executions,
            accounting=books,
            sources=reconciler.sources,
            clock_ns=gateway.clock.now_ns,
        )
        reconciler.told = partial(server.report, RECONCILED)
        port = await server.start()
        gateway.open()
        await running.enter_async_context(hot_gates(gateway, settings))
        tasks = [
            asyncio.create_task(_feed(source, gateway, bootstrap, settings, fail)),
            asyncio.create_task(end_days(gateway, venue, day_ends_ns)),
            asyncio.create_task(value_positions(gateway)),
            asyncio.create_task(reconciler.run()),
            asyncio.create_task(executions.keep_up(gateway)),
        ]
        ready(f"{settings.listen.rpartition(':')[0]}:{port}")
        await stop.wait()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await _drain(gateway, server, failed=bool(failures))
    if failures:
        raise GatewayFailedError(f"stopped: {failures[0]}") from failures[0]


def check_settings(settings: Settings) -> None:
    """What only the wiring can judge, before a first start writes limits down that nobody meant. :raises FieldError:"""
    for name in ("day_ends", "closes"):
        if text := getattr(settings.paper, name):
            parse_time_of_day(f"paper.{name}", text)
    for wanted in settings.strategies:
        strategy_of(wanted)


@contextlib.asynccontextmanager
async def _gateway(settings: Settings, fail: Callable[[BaseException], None]) -> AsyncIterator[LiveGateway]:
    """Journal, gate, recovered engine; closed in the reverse order, with a snapshot if all went well."""
    store = SqliteStore(settings.journal)
    with contextlib.ExitStack() as opened:
        try:
            source = opened.enter_context(SqliteReader(settings.journal))
            engine, gate, keeper = _recovered(settings, source, opened)
        except BaseException:
            store.close()
            raise

        def on_durable(sequence: int) -> None:
            gateway.on_durable(sequence)

        async with GroupCommitWriter(store, fail, on_durable) as writer:
            gateway = LiveGateway(
                engine,
                gate=gate,
                writer=writer,
                source=source,
                latch=KillLatch(settings.state_folder / "kill"),
                clock=SteadyClock(not_before_ns=engine.state.tables.time_ns),
                fail=fail,
                snapshot_every=settings.snapshot_every,
            )
            LOG.info("recovered: %d journal entries, gate %s", engine.state.tables.sequence, settings.gate)
            gc.collect()
            gc.freeze()  # What was recovered stays: the collector need not look at it again.
            async with watched(keeper, gateway):
                yield gateway
            gateway.rest()
            if writer.failure is None:
                await gateway.save_snapshot()
            source.close()  # Before the writer: only the last connection moves the WAL into the file


def _recovered(
    settings: Settings, source: SqliteReader, opened: contextlib.ExitStack
) -> tuple[Engine, MeasuredGate, GateKeeper | None]:
    keeper: GateKeeper | None = None
    if settings.gate in {"process", "card"}:
        made = RemoteGateKeeper(settings) if settings.gate == "process" else CardKeeper(settings.card)
        keeper = opened.enter_context(contextlib.closing(made))
        with keeper.gate.recovering():
            engine = recover(source, keeper.gate)
        keeper.gate.reconnect()
        raw: RiskGate = keeper.gate
    else:
        raw = local_gate(settings.gate, settings.gate_working_orders)
        engine = recover(source, raw, hot.load(settings.gate).OrderIntent)
    gate = MeasuredGate(raw, settings.gate)
    engine.use_gate(cast("RiskGate", gate))  # All but ``check`` is delegated by name
    return engine, gate, keeper


def elsewhere(gates: Iterable[HotGateSettings], account: str) -> str:
    """Why the paper venue can't say what is so for this account; empty: it can."""
    names = [gate.name for gate in gates if not gate.accounts or account in gate.accounts]
    if not names:
        return ""
    return f"hot gates trade for it elsewhere ({', '.join(names)}): the paper venue knows nothing of that"


def _wire(
    gateway: LiveGateway, settings: Settings, source: MarketSource, books: LedgerKeeper
) -> tuple[Bootstrap, StatingPaperSession, VenueSession]:
    """Doubts and kill latch first, then the instruments, the venue with its orders. The line is the way to it."""
    epoch = gateway.state.tables.sequence
    doubt_unanswered(gateway)
    gateway.restore_kill_latch()
    bootstrap = Bootstrap(gateway, settings)
    closes = settings.paper.closes
    close_ns = parse_time_of_day("paper.closes", closes) if closes else None
    stops, display = settings.paper.native_stops, settings.paper.native_display
    known = capabilities(source.venue, close_ns, stops=stops, display=display, mark_prices=source.mark_prices)
    bootstrap.describe(known)
    bootstrap.set_policy()
    instruments = bootstrap.register(source.instruments)
    latency = Latency(settings.paper.entry_latency_us * 1000, settings.paper.response_latency_us * 1000)
    venue = StatingPaperSession(
        source.venue,
        instruments.values(),
        epoch=epoch,
        latency=latency,
        unreported_fee_ppm=settings.paper.faults.unreported_fee_ppm,
    )
    venue.hold(gateway.state.positions(), books.custodies(source.venue), gateway.state.differences())
    line = _line_to(venue, settings.paper.faults)
    gateway.add_venue(line)
    gateway.reported(venue.restore(_known_at(gateway, source.venue), gateway.clock.now_ns()))
    return bootstrap, venue, line


def _known_at(gateway: LiveGateway, venue: str) -> list[Order]:
    """What works there, and what is over and was asked something that has no answer; oldest first."""
    state = gateway.state
    found = {order.order_id: order for order in (*state.working_orders(), *state.uncertain_orders())}
    ours = [order for order in found.values() if state.tables.instruments[order.instrument].venue == venue]
    return sorted([order for order in ours if not order.gate], key=lambda order: order.order_id)


def _start_strategies(gateway: LiveGateway, settings: Settings, source: MarketSource, epoch: int) -> None:
    """Once the venues have been heard: what a strategy starts with is what is so."""
    known = gateway.state.tables.instruments
    instruments = {wanted.instrument: known[wanted.instrument] for wanted in source.instruments}
    gateway.open()
    for wanted in settings.strategies:
        gateway.add_strategy(build(wanted, instruments, epoch))
    gateway.close("the gateway is starting")


def _line_to(venue: PaperSession, faults: FaultSettings) -> VenueSession:
    """The paper venue, behind a bad line where the settings ask for one."""
    if not (faults.lost_ppm or faults.unanswered_ppm or faults.late_ppm or faults.lost_fills_ppm):
        return venue
    return LossySession(
        venue,
        Faults(
            seed=faults.seed,
            lost_ppm=faults.lost_ppm,
            unanswered_ppm=faults.unanswered_ppm,
            late_ppm=faults.late_ppm,
            lost_fills_ppm=faults.lost_fills_ppm,
            timeout_ns=faults.timeout_ms * MILLISECOND_NS,
            late_ns=faults.late_ms * MILLISECOND_NS,
            horizon_ns=faults.horizon_ms * MILLISECOND_NS,
        ),
    )


async def _feed(
    source: MarketSource,
    gateway: LiveGateway,
    bootstrap: Bootstrap,
    settings: Settings,
    fail: Callable[[BaseException], None],
) -> None:
    try:
        await pump(source, gateway, bootstrap, speed=settings.market.speed)
    except MelticaError as error:
        LOG.error("market data ended: %s; its prices go stale and orders are refused", error)  # noqa: TRY400 - no bug
    except Exception as error:  # noqa: BLE001 - a bug in the data path must not leave a gateway without data running
        fail(error)


async def _drain(gateway: LiveGateway, server: ControlServer, *, failed: bool) -> None:
    """Strategies first: what they sent can't be left alone. Then the calls under way, then nothing."""
    if not failed:
        gateway.close("the gateway is shutting down")
        gateway.stop_strategies()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gateway.strategies_done(), DRAIN_S)
    await server.drain(0 if failed else DRAIN_S)
    if not failed:
        await gateway.settled()
