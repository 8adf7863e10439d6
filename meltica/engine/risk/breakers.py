"""Circuit breakers: told when they trip, let go by two persons or when their time is up.

The gate latches those of an account (it compares what it is told with its limits); the engine reads them from there,
so that the journal says what really refuses orders. Executions of a strategy are counted on both sides alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain.breakers import Breaker, BreakerState, breaker_key
from meltica.domain.commands import RearmBreaker
from meltica.domain.events import BreakerRearmed, BreakerTripped, ProposalKind, ProposalMade
from meltica.domain.limits import MANUAL, AccountLimits, StrategyLimits, account_key, strategy_key
from meltica.domain.money import nanos_text
from meltica.engine.desk import Desk
from meltica.engine.risk.proposals import propose
from meltica.engine.state import EngineState


def look(desk: Desk) -> None:
    """Tell which breakers the step has tripped so far."""
    fold, tables = desk.fold, desk.state.tables
    for account in tuple(fold.touched):
        for name in desk.gate.breakers(tables.accounts[account]):
            _trip(desk, Breaker[name], account=account)
    for strategy in tuple(fold.ran_on):
        limits, _ = tables.limits.get(strategy_key(strategy), (None, 0))
        most = limits.max_executions if isinstance(limits, StrategyLimits) else 0
        if 0 < most <= tables.executions_count.get(strategy, 0):
            _trip(desk, Breaker.REPEATED_EXECUTION, strategy=strategy)
    fold.touched.clear()
    fold.ran_on.clear()


def _trip(desk: Desk, breaker: Breaker, *, account: str = "", strategy: str = "") -> None:
    known = desk.state.tables.breakers.get(breaker_key(breaker, account, strategy))
    if known is not None and known.latched:
        return
    limits = account_limits(desk.state, account)
    rearm = limits.rearm_after_ns if account else 0
    desk.emit(
        BreakerTripped(
            breaker=breaker,
            account=account,
            strategy=strategy,
            epoch=1 if known is None else known.epoch + 1,
            text=_FIGURES[breaker](desk.state, account or strategy),
            rearm_ns=desk.now_ns + rearm if rearm else 0,
            time_ns=desk.now_ns,
        )
    )


def account_limits(state: EngineState, account: str) -> AccountLimits:
    limits, _ = state.tables.limits.get(account_key(account), (None, 0))
    return limits if isinstance(limits, AccountLimits) else AccountLimits(account=account)


def _loss(state: EngineState, account: str) -> str:
    pnl, most = state.worth.day_nanos(account), account_limits(state, account).max_daily_loss_nanos
    return f"account {account} has earned {nanos_text(pnl)} today; the limit is a loss of {nanos_text(most)}"


def _drawdown(state: EngineState, account: str) -> str:
    pnl, most = state.worth.day_nanos(account), account_limits(state, account).max_drawdown_nanos
    return (
        f"account {account} has earned {nanos_text(pnl)} today, which is {nanos_text(most)} or more below its best"
        " of the day"
    )


def _rejects(state: EngineState, account: str) -> str:
    count = state.tables.rejects.get(account, 0)
    return f"rejects of the venue in a row, of account {account}: {count}"


def _executions(state: EngineState, strategy: str) -> str:
    count = state.tables.executions_count.get(strategy, 0)
    return f"executions of strategy {strategy} since it was last re-armed: {count}"


_FIGURES: Final[dict[Breaker, Callable[[EngineState, str], str]]] = {
    Breaker.DAILY_LOSS: _loss,
    Breaker.DRAWDOWN: _drawdown,
    Breaker.CONSECUTIVE_REJECTS: _rejects,
    Breaker.REPEATED_EXECUTION: _executions,
}


def let_go(desk: Desk) -> None:
    """Those whose time is up re-arm themselves, where their account's limits say so."""
    for state in sorted(desk.state.tables.breakers.values(), key=lambda each: (each.rearm_ns, each.breaker.name)):
        if state.latched and 0 < state.rearm_ns <= desk.now_ns:
            _rearm(desk, state, proposer="system:timer", approver="")


def _rearm(desk: Desk, state: BreakerState, *, proposer: str, approver: str) -> None:
    desk.emit(
        BreakerRearmed(
            breaker=state.breaker,
            account=state.account,
            strategy=state.strategy,
            epoch=state.epoch + 1,
            proposer=proposer,
            approver=approver,
            time_ns=desk.now_ns,
        )
    )


def rearm_breaker(desk: Desk, command: RearmBreaker) -> None:
    """Always a proposal: whoever watched it trip is not alone in saying that it may trade again."""
    state = _found(desk, command)
    if state is None or not state.latched:
        text = "that breaker is not tripped: there is nothing to re-arm (RiskService.GetRiskState has those that are)"
        desk.refuse(command.actor, "NOT_TRIPPED", "breaker", text)
        return
    propose(
        desk,
        ProposalKind.REARM,
        command.actor,
        command.reason,
        against=state.epoch,
        account=command.account,
        action=command,
    )


def _found(desk: Desk, command: RearmBreaker) -> BreakerState | None:
    strategy = (command.strategy or MANUAL) if command.breaker is Breaker.REPEATED_EXECUTION else ""
    account = "" if strategy else command.account
    return desk.state.tables.breakers.get(breaker_key(command.breaker, account, strategy))


def epoch_of(desk: Desk, command: RearmBreaker) -> int:
    state = _found(desk, command)
    return 0 if state is None else state.epoch


def carry_out(desk: Desk, made: ProposalMade, approver: str) -> None:
    if isinstance(made.action, RearmBreaker) and (state := _found(desk, made.action)) is not None:
        _rearm(desk, state, proposer=made.proposer, approver=approver)
