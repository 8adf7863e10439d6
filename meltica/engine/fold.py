"""How each event changes the state and the gate. Live, in recovery and in a replay: this code and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from meltica.domain import lifecycle
from meltica.domain.approvals import KillSwitch, Proposal
from meltica.domain.breakers import Breaker, BreakerState, CreditState, MarkState, breaker_key, mark_key
from meltica.domain.events import (
    BreakerRearmed,
    BreakerTripped,
    CancelRequested,
    CreditChanged,
    DayBegan,
    Event,
    GateStateChanged,
    InstrumentRegistered,
    KillSwitchEngaged,
    KillSwitchReleased,
    LimitsChanged,
    MarkChanged,
    OrderAdopted,
    OrderDenied,
    OrderFilled,
    OrderReported,
    OrderSubmitted,
    PriceBandChanged,
    ProposalClosed,
    ProposalMade,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
    TradingStatusChanged,
)
from meltica.domain.instrument import Instrument
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
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.position import Position
from meltica.domain.reports import ExecType
from meltica.engine import rows
from meltica.engine.positions import booked
from meltica.engine.state import NO_ROW, STRATEGY_ROWS, EngineState, Tables, execution_key, position_key
from meltica.hot.layout_gen import (
    TICKS_BOUND,
    DayResetRecord,
    OutcomeRecord,
    PriceBandRecord,
    ProfitAndLossRecord,
    RearmRecord,
)
from meltica.hot.ports import RiskGate

NO_REFERENCE: Final = (0, 0)
"""What a price that makes no sense (a spread's may be negative) tells the gate: it knows none, and says no."""
FAR: Final = 2**63
OUTCOMES: Final = frozenset({ExecType.NEW, ExecType.REJECTED})
IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class Fold:
    """Applies events. The gate has already reserved what ``OrderSubmitted`` and ``ReplaceRequested`` tell of."""

    def __init__(self, state: EngineState, gate: RiskGate) -> None:
        self._state = state
        self._gate = gate
        self.now_ns = 0
        """The time of the step."""
        self.touched: dict[str, None] = {}
        """Accounts whose breakers may have tripped in this step, by what the gate was told."""
        self.ran_on: dict[str, None] = {}
        """Strategies that traded in this step."""
        self.due_ns = self._next_due()
        """Nothing happens by itself (a session's end, a breaker's time) before this."""
        self._apply: dict[type, Callable[[Any], None]] = {
            OrderSubmitted: self._order_submitted,
            OrderDenied: self._order_denied,
            OrderAdopted: self._order_adopted,
            CancelRequested: self._order_requested,
            ReplaceRequested: self._order_requested,
            OrderReported: self._order_moved,
            OrderFilled: self._order_filled,
            TradeCorrected: self._trade_corrected,
            RequestRejected: self._order_moved,
            InstrumentRegistered: self._instrument_registered,
            TradingStatusChanged: self._trading_status,
            LimitsChanged: self._limits_changed,
            ProposalMade: self._proposal_made,
            ProposalClosed: self._proposal_closed,
            KillSwitchEngaged: self._kill_engaged,
            KillSwitchReleased: self._kill_released,
            GateStateChanged: self._gate_state,
            BreakerTripped: self._breaker_tripped,
            BreakerRearmed: self._breaker_rearmed,
            CreditChanged: self._credit_changed,
            MarkChanged: self._mark_changed,
            PriceBandChanged: self._price_band_changed,
            DayBegan: self._day_began,
        }

    def begin(self, now_ns: int) -> None:
        """A step begins. Sessions that have ended since the last one give way to the next."""
        self.now_ns = now_ns
        if self.touched:
            self.touched.clear()
        if self.ran_on:
            self.ran_on.clear()
        if now_ns >= self.due_ns:
            self._next_sessions(now_ns)

    def refer(self, mark: Mark) -> None:
        """The price of an instrument that came with an input: collar and quote at the gate, profit of who holds it."""
        instrument = self._state.tables.instruments.get(mark.instrument)
        if instrument is None:
            return
        sane = 0 < mark.price_ticks <= TICKS_BOUND and 0 <= mark.time_ns <= INT64_MAX
        price_ticks, time_ns = (mark.price_ticks, mark.time_ns) if sane else NO_REFERENCE
        self._gate.set_reference(instrument.handle, price_ticks, time_ns)
        self._gate.tell(rows.quote(instrument.handle, mark))
        prices = self._state.tables.prices
        if sane and prices.get(mark.instrument) != price_ticks:
            prices[mark.instrument] = price_ticks
            for account in self._state.worth.reprice(mark.instrument):
                self._tell_profit(account)

    def apply(self, event: Event) -> None:
        """Events without a row (refusals, ignored reports, denied amendments) change nothing but the journal."""
        if (apply := self._apply.get(type(event))) is not None:
            apply(event)

    # Orders

    def _order_submitted(self, event: OrderSubmitted) -> None:
        order = self._open(event)
        self._state.index(order)
        if strategy_row(self._state.tables, order.strategy) == NO_ROW:
            self._give_strategy_row(order.strategy)  # Only a journal from before strategies had limits.
        self._hold(order, event.quantity_lots, event.reserved_price_ticks, event.reserved_price_ticks)

    def _order_denied(self, event: OrderDenied) -> None:
        self._state.index(self._open(event))

    def _order_adopted(self, event: OrderAdopted) -> None:
        order = self._enter(lifecycle.adopted(event))
        self._state.index(order)
        self._reserve_worst_case(order)

    def _open(self, event: OrderSubmitted | OrderDenied) -> Order:
        return self._enter(lifecycle.opened(event))

    def _enter(self, order: Order) -> Order:
        tables = self._state.tables
        tables.orders[order.order_id] = order
        tables.next_order_id = order.order_id + 1
        return order

    def _order_requested(self, event: CancelRequested | ReplaceRequested) -> None:
        order = self._state.tables.orders[event.order_id]
        lifecycle.move(order, event)
        self._state.by_client_id[self._instrument(order).venue, event.client_order_id] = order.order_id
        if isinstance(event, ReplaceRequested) and event.gate_lots > 0:
            self._hold(order, event.gate_lots, event.reserved_price_ticks, event.reserved_price_ticks)
        self._reserve_worst_case(order)

    def _order_moved(self, event: OrderReported | RequestRejected) -> None:
        order = self._state.tables.orders[event.order_id]
        lifecycle.move(order, event)
        if isinstance(event, OrderReported):
            if event.client_order_id:
                self._state.by_client_id[self._instrument(order).venue, event.client_order_id] = order.order_id
            if event.exec_type in OUTCOMES and not event.unsent:
                self._tell_outcome(order.account, rejected=event.exec_type is ExecType.REJECTED)
        self._reserve_worst_case(order)

    def _order_filled(self, event: OrderFilled) -> None:
        tables = self._state.tables
        order = tables.orders[event.order_id]
        instrument = self._instrument(order)
        lifecycle.move(order, event)
        tables.next_execution = event.sequence + 1
        tables.executions[execution_key(instrument.venue, order.account, event.execution_id)] = order.order_id
        position = self._position(order)
        position.apply(
            order.side.sign * event.quantity_lots,
            event.price_ticks,
            instrument.value_per_tick_lot_nanos,
            event.fee_nanos,
        )
        account, handle = tables.accounts[order.account], instrument.handle
        held = min(event.quantity_lots, order.reserved_lots)
        if held > 0:
            left, price = order.reserved_lots - held, order.reserved_price_ticks
            strategy = strategy_row(tables, order.strategy)
            self._gate.fill(
                account,
                handle,
                order.side,
                held,
                price,
                closes=left == 0,
                order_id=table_id(order),
                strategy_id=strategy,
            )
            self._state.reservations.hold(order, left, price)
            self._count_execution(order.strategy)
        if (late := event.quantity_lots - held) > 0:
            self._gate.adjust_position(account, handle, order.side.sign * late)
        if self._state.worth.update(position):
            self._tell_profit(order.account)
        self._reserve_worst_case(order)

    def _trade_corrected(self, event: TradeCorrected) -> None:
        tables = self._state.tables
        order = tables.orders[event.order_id]
        instrument = self._instrument(order)
        before = order.cumulative_lots
        lifecycle.move(order, event)
        tables.executions[execution_key(instrument.venue, order.account, event.execution_id)] = order.order_id
        self._rebuild_position(order, instrument)
        if (delta := order.side.sign * (order.cumulative_lots - before)) != 0:
            self._gate.adjust_position(tables.accounts[order.account], instrument.handle, delta)
        self._reserve_worst_case(order)

    def _rebuild_position(self, order: Order, instrument: Instrument) -> None:
        same = [
            other
            for other in self._state.tables.orders.values()
            if other.account == order.account and other.instrument == order.instrument
        ]
        key = position_key(order.account, order.instrument)
        position = self._state.tables.positions[key] = booked(order.account, instrument, same)
        if self._state.worth.update(position):
            self._tell_profit(order.account)

    def _reserve_worst_case(self, order: Order) -> None:
        """Hold in the gate the most that may still come of it: the leaves, or what a pending replace makes them.

        A sale may be worth most at one price and cross own orders first at a lower one. The gate takes one price with
        each record, so it is told of the order at the lower, and then of its value at the higher.
        """
        lots, price, crossing = worst_case(order)
        held, held_price = order.reserved_lots, order.reserved_price_ticks
        wanted = (lots, price, crossing) if lots else (0, held_price, order.crossing_price_ticks)
        if wanted == (held, held_price, order.crossing_price_ticks):
            return
        gate, tables = self._gate, self._state.tables
        at = tables.accounts[order.account], self._instrument(order).handle, order.side
        strategy, number = strategy_row(tables, order.strategy), table_id(order)
        if held > 0:
            gate.release(*at, held, held_price, closes=True, order_id=number, strategy_id=strategy)
        if lots > 0:
            first = crossing if number else price
            gate.reserve(*at, lots, first, order_id=number, strategy_id=strategy)
            if first != price:
                gate.release(*at, lots, first, closes=False, strategy_id=strategy)
                gate.reserve(*at, lots, price, opens=False, strategy_id=strategy)
        self._hold(order, lots, wanted[1], wanted[2])

    def _hold(self, order: Order, lots: int, price_ticks: int, crossing_price_ticks: int) -> None:
        self._state.reservations.hold(order, lots, price_ticks)
        order.crossing_price_ticks = crossing_price_ticks

    def _position(self, order: Order) -> Position:
        key = position_key(order.account, order.instrument)
        positions = self._state.tables.positions
        if (position := positions.get(key)) is None:
            position = positions[key] = Position(account=order.account, instrument=order.instrument)
        return position

    def _instrument(self, order: Order) -> Instrument:
        return self._state.tables.instruments[order.instrument]

    # Reference data and limits

    def _instrument_registered(self, event: InstrumentRegistered) -> None:
        name = event.instrument.instrument
        self._state.tables.instruments[name] = event.instrument
        self._gate.tell(rows.instrument_row(self._state.tables, name, self.now_ns))

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
        self._gate.tell(rows.limits_row(tables, limits, self.now_ns))
        if isinstance(limits, InstrumentLimits):
            self.due_ns = self._next_due(self.now_ns)

    def _price_band_changed(self, event: PriceBandChanged) -> None:
        handle = self._state.tables.instruments[event.instrument].handle
        self._gate.tell(PriceBandRecord(handle, event.low_ticks, event.high_ticks))

    def _credit_changed(self, event: CreditChanged) -> None:
        self._state.tables.credit[event.name] = CreditState(
            name=event.name, total_nanos=event.total_nanos, revision=event.revision, changed_ns=event.time_ns
        )
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
                self._gate.tell(rows.instrument_row(tables, name, now_ns))
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
        bounded = max(-INT64_MAX, min(pnl, INT64_MAX))
        self._gate.tell(ProfitAndLossRecord(self._state.tables.accounts[account], bounded, self.now_ns))
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

    def _give_strategy_row(self, strategy: str) -> None:
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
        else:
            row = tables.accounts[event.account]
            self.touched[event.account] = None  # What still violates its limit trips again at once.
        if event.breaker is Breaker.CONSECUTIVE_REJECTS:
            tables.rejects[event.account] = 0
        self._gate.tell(RearmRecord(rows.BREAKERS[event.breaker], row, event.time_ns))
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


def strategy_row(tables: Tables, strategy: str) -> int:
    """The strategy's row in the gate; orders of none have that of MANUAL."""
    return tables.strategies.get(strategy or MANUAL, NO_ROW)


def table_id(order: Order) -> int:
    """Under which id the gate keeps it among the own working orders; 0: it never rests, so it is not kept there."""
    rests = order.order_type is OrderType.LIMIT and order.time_in_force not in IMMEDIATE
    return order.order_id if rests else 0


def worst_case(order: Order) -> tuple[int, int, int]:
    """(lots, price_ticks, crossing_price_ticks) that the order may still become, its pending replaces included.

    The first price is the one that values it highest, for both sides: exposure is a value, not a direction. The second
    is the one at which an own order of the other side would trade with it first.
    """
    if not lifecycle.is_working(order) and not (order.ended is None and order.pending):
        return 0, 0, 0
    lots = lifecycle.leaves_lots(order)
    price = crossing = order.reserved_price_ticks if order.price_ticks is None else order.price_ticks
    for request in order.pending:
        if request.quantity_lots > 0:
            lots = max(lots, request.quantity_lots - order.cumulative_lots)
            asked = request.price_ticks or price
            price, crossing = max(price, asked), min(crossing, asked)
    return (lots, price, price if order.side is Side.BUY else crossing) if lots > 0 else (0, 0, 0)
