"""What the driver writes down beside a record: the market where an order of ours began, was filled or ended.

A cancel, a market event, a limit cost nothing: most records have no sight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from meltica.app.board import MarketBoard
from meltica.domain.events import Event
from meltica.domain.inputs import Input, Record
from meltica.domain.order_events import OrderFilled, OrderHeld, OrderReleased, OrderReported, OrderSubmitted
from meltica.domain.reports import ExecType
from meltica.domain.sight import Dispatch, Sight
from meltica.engine.state import EngineState

ENDS: Final = frozenset(
    {ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED, ExecType.CALCULATED, ExecType.DONE_FOR_DAY}
)
_BEGINS_OR_FILLS: Final = frozenset({OrderSubmitted, OrderHeld, OrderReleased, OrderFilled})
_OF_AN_ORDER: Final = frozenset({OrderFilled, OrderReported})


class Sights:
    """One per driver."""

    def __init__(self, board: MarketBoard, state: EngineState, now_ns: Callable[[], int]) -> None:
        self._board = board
        self._state = state
        self._now_ns = now_ns
        self._tapes: dict[str, tuple[int, int]] = {}
        """Instrument -> how much had been traded at its last sight."""
        self._stepped: dict[int, int] = {}
        """Orders that wait to be durable -> when the engine had let them out. As many as the outbox holds."""
        self._left: dict[int, Dispatch] = {}
        """Orders that have left and of which nothing has been heard since."""

    def record(self, happened: Input, events: tuple[Event, ...]) -> Record:
        """The step's record, with what belongs beside it."""
        sights: tuple[Sight, ...] = ()
        dispatches: tuple[Dispatch, ...] = ()
        for event in events:
            kind = type(event)
            if kind in _BEGINS_OR_FILLS or (kind is OrderReported and event.exec_type in ENDS):  # type: ignore[union-attr]
                sights = self._seen(event.order_id, happened, sights)  # type: ignore[union-attr]
            if kind in _OF_AN_ORDER and (left := self._left.pop(event.order_id, None)) is not None:  # type: ignore[union-attr]
                dispatches = (*dispatches, left)
            if kind is OrderSubmitted or kind is OrderReleased:
                self._stepped[event.order_id] = self._now_ns()  # type: ignore[union-attr]
        return Record(happened, events, sights, dispatches)

    def sent(self, order_id: int, durable_ns: int) -> None:
        """Its venue's session has it now."""
        if (stepped_ns := self._stepped.pop(order_id, None)) is not None:
            self._left[order_id] = Dispatch(
                order_id=order_id, stepped_ns=stepped_ns, durable_ns=durable_ns, sent_ns=self._now_ns()
            )

    def withheld(self, order_id: int) -> None:
        """It does not leave."""
        self._stepped.pop(order_id, None)

    def _seen(self, order_id: int, happened: Input, sights: Sequence[Sight]) -> tuple[Sight, ...]:
        name = self._state.tables.orders[order_id].instrument
        if any(sight.instrument == name for sight in sights):
            return tuple(sights)
        traded, before = self._board.traded(name), self._tapes.get(name, (0, 0))
        self._tapes[name] = traded
        lots, value = traded[0] - before[0], traded[1] - before[1]
        if _marked(name, happened):
            return (*sights, Sight(instrument=name, traded_lots=lots, traded_value=value)) if lots else tuple(sights)
        quote = self._board.quote(name)
        if quote is None:
            return (*sights, Sight(instrument=name, traded_lots=lots, traded_value=value))
        seen = Sight(
            instrument=name,
            bid=quote.bid,
            ask=quote.ask,
            last_ticks=None if quote.bid is not None and quote.ask is not None else quote.last_ticks,
            traded_lots=lots,
            traded_value=value,
            mark_ticks=quote.mark_ticks,
        )
        return (*sights, seen)


def _marked(name: str, happened: Input) -> bool:
    """Do prices of this instrument stand in the input already?"""
    return any(mark.instrument == name for mark in happened.marks)
