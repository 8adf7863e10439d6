"""The machine's engine: the model hears what nobody asked for, because another order left less to close."""

from __future__ import annotations

from typing import Any

from meltica.domain.events import Event
from meltica.domain.order_events import CancelRequested, ReplaceRequested
from meltica.engine.orders.reducing import ACTOR
from tests.engines import TestBench
from tests.unit.engine.model import ModelOrder, Request


class Bench(TestBench):
    __test__ = False

    def __init__(self, model: dict[int, ModelOrder], backend: str, limit_lots: int) -> None:
        self._model = model
        super().__init__(backend, max_long_lots=limit_lots, max_short_lots=limit_lots, max_open_orders=12)

    def step(self, body: Any, *, after_ns: int = 1000) -> tuple[Event, ...]:
        events = super().step(body, after_ns=after_ns)
        for event in events:
            if isinstance(event, CancelRequested | ReplaceRequested) and event.actor == ACTOR:
                self._reduced(event)
        return events

    def _reduced(self, event: CancelRequested | ReplaceRequested) -> None:
        order, name = self._model[event.order_id], event.client_order_id
        cancels = isinstance(event, CancelRequested)
        order.requests.append(
            Request(name, True) if cancels else Request(name, False, event.quantity_lots, event.price_ticks)
        )
        order.names.append(name)
