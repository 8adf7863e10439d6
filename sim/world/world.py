"""A world with a seed: the real gateway on its disk, the venues and the network between them, under faults.

Everything of the gateway is the real one, down to the journal's SQLite: the asyncio driver with outbox, group commit
and snapshots in parts, recovery, kill latch, gate watch, reconciler, trading day, ledger and execution figures.
Simulated are time, threads, sockets, the gate's link, what a power cut does to the disk, the venues' machines (their
books are the paper venue's), and the people. The same seed is the same world, to the byte of its journal.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import itertools
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from meltica.app.settings import ControlSettings, HotGateSettings, LimitSettings, Settings, StrategySettings
from meltica.domain.capabilities import Capabilities
from meltica.domain.commands import CancelAllOrders
from meltica.domain.limits import Limits, PositionLimits, StrategyLimits
from meltica.domain.market import MarketEvent
from meltica.domain.money import NANOS
from meltica.journal.reader import SqliteReader, entries
from meltica.venues.paper.capabilities import capabilities
from sim.world.actors import Crowd
from sim.world.clock import DAY, MINUTE, SECOND, Clock
from sim.world.disk import Disk
from sim.world.exchange import Exchange
from sim.world.faults import Faults
from sim.world.hot_gate import HotLife
from sim.world.hot_judge import LinkJudge
from sim.world.hot_link import Board
from sim.world.hot_machine import HotMachine
from sim.world.hot_venue import HotVenue
from sim.world.life import Life
from sim.world.market import HOT_INSTRUMENTS, INSTRUMENTS, Market
from sim.world.mishaps import Mishaps
from sim.world.oracle import Oracle

EPOCH_NS: Final = 1_700_006_400 * SECOND
"""A midnight."""
INSPECT_NS: Final = 5 * SECOND
HEAL_NS: Final = 20 * MINUTE
"""In a healed world everything is settled within this time."""
LOOK_NS: Final = SECOND
END_ACTOR: Final = "spiffe://meltica.example/person/olivia"


HOT_LOTS: Final = 400
"""Of a hot instrument, for an account: little, so that slices are used up."""
DESK: Final = StrategyLimits(
    strategy="desk",
    enabled=True,
    max_open_value_nanos=2_000_000 * NANOS,
    max_executions=1_000_000,
    messages_per_second=200,
    message_burst=400,
)


class _Ended(Exception):  # noqa: N818 - no error
    """The life that runs is over, or the world's time is."""


class Report(NamedTuple):
    seed: int
    simulated_s: float
    entries: int
    digest: str
    """SHA-256 over the journal's entries."""
    faults: Counter[str]
    events: Counter[str]
    lives: int
    fills: int
    hot_orders: int
    """Orders that left hot gates."""
    hot_lives: int
    commands: int


