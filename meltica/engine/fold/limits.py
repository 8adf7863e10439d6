"""How events about limits, breakers, marks and kill switches change state and gate, and what follows from time."""

from __future__ import annotations

from typing import Final

from meltica.domain.approvals import KillSwitch, Proposal
from meltica.domain.breakers import Breaker, BreakerState, CreditState, MarkState, breaker_key, mark_key
from meltica.domain.cash import InstrumentSplit, is_outdated
from meltica.domain.events import (
    BreakerRearmed,
    BreakerTripped,
    CreditChanged,
    DayBegan,
    GateStateChanged,
    InstrumentRegistered,
    KillSwitchEngaged,
    KillSwitchReleased,
    LimitsChanged,
    MarkChanged,
    PriceBandChanged,
    ProposalClosed,
    ProposalMade,
    TradingStatusChanged,
)
from meltica.domain.limits import (
    MANUAL,
    AccountLimits,
    InstrumentLimits,
    PortLimits,
    StrategyLimits,
    key_of,
    session_window,
)
from meltica.domain.market import Mark
from meltica.domain.money import INT64_MAX
from meltica.engine.fold import splits as fold_splits
from meltica.engine.fold.leases import LeaseFold
from meltica.engine.risk import lease_rows, rows
from meltica.engine.state import STRATEGY_ROWS, EngineState
from meltica.hot.layout_gen import (
    TICKS_BOUND,
    DayResetRecord,
    OutcomeRecord,
    PriceBandRecord,
    RearmRecord,
)
from meltica.hot.ports import RiskGate

NO_REFERENCE: Final = (0, 0)
"""What a price that makes no sense (a spread's may be negative) tells the gate: it knows none, and says no."""
FAR: Final = 2**63


