"""Facts that stop orders: set at once by anybody who may, cleared by the part that set them or by two persons."""

from __future__ import annotations

from meltica.domain.breakers import MarkKind, MarkState, mark_key
from meltica.domain.commands import SetMark, SetPriceBand
from meltica.domain.events import MarkChanged, PriceBandChanged, ProposalKind, ProposalMade
from meltica.engine.desk import Desk
from meltica.engine.risk.proposals import SYSTEM, propose
from meltica.hot.layout_gen import TICKS_BOUND


def set_mark(desk: Desk, command: SetMark) -> None:
    if (fault := fault_of(desk, command)) is not None:
        desk.refuse(command.actor, *fault)
        return
    before = _state(desk, command)
    if before.on == command.on and not (command.on and _takes_over(before, command)):
        return
    if not command.on and not command.actor.startswith(SYSTEM):
        propose(desk, ProposalKind.MARK, command.actor, command.reason, against=before.epoch, action=command)
        return
    _change(desk, command, "")


def _takes_over(before: MarkState, command: SetMark) -> bool:
    """What the gateway has set by itself it clears by itself; what a person has set as well, two persons clear."""
    return before.actor.startswith(SYSTEM) and not command.actor.startswith(SYSTEM)


def fault_of(desk: Desk, command: SetMark) -> tuple[str, str, str] | None:
    tables = desk.state.tables
    if command.mark is MarkKind.MISMATCHED:
        known, reason, field = command.name in tables.accounts, "UNKNOWN_ACCOUNT", "account"
    elif command.mark is MarkKind.DISCONNECTED:
        known, reason, field = command.name in tables.ports, "UNKNOWN_PORT", "port"
    else:
        known, reason, field = command.name in tables.instruments, "UNKNOWN_INSTRUMENT", "instrument"
    return None if known else (reason, "name", f"{command.name!r} is not one of this gateway's {field}s")


def _state(desk: Desk, command: SetMark) -> MarkState:
    known = desk.state.tables.marks.get(mark_key(command.mark, command.name))
    return known or MarkState(mark=command.mark, name=command.name)


def epoch_of(desk: Desk, command: SetMark) -> int:
    return _state(desk, command).epoch


def _change(desk: Desk, command: SetMark, approver: str) -> None:
    desk.emit(
        MarkChanged(
            mark=command.mark,
            name=command.name,
            on=command.on,
            epoch=_state(desk, command).epoch + 1,
            reason=command.reason,
            actor=command.actor,
            approver=approver,
            time_ns=desk.now_ns,
        )
    )


def carry_out(desk: Desk, made: ProposalMade, approver: str) -> None:
    if isinstance(made.action, SetMark):
        _change(desk, made.action, approver)


def set_price_band(desk: Desk, command: SetPriceBand) -> None:
    """As the market says; one that makes no sense is refused, and the band in force stays."""
    low, high = command.low_ticks, command.high_ticks
    if command.instrument not in desk.state.tables.instruments:
        text = f"{command.instrument!r} is not an instrument of this gateway"
        desk.refuse(command.actor, "UNKNOWN_INSTRUMENT", "instrument", text)
    elif (low, high) != (0, 0) and not 0 < low <= high <= TICKS_BOUND:
        desk.refuse(command.actor, "PRICE_OUT_OF_RANGE", "low", f"no band lies between {low} and {high} ticks")
    else:
        desk.emit(PriceBandChanged(instrument=command.instrument, low_ticks=low, high_ticks=high, time_ns=desk.now_ns))
