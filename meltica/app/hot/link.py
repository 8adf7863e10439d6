"""The control link of the hot process: records into the order loop's ring, drop copies out of its store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from meltica.app.hot.settings import HotSettings
from meltica.hot.hot_files import CONTROL_BYTES
from meltica.hot.hot_parts import DropStore, Gate, OuchPort, SpscRing, Word, uses
from meltica.hot.hot_status import StatusWriter
from meltica.hot.layout_gen import Record, SymbolRecord
from meltica.links.control_link_messages import Use
from meltica.links.hot_link import HotLink
from meltica.links.hot_link_phase import Phase
from meltica.links.keys import KeyRing

MAX_HELD: Final = 1_000_000
"""Records that wait for room in the control ring; more is a loop that stands still, and the lease will lapse."""


class ControlLink:
    """``tend`` it often: it waits no longer than it is told."""

    def __init__(
        self,
        settings: HotSettings,
        *,
        control: SpscRing,
        gate: Gate,
        port: OuchPort,
        drops: DropStore,
        status: StatusWriter,
        clock: Callable[[], int],
    ) -> None:
        keys = KeyRing(settings.link.keys)
        self._control, self._port, self._drops, self._status = control, port, drops, status
        self._gate = gate
        self._held: deque[bytes] = deque()
        self._sent = drops.next()
        self._unreported = False
        self._link = HotLink(
            settings.name,
            gate_epoch=time.time_ns(),
            keys=keys.client(),
            gateway_public=keys.control_public(),
            commands=settings.link.commands,
            state=settings.link.state,
            drops=drops,
            remembers=drops.next() > 1,  # The journal lies beside them: the process tells the gate what is in it
            clock=clock,
        )
        self._link.connect()

    def tend(self, timeout_ms: int) -> None:
        """What came goes to the loop, in order; what the loop said goes to the gateway."""
        for record in self._link.poll(timeout_ms):
            self._held.append(record)
        self._unreported |= bool(self._held)
        while self._held:
            if not self._give(self._held[0]):
                self._status.words.add(Word.CONTROL_HELD_BACK)
                break
            self._held.popleft()
        if self._unreported and not self._held and len(self._control) == 0:
            # The loop takes a record out after it has obeyed it: now the gate holds all of them
            self._link.report([Use(*one) for one in uses(self._gate)])
            self._unreported = False
        if len(self._held) > MAX_HELD:
            raise RuntimeError("the order loop takes no records of the control plane")
        if (first := self._sent) < (end := self._drops.next()):
            block = self._drops.read(first, end - first)
            self._sent = end
            self._link.send_drop_copies(first, block)

    def in_step(self) -> bool:
        """The gate has the whole state: its limits, marks and switches."""
        return self._link.health().phase is Phase.IN_STEP and not self._held and len(self._control) == 0

    def tell(self, records: Sequence[Record]) -> None:
        """Of our own, behind those of the control plane; before the next report."""
        self._held.extend(record.to_bytes() for record in records)
        self._unreported = True

    def describe(self) -> dict[str, Any]:
        health = self._link.health()
        return {
            "phase": health.phase.value,
            "why": health.why,
            "lapsed": health.lapsed,
            "applied": health.applied,
            "published": health.published,
            "kept": health.kept,
            "counts": health.counts,
        }

    def close(self) -> None:
        self._link.close()

    def _give(self, record: bytes) -> bool:
        if int.from_bytes(record[:2], "little") == SymbolRecord.TYPE_ID:
            self._port.set_symbol(record)  # Before any order in it can pass: the gate knows no limits of it yet
        return self._control.push(record.ljust(CONTROL_BYTES, b"\0"))
