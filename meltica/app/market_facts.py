"""Facts of the market that stop orders, as inputs of the engine. Prices come with the inputs that they decide."""

from __future__ import annotations

from typing import Final

from meltica.domain.breakers import MarkKind, mark_key
from meltica.domain.commands import SetMark, SetPriceBand
from meltica.domain.market import (
    BookInvalid,
    BookUpdate,
    MarketEvent,
    MarketPriceBand,
    ShortSaleStatus,
    TradingStatus,
)
from meltica.engine.state import Tables

ACTOR: Final = "system:market"


def fact_of(event: MarketEvent, tables: Tables) -> TradingStatus | SetMark | SetPriceBand | None:
    """What the engine must be told; None: nothing that it does not know. Of a mark only a change is an input."""
    if isinstance(event, TradingStatus):
        return event
    if event.instrument not in tables.instruments:
        return None
    match event:
        case ShortSaleStatus():
            return _mark(tables, MarkKind.SHORT_RESTRICTED, event.instrument, on=event.restricted, reason="price test")
        case BookInvalid():
            return _mark(tables, MarkKind.GAPPED, event.instrument, on=True, reason=event.reason)
        case BookUpdate(snapshot=True):
            return _mark(tables, MarkKind.GAPPED, event.instrument, on=False, reason="a new snapshot")
        case MarketPriceBand(low_ticks=low, high_ticks=high):
            name = event.instrument
            return SetPriceBand(request_id="", actor=ACTOR, instrument=name, low_ticks=low, high_ticks=high)
    return None


def _mark(tables: Tables, kind: MarkKind, name: str, *, on: bool, reason: str) -> SetMark | None:
    state = tables.marks.get(mark_key(kind, name))
    if on == (state is not None and state.on):
        return None
    return SetMark(request_id="", actor=ACTOR, mark=kind, name=name, on=on, reason=reason)
