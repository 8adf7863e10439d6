"""Hot gates and the engine: slices, the kill switch and limits out; drop copies, beats and reports in.

All of it runs on the gateway's loop; the link's own thread hands its notices over. What is told to a gate is told
when its journal entry is durable, except the kill switch, which goes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

from meltica.app.gateway import LiveGateway
from meltica.app.hot.gate_drops import DropReader, drops_of
from meltica.app.hot.gate_rows import all_rows, profits, reserve_row
from meltica.app.hot.gate_words import KillWords
from meltica.app.settings import Settings
from meltica.domain.commands import EngageKillSwitch
from meltica.domain.errors import FieldError, NotAcceptingError
from meltica.domain.events import (
    BreakerRearmed,
    CreditChanged,
    DayBegan,
    Event,
    InstrumentRegistered,
    KillSwitchEngaged,
    KillSwitchReleased,
    LimitsChanged,
    MarkChanged,
    TradingStatusChanged,
)
from meltica.domain.gates import AdmitGate, GateArmed, LoseGate, RegisterGate, ReportSlices
from meltica.domain.leases import GateRegistered, GateRetired, LeaseEvent, LeaseGranted, Report
from meltica.domain.ports import HotGateStatus
from meltica.engine.risk import rows
from meltica.engine.risk.lease_rows import books_use
from meltica.engine.risk.leases import house_use
from meltica.engine.state import GLOBAL
from meltica.hot.layout_gen import AdjustRecord, KillRecord
from meltica.links.control_link_arming import Arming
from meltica.links.control_link_desk import ControlDesk
from meltica.links.control_link_server import ControlLink
from meltica.links.control_link_session import (
    Changed,
    Dropped,
    Joined,
    Notice,
    Refused,
    Reported,
    Seat,
    Standing,
)
from meltica.links.keys import KeyFileError, KeyRing, private_folder

LOG = logging.getLogger("meltica.hot_gates")
ACTOR: Final = "system:hot-gates"
LOOK_EVERY_S: Final = 0.1
"""How often the link is told that the engine lives, profits are told, and slices that are nearly used are enlarged."""
REFRESH_EVERY: Final = 50
"""Looks until everything is compared again: sessions begin and end without an event."""
TOLD: Final = (
    InstrumentRegistered,
    TradingStatusChanged,
    LimitsChanged,
    CreditChanged,
    KillSwitchEngaged,
    KillSwitchReleased,
    BreakerRearmed,
    MarkChanged,
    DayBegan,
    LeaseGranted,
    GateRegistered,
)
"""Events after which a gate must hold something else."""
MILLISECOND_NS: Final = 1_000_000


class HotGates:
    """``LiveGateway.watch`` calls ``engaging``, ``happened`` and ``durable``."""

    look_every_s: float = LOOK_EVERY_S

    def __init__(self, gateway: LiveGateway, settings: Settings) -> None:
        """:raises FieldError: a gate's key can't be read."""
        self._gateway, self._settings = gateway, settings
        self._loop = asyncio.get_running_loop()
        self._gates = {gate.name: gate for gate in settings.hot_gates}
        self._reader = DropReader(gateway.state)
        self._words = KillWords(gate.kill for gate in settings.hot_gates)
        self._versions: dict[str, deque[tuple[int, int]]] = {name: deque() for name in self._gates}
        """Number of a stream's last entry when the grants up to a version had been told."""
        self._reports: dict[str, Reported] = {}
        """Waits until every drop copy before it is in the books."""
        self._kept: deque[tuple[int, str, int]] = deque()
        """(journal entry, gate, drop copy): when the entry is durable, so is what came before the drop copy."""
        self._no_news: dict[str, Report] = {}
        """By gate: what was looked at last, and moved no slice; until an event could change that."""
        self._told_origin = 0
        self._joining: deque[Joined] = deque()
        """Their slices must be durable, and told, before they are admitted."""
        self._stale = True
        """A gate must hold something else than it was told."""
        connect = self._connection()
        for gate in settings.hot_gates:
            gateway.take(RegisterGate(request_id="", actor=ACTOR, gate=gate.name, facts=gate.facts()))
        self.link = connect()
        gateway.watch(self)

    def _connection(self) -> Callable[[], ControlLink]:
        """The keys are read now, the link is up once it is called. A simulator has a link of its own."""
        settings = self._settings
        private_folder(settings.state_folder / "control")
        ring = KeyRing(settings.control.key_folder(settings.state_folder))
        keys = {name: _key(ring, gate.key) for name, gate in self._gates.items()}
        return partial(
            ControlLink,
            lambda now_ns: self._desk(keys, now_ns, stream_epoch=secrets.randbits(63) + 1),
            commands=settings.control.commands_at(settings.state_folder),
            state=settings.control.state_at(settings.state_folder),
            keys=ring,
            told=self._told,
        )

    def _desk(self, keys: dict[str, bytes], now_ns: int, *, stream_epoch: int) -> ControlDesk:
        leases, control = self._gateway.state.tables.leases, self._settings.control
        seats = []
        for name in self._gates:
            book = leases.gates.get(name)
            epoch = 0 if book is None else book.gate_epoch
            seats.append(Seat(name, keys[name], epoch, leases.kept.get(name, 1)))
        down_ns = max(0, self._gateway.clock.now_ns() - self._gateway.state.tables.time_ns)
        desk = ControlDesk(
            seats,
            stream_epoch=stream_epoch,
            now_ns=now_ns,
            lease_ns=control.lease_ms * MILLISECOND_NS,
            arming=Arming(control.arm_first, control.auto_rearm_ms * MILLISECOND_NS),
            down_since_ns=now_ns - down_ns,
            origin=0 if leases.told_all else leases.told[0][0] - 1,
        )
        for name in self._gates:
            for origin, record in leases.told:
                desk.tell(name, [bytes.fromhex(record)], origin=origin)
        self._told_origin = leases.told[-1][0] if leases.told else 0
        return desk

    # From the gateway

    def engaging(self, command: EngageKillSwitch) -> None:
        """Before the latch, the engine and the journal: the fastest way to every gate."""
        if command.switch == GLOBAL:
            self._words.engage(command.actor, command.reason)
        scope, row = rows.kill_scope(self._gateway.state.tables, command.switch)
        record = KillRecord(scope, 1, row, self._gateway.clock.now_ns()).to_bytes()
        for name in self._gates:
            self.link.tell(name, [record])

    def happened(self, events: Sequence[Event]) -> None:
        """Durable, so it may be told."""
        for event in events:
            if isinstance(event, GateArmed) and event.gate in self._gates:
                (self.link.arm if event.armed else self.link.disarm)(event.gate)
            if isinstance(event, GateRetired) and event.gate in self._gates:
                self.link.retire(event.gate)
            if isinstance(event, KillSwitchReleased) and event.switch == GLOBAL:
                self._words.release(event.approver)
        self._stale = self._stale or any(isinstance(event, TOLD) for event in events)
        if self._no_news and any(isinstance(event, (TOLD, LeaseEvent)) for event in events):
            self._no_news.clear()

    def durable(self, sequence: int) -> None:
        """All that the engine knows is durable at the moments when it knows no more than that: then it is told."""
        if sequence == self._gateway.state.tables.sequence:
            if self._stale:
                self._refresh()
            while self._joining:
                self._admit(self._joining.popleft())
        while self._kept and self._kept[0][0] <= sequence:
            _, gate, kept = self._kept.popleft()
            self.link.keep(gate, kept)

    def status(self) -> tuple[HotGateStatus, ...]:
        leases, state = self._gateway.state.tables.leases, self._gateway.state
        found = []
        for status in self.link.status():
            book = leases.gates.get(status.gate)
            found.append(
                HotGateStatus(
                    gate=status.gate,
                    standing=status.standing.name,
                    why=status.why,
                    gate_epoch=status.gate_epoch,
                    pid=status.pid,
                    silent_ns=self.link.silence_ns(status),
                    lapses=status.lapses,
                    entries_published=status.published,
                    entries_applied=status.applied,
                    drops_kept=status.kept - 1,
                    slices={} if book is None else {line: claim.slice for line, claim in book.claims.items()},
                    claims={} if book is None else {line: claim.worst for line, claim in book.claims.items()},
                    revoking=tuple(line for line in state.leases.revoking() if book and line in book.claims),
                )
            )
        return tuple(found)

    # From the link

    def _told(self, notices: Sequence[Notice]) -> None:
        """On the link's thread. A loop that is gone hears nothing any more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, notices)

    def _take(self, notices: Sequence[Notice]) -> None:
        try:
            for notice in notices:
                self._notice(notice)
        except NotAcceptingError:
            self.link.close()  # The gateway has failed and says why
        except Exception:
            LOG.exception("control link: a notice can't be taken; every gate trips rather than trade unseen")
            self.link.close()

    def _notice(self, notice: Notice) -> None:
        match notice:
            case Dropped():
                self._drops(notice)
            case Joined():
                self._joined(notice)
            case Reported():
                self._reports[notice.gate] = notice
                self._report(notice.gate)
            case Changed():
                self._changed(notice)
            case Refused():
                LOG.warning("control link: key %s of gate %r: %s", notice.key, notice.gate, notice.why)

    def _drops(self, notice: Dropped) -> None:
        sequence = self._gateway.state.tables.sequence
        last = notice.first - 1
        for drop in drops_of(notice.records):
            last = drop.sequence_number
            if (report := self._reader.report(notice.gate, drop)) is not None:
                sequence = self._gateway.take(report)
        self._kept.append((sequence, notice.gate, last + 1))
        self._gateway.settle_soon()
        self._report(notice.gate, last + 1)

    def _joined(self, notice: Joined) -> None:
        gate, epoch = notice.gate, notice.gate_epoch
        self._gateway.take(AdmitGate(request_id="", actor=ACTOR, gate=gate, gate_epoch=epoch))
        self._stale = True
        self._joining.append(notice)
        self._gateway.settle_soon()

    def _admit(self, notice: Joined) -> None:
        gate, epoch = notice.gate, notice.gate_epoch
        book = self._gateway.state.tables.leases.gates.get(gate)
        if book is None or book.gate_epoch != epoch or not book.alive:
            LOG.error("gate %s epoch %d is not admitted: it was retired, or is not in the settings", gate, epoch)
            return
        base = [] if notice.remembers or not notice.fresh else self._base(gate)
        self.link.admit(gate, epoch, base)

    def _base(self, gate: str) -> list[bytes]:
        """Positions and working orders of its earlier lives, for a gate that has no journal of its own."""
        tables, records = self._gateway.state.tables, []
        for name, lots in tables.hot_lots.items():
            owner, account, instrument = name.split("|")
            if owner == gate and lots:
                handle = tables.instruments[instrument].handle
                records.append(AdjustRecord(tables.accounts[account], handle, lots).to_bytes())
        working = self._gateway.state.working_orders()
        records += [reserve_row(tables, order).to_bytes() for order in working if order.gate == gate]
        return records

    def _changed(self, notice: Changed) -> None:
        gate = notice.gate
        level = logging.ERROR if notice.standing is Standing.DEAD else logging.INFO
        LOG.log(level, "gate %s is %s: %s", gate, notice.standing.value, notice.why)
        book = self._gateway.state.tables.leases.gates.get(gate)
        if notice.standing is Standing.DEAD and book is not None and book.alive:
            lost = LoseGate(request_id="", actor=ACTOR, gate=gate, gate_epoch=book.gate_epoch, reason=notice.why)
            self._gateway.take(lost)

    # Slices

    def _report(self, gate: str, booked: int = 0) -> None:
        """What it had let out before it took a smaller slice must be in the books before that counts."""
        waiting = self._reports.get(gate)
        booked = max(booked, self._gateway.state.tables.leases.kept.get(gate, 1), self._booked(gate))
        if waiting is None or waiting.drops_next > booked:
            return
        del self._reports[gate]
        versions, version = self._versions[gate], 0
        while versions and versions[0][0] <= waiting.applied:
            version = versions.popleft()[1]
        self._look(gate, max(version, self._confirmed(gate)))

    def _booked(self, gate: str) -> int:
        return max((kept for _, name, kept in self._kept if name == gate), default=1)

    def _confirmed(self, gate: str) -> int:
        book = self._gateway.state.tables.leases.gates.get(gate)
        return 0 if book is None else book.version

    def _look(self, gate: str, version: int) -> None:
        """What the books say that the gate has in use; journaled when it changes a slice."""
        state = self._gateway.state
        book = state.tables.leases.gates.get(gate)
        if book is None or not book.alive:
            return
        report = Report(gate, book.gate_epoch, book.report + 1, version, books_use(state, gate))
        if self._no_news.get(gate) == report:
            return
        if not state.leases.is_news(report, {}):
            self._no_news[gate] = report
            return
        if not state.leases.is_news(report, self._house_use()):
            return
        self._gateway.take(
            ReportSlices(
                request_id="",
                actor=ACTOR,
                gate=gate,
                gate_epoch=book.gate_epoch,
                number=report.number,
                version=version,
                in_use=dict(report.in_use),
            )
        )

    def _house_use(self) -> dict[str, int]:
        return house_use(self._gateway.state, self._gateway.own_gate())

    def _refresh(self) -> None:
        """Tells each gate what has changed of what it must hold; the link leaves out what has not."""
        self._stale = False
        state, now_ns = self._gateway.state, self._gateway.clock.now_ns()
        leases = state.tables.leases
        for name, settings in self._gates.items():
            number = self.link.tell(name, [row.to_bytes() for row in all_rows(state, settings, now_ns)])
            for origin, record in leases.told:
                if origin > self._told_origin:
                    number = self.link.tell(name, [bytes.fromhex(record)], origin=origin)
            if not self._versions[name] or self._versions[name][-1][1] < leases.version:
                self._versions[name].append((number, leases.version))
        self._told_origin = max([self._told_origin, *(origin for origin, _ in leases.told)])

    async def tend(self) -> None:
        """Until cancelled."""
        for turn in itertools.count():
            self.link.pulse()
            with contextlib.suppress(NotAcceptingError):
                self._stale = self._stale or turn % REFRESH_EVERY == 0
                self._gateway.settle_soon()
                for gate, settings in self._gates.items():
                    self.link.tell(gate, [row.to_bytes() for row in profits(self._gateway.state, settings)])
                    self._look(gate, self._confirmed(gate))
            await asyncio.sleep(self.look_every_s)

    def close(self) -> None:
        self.link.close()


@contextlib.asynccontextmanager
async def hot_gates(
    gateway: LiveGateway, settings: Settings, make: Callable[[LiveGateway, Settings], HotGates] = HotGates
) -> AsyncIterator[None]:
    """The link is up as long as the block; without hot gates in the settings there is none."""
    if not settings.hot_gates:
        yield
        return
    gates = make(gateway, settings)
    tending = asyncio.create_task(gates.tend())
    try:
        yield
    finally:
        tending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await tending
        gates.close()


def _key(ring: KeyRing, wanted: str) -> bytes:
    """Of the gate that is let in by ``allowed/<wanted>.public``."""
    try:
        return ring.allowed_key(wanted)
    except KeyFileError as error:
        raise FieldError("hot_gates.key", wanted, str(error)) from error
