"""AuditService: the journal's entries, its head, and whether the chain holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from meltica.control import resources
from meltica.control.batches import Batches, start_of
from meltica.control.calls import Caller
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain.ports import AuditEntry, AuditHead, Gateway
from meltica.v1 import audit_service_pb2 as api

FETCH: Final = 64
"""Entries fetched from the journal at once by a stream."""
PAGE_BYTES: Final = 768 * 1024
"""A page ends early here, because a client accepts a few megabytes and we promise to stay below one."""


class AuditService:
    def __init__(self, gateway: Gateway, batches: Batches) -> None:
        self._gateway = gateway
        self._batches = batches

    async def list_audit_entries(
        self, request: api.ListAuditEntriesRequest, _caller: Caller
    ) -> api.ListAuditEntriesResponse:
        form = Form()
        page = Page(form, request.page_size, request.page_token, request.after_sequence, numbered=True)
        form.finish()
        after = int(page.after) if page.after else request.after_sequence
        await start_of(self._gateway, after)
        entries = list(await self._gateway.audit_entries(after, page.size + 1))
        kept = _that_fit(entries[: page.size])
        token = page.token(kept[-1].sequence) if len(entries) > len(kept) else ""
        return api.ListAuditEntriesResponse(entries=[_shown(entry) for entry in kept], next_page_token=token)

    async def stream_audit_entries(
        self, request: api.StreamAuditEntriesRequest, _caller: Caller
    ) -> AsyncGenerator[api.StreamAuditEntriesResponse, None]:
        after = await start_of(self._gateway, request.after_sequence if request.HasField("after_sequence") else None)
        yield api.StreamAuditEntriesResponse(sequence=after)  # At once: the caller knows that it is connected.
        async for batch in self._batches.of(self._entries(after)):
            entries = batch
            while kept := _that_fit(entries):
                after = kept[-1].sequence
                yield api.StreamAuditEntriesResponse(entries=[_shown(entry) for entry in kept], sequence=after)
                entries = entries[len(kept) :]
            if not batch:
                yield api.StreamAuditEntriesResponse(sequence=after)

    async def _entries(self, after: int) -> AsyncIterator[AuditEntry]:
        """Entries with their hashes. The record stream tells when there are new ones."""
        async for sequence, _, _ in self._gateway.records(after):
            while after < sequence:
                entries = await self._gateway.audit_entries(after, FETCH)
                if not entries:
                    raise LookupError(sequence)  # Never: a record is told when it is durable.
                for entry in entries:
                    yield entry
                    after = entry.sequence

    async def get_audit_head(self, _request: api.GetAuditHeadRequest, _caller: Caller) -> api.GetAuditHeadResponse:
        return api.GetAuditHeadResponse(head=_head(await self._gateway.audit_head()))

    async def verify_audit_log(
        self, _request: api.VerifyAuditLogRequest, _caller: Caller
    ) -> api.VerifyAuditLogResponse:
        report = await self._gateway.audit_verify()
        return api.VerifyAuditLogResponse(
            intact=not report.problems, entries=report.entries, head=_head(report.head), problems=report.problems
        )


def _that_fit(entries: list[AuditEntry]) -> list[AuditEntry]:
    """As many from the start as fit PAGE_BYTES, but one at least."""
    size = 0
    for place, entry in enumerate(entries):
        size += len(entry.payload)
        if size > PAGE_BYTES and place > 0:
            return entries[:place]
    return entries


def _shown(entry: AuditEntry) -> api.AuditEntry:
    return api.AuditEntry(
        sequence=entry.sequence,
        time=resources.timestamp(entry.time_ns),
        payload=entry.payload.decode(),
        hash=entry.hash,
    )


def _head(head: AuditHead) -> api.AuditHead:
    return api.AuditHead(journal_id=head.journal_id, sequence=head.sequence, hash=head.hash)
