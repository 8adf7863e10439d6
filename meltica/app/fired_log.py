"""Says aloud what became of stops and the like that fired and did not go out: a position may be without protection."""

from __future__ import annotations

import logging

from meltica.domain.inputs import Record
from meltica.domain.order import Order
from meltica.domain.order_events import HeldAmended, OrderReported
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from meltica.engine.fold.groups import FIRES
from meltica.engine.state import EngineState

LOG = logging.getLogger("meltica.fired")


class FiredLog:
    """A ``Keeper``. The same is in the journal and in the order event stream; this is for whoever watches the log."""

    def __init__(self, state: EngineState) -> None:
        self._orders = state.tables.orders
        self._instruments = state.tables.instruments

    def take(self, _sequence: int, _time_ns: int, record: Record, /) -> None:
        for event in record.events:
            match event:
                case OrderReported(exec_type=ExecType.REJECTED):
                    order = self._orders[event.order_id]
                    if order.order_type in FIRES:
                        LOG.error("%s fired, was refused and is over: %s", self._named(order), event.text)
                case HeldAmended(held=Held.SELF_MATCH):
                    LOG.warning("%s fired and waits: %s", self._named(self._orders[event.order_id]), event.reason)
                case HeldAmended(held=Held.RELEASE):
                    order = self._orders[event.order_id]
                    if order.order_type in FIRES:
                        LOG.warning("%s fired and waits: %s", self._named(order), event.reason)

    def _named(self, order: Order) -> str:
        quantity = self._instruments[order.instrument].quantity_text(order.quantity_lots)
        asked = f"{order.side.name} {quantity} {order.instrument}"
        return f"order {order.order_id} ({order.order_type.name}, {asked}, account {order.account})"
