"""Keeps the execution figures beside the running gateway: the journal's past first, then each record as it comes.

The past is folded in slices while the gateway trades. A fault in here stops the figures and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from meltica.analytics.executions import Executions
from meltica.domain.errors import NotAcceptingError
from meltica.domain.execution import ExecutionFilter, ExecutionSummary, GroupBy, OrderExecution
from meltica.domain.inputs import Record

LOG = logging.getLogger("meltica.executions")

SLICE: Final = 32
"""Entries of the past between two looks at the rest of the gateway: less than a millisecond."""


class ExecutionKeeper:
    """Implements ``watcher.Keeper`` and ``domain.execution.ExecutionBooks``."""

    def __init__(self, until: int) -> None:
        """``until``: the last entry of the past. Before it is folded there are no figures."""
        self._executions = Executions()
        self._until = until
        self._failure = ""

    def take(self, sequence: int, time_ns: int, record: Record) -> None:
        """A durable record; one that does not follow is left to ``catch_up``."""
        if sequence == self._executions.sequence + 1 and not self._failure:
            try:
                self._executions.apply(sequence, time_ns, record)
            except Exception as error:
                self._failure = f"journal entry {sequence} can't be taken in: {error!r}"
                LOG.exception("there are no execution figures any more: entry %d", sequence)

    async def catch_up(self, records: AsyncIterator[tuple[int, int, Record]]) -> None:
        """Fold the past; returns when what happens now follows it."""
        async for sequence, time_ns, record in records:
            if sequence <= self._executions.sequence or self._failure:
                return
            self.take(sequence, time_ns, record)
            if sequence % SLICE == 0:
                await asyncio.sleep(0)

    @property
    def sequence(self) -> int:
        return self._executions.sequence

    def order(self, order_id: int) -> OrderExecution | None:
        return self._ready().order(order_id)

    def summaries(self, by: GroupBy, chosen: ExecutionFilter) -> Sequence[ExecutionSummary]:
        return self._ready().summaries(by, chosen)

    def orders(self, chosen: ExecutionFilter, after: int, limit: int) -> Sequence[OrderExecution]:
        return self._ready().orders(chosen, after, limit)

    def _ready(self) -> Executions:
        """:raises NotAcceptingError: the figures are not whole."""
        if self._failure:
            raise NotAcceptingError(f"there are no execution figures: {self._failure}")
        if self.sequence < self._until:
            raise NotAcceptingError(f"execution figures are at journal entry {self.sequence} of {self._until}")
        return self._executions