class World:
    """Build one, ``run`` it once, ``close`` it."""

    life_kind: type[Life] = Life
    hot_kind: type[HotLife] = HotLife
    heal_ns = HEAL_NS

    def __init__(self, seed: int, faults: Faults, gates: int | None = None) -> None:
        """``gates``: how many hot gates; None: one or two, as the seed has it."""
        self.seed, self.faults = seed, faults
        self.dice = random.Random(f"{seed}|world")
        self.clock = Clock(EPOCH_NS + DAY - self.dice.randrange(MINUTE, 12 * MINUTE))
        self.disk = Disk(_memory_folder(), random.Random(f"{seed}|disk"))
        self.disk.on_cut = partial(self.death, "power cut")
        self.snapshot_every = self.dice.choice([60, 150, 400])
        gates = self.dice.choice([1, 2]) if gates is None else gates
        self.lease_ms = self.dice.choice([500, 1_000, 2_000])
        self.settings = _settings([f"edge-{number}" for number in range(1, gates + 1)], self.lease_ms)
        close_ns = self.clock.began_ns % DAY + 40 * SECOND
        self.capabilities: tuple[Capabilities, ...] = (
            capabilities("ALPHA", close_ns, stops=True),
            capabilities("BETA", close_ns + 20 * SECOND),
        )
        traded = INSTRUMENTS + (HOT_INSTRUMENTS if gates else ())
        self.instruments = [each for each, _ in traded]
        self.limits: list[Limits] = [DESK]
        for account, (each, _) in itertools.product(self.settings.accounts, HOT_INSTRUMENTS if gates else ()):
            tight = PositionLimits(
                account=account, instrument=each.instrument, max_long_lots=HOT_LOTS, max_short_lots=HOT_LOTS
            )
            self.limits.append(tight)
        self.exchanges = [
            Exchange(
                name,
                [each for each in self.instruments if each.venue == name],
                self.clock,
                random.Random(f"{seed}|{name}"),
                tells_again=name == "ALPHA",
            )
            for name in ("ALPHA", "BETA")
        ]
        hot = [each for each, _ in HOT_INSTRUMENTS]
        self.hot_venue = HotVenue("GAMMA", hot, self.clock, random.Random(f"{seed}|GAMMA"))
        self.market = Market(
            self.clock,
            random.Random(f"{seed}|market"),
            [*(each.market for each in self.exchanges), self.hot_venue.market],
            self._feed,
            traded,
        )
        self.happened: Counter[str] = Counter()
        self.gate_is_there = True
        self.life: Life | None = None
        self.lives = 0
        self.actors = Crowd(self)
        self.oracle = Oracle(self)
        self.judge = LinkJudge(self)
        self.board = Board(self)
        for gate in self.settings.hot_gates:
            self.board.machines[gate.name] = HotMachine(self, gate.name, gate.instruments)
        self._until_ns = 0
        self.calm = False
        self._quiet_ns = 0
        self._done = self._burying = False

    # Its course

    def run(self, seconds: float) -> Report:
        """So long under faults; then they end, and everything must come to rest.

        :raises BrokenInvariantError: something was not as it must be.
        """
        self._until_ns = self.clock.now_ns + int(seconds * SECOND)
        self.market.begin()
        self.actors.begin()
        for machine in self.board.machines.values():
            machine.start()
        Mishaps(self).arrange()
        self._arrange_days()
        self.clock.after(INSPECT_NS, self._inspect)
        self.clock.at(self._until_ns, self._heal)
        while not self._done:
            self._live()
        return self._report()

    def close(self, keep: Path | None = None) -> None:
        """``keep``: a folder that its files are copied to."""
        if self.life is not None:
            self._burying = True
            self.life.bury()
            self.life = None
        if keep is not None:
            shutil.copytree(self.disk.folder, keep, dirs_exist_ok=True)
        shutil.rmtree(self.disk.folder)

    def idle(self, until_ns: int | None) -> None:
        """Nobody in the gateway can run before ``until_ns``: the rest of the world goes on."""
        life, clock = self.life, self.clock
        if life is None or not life.alive:
            if life is not None and life.loop.is_running() and not self._burying:
                raise _Ended
            return
        while True:
            frozen = life.frozen_ns > clock.now_ns
            if life.loop.is_busy and not frozen:
                return
            next_ns = clock.next_ns
            limit = max(until_ns, life.frozen_ns) if until_ns is not None else None
            if limit is not None and (next_ns is None or next_ns > limit):
                clock.now_ns = limit
                return
            clock.turn()
            if self._done or not life.alive:
                raise _Ended

    def _live(self) -> None:
        """One life, from its start to its burial, and the time until the next one."""
        self.lives += 1
        life = self.life = self.life_kind(self, self.lives)
        try:
            life.run()
        except _Ended:
            if self._done:
                return
        self._burying = True
        life.bury()
        self._burying = False
        self.life = None
        if (fault := life.fault) is not None:
            raise fault
        self.disk.settle()
        self.happened[life.why] += 1
        back_ns = self.clock.now_ns + self.dice.randrange(SECOND // 2, 8 * SECOND)
        while self.clock.next_ns is not None and self.clock.next_ns < back_ns:
            self.clock.turn()
        self.clock.now_ns = back_ns

    def _feed(self, event: MarketEvent) -> None:
        if self.life is not None:
            self.life.market(event)

    def _inspect(self) -> None:
        if self.life is not None and self.life.ready:
            self.oracle.inspect(self.life)
        self.clock.after(INSPECT_NS, self._inspect)

    def _arrange_days(self) -> None:
        midnight = self.clock.now_ns - self.clock.now_ns % DAY + DAY
        for end_day in (*(each.end_day for each in self.exchanges), self.hot_venue.end_day):
            self.clock.at(midnight, end_day)

    @property
    def resting(self) -> bool:
        """Nobody asks for anything new."""
        return self.actors.resting

    def death(self, why: str) -> None:
        if self.life is not None:
            self.life.die(why)

    # The end

    def _heal(self) -> None:
        """From now on nothing goes wrong any more, and nobody asks for anything new."""
        self.calm = self.actors.resting = True
        self.disk.cut_next = self.disk.fail_next = False
        for exchange in self.exchanges:
            exchange.slow = False
        self.board.calm()
        for name in list(self.market.halted):
            self.market.resume(name)
        self._quiet_ns = self.clock.now_ns + self.heal_ns
        self.clock.after(LOOK_NS, partial(self._look, closing=False))

    def _look(self, *, closing: bool) -> None:
        """Is everything settled? Then the books are closed, and once more."""
        life = self.life
        why = "the gateway is not up"
        if life is not None and life.ready:
            why = self.oracle.unsettled(life)
            if not why and closing and life.gateway.state.open_orders():
                why = "orders are still open"
                self._cancel_all(life)
            if not why and closing:
                with SqliteReader(self.disk.journal) as source:
                    self.oracle.judge_end(life, source)
                self._done = True
                return
            if not why:
                self._quiet_ns, closing = self.clock.now_ns + self.heal_ns, True
                self._cancel_all(life)
        if self.clock.now_ns > self._quiet_ns:
            self.oracle.broken(f"{self.heal_ns / 1e9:.0f} s after all was healed: {why}")
        self.clock.after(LOOK_NS, partial(self._look, closing=closing))

    def _cancel_all(self, life: Life) -> None:
        life.gateway.stop_strategies()
        for machine in self.board.machines.values():
            if machine.life is not None:
                machine.life.sweep()
        self.actors.ask(life, CancelAllOrders(request_id=f"end-{self.clock.now_ns}", actor=END_ACTOR))

    def _report(self) -> Report:
        digest, count = hashlib.sha256(), 0
        with SqliteReader(self.disk.journal) as source:
            for entry in entries(source):
                count = entry.seq
                digest.update(f"{entry.seq}|{entry.time_ns}|".encode() + entry.payload)
        return Report(
            seed=self.seed,
            simulated_s=(self.clock.now_ns - self.clock.began_ns) / 1e9,
            entries=count,
            digest=digest.hexdigest(),
            faults=self.happened,
            events=self.oracle.events,
            lives=self.lives,
            fills=sum(len(book.fills) for book in (*(each.book for each in self.exchanges), self.hot_venue.book)),
            hot_orders=sum(map(len, self.judge.left.values())),
            hot_lives=sum(machine.lives for machine in self.board.machines.values()),
            commands=self.actors.asked,
        )


def run(
    seed: int,
    seconds: float,
    faults: Faults,
    *,
    gates: int | None = None,
    kind: type[World] = World,
    keep: Path | None = None,
) -> Report:
    """``keep``: where the files go of a world that was not as it must be.

    :raises BrokenInvariantError: it was not.
    """
    world = kind(seed, faults, gates)
    with _no_garbage():
        try:
            report = world.run(seconds)
        except BaseException:
            world.close(keep)
            raise
        world.close()
    return report


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """When the collector finds a dead generator depends on all that the process did before: it comes afterwards."""
    was = gc.isenabled()
    gc.disable()
    gc.freeze()  # What there is already need not be looked through after each world.
    try:
        yield
    finally:
        if was:
            gc.enable()
        gc.collect()
        gc.unfreeze()


def _settings(gates: Sequence[str], lease_ms: int) -> Settings:
    maker = {"instrument": INSTRUMENTS[1][0].instrument, "quantity_lots": 10, "requote_ticks": 12}
    return Settings(
        accounts=("main", "hedge"),
        limits=LimitSettings(reference_max_age_ms=10_000, self_match="decrement"),
        control=ControlSettings(lease_ms=lease_ms),
        hot_gates=tuple(
            HotGateSettings(name=name, key=name, instruments=tuple(each.instrument for each, _ in HOT_INSTRUMENTS))
            for name in gates
        ),
        strategies=(StrategySettings(name="maker", kind="market_maker", account="hedge", parameters=maker),),
    )


def _memory_folder() -> Path:
    shared = Path("/dev/shm")  # noqa: S108 - where hundreds of worlds do not wear out a disk
    return Path(tempfile.mkdtemp(prefix="meltica-world-", dir=shared if shared.is_dir() else None))
