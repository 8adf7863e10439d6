"""Hot gates in the engine: which lines there are, what is in use of them, and who is granted what.

The engine's own gate is a gate like the others: it holds what the others may not believe that they have, and is told
so in the same step. Orders of hot gates are in the books (positions, profit, audit), but not in the own gate's: their
gate has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from meltica.domain.gates import AdmitGate, ArmGate, GateArmed, LoseGate, RegisterGate, ReportSlices, RetireGate
from meltica.domain.leases import (
    WHOLE_BPS,
    GateDied,
    GateEntered,
    GateRegistered,
    GateRetired,
    GateReturned,
    Grant,
    LeaseConfirmed,
    LeaseGranted,
    Report,
)
from meltica.engine.desk import Desk
from meltica.engine.risk.lease_rows import books_use, in_scope
from meltica.engine.state import EngineState
from meltica.hot.ports import RiskGate
from meltica.hot.state import COLUMNS


def house_use(state: EngineState, gate: RiskGate) -> dict[str, int]:
    """What the engine's own gate has in use, by its own books."""
    tables, exported = state.tables, gate.export_state()
    names = {
        "accounts": {row: name for name, row in tables.accounts.items()},
        "strategies": {row: name for name, row in tables.strategies.items()},
        "instruments": {instrument.handle: name for name, instrument in tables.instruments.items()},
    }
    use: dict[str, int] = {}
    for table, wanted in _USED.items():
        for values in exported[table]:
            row = dict(zip(COLUMNS[table], values, strict=True))
            known = names.get(table, {0: ""})
            if (name := known.get(values[0])) is None:
                continue
            key = table if table == "firm" else f"{table}/{name}"
            use |= {f"{key}/{line}": int(row[column]) for column, line in wanted.items()}
    for values in exported["positions"]:
        row = dict(zip(COLUMNS["positions"], values, strict=True))
        account = names["accounts"].get(row["account_id"])
        instrument = names["instruments"].get(row["instrument_id"])
        key = f"accounts/{account}/positions/{instrument}"
        use[f"{key}/max_long_lots"] = max(0, row["position_lots"] + row["open_buy_lots"])
        short = max(0, row["open_sell_lots"] - row["position_lots"])
        use[f"{key}/max_short_lots"] = use[f"{key}/located_lots"] = short
    return use


_USED: Final = {
    "firm": {"open_value_nanos": "max_open_value_nanos", "open_orders": "max_open_orders"},
    "accounts": {"open_value_nanos": "max_open_value_nanos", "open_orders": "max_open_orders"},
    "strategies": {"open_value_nanos": "max_open_value_nanos", "executions": "max_executions"},
    "instruments": {"day_lots": "max_day_lots"},
}
"""Column of the own gate's state -> line that it uses."""


# Commands


def register_gate(desk: Desk, command: RegisterGate) -> None:
    share, known = command.facts.share, desk.state.tables.leases.facts
    first = sum(facts.share.first_bps for gate, facts in known.items() if gate != command.gate) + share.first_bps
    if not 0 <= share.first_bps <= share.most_bps <= WHOLE_BPS or first > WHOLE_BPS:
        text = "first shares of all gates together are at most the whole, and none is more than the gate's most"
        desk.refuse(command.actor, "SHARES_INVALID", "share", text)
    elif known.get(command.gate) != command.facts:
        desk.emit(GateRegistered(gate=command.gate, facts=command.facts, time_ns=desk.now_ns))


