"""What became of one order, as far as its figures need it."""

from __future__ import annotations

import msgspec

from meltica.domain.execution import Outcome
from meltica.domain.order import Ended, Side


class Fill(msgspec.Struct, gc=False, array_like=True, omit_defaults=True):
    """An execution that stands, with the market that was seen when its report came."""

    execution_id: str
    """The newest that a correction gave it."""
    lots: int
    price_ticks: int
    fee_nanos: int
    time_ns: int
    venue_time_ns: int = 0
    maker: bool | None = None
    mid_half_ticks: int | None = None
    touch_ticks: int | None = None


class Sums(msgspec.Struct, gc=False, array_like=True, omit_defaults=True):
    """What the executions add up to; values are price_ticks x lots."""

    executions: int = 0
    lots: int = 0
    value: int = 0
    fees_nanos: int = 0
    maker_value: int = 0
    told_value: int = 0
    """Of those of which the venue said whether they were makers."""
    mid_lots: int = 0
    """Of those whose mid is known."""
    mid_paid: int = 0
    mid_value: int = 0
    """In half ticks x lots, at the mids."""
    touch_lots: int = 0
    touch_paid: int = 0
    touch_value: int = 0
    """In ticks x lots, at the touches."""

    def book(self, fill: Fill, times: int) -> None:
        """Add it (1), or take it out (-1)."""
        lots = times * fill.lots
        value = lots * fill.price_ticks
        self.executions += times
        self.lots += lots
        self.value += value
        self.fees_nanos += times * fill.fee_nanos
        if fill.maker is not None:
            self.told_value += value
            if fill.maker:
                self.maker_value += value
        if fill.mid_half_ticks is not None:
            self.mid_lots += lots
            self.mid_paid += value
            self.mid_value += lots * fill.mid_half_ticks
        if fill.touch_ticks is not None:
            self.touch_lots += lots
            self.touch_paid += value
            self.touch_value += lots * fill.touch_ticks


class Course(msgspec.Struct, kw_only=True, gc=False, array_like=True, omit_defaults=True):
    """Times are Unix nanoseconds, 0: unknown. ``sums`` of a parent are those of its slices."""

    order_id: int
    account: str
    strategy: str
    instrument: str
    side: Side
    quantity_lots: int
    received_ns: int
    day: str
    parent_id: int = 0
    children: list[int] = []
    group_id: int = 0
    """OCO, OTO, OUO, bracket; 0: none."""
    changed: int = 0
    """The journal entry at which it ended, or last changed after it had."""
    relieved: bool = False
    """Its group asked for its cancel: what it lacks another order of the group has, and nobody missed it."""
    denied: bool = False
    adjusts: bool = False
    """Persons took a venue's word for a position: nobody executed anything. In no figure of a group."""
    held: bool = False
    sent: bool = False
    """It went to a venue, or came from one."""
    ended: Ended | None = None
    done_for_day: bool = False
    """With nothing that comes back tomorrow."""
    decision_half_ticks: int | None = None
    arrival_half_ticks: int | None = None
    end_half_ticks: int | None = None
    decided_ns: int = 0
    left_ns: int = 0
    """When the command came that let it out: its own, or what released it."""
    stepped_ns: int = 0
    durable_ns: int = 0
    sent_ns: int = 0
    acknowledged_ns: int = 0
    venue_acknowledged_ns: int = 0
    first_fill_ns: int = 0
    venue_first_fill_ns: int = 0
    last_fill_ns: int = 0
    ended_ns: int = 0
    tape_begin: tuple[int, int] = (0, 0)
    """(lots, price_ticks x lots) that others had traded in the instrument by its arrival, and by its end so far."""
    tape_end: tuple[int, int] = (0, 0)
    fills: dict[str, Fill] = {}
    """By the execution's first id."""
    sums: Sums = msgspec.field(default_factory=Sums)

    def fill(self, execution_id: str) -> tuple[str, Fill] | None:
        """The one that stands under this id: its first, or its newest."""
        if (found := self.fills.get(execution_id)) is not None:
            return execution_id, found
        return next(((key, f) for key, f in self.fills.items() if f.execution_id == execution_id), None)

    @property
    def outcome(self) -> Outcome:
        if self.denied:
            return Outcome.DENIED
        if self.sums.lots >= self.quantity_lots:
            return Outcome.FILLED
        if self.ended is not None:
            return _ENDINGS[self.ended]
        if self.done_for_day:
            return Outcome.EXPIRED
        return Outcome.HELD if self.held else Outcome.WORKING

    @property
    def may_still_fill(self) -> bool:
        return self.outcome in (Outcome.HELD, Outcome.WORKING)


_ENDINGS = {
    Ended.REJECTED: Outcome.REJECTED,
    Ended.CANCELED: Outcome.CANCELED,
    Ended.EXPIRED: Outcome.EXPIRED,
    Ended.CALCULATED: Outcome.EXPIRED,
}