class LimitsFold(LeaseFold):
    """The part of ``Fold`` that is not about orders."""

    def __init__(self, state: EngineState, gate: RiskGate) -> None:
        super().__init__(state, gate)
        self.touched: dict[str, None] = {}
        """Accounts whose breakers may have tripped in this step, by what the gate was told."""
        self.ran_on: dict[str, None] = {}
        """Strategies that traded in this step."""
        self.due_ns = self._next_due()
        """Nothing happens by itself (a session's end, a breaker's time) before this."""

    def begin(self, now_ns: int) -> None:
        """A step begins. Sessions that have ended since the last one give way to the next."""
        self.now_ns = now_ns
        if self.touched:
            self.touched.clear()
        if self.ran_on:
            self.ran_on.clear()
        if self.lines:
            self.lines.clear()
        if now_ns >= self.due_ns:
            self._next_sessions(now_ns)

    def refer(self, mark: Mark) -> None:
        """The price of an instrument that came with an input: collar and quote at the gate, profit of who holds it."""
        instrument = self._state.tables.instruments.get(mark.instrument)
        if instrument is None:
            return
        accounting = self._state.tables.accounting
        if accounting.splits and is_outdated(accounting, mark):
            return
        sane = 0 < mark.price_ticks <= TICKS_BOUND and 0 <= mark.time_ns <= INT64_MAX
        price_ticks, time_ns = (mark.price_ticks, mark.time_ns) if sane else NO_REFERENCE
        self._gate.set_reference(instrument.handle, price_ticks, time_ns)
        told_ns = time_ns if sane else min(max(mark.time_ns, 0), INT64_MAX)
        self._gate.set_quote(instrument.handle, *rows.best(mark.bid), *rows.best(mark.ask), told_ns)
        prices = self._state.tables.prices
        if sane and prices.get(mark.instrument) != price_ticks:
            prices[mark.instrument] = price_ticks
            for account in self._state.worth.reprice(mark.instrument):
                self._tell_profit(account)

    # Reference data and limits

    def _instrument_registered(self, event: InstrumentRegistered) -> None:
        name = event.instrument.instrument
        self._state.tables.instruments[name] = event.instrument
        self._tell_instrument(name)

    def _instrument_split(self, event: InstrumentSplit) -> None:
        for position in fold_splits.restate(self._state, self._gate, event):
            if self._state.worth.update(position):
                self._tell_profit(position.account)

    def _trading_status(self, event: TradingStatusChanged) -> None:
        halted = self._state.tables.halted
        if event.halted:
            halted[event.instrument] = event.reason
        else:
            halted.pop(event.instrument, None)
        self._gate.tell(rows.halt(self._state.tables, event.instrument, on=event.halted, now_ns=self.now_ns))

    def _limits_changed(self, event: LimitsChanged) -> None:
        tables, limits = self._state.tables, event.limits
        tables.limits[key_of(limits)] = (limits, event.revision)
        match limits:
            case AccountLimits():
                tables.accounts.setdefault(limits.account, len(tables.accounts))
                self.touched[limits.account] = None
            case StrategyLimits():
                tables.strategies.setdefault(limits.strategy, len(tables.strategies))
                self.ran_on[limits.strategy] = None
            case PortLimits():
                tables.ports.setdefault(limits.port, len(tables.ports))
        self._lines_changed(key_of(limits))
        self._tell_limits(limits)
        if isinstance(limits, InstrumentLimits):
            self.due_ns = self._next_due(self.now_ns)

    def _price_band_changed(self, event: PriceBandChanged) -> None:
        handle = self._state.tables.instruments[event.instrument].handle
        self._gate.tell(PriceBandRecord(handle, event.low_ticks, event.high_ticks))

    def _credit_changed(self, event: CreditChanged) -> None:
        self._state.tables.credit[event.name] = CreditState(
            name=event.name, total_nanos=event.total_nanos, revision=event.revision, changed_ns=event.time_ns
        )
        self._lines_changed(event.name)
        self._gate.tell(rows.credit(self._state.tables, event.name, event.delta_nanos))

    def _mark_changed(self, event: MarkChanged) -> None:
        tables = self._state.tables
        tables.marks[mark_key(event.mark, event.name)] = MarkState(
            mark=event.mark,
            name=event.name,
            on=event.on,
            epoch=event.epoch,
            reason=event.reason,
            actor=event.approver or event.actor,
            changed_ns=event.time_ns,
        )
        self._gate.tell(rows.mark(tables, event.mark, event.name, on=event.on, now_ns=event.time_ns))

    def _next_sessions(self, now_ns: int) -> None:
        """Sessions that were under way, or to come, at the last step and are over now."""
        tables = self._state.tables
        for name in tables.instruments:
            closes_ns = session_window(rows.instrument_limits(tables, name), tables.time_ns)[1]
            if 0 < closes_ns <= now_ns:
                self._tell_instrument(name)
        self.due_ns = self._next_due(now_ns)

    def _next_due(self, now_ns: int | None = None) -> int:
        tables = self._state.tables
        since_ns = tables.time_ns if now_ns is None else now_ns
        ends = [session_window(rows.instrument_limits(tables, name), since_ns)[1] for name in tables.instruments]
        ends += [breaker.rearm_ns for breaker in tables.breakers.values() if breaker.latched]
        return min((end for end in ends if end > 0), default=FAR)

    # Breakers

    def _tell_profit(self, account: str) -> None:
        pnl = self._state.worth.day_nanos(account)
        bounded = pnl if -INT64_MAX <= pnl <= INT64_MAX else max(-INT64_MAX, min(pnl, INT64_MAX))
        self._gate.set_profit(self._state.tables.accounts[account], bounded, self.now_ns)
        self.touched[account] = None

    def _tell_outcome(self, account: str, *, rejected: bool) -> None:
        tables = self._state.tables
        if not rejected and not tables.rejects.get(account):
            return  # None in a row before, none now.
        tables.rejects[account] = tables.rejects.get(account, 0) + 1 if rejected else 0
        self._gate.tell(OutcomeRecord(tables.accounts[account], int(rejected), self.now_ns))
        self.touched[account] = None

    def _count_execution(self, strategy: str) -> None:
        name = strategy or MANUAL
        counts = self._state.tables.executions_count
        counts[name] = counts.get(name, 0) + 1
        self.ran_on[name] = None

    def give_strategy_row(self, strategy: str) -> None:
        """For an order of a journal from before strategies had limits: what it holds needs a place."""
        strategies = self._state.tables.strategies
        strategies[strategy] = len(strategies) if len(strategies) < STRATEGY_ROWS else 0

    def _breaker_tripped(self, event: BreakerTripped) -> None:
        state = self._breaker(event)
        state.latched, state.text, state.rearm_ns = True, event.text, event.rearm_ns
        self.due_ns = self._next_due(self.now_ns)

    def _breaker_rearmed(self, event: BreakerRearmed) -> None:
        tables, state = self._state.tables, self._breaker(event)
        state.latched, state.rearm_ns, state.actor = False, 0, event.approver
        if event.breaker is Breaker.REPEATED_EXECUTION:
            row = tables.strategies[event.strategy]
            tables.executions_count[event.strategy] = 0
            lease_rows.forget_spent(self._state, f"strategies/{event.strategy}/max_executions")
        else:
            row = tables.accounts[event.account]
            self.touched[event.account] = None  # What still violates its limit trips again at once.
        if event.breaker is Breaker.CONSECUTIVE_REJECTS:
            tables.rejects[event.account] = 0
        rearm = RearmRecord(rows.BREAKERS[event.breaker], row, event.time_ns)
        self._gate.tell(rearm)
        lease_rows.tell_once(tables, rearm)
        self.due_ns = self._next_due(self.now_ns)

    def _breaker(self, event: BreakerTripped | BreakerRearmed) -> BreakerState:
        key = breaker_key(event.breaker, event.account, event.strategy)
        fresh = BreakerState(breaker=event.breaker, account=event.account, strategy=event.strategy)
        state = self._state.tables.breakers.setdefault(key, fresh)
        state.epoch, state.changed_ns = event.epoch, event.time_ns
        return state

    def _day_began(self, event: DayBegan) -> None:
        tables = self._state.tables
        tables.day_began_ns = event.time_ns
        for account in tables.accounts:
            tables.day_start[account] = self._state.worth.total_nanos(account)
        self._gate.tell(DayResetRecord(event.time_ns))
        lease_rows.tell_once(tables, DayResetRecord(event.time_ns))
        lease_rows.forget_spent(self._state, "/max_day_lots")

    # Four eyes and the kill switch

    def _proposal_made(self, event: ProposalMade) -> None:
        tables = self._state.tables
        tables.proposals[event.proposal_id] = Proposal(made=event)
        tables.next_proposal_id = event.proposal_id + 1

    def _proposal_closed(self, event: ProposalClosed) -> None:
        proposal = self._state.tables.proposals[event.proposal_id]
        proposal.open = False
        proposal.approved = event.approved
        proposal.closed_by = event.actor
        proposal.closed_why = event.reason

    def _kill_engaged(self, event: KillSwitchEngaged) -> None:
        switch = self._kill(event, event.actor)
        switch.engaged, switch.reason = True, event.reason
        scope, row = rows.kill_scope(self._state.tables, event.switch)
        self._gate.kill(scope, row)

    def _kill_released(self, event: KillSwitchReleased) -> None:
        self._kill(event, event.approver).engaged = False
        scope, row = rows.kill_scope(self._state.tables, event.switch)
        self._gate.unkill(scope, row)

    def _kill(self, event: KillSwitchEngaged | KillSwitchReleased, actor: str) -> KillSwitch:
        fresh = KillSwitch(account=event.account, target=event.target)
        switch = self._state.tables.kill_switches.setdefault(event.switch, fresh)
        switch.epoch, switch.actor, switch.changed_ns = event.epoch, actor, event.time_ns
        return switch

    def _gate_state(self, event: GateStateChanged) -> None:
        self._state.tables.gate_lost = event.reason if event.lost else ""
