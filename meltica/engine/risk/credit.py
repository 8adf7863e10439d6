"""Credit: the limits on open value moved by signed amounts, down at once, up by two persons."""

from __future__ import annotations

from meltica.domain.breakers import CreditState
from meltica.domain.commands import ChangeCredit
from meltica.domain.events import CreditChanged, ProposalKind, ProposalMade
from meltica.domain.limits import FIRM
from meltica.domain.money import INT64_MAX
from meltica.engine.desk import Desk
from meltica.engine.risk.proposals import propose


def change_credit(desk: Desk, command: ChangeCredit) -> None:
    if (fault := fault_of(desk, command)) is not None:
        desk.refuse(command.actor, *fault)
    elif command.delta_nanos > 0:
        against = revision_of(desk, command)
        propose(desk, ProposalKind.CREDIT, command.actor, command.reason, against=against, action=command)
    else:
        _change(desk, command, "")


def fault_of(desk: Desk, command: ChangeCredit) -> tuple[str, str, str] | None:
    tables = desk.state.tables
    kind, _, name = command.name.partition("/")
    rows = {"accounts": tables.accounts, "strategies": tables.strategies}.get(kind, {})
    known = command.name == FIRM or (name in rows and command.name in tables.limits)
    if not known:
        text = f"{command.name!r} has no limits yet; credit moves the limit of firm, accounts/… or strategies/…"
        return "UNKNOWN_LIMITS", "name", text
    if command.delta_nanos == 0:
        return "NOTHING_TO_CHANGE", "delta", "a change of 0 changes nothing"
    if abs(_total(desk, command.name) + command.delta_nanos) > INT64_MAX or abs(command.delta_nanos) > INT64_MAX:
        return "LIMIT_OUT_OF_RANGE", "delta", "all changes together would be more than any register holds"
    return None


def _total(desk: Desk, name: str) -> int:
    return _state(desk, name).total_nanos


def _state(desk: Desk, name: str) -> CreditState:
    return desk.state.tables.credit.get(name) or CreditState(name=name)


def revision_of(desk: Desk, command: ChangeCredit) -> int:
    return _state(desk, command.name).revision


def _change(desk: Desk, command: ChangeCredit, approver: str) -> None:
    before = _state(desk, command.name)
    desk.emit(
        CreditChanged(
            name=command.name,
            delta_nanos=command.delta_nanos,
            total_nanos=before.total_nanos + command.delta_nanos,
            revision=before.revision + 1,
            reason=command.reason,
            actor=command.actor,
            approver=approver,
            time_ns=desk.now_ns,
        )
    )


def carry_out(desk: Desk, made: ProposalMade, approver: str) -> None:
    if isinstance(made.action, ChangeCredit):
        _change(desk, made.action, approver)
