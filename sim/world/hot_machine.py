"""A hot gate's machine: what outlives its process, and the process while there is one."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meltica.domain.order import Side
from sim.world.clock import MS, SECOND
from sim.world.frames import FAR_NS, NEAR_NS

if TYPE_CHECKING:
    from meltica.engine.state import Tables
    from sim.world.hot_gate import HotLife
    from sim.world.hot_link import Plug
    from sim.world.world import World


class HotDeathError(Exception):
    """The process dies here."""


@dataclass
class Working:
    """An order that left, or was about to: as the process' journal has it."""

    order_id: int
    instrument: str
    account: str
    strategy: str
    side: Side
    lots: int
    price_ticks: int
    held_price_ticks: int
    acknowledged: bool = False
    cancels: int = 0


class Ring:
    """Drop copies in shared memory: they outlive the process. Those that the gateway has kept are let go at once."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self._first = 1

    def first(self) -> int:
        return self._first

    def next(self) -> int:
        return 1 + len(self.records)

    def read(self, first_sequence: int, count: int) -> bytes:
        at = first_sequence - 1
        return b"" if first_sequence < self._first else b"".join(self.records[at : at + count])

    def forget(self, before: int) -> None:
        self._first = max(self._first, before)


class HotMachine:
    """The machine: its disk and shared memory, and the process while there is one."""

    def __init__(self, world: World, name: str, instruments: tuple[str, ...]) -> None:
        self.world, self.name, self.instruments = world, name, instruments
        self.key = name.ljust(40, "k")
        self.dice = random.Random(f"{world.seed}|hot|{name}")
        self.remembers = self.dice.random() < 0.6  # noqa: PLR2004 - the others are told what they have
        self.latency_ns = FAR_NS if self.dice.random() < 0.4 else NEAR_NS  # noqa: PLR2004
        self.ring = Ring()
        self.written: list[bytes] = []
        """The journal: a drop copy is there first, then in the ring."""
        self.working: dict[int, Working] = {}
        self.positions: Counter[tuple[str, str]] = Counter()
        self.next_number = 1
        """Of the venue's stream."""
        self.orders = 0
        self.life: HotLife | None = None
        self.lives = 0
        self.gone_ns = 0
        """When the last process died."""
        self.dies_in: int | None = None
        """It dies at the so many-th next place where that hurts."""
        self.accounts: dict[str, int] = {}
        self.strategies: dict[str, int] = {}
        self.handles: dict[str, int] = {}

    def learn(self, tables: Tables) -> None:
        """The rows of the gateway's tables, as its settings have them."""
        self.accounts, self.strategies = dict(tables.accounts), dict(tables.strategies)
        self.handles = {name: instrument.handle for name, instrument in tables.instruments.items()}

    @property
    def reads(self) -> bool:
        """Somebody takes what is on its wires."""
        return self.life is not None and self.life.frozen_ns <= self.world.clock.now_ns

    def start(self) -> None:
        self.ring.records += self.written[len(self.ring.records) :]
        self.lives += 1
        self.life = self.world.hot_kind(self)
        self.world.board.plug_in(self.name)
        self.life.begin()

    def heard_link(self, plug: Plug, frame: bytes) -> None:
        if self.life is not None and self.world.board.plugs[self.name] is plug:
            self.life.heard_link(plug, frame)

    # What the world does to it

    def kill(self) -> None:
        """In the middle of something, if it does something soon."""
        self.dies_in = self.dice.randrange(4)
        self.world.clock.after(SECOND, self._kill_now)

    def _kill_now(self) -> None:
        if self.dies_in is not None:
            self.die()

    def die(self) -> None:
        self.dies_in = None
        if self.life is not None:
            self.life.end()
            self.life = None
            self.gone_ns = self.world.clock.now_ns
            most_ns = 300 * MS if self.dice.random() < 0.5 else 8 * SECOND  # noqa: PLR2004 - by itself, or by somebody
            self.world.clock.after(self.dice.randrange(20 * MS, most_ns), self.start)

    def stall(self) -> None:
        """The whole process, or the thread of the link alone: the order loop goes on without it."""
        if self.life is not None:
            self.life.frozen_ns = self.world.clock.now_ns + self.dice.randrange(100 * MS, 8 * SECOND)
            self.life.trades_frozen = self.dice.random() < 0.5  # noqa: PLR2004

    def may_die(self) -> None:
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                raise HotDeathError
