"""Commands about limits and reference data: one person may tighten, loosening takes two."""

from __future__ import annotations

from typing import Final

from meltica.domain.accounting import settled_in
from meltica.domain.commands import BeginDay, GateState, RegisterInstrument, ReportGate, Revalue, SetLimits
from meltica.domain.events import (
    DayBegan,
    GateStateChanged,
    InstrumentRegistered,
    LimitsChanged,
    ProposalKind,
    ProposalMade,
    TradingStatusChanged,
)
from meltica.domain.limits import (
    ACCOUNT_NAME,
    DAY_NS,
    AccountLimits,
    InstrumentLimits,
    Limits,
    PortLimits,
    PositionLimits,
    StrategyLimits,
    key_of,
    loosened,
)
from meltica.domain.market import TradingStatus
from meltica.domain.money import INT64_MAX
from meltica.engine.desk import Desk
from meltica.engine.held.sessions import end_day, opened
from meltica.engine.risk.proposals import SYSTEM, propose
from meltica.engine.state import PORT_ROWS, STRATEGY_ROWS
from meltica.hot.layout_gen import BURST_BOUND, COLLAR_BPS_BOUND, LOTS_BOUND

U32: Final = 2**32 - 1
BOUNDS: Final = {
    "collar_bps": COLLAR_BPS_BOUND,
    "located_lots": LOTS_BOUND,
    "max_consecutive_rejects": U32,
    "max_impact_percent": U32,
    "max_long_lots": LOTS_BOUND,
    "max_open_orders": U32,
    "max_short_lots": LOTS_BOUND,
    "message_burst": BURST_BOUND,
    "messages_per_second": U32,
    "self_match_group": 2**16 - 1,
    "session_close_ns": DAY_NS,
    "session_open_ns": DAY_NS - 1,
}
"""What the gate's registers hold (proto/hot/layout.toml); the others are 63 bits."""


def register_instrument(desk: Desk, command: RegisterInstrument) -> None:
    tables = desk.state.tables
    instrument = command.instrument
    known = tables.instruments.get(instrument.instrument)
    if known == instrument:
        return
    if known is not None:
        text = f"{instrument.instrument} is registered with other facts; orders and positions are counted in its ticks"
        desk.refuse(command.actor, "INSTRUMENT_EXISTS", "instrument", text)
    elif any(other.handle == instrument.handle for other in tables.instruments.values()):
        desk.refuse(command.actor, "HANDLE_TAKEN", "handle", f"handle {instrument.handle} is another instrument's")
    elif instrument.handle >= desk.max_instruments:
        text = f"the gate has rows for {desk.max_instruments} instruments; start it with more"
        desk.refuse(command.actor, "GATE_FULL", "handle", text)
    elif settled_in(instrument.instrument) not in {"", instrument.quote_currency}:
        text = f"{instrument.instrument} is not settled in {instrument.quote_currency}: its profit is no straight line"
        desk.refuse(command.actor, "NOT_LINEAR", "quote_currency", text)
    else:
        desk.emit(InstrumentRegistered(instrument=instrument, actor=command.actor, time_ns=desk.now_ns))


def trading_status(desk: Desk, status: TradingStatus) -> None:
    tables = desk.state.tables
    if status.instrument in tables.instruments and status.halted != (status.instrument in tables.halted):
        desk.emit(
            TradingStatusChanged(
                instrument=status.instrument, halted=status.halted, reason=status.reason, time_ns=desk.now_ns
            )
        )
        if not status.halted and desk.state.held:
            opened(desk, status.instrument)


def set_limits(desk: Desk, command: SetLimits) -> None:
    if (fault := limits_fault(desk, command.limits)) is not None:
        desk.refuse(command.actor, *fault)
        return
    key = key_of(command.limits)
    old, revision = desk.state.tables.limits.get(key, (None, 0))
    if command.revision != revision:
        text = f"{key} is at revision {revision}, the change was made against {command.revision}; read it again"
        desk.refuse(command.actor, "REVISION_MISMATCH", "etag", text)
        return
    looser = loosened(old, command.limits)
    if looser and not (old is None and command.actor.startswith(SYSTEM)):
        propose(desk, ProposalKind.LIMITS, command.actor, "", limits=command.limits, against=revision, loosens=looser)
        return
    _change_limits(desk, command.limits, revision + 1, command.actor, "")


def limits_fault(desk: Desk, limits: Limits) -> tuple[str, str, str] | None:
    for field in limits.__struct_fields__:
        value, most = getattr(limits, field), BOUNDS.get(field, INT64_MAX)
        if isinstance(value, int) and not 0 <= value <= most:
            return "LIMIT_OUT_OF_RANGE", field, f"{value} is not within 0..{most}"
    if (fault := _name_fault(limits)) is not None:
        return fault
    tables = desk.state.tables
    match limits:
        case InstrumentLimits() | PositionLimits() if limits.instrument not in tables.instruments:
            return "UNKNOWN_INSTRUMENT", "instrument", f"{limits.instrument!r} is not an instrument of this gateway"
        case PositionLimits() if limits.account not in tables.accounts:
            return "UNKNOWN_ACCOUNT", "account", f"{limits.account!r} has no account limits yet; set those first"
        case AccountLimits() if limits.account not in tables.accounts and len(tables.accounts) >= desk.max_accounts:
            return "GATE_FULL", "account", f"the gate has rows for {desk.max_accounts} accounts; start it with more"
        case StrategyLimits() if limits.strategy not in tables.strategies and len(tables.strategies) >= STRATEGY_ROWS:
            return "GATE_FULL", "strategy", f"the gate has rows for {STRATEGY_ROWS} strategies"
        case PortLimits() if limits.port not in tables.ports and len(tables.ports) >= PORT_ROWS:
            return "GATE_FULL", "port", f"the gate has rows for {PORT_ROWS} ports"
    return None


def _name_fault(limits: Limits) -> tuple[str, str, str] | None:
    match limits:
        case AccountLimits():
            kind, name = "account", limits.account
        case StrategyLimits():
            kind, name = "strategy", limits.strategy
        case PortLimits():
            kind, name = "port", limits.port
        case _:
            return None
    if ACCOUNT_NAME.fullmatch(name):
        return None
    text = f"{name[:80]!r} can't be the name of an {kind}: at most 64 letters, digits and ._:-"
    return f"{kind.upper()}_NAME_INVALID", kind, text.replace("an strategy", "a strategy").replace("an port", "a port")


def _change_limits(desk: Desk, limits: Limits, revision: int, actor: str, approver: str) -> None:
    desk.emit(LimitsChanged(limits=limits, revision=revision, actor=actor, approver=approver, time_ns=desk.now_ns))


def carry_out(desk: Desk, made: ProposalMade, approver: str) -> None:
    if made.limits is not None:
        _change_limits(desk, made.limits, made.against + 1, made.proposer, approver)


def begin_day(desk: Desk, command: BeginDay) -> None:
    desk.emit(DayBegan(actor=command.actor, time_ns=desk.now_ns))
    end_day(desk)


def revalue(_desk: Desk, _command: Revalue) -> None:
    """The marks of the input have done it."""


def report_gate(desk: Desk, command: ReportGate) -> None:
    lost = command.state is GateState.LOST
    if lost != bool(desk.state.tables.gate_lost):
        reason = command.reason or command.state.value
        desk.emit(GateStateChanged(lost=lost, reason=reason, time_ns=desk.now_ns))
