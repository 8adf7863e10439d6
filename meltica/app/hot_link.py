"""The control link of the hot process: records into the order loop's ring, drop copies out of its store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from meltica.app.hot_settings import HotSettings
from meltica.hot.hot_files import CONTROL_BYTES
from meltica.hot.hot_parts import DropStore, OuchPort, SpscRing, Word
from meltica.hot.hot_status import StatusWriter
from meltica.hot.layout_gen import SymbolRecord
from meltica.links.hot_link import HotLink
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
        port: OuchPort,
        drops: DropStore,
        status: StatusWriter,
        clock: Callable[[], int],
    ) -> None:
        keys = KeyRing(settings.link.keys)
        self._control, self._port, self._drops, self._status = control, port, drops, status
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
            remembers=drops.next() > 1,  # The journal lies beside them, and the loop has recovered from it
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
            self._link.report()  # The loop takes a record out after it has obeyed it: now the gate holds all of them
            self._unreported = False
        if len(self._held) > MAX_HELD:
            raise RuntimeError("the order loop takes no records of the control plane")
        if (first := self._sent) < (end := self._drops.next()):
            block = self._drops.read(first, end - first)
            self._sent = end
            self._link.send_drop_copies(first, block)

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
