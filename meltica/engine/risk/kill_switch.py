"""The kill switch: of everything, an account, a strategy, a port or an instrument. One stops, two let go."""

from __future__ import annotations

from meltica.domain.approvals import KillSwitch
from meltica.domain.commands import EngageKillSwitch, ProposeKillSwitchRelease
from meltica.domain.events import KillSwitchEngaged, KillSwitchReleased, ProposalClosed, ProposalKind, ProposalMade
from meltica.domain.limits import OWN_PORT, instrument_key, port_key, strategy_key
from meltica.domain.order import Order
from meltica.engine.desk import Desk
from meltica.engine.orders.cancels import request_cancel_once
from meltica.engine.risk.proposals import propose
from meltica.engine.state import GLOBAL, EngineState, Tables


def exists(tables: Tables, switch: str) -> bool:
    """Can this be stopped? ``switch`` is empty, an account's name, or a target such as ``strategies/…``."""
    kind, slash, name = switch.partition("/")
    if not slash:
        return switch == GLOBAL or switch in tables.accounts
    match kind:
        case "strategies":
            return name in tables.strategies
        case "ports":
            return name in tables.ports
    return kind == "instruments" and name in tables.instruments


def switches_of(order: Order) -> tuple[str, ...]:
    """The keys of all switches that stop this order."""
    return (
        GLOBAL,
        order.account,
        strategy_key(order.strategy),
        port_key(OWN_PORT),
        instrument_key(order.instrument),
    )


def engaged_switch(state: EngineState, order: Order) -> KillSwitch | None:
    """The first engaged one that stops this order."""
    switches = state.tables.kill_switches
    found = (switches.get(key) for key in switches_of(order))
    return next((switch for switch in found if switch is not None and switch.engaged), None)


def engage_kill_switch(desk: Desk, command: EngageKillSwitch) -> None:
    """Always works, needs nothing, and may be repeated: a switch that is engaged stays so, with its epoch."""
    if command.account and command.target:
        desk.refuse(command.actor, "INVALID_REQUEST", "account", "name one thing to stop, or nothing to stop all")
        return
    if not exists(desk.state.tables, command.switch):
        _refuse_unknown(desk, command)
        return
    switch = desk.state.tables.kill_switches.get(command.switch, KillSwitch())
    _void_releases(desk, command, switch)
    if not switch.engaged:
        desk.emit(
            KillSwitchEngaged(
                account=command.account,
                target=command.target,
                epoch=switch.epoch + 1,
                reason=command.reason,
                actor=command.actor,
                time_ns=desk.now_ns,
            )
        )
    for order in desk.state.open_orders():
        if command.switch in switches_of(order):
            request_cancel_once(desk, order, command.actor)


def _refuse_unknown(desk: Desk, command: EngageKillSwitch) -> None:
    if not command.target:
        desk.refuse(command.actor, "UNKNOWN_ACCOUNT", "account", f"{command.account!r} is not an account here")
        return
    kind, _, name = command.target.partition("/")
    reasons = {"strategies": "UNKNOWN_STRATEGY", "ports": "UNKNOWN_PORT", "instruments": "UNKNOWN_INSTRUMENT"}
    desk.refuse(command.actor, reasons.get(kind, "INVALID_REQUEST"), "target", f"there is no {kind}/{name} here")


def _void_releases(desk: Desk, command: EngageKillSwitch, switch: KillSwitch) -> None:
    """Who engages once more has seen something new: a release that waits for its second person is void."""
    for proposal in desk.state.tables.proposals.values():
        made = proposal.made
        about_this = made.kind is ProposalKind.KILL_SWITCH_RELEASE and made.switch == command.switch
        if proposal.open and about_this and switch.engaged and made.against == switch.epoch:
            desk.emit(
                ProposalClosed(
                    proposal_id=made.proposal_id,
                    approved=False,
                    actor=command.actor,
                    reason="the kill switch was engaged once more",
                    time_ns=desk.now_ns,
                )
            )


def propose_kill_switch_release(desk: Desk, command: ProposeKillSwitchRelease) -> None:
    switch = desk.state.tables.kill_switches.get(command.switch)
    if switch is None or not switch.engaged:
        desk.refuse(
            command.actor, "NOT_ENGAGED", "account", "the kill switch is not engaged: there is nothing to release"
        )
        return
    propose(
        desk,
        ProposalKind.KILL_SWITCH_RELEASE,
        command.actor,
        command.reason,
        account=command.account,
        target=command.target,
        against=switch.epoch,
    )


def carry_out(desk: Desk, made: ProposalMade, approver: str) -> None:
    desk.emit(
        KillSwitchReleased(
            account=made.account,
            target=made.target,
            epoch=made.against + 1,
            proposer=made.proposer,
            approver=approver,
            time_ns=desk.now_ns,
        )
    )
