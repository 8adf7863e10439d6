"""What becomes of parent orders, as StreamOrderEvents shows it. Their slices have the events that all orders have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from meltica.control import resources, schedules
from meltica.domain.instrument import Instrument
from meltica.domain.parent import Phase
from meltica.domain.parent_events import AlgoAmended, AlgoMoved, AlgoOverfilled, AlgoStarted, AlgoVolume, AlgoWaits
from meltica.v1 import algo_service_pb2, order_service_pb2

OrderEvent = order_service_pb2.OrderEvent

PHASES: Final = {phase: algo_service_pb2.AlgoPhase.Value(f"ALGO_PHASE_{phase.name}") for phase in Phase}


def arrival_text(half_ticks: int | None, instrument: Instrument) -> str:
    return "" if half_ticks is None else resources.average_text(half_ticks, 2, instrument.tick_size)


def _started(event: AlgoStarted, instrument: Instrument) -> OrderEvent.AlgoStarted:
    return OrderEvent.AlgoStarted(
        schedule=schedules.shown(event.schedule, instrument),
        actor=event.actor,
        arrival_mid=arrival_text(event.arrival_half_ticks, instrument),
    )


def _moved(event: AlgoMoved, _instrument: Instrument) -> OrderEvent.AlgoMoved:
    return OrderEvent.AlgoMoved(
        phase=PHASES[event.phase], reason=event.reason, actor=event.actor, keep_children=event.keep_children
    )


def _waits(event: AlgoWaits, _instrument: Instrument) -> OrderEvent.AlgoWaits:
    next_look = resources.timestamp(event.due_ns) if event.due_ns else None
    return OrderEvent.AlgoWaits(next_look_time=next_look, reason=event.reason)


def _amended(event: AlgoAmended, instrument: Instrument) -> OrderEvent.AlgoAmended:
    return OrderEvent.AlgoAmended(
        quantity=instrument.quantity_text(event.quantity_lots),
        price=resources.price_text(instrument, event.price_ticks),
        schedule=schedules.shown(event.schedule, instrument),
        actor=event.actor,
    )


def _volume(event: AlgoVolume, instrument: Instrument) -> OrderEvent.AlgoVolume:
    return OrderEvent.AlgoVolume(market_quantity=instrument.quantity_text(event.market_lots))


def _overfilled(event: AlgoOverfilled, instrument: Instrument) -> OrderEvent.AlgoOverfilled:
    return OrderEvent.AlgoOverfilled(quantity=instrument.quantity_text(event.lots))


SHOWN: Final[dict[type, tuple[str, Callable[[Any, Instrument], Any]]]] = {
    AlgoStarted: ("algo_started", _started),
    AlgoMoved: ("algo_moved", _moved),
    AlgoWaits: ("algo_waits", _waits),
    AlgoAmended: ("algo_amended", _amended),
    AlgoVolume: ("algo_volume", _volume),
    AlgoOverfilled: ("algo_overfilled", _overfilled),
}
"""Event of the domain -> (its name in the API's oneof, how to show it)."""
