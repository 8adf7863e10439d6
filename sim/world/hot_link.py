"""The control link in the world: the real desks of both ends, with wires of the world between them.

``WorldLink`` is the gateway's end, as ``links.control_link_server.ControlLink`` is outside: the desk with its sockets
and its thread. ``Board`` outlives both ends: it knows who is plugged in where.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from meltica.app.hot.gates import HotGates
from meltica.links.control_link_desk import ControlDesk, Published
from meltica.links.control_link_messages import TOPIC
from meltica.links.control_link_session import Joined, Notice, Status
from sim.world.clock import MS
from sim.world.frames import Wire

if TYPE_CHECKING:
    from meltica.app.gateway import LiveGateway
    from meltica.app.settings import Settings
    from meltica.links.control_link_server import ControlLink
    from sim.world.hot_machine import HotMachine
    from sim.world.life import Life
    from sim.world.world import World

QUEUED_MOST: Final = 256
"""Frames of its stream that a gate does not read: then the publisher is told."""


class Plug:
    """One gate's three wires, for as long as both ends live: a new life has a new plug."""

    def __init__(self, board: Board, machine: HotMachine, dice: random.Random) -> None:
        world = board.world
        made = partial(
            Wire, world.clock, dice, bad=world.faults.frames, told=world.happened, latency_ns=machine.latency_ns
        )
        self.peer = f"{machine.name}|{board.plugged}".encode()
        self.link = board.link
        self.up = made(deliver=partial(board.arrived, self, machine))
        self.down = made(deliver=partial(machine.heard_link, self))
        self.state = made(deliver=partial(machine.heard_link, self))
        self.unread = 0

    def wires(self) -> tuple[Wire, Wire, Wire]:
        return self.up, self.down, self.state


