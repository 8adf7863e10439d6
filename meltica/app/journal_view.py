"""What others read of the journal through the gateway: records as they become durable, and the audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from meltica.domain.inputs import Record, decode_record
from meltica.domain.ports import AuditEntry, AuditHead, AuditReport
from meltica.engine.state import EngineState
from meltica.journal.entry import Head
from meltica.journal.port import JournalSource
from meltica.journal.verify import verify
from meltica.journal.writer import GroupCommitWriter

RECORDS_BATCH = 256
"""Entries that a stream reads from the journal at a time."""


class JournalView:
    """The reading half of ``LiveGateway``, which owns all of this and says when something became durable."""

    state: EngineState
    _writer: GroupCommitWriter
    _source: JournalSource
    _committed: asyncio.Event

    async def settled(self) -> int:
        sequence = self.state.tables.sequence
        await self._writer.durable(sequence)
        return sequence

    async def records(self, after: int) -> AsyncIterator[tuple[int, int, Record]]:
        position = after
        while True:
            committed = self._committed
            durable = self._writer.durable_seq
            while position < durable:
                for entry in self._source.read(position + 1, min(RECORDS_BATCH, durable - position)):
                    position = entry.seq
                    yield entry.seq, entry.time_ns, decode_record(entry.payload)
            await committed.wait()

    async def audit_entries(self, after: int, limit: int) -> Sequence[AuditEntry]:
        durable = self._writer.durable_seq
        limit = min(limit, durable - after)
        if limit <= 0:
            return ()
        return [AuditEntry(e.seq, e.time_ns, e.payload, e.hash) for e in self._source.read(after + 1, limit)]

    async def audit_head(self) -> AuditHead:
        await self._writer.flush()
        head = self._source.head()
        return AuditHead(self._source.journal_id.hex(), head.seq, head.hash)

    async def audit_verify(self) -> AuditReport:
        report = await asyncio.to_thread(verify, Path(self._source.name))
        found = report.head or Head(0, b"")
        head = AuditHead(self._source.journal_id.hex(), found.seq, found.hash)
        return AuditReport(report.entries, head, tuple(str(problem) for problem in report.problems))
