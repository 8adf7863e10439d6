"""The command that splits an instrument: refused while anything of it is on its way in old lots; limits follow."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain import cash
from meltica.domain.accounting import PPM
from meltica.domain.commands import SetLimits
from meltica.domain.limits import InstrumentLimits, Limits, PositionLimits
from meltica.domain.money import INT64_MAX
from meltica.engine.desk import Desk
from meltica.engine.risk import controls
from meltica.engine.risk.lease_rows import in_scope
from meltica.hot.layout_gen import LOTS_BOUND

No = tuple[str, str, str]
IN_LOTS: Final = ("max_quantity_lots", "max_day_lots", "max_long_lots", "max_short_lots", "located_lots")


def split_instrument(desk: Desk, command: cash.SplitInstrument) -> None:
    """Positions, their price, and limits in lots are restated together. A limit that grows waits for a second person:
    what one person says of a ratio must not let more through.
    """
    if (fault := _fault(desk, command)) is not None:
        desk.refuse(command.actor, *fault)
        return
    desk.emit(
        cash.InstrumentSplit(
            instrument=command.instrument,
            numerator=command.numerator,
            denominator=command.denominator,
            reason=command.reason,
            actor=command.actor,
            time_ns=desk.now_ns,
        )
    )
    for limits, revision in list(desk.state.tables.limits.values()):
        if isinstance(limits, InstrumentLimits | PositionLimits) and limits.instrument == command.instrument:
            fresh = _restated(limits, command)
            if fresh != limits:
                asked = SetLimits(request_id="", actor=command.actor, limits=fresh, revision=revision)
                controls.set_limits(desk, asked)


def _restated(limits: Limits, command: cash.SplitInstrument) -> Limits:
    """What counts lots; whole ones, downwards."""
    changed = {}
    for field in IN_LOTS:
        if (lots := getattr(limits, field, 0)) > 0:
            bound = controls.BOUNDS.get(field, INT64_MAX)
            changed[field] = min(lots * command.numerator // command.denominator, bound)
    return msgspec.structs.replace(limits, **changed)


def _fault(desk: Desk, command: cash.SplitInstrument) -> No | None:
    tables, name = desk.state.tables, command.instrument
    if name not in tables.instruments:
        return "UNKNOWN_INSTRUMENT", "instrument", f"{name[:80]!r} is not an instrument of this gateway"
    if not (0 < command.numerator <= PPM and 0 < command.denominator <= PPM):
        field = "denominator" if 0 < command.numerator <= PPM else "numerator"
        return "RATIO_OUT_OF_RANGE", field, f"must be 1 to {PPM}"
    if command.numerator == command.denominator:
        return "RATIO_OUT_OF_RANGE", "numerator", "changes nothing"
    if open_orders := [order.order_id for order in desk.state.open_orders() if order.instrument == name]:
        text = f"{len(open_orders)} orders of {name} are open in old lots, order {open_orders[0]} first: cancel them"
        return "ORDERS_OPEN", "instrument", text
    for gate, facts in tables.leases.facts.items():
        book = tables.leases.gates.get(gate)
        if book is not None and not book.retired and in_scope(facts, f"instruments/{name}/max_day_lots"):
            return "HOT_GATE_TRADES_IT", "instrument", f"hot gate {gate} counts {name} in old lots: retire it first"
    for position in tables.positions.values():
        if position.instrument == name and abs(position.lots) * command.numerator // command.denominator > LOTS_BOUND:
            text = f"{position.account} would have more lots of {name} than any register holds"
            return "RATIO_OUT_OF_RANGE", "numerator", text
    return None
