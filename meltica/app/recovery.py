"""From a journal to an engine: the newest snapshot that holds, then the rest of the log."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Iterator

from meltica.app.gateway import LiveGateway
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain.errors import InvariantError
from meltica.domain.inputs import decode_record
from meltica.domain.outcomes import DoubtUnanswered
from meltica.engine.engine import Engine
from meltica.engine.snapshot import saving
from meltica.engine.snapshot.snapshot import SnapshotError
from meltica.engine.venue.outcomes import unanswered
from meltica.hot import OrderIntent
from meltica.hot.ports import RiskGate
from meltica.journal.port import JournalSource
from meltica.journal.reader import entries
from meltica.journal.snapshots import newest_valid

LOG = logging.getLogger("meltica.recovery")


def recover(source: JournalSource, gate: RiskGate, intent: type[OrderIntent] = OrderIntent) -> Engine:
    """The engine as it was after the last durable entry; ``gate`` must be fresh. Nothing is decided again.

    :raises JournalDamagedError: an entry does not follow from the one before it.
    :raises InvariantError: an entry can't be applied; the message says which.
    """
    start = newest_valid(source, format_version=saving.FORMAT)
    for warning in start.warnings:
        LOG.warning("recovery: %s", warning)
    state, position = None, 0
    if start.snapshot is not None:
        try:
            found = start.snapshot
            state, position = saving.restore(found.state, found.parts, found.refs, gate), found.seq
        except SnapshotError as error:
            LOG.warning("recovery: snapshot %d passed over: %s", start.snapshot.seq, error)
    engine = Engine(
        gate,
        max_instruments=GATE_INSTRUMENTS,
        max_accounts=GATE_ACCOUNTS,
        state=state,
        intent=intent,
    )
    if engine.state.unsaved is None:
        engine.state.track()  # Before the first entry: then nothing need be looked for later
    with _garbage_waits():
        for seq, _, payload, _ in entries(source, position + 1):
            try:
                engine.absorb(seq, decode_record(payload))
            except Exception as error:
                raise InvariantError(f"journal entry {seq} can't be applied: {error!r}") from error
    return engine


def doubt_unanswered(gateway: LiveGateway) -> None:
    """First of all: what was sent before the restart and has no answer is in doubt, and no cancel to rely on."""
    if next(unanswered(gateway.state.tables), None) is not None:
        gateway.take(DoubtUnanswered(request_id="", actor="system:recovery"))


@contextlib.contextmanager
def _garbage_waits() -> Iterator[None]:
    """What is built up here stays, so looking through it again and again finds nothing: a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
