"""What goes wrong in a world, each in its time: faults of the process, the disk, the lines, the venues, the gates."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sim.world.clock import MINUTE, MS, SECOND
from sim.world.hot_machine import HotMachine
from sim.world.lies import Liar

if TYPE_CHECKING:
    from sim.world.world import World


class Mishaps:
    def __init__(self, world: World) -> None:
        self._world = world
        self._liar = Liar(world.clock, random.Random(f"{world.seed}|lies"), world.happened, world.market.prices)

    def arrange(self) -> None:
        kinds: dict[str, Callable[[], None]] = {
            "kill_s": partial(self._world.death, "killed"),
            "stop_s": self._stop,
            "stall_s": self._stall,
            "power_s": self._power,
            "disk_s": self._disk,
            "clock_s": self._set_clock,
            "break_s": partial(self._on_connection, "cut"),
            "silent_s": partial(self._on_connection, "fall_silent"),
            "stuck_s": partial(self._on_connection, "get_stuck"),
            "venue_s": self._venue_down,
            "feed_s": self._world.market.lose_feed,
            "halt_s": self._world.market.halt,
            "gate_s": self._lose_gate,
            "lie_s": self._lie,
            **self._link_faults(),
        }
        for name, act in kinds.items():
            if every_s := getattr(self._world.faults, name):
                self._again(random.Random(f"{self._world.seed}|{name}"), every_s, name.removesuffix("_s"), act)
        for exchange in self._world.exchanges:
            exchange.slow = bool(self._world.faults.lie_s)

    def _link_faults(self) -> dict[str, Callable[[], None]]:
        if not self._world.board.machines:
            return {}
        return {
            "hot_kill_s": lambda: self._hot().kill(),
            "hot_stall_s": lambda: self._hot().stall(),
            "link_s": self._cut_link,
            "rejoin_s": lambda: self._world.board.plug_in(self._hot().name),
            "hot_break_s": self._break_session,
            "unasked_s": self._world.hot_venue.cancel_unasked,
        }

    def _hot(self) -> HotMachine:
        return self._world.dice.choice(list(self._world.board.machines.values()))

    def _cut_link(self) -> None:
        name = self._hot().name
        if (plug := self._world.board.plugs.get(name)) is not None:
            for wire in self._world.dice.choice([plug.wires(), *((wire,) for wire in plug.wires())]):
                wire.cut = True
            self._world.clock.after(
                self._world.dice.randrange(50 * MS, 10 * SECOND), partial(self._world.board.mend, name)
            )

    def _break_session(self) -> None:
        life = self._hot().life
        if life is not None and life.connection is not None:
            getattr(life.connection, self._world.dice.choice(["cut", "fall_silent", "get_stuck"]))()

    def _again(self, dice: random.Random, every_s: float, name: str, act: Callable[[], None]) -> None:
        def strike() -> None:
            if not self._world.calm:
                self._world.happened[name] += 1
                act()
                self._again(dice, every_s, name, act)

        self._world.clock.after(int(dice.expovariate(1 / every_s) * SECOND), strike)

    def _stop(self) -> None:
        if self._world.life is not None:
            self._world.life.stop()

    def _stall(self) -> None:
        if (life := self._world.life) is None:
            return
        dice, now_ns = self._world.dice, self._world.clock.now_ns
        if life.frozen_ns <= now_ns:
            life.frozen_from_ns = now_ns
        life.frozen_ns = max(life.frozen_ns, now_ns + dice.randrange(100 * MS, 10 * SECOND))
        if dice.random() < 0.6:  # noqa: PLR2004 - else a step of the engine takes long, and the link goes on
            life.link_frozen_ns = life.frozen_ns

    def _power(self) -> None:
        """During the next write, if one comes soon."""
        self._world.disk.cut_next = self._world.life is not None
        self._world.clock.after(3 * SECOND, self._power_now)

    def _power_now(self) -> None:
        if self._world.disk.cut_next:
            self._world.disk.cut_next = False
            self._world.death("power cut")

    def _disk(self) -> None:
        self._world.disk.fail_next = True

    def _set_clock(self) -> None:
        self._world.clock.wall_off_ns = self._world.dice.randrange(-5 * MINUTE, 5 * MINUTE)

    def _on_connection(self, what: str) -> None:
        if self._world.life is not None and self._world.life.lines:
            line = self._world.life.lines[self._world.dice.choice(sorted(self._world.life.lines))]
            if line.connection is not None:
                getattr(line.connection, what)()

    def _venue_down(self) -> None:
        self._world.dice.choice(self._world.exchanges).go_down()

    def _lose_gate(self) -> None:
        self._world.gate_is_there = False
        self._world.clock.after(self._world.dice.randrange(500 * MS, 20 * SECOND), self._gate_back)

    def _gate_back(self) -> None:
        self._world.gate_is_there = True

    def _lie(self) -> None:
        self._liar.lie(self._world.dice.choice(self._world.exchanges))
