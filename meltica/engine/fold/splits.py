"""A split restates what limits are judged by: positions here and in the gate, and the price that they are worth."""

from __future__ import annotations

from meltica.domain.accounting import SplitMark
from meltica.domain.cash import InstrumentSplit
from meltica.domain.money import divide_half_even
from meltica.domain.position import Position
from meltica.engine.state import EngineState
from meltica.hot.layout_gen import TICKS_BOUND
from meltica.hot.ports import RiskGate


def restate(state: EngineState, gate: RiskGate, event: InstrumentSplit) -> list[Position]:
    """Whole lots towards 0; what they cost stays. The positions that are others now.

    The price, here and at the gate, is that of before the split in new lots: the market's first mark after it replaces
    it. One of before may still come with an input, for the market rests; that one does not count.
    """
    tables, name = state.tables, event.instrument
    mark = SplitMark(tables.next_execution, event.numerator, event.denominator, event.time_ns)
    tables.accounting.splits.setdefault(name, []).append(mark)
    handle, found = tables.instruments[name].handle, []
    if (price := tables.prices.get(name)) is not None:
        fresh = divide_half_even(price * event.denominator, event.numerator)
        tables.prices[name] = fresh
        sane = 0 < fresh <= TICKS_BOUND
        gate.set_reference(handle, fresh if sane else 0, event.time_ns if sane else 0)
    for position in tables.positions.values():
        if position.instrument == name:
            before = position.lots
            position.split(event.numerator, event.denominator)
            if position.lots != before:
                gate.adjust_position(tables.accounts[position.account], handle, position.lots - before)
            found.append(position)
    return found