def admit_gate(desk: Desk, command: AdmitGate) -> None:
    state, gate, epoch = desk.state, command.gate, command.gate_epoch
    book, facts = state.tables.leases.gates.get(gate), state.tables.leases.facts.get(gate)
    if facts is None or (book is not None and (epoch < book.gate_epoch or (epoch == book.gate_epoch and book.retired))):
        text = f"epoch {epoch} of {gate} is over, or the gate is not registered"
        desk.refuse(command.actor, "GATE_NOT_ADMITTED", "gate_epoch", text)
        return
    if book is not None and epoch == book.gate_epoch:
        if not book.alive:
            desk.emit(GateReturned(gate=gate, gate_epoch=epoch, time_ns=desk.now_ns))
    else:
        in_use = books_use(state, gate)
        desk.emit(GateEntered(gate=gate, gate_epoch=epoch, in_use=in_use, time_ns=desk.now_ns))
    _grant(desk, state.leases.corrections(state.lease_limits))
    _grant_missing(desk, gate)


def report_slices(desk: Desk, command: ReportSlices) -> None:
    report = Report(command.gate, command.gate_epoch, command.number, command.version, command.in_use)
    use = house_use(desk.state, desk.gate)
    if not desk.state.leases.is_news(report, use):
        return
    desk.emit(
        LeaseConfirmed(
            gate=command.gate,
            gate_epoch=command.gate_epoch,
            report=command.number,
            version=command.version,
            in_use=dict(command.in_use),
            time_ns=desk.now_ns,
        )
    )
    _grant(desk, desk.state.leases.corrections(desk.state.lease_limits))
    _grant(desk, desk.state.leases.answers(command.gate, use))


def lose_gate(desk: Desk, command: LoseGate) -> None:
    book = desk.state.tables.leases.gates.get(command.gate)
    if book is not None and book.alive and book.gate_epoch == command.gate_epoch:
        reason = command.reason
        desk.emit(GateDied(gate=command.gate, gate_epoch=command.gate_epoch, reason=reason, time_ns=desk.now_ns))


def retire_gate(desk: Desk, command: RetireGate) -> None:
    book = desk.state.tables.leases.gates.get(command.gate)
    if book is None or book.alive or book.retired:
        text = f"{command.gate!r} is not a dead gate: stop its process first, and wait until its lease is over"
        desk.refuse(command.actor, "GATE_NOT_DEAD", "gate", text)
        return
    in_use = books_use(desk.state, command.gate)
    epoch = book.gate_epoch
    desk.emit(GateRetired(gate=command.gate, gate_epoch=epoch, in_use=in_use, actor=command.actor, time_ns=desk.now_ns))


def arm_gate(desk: Desk, command: ArmGate) -> None:
    if command.gate not in desk.state.tables.leases.facts:
        desk.refuse(command.actor, "UNKNOWN_GATE", "gate", f"{command.gate!r} is not a hot gate of this gateway")
        return
    desk.emit(
        GateArmed(
            gate=command.gate, armed=command.armed, reason=command.reason, actor=command.actor, time_ns=desk.now_ns
        )
    )


def correct(desk: Desk, lines: Iterable[str]) -> None:
    """After limits have changed: what is too much shrinks, and lines that are new are granted."""
    _grant(desk, desk.state.leases.corrections(lines))
    for gate, book in desk.state.tables.leases.gates.items():
        if book.alive:
            _grant_missing(desk, gate)


def _grant_missing(desk: Desk, gate: str) -> None:
    """Its first share of each line of its scope that it has no slice of yet."""
    state = desk.state
    facts, claims = state.tables.leases.facts[gate], state.tables.leases.gates[gate].claims
    lines = [line for line in state.lease_limits if in_scope(facts, line)]
    missing = [line for line in lines if line not in claims or not claims[line].granted]
    if missing:
        _grant(desk, state.leases.first_grants(gate, missing, house_use(state, desk.gate)))


def _grant(desk: Desk, grants: Iterable[Grant]) -> None:
    leases = desk.state.tables.leases
    for gate, line, amount in grants:
        desk.emit(
            LeaseGranted(
                gate=gate,
                gate_epoch=leases.gates[gate].gate_epoch,
                line=line,
                amount=amount,
                version=leases.version + 1,
                time_ns=desk.now_ns,
            )
        )