class Board:
    """Where gates and gateway find each other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.link: WorldLink | None = None
        self.machines: dict[str, HotMachine] = {}
        self.plugs: dict[str, Plug] = {}
        self.plugged = 0
        self._dice = random.Random(f"{world.seed}|wires")

    def plug_in(self, name: str) -> None:
        """A connection anew: what was on its way to the gate is lost, and it subscribes."""
        cut = self.plugs[name].wires() if name in self.plugs else ()
        self.plugged += 1
        self.plugs[name] = plug = Plug(self, self.machines[name], self._dice)
        for wire, before in zip(plug.wires(), cut, strict=False):
            wire.cut, wire.bad = before.cut, before.bad
        self.world.clock.after(self._dice.randrange(MS, 50 * MS), partial(self._subscribe, name, plug))

    def _subscribe(self, name: str, plug: Plug) -> None:
        if self.link is not None and self.plugs.get(name) is plug and not plug.up.cut:
            self.link.subscribed(name)

    def attach(self, link: WorldLink | None) -> None:
        self.link = link
        for name in self.machines:
            self.plug_in(name)

    def arrived(self, plug: Plug, machine: HotMachine, frame: bytes) -> None:
        """Also of a gate that is dead by now; never of a connection to an earlier gateway."""
        if self.link is not None and plug.link is self.link:
            self.link.heard(plug, machine, frame)

    def mend(self, name: str) -> None:
        for wire in self.plugs[name].wires():
            wire.cut = False

    def calm(self) -> None:
        for name, plug in self.plugs.items():
            self.mend(name)
            for wire in plug.wires():
                wire.bad = 0.0


class WorldLink:
    """See ``ControlLink``. It goes on while the engine's loop stands still, but not when the whole process does."""

    def __init__(
        self, make_desk: Callable[[int], ControlDesk], told: Callable[[Sequence[Notice]], None], life: Life
    ) -> None:
        self._board, self._life, self._told = life.world.board, life, told
        self._clock = life.world.clock
        self.desk = make_desk(self._clock.now_ns)
        self._awake_ns = 0
        self._closed = False
        self._board.attach(self)

    # As the gateway calls it

    def tell(self, gate: str, records: Sequence[bytes], *, origin: int = 0) -> int:
        self._life.world.judge.told(gate, records)
        number = self.desk.tell(gate, records, origin=origin)
        self._life.world.judge.published(gate, self._life.number, number)
        self._flush()
        return number

    def admit(self, gate: str, gate_epoch: int, base: Sequence[bytes] = ()) -> bool:
        done = self.desk.admit(gate, gate_epoch, base)
        self._flush()
        return done

    def arm(self, gate: str) -> None:
        self.desk.arm(gate)
        self._flush()

    def disarm(self, gate: str) -> None:
        self.desk.disarm(gate)
        self._flush()

    def retire(self, gate: str) -> None:
        self.desk.retire(gate)
        self._flush()

    def keep(self, gate: str, kept: int) -> None:
        self.desk.keep(gate, kept)
        self._flush()

    def pulse(self) -> None:
        self.desk.pulse(self._clock.now_ns)

    def status(self) -> list[Status]:
        return self.desk.status()

    def silence_ns(self, status: Status) -> int:
        return self._clock.now_ns - status.heard_ns if status.heard_ns else 0

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._board.attach(None)

    # As the wires call it

    @property
    def dead(self) -> bool:
        return self._closed or not self._life.alive

    def heard(self, plug: Plug, machine: HotMachine, frame: bytes) -> None:
        if self.dead:
            return
        if (thaws_ns := self._life.link_frozen_ns) > self._clock.now_ns:
            self._clock.at(thaws_ns, partial(self.heard, plug, machine, frame))
            return
        self.desk.receive(plug.peer, machine.key, frame, self._clock.now_ns)
        self._flush()

    def subscribed(self, gate: str) -> None:
        if not self.dead:
            self.desk.subscribed(TOPIC.format(gate).encode())
            self._flush()

    def _wake(self) -> None:
        if self.dead:
            return
        self._awake_ns = 0
        if (thaws_ns := self._life.link_frozen_ns) > self._clock.now_ns:
            self._awake_ns = thaws_ns
            self._clock.at(thaws_ns, self._wake)
            return
        self.desk.due(self._clock.now_ns)
        self._flush()

    def _flush(self) -> None:
        """Frames out, notices up, until neither is there."""
        desk = self.desk
        while (desk.outbox or desk.notices) and not self.dead:
            while desk.outbox:
                self._send(desk.outbox.popleft())
            if desk.notices:
                notices = list(desk.notices)
                desk.notices.clear()
                for notice in notices:
                    if isinstance(notice, Joined):
                        self._life.world.judge.joined(notice.gate, notice.gate_epoch)
                self._told(notices)
        due_ns = desk.next_due_ns()
        if due_ns is not None and not self._awake_ns:
            self._awake_ns = due_ns
            self._clock.at(due_ns, self._wake)

    def _send(self, message: Any) -> None:
        if not isinstance(message, Published):
            for name, plug in self._board.plugs.items():
                if plug.peer == message.peer:
                    self._life.world.judge.answered(name, message.message)
                    plug.down.send(message.message)
            return
        name = message.topic.decode().split("/")[1]
        plug = self._board.plugs[name]
        if not self._board.machines[name].reads:
            plug.unread += 1
            if plug.unread > QUEUED_MOST:
                self.desk.unsent(message.topic, self._clock.now_ns)
                return
        plug.state.send(message.message)


class WorldGates(HotGates):
    """The real wiring, on the world's link. Keys are names: the wires are nobody else's."""

    look_every_s = 0.25

    def __init__(self, gateway: LiveGateway, settings: Settings, *, life: Life) -> None:
        self._life = life
        super().__init__(gateway, settings)

    def _connection(self) -> Callable[[], ControlLink]:
        machines = self._life.world.board.machines
        keys = {name: machine.key.encode() for name, machine in machines.items()}
        tables = self._gateway.state.tables
        for machine in machines.values():
            machine.learn(tables)

        def desk(now_ns: int) -> ControlDesk:
            return self._desk(keys, now_ns, stream_epoch=self._life.number)

        return lambda: cast("ControlLink", self._life.link_kind(desk, self._told, self._life))
