"""What becomes of parent orders. Their children have the events that all orders have."""

from __future__ import annotations

import msgspec

from meltica.domain.parent import Phase
from meltica.domain.reports import ExecType
from meltica.domain.schedule import Schedule


class AlgoStarted(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The order that was just held is a parent: it goes out in slices."""

    order_id: int
    schedule: Schedule
    actor: str
    time_ns: int
    arrival_half_ticks: int | None = None


class AlgoMoved(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """It is in another phase from now on: paused, resumed, at its end, being closed, done, open again."""

    order_id: int
    phase: Phase
    reason: str
    actor: str
    time_ns: int
    how: ExecType | None = None
    keep_children: bool = False


class AlgoWaits(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The engine looks at it again at ``due_ns``; 0: only when something happens."""

    order_id: int
    due_ns: int
    time_ns: int
    retry_ns: int = 0
    """Nothing is sent before; 0: as it was."""
    reason: str = ""


class AlgoAmended(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    order_id: int
    quantity_lots: int
    price_ticks: int | None
    schedule: Schedule
    actor: str
    time_ns: int


class AlgoVolume(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """So much has traded since the start, by the driver's counter."""

    order_id: int
    counter_lots: int
    market_lots: int
    time_ns: int


class AlgoOverfilled(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Its children together have been filled by this much more than was asked for."""

    order_id: int
    lots: int
    time_ns: int


ParentEvent = AlgoStarted | AlgoMoved | AlgoWaits | AlgoAmended | AlgoVolume | AlgoOverfilled
