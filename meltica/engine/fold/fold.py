"""How each event changes the state and the gate. Live, in recovery and in a replay: this code and no other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, get_args

from meltica.domain import lifecycle
from meltica.domain.cash import AccountingEvent, InstrumentSplit
from meltica.domain.commands import SubmitOrder
from meltica.domain.corrections import CorrectionDropped, CorrectionKept
from meltica.domain.events import (
    BreakerRearmed,
    BreakerTripped,
    CreditChanged,
    DayBegan,
    Event,
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
    VenueDescribed,
)
from meltica.domain.groups import GroupExtended, GroupImbalanced, GroupOpened
from meltica.domain.instrument import Instrument
from meltica.domain.leases import LeaseEvent
from meltica.domain.limits import MANUAL
from meltica.domain.order import Execution, Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import (
    AmendDenied,
    CancelRequested,
    HeldAmended,
    OrderAdopted,
    OrderDenied,
    OrderFilled,
    OrderHeld,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.outcomes import DoubtEvent
from meltica.domain.position import Position
from meltica.domain.reports import ExecType
from meltica.domain.statements import ReconciliationEvent
from meltica.engine.fold import groups as fold_groups
from meltica.engine.fold import reducing as fold_reducing
from meltica.engine.fold import terms as fold_terms
from meltica.engine.fold.cash import take_over
from meltica.engine.fold.limits import LimitsFold
from meltica.engine.fold.parents import ParentsFold
from meltica.engine.fold.reconciliation import take_over as reconciled
from meltica.engine.risk import lease_rows
from meltica.engine.state import NO_ROW, EngineState, Tables, execution_key, position_key
from meltica.hot.ports import RiskGate

_NEW: Final = ExecType.NEW
OUTCOMES: Final = frozenset({_NEW, ExecType.REJECTED})
IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK, TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE})
"""They have one moment, and never rest in continuous trading."""


class Fold(LimitsFold):
    """Applies events. The gate has already reserved what ``OrderSubmitted`` and ``ReplaceRequested`` tell of."""

    def __init__(self, state: EngineState, gate: RiskGate) -> None:
        super().__init__(state, gate)
        self.changed: dict[int, None] = {}
        """Orders of a group, a parent or a child, that changed in this step: ``consequences`` looks at them."""
        self.shrunk: fold_reducing.Shrunk = {}
        self._parents = ParentsFold(state, self.changed)
        self._apply: dict[type, Callable[[Any], None]] = {
            **self._parents.rows,
            OrderSubmitted: self._order_submitted,
            OrderHeld: self._order_held,
            HeldAmended: self._held_amended,
            OrderReleased: self._order_released,
            OrderDenied: self._order_denied,
            OrderAdopted: self._order_adopted,
            CancelRequested: self._order_requested,
            ReplaceRequested: self._order_requested,
            OrderReported: self._order_moved,
            AmendDenied: self._amend_denied,
            GroupOpened: self._group_opened,
            GroupExtended: self._group_extended,
            GroupImbalanced: partial(fold_groups.imbalanced, state.tables),
            OrderFilled: self._order_filled,
            TradeCorrected: self._trade_corrected,
            RequestRejected: self._request_rejected,
            CorrectionKept: self._state.early.keep,
            CorrectionDropped: self._correction_dropped,
            **dict.fromkeys(get_args(DoubtEvent), self._order_doubted),
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
            VenueDescribed: self._venue_described,
            DayBegan: self._day_began,
            **dict.fromkeys(get_args(LeaseEvent), self._lease_moved),
            **dict.fromkeys(get_args(AccountingEvent), partial(take_over, state.tables.accounting)),
            InstrumentSplit: self._instrument_split,
            **dict.fromkeys(get_args(ReconciliationEvent), partial(reconciled, state.tables.reconciliation)),
        }

    def apply(self, event: Event) -> None:
        """Events without a row (refusals, ignored reports, denied amendments) change nothing but the journal."""
        if (apply := self._apply.get(type(event))) is not None:
            state = self._state
            if (unsaved := state.unsaved) is not None and (order_id := getattr(event, "order_id", 0)):
                unsaved.order(order_id)
            apply(event)
            if state.termed:
                fold_terms.follow(state, event)

    def _note(self, order: Order) -> None:
        if order.group_id or order.parent_id or order.held is not None:
            self.changed[order.order_id] = None

    # Orders

    def _order_submitted(self, event: OrderSubmitted) -> None:
        order = self._enter(lifecycle.opened(event))
        self._hold(order, event.quantity_lots, event.reserved_price_ticks, event.reserved_price_ticks)
        if order.parent_id:
            self._parents.child_began(order, event)

    def _venue_described(self, event: VenueDescribed) -> None:
        self._state.tables.venues[event.capabilities.venue] = event.capabilities

    def _order_held(self, event: OrderHeld) -> None:
        self._state.keep(self._enter(lifecycle.opened(event)))

    def _held_amended(self, event: HeldAmended) -> None:
        order = self._state.tables.orders[event.order_id]
        self._note(order)
        lifecycle.move(order, event)
        self._state.keep(order)
        if order.group_id:
            fold_groups.moved(self._state.tables, order, event)

    def _order_released(self, event: OrderReleased) -> None:
        order = self._state.tables.orders[event.order_id]
        self._note(order)
        lifecycle.move(order, event)
        self._state.keep(order)
        if order.group_id:
            fold_groups.moved(self._state.tables, order, event)
        self._hold(order, event.quantity_lots, event.reserved_price_ticks, event.reserved_price_ticks)

    def _order_denied(self, event: OrderDenied) -> None:
        order = self._enter(lifecycle.opened(event))
        if order.parent_id:
            self._parents.child_began(order, event)

    def _order_adopted(self, event: OrderAdopted) -> None:
        order = self._enter(lifecycle.adopted(event))
        self._state.early.adopted(order, event.venue)
        if order.gate:
            lease_rows.count_hot(self._state.tables, order, day_lots=order.quantity_lots)
        self._reserve_worst_case(order)

    def _enter(self, order: Order) -> Order:
        tables = self._state.tables
        tables.orders[order.order_id] = order
        tables.next_order_id = order.order_id + 1
        self._state.by_client_id[self._instrument(order).venue, order.client_order_id] = order.order_id
        if order.terms is not None or order.held is not None:
            self._state.termed[order.order_id] = order
        return order

    def _order_requested(self, event: CancelRequested | ReplaceRequested) -> None:
        order = self._state.tables.orders[event.order_id]
        lifecycle.move(order, event)
        if order.group_id:
            fold_groups.moved(self._state.tables, order, event)
        self._state.by_client_id[self._instrument(order).venue, event.client_order_id] = order.order_id
        if isinstance(event, ReplaceRequested) and event.gate_lots > 0:
            self._hold(order, event.gate_lots, event.reserved_price_ticks, event.reserved_price_ticks)
        self._reserve_worst_case(order)

    def _amend_denied(self, event: AmendDenied) -> None:
        fold_groups.moved(self._state.tables, self._state.tables.orders[event.order_id], event)

    def _gate_state(self, event: GateStateChanged) -> None:
        super()._gate_state(event)
        if not event.lost:
            self.changed.update(dict.fromkeys(self._state.tables.groups))  # What had to wait for it goes on.

    def _group_opened(self, event: GroupOpened) -> None:
        fold_groups.opened(self._state.tables, event)
        self.changed.update(dict.fromkeys(order_id for order_id, _ in event.members))

    def _group_extended(self, event: GroupExtended) -> None:
        fold_groups.extended(self._state.tables, event)
        self.changed[event.order_id] = None

    def _order_moved(self, event: OrderReported | RequestRejected) -> None:
        order = self._state.tables.orders[event.order_id]
        acknowledged = isinstance(event, OrderReported) and event.exec_type is _NEW  # That moves no quantity.
        if not (acknowledged and order.parent_id):  # A parent looks at what is filled, and at what is under way.
            self._note(order)
        held, known_as = order.held is not None, order.client_order_id
        lifecycle.move(order, event)
        if order.terms is not None:
            self._state.termed[order.order_id] = order  # It may be reopened.
        if order.group_id:
            fold_groups.moved(self._state.tables, order, event)
        if held:
            self._state.keep(order)
        if isinstance(event, OrderReported):
            if event.client_order_id and event.client_order_id != known_as:
                self._state.by_client_id[self._instrument(order).venue, event.client_order_id] = order.order_id
            if event.exec_type in OUTCOMES and not event.unsent:
                self._tell_outcome(order.account, rejected=event.exec_type is not _NEW)
        if not acknowledged:
            self._reserve_worst_case(order)
        if order.parent_id:
            self._parents.child_changed(order, event)

    def _request_rejected(self, event: RequestRejected) -> None:
        fold_reducing.refused(self.shrunk, self._state.tables.orders[event.order_id], event)
        self._order_moved(event)

    def _order_doubted(self, event: DoubtEvent) -> None:
        """Doubt changes nothing that the gate holds: what may have happened may still happen."""
        order = self._state.tables.orders[event.order_id]
        lifecycle.move(order, event)
        self._state.watch_doubts(order)

    def _correction_dropped(self, event: CorrectionDropped) -> None:
        self._state.early.take(event.key or f"{event.order_id}|{event.execution_id}")

    def _order_filled(self, event: OrderFilled) -> None:
        state, tables = self._state, self._state.tables
        order = tables.orders[event.order_id]
        self._note(order)
        instrument, sign, lots = tables.instruments[order.instrument], order.side.sign, event.quantity_lots
        lifecycle.move(order, event)
        if order.group_id:
            fold_groups.moved(tables, order, event)
        tables.next_execution = event.sequence + 1
        state.executed(execution_key(instrument.venue, order.account, event.execution_id), order.order_id)
        position = self._position(order)
        state.bookings_of(order).add(sign, order.executions[event.execution_id], position)
        position.apply(sign * lots, event.price_ticks, instrument.value_per_tick_lot_nanos, event.fee_nanos)
        account, handle, reserved = tables.accounts[order.account], instrument.handle, order.reserved_lots
        held = lots if lots < reserved else reserved  # noqa: FURB136 - three times faster than min
        if held > 0:
            left, price = reserved - held, order.reserved_price_ticks
            self._gate_of(order).fill(
                account,
                handle,
                order.side,
                held,
                price,
                closes=left == 0,
                order_id=table_id(order),
                strategy_id=strategy_row(tables, order.strategy),
            )
            state.reservations.hold(order, left, price)
            self._count_execution(order.strategy)
        if order.gate:
            lease_rows.count_hot(tables, order, lots=sign * lots, executions=1)
        if lots > held:
            self._gate_of(order).adjust_position(account, handle, sign * (lots - held))
        if state.worth.update(position):
            self._tell_profit(order.account)
        self._reserve_worst_case(order)
        if state.reservations.reducing:
            fold_reducing.moved(self.shrunk, state.reservations, order)
        if order.parent_id:
            self._parents.child_changed(order, event)

    def _trade_corrected(self, event: TradeCorrected) -> None:
        tables = self._state.tables
        order = tables.orders[event.order_id]
        instrument = self._instrument(order)
        self._note(order)
        before = self._position(order).lots
        found = lifecycle.find_execution(order, event.reference_execution_id)
        lifecycle.move(order, event)
        if order.terms is not None:
            self._state.termed[order.order_id] = order  # It may be reopened.
        if order.group_id:
            fold_groups.moved(tables, order, event)
        self._state.executed(execution_key(instrument.venue, order.account, event.execution_id), order.order_id)
        self._state.early.take(f"{order.order_id}|{event.execution_id}")
        if found is not None:
            self._book_again(order, found[1], busted=event.quantity_lots == 0)
        if (delta := self._position(order).lots - before) != 0:  # In lots of after a split.
            self._gate_of(order).adjust_position(tables.accounts[order.account], instrument.handle, delta)
            if order.gate:
                lease_rows.count_hot(tables, order, lots=delta)
        self._reserve_worst_case(order)
        fold_reducing.moved(self.shrunk, self._state.reservations, order)
        if order.parent_id:
            self._parents.child_changed(order, event)

    def _book_again(self, order: Order, execution: Execution, *, busted: bool) -> None:
        position = self._state.bookings_of(order).corrected(execution, busted=busted)
        self._state.tables.positions[position_key(order.account, order.instrument)] = position
        if self._state.worth.update(position):
            self._tell_profit(order.account)

    def _reserve_worst_case(self, order: Order) -> None:
        """Hold in the gate the most that may still come of it: the leaves, or what a pending replace makes them.

        A sale may be worth most at one price and cross own orders first at a lower one. The gate takes one price with
        each record, so it is told of the order at the lower, and then of its value at the higher.
        """
        lots, price, crossing = worst_case(order)
        held, held_price, held_crossing = order.reserved_lots, order.reserved_price_ticks, order.crossing_price_ticks
        if lots == 0:
            price, crossing = held_price, held_crossing
        if lots == held and price == held_price and crossing == held_crossing:
            return
        gate, tables = self._gate_of(order), self._state.tables
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
        self._hold(order, lots, price, crossing)

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


def strategy_row(tables: Tables, strategy: str) -> int:
    """The strategy's row in the gate; orders of none have that of MANUAL."""
    return tables.strategies.get(strategy or MANUAL, NO_ROW)


_LIMIT, _BUY = OrderType.LIMIT, Side.BUY
NOTHING: Final = (0, 0, 0)


def table_id(order: Order | OrderSubmitted) -> int:
    """Under which id the gate keeps it among the own working orders; 0: it never rests, so it is not kept there."""
    rests = order.order_type.sent_as is _LIMIT and order.time_in_force not in IMMEDIATE
    return order.order_id if rests and not waits_at_venue(order) else 0


def waits_at_venue(order: SubmitOrder | OrderSubmitted | Order) -> bool:
    """A native stop: it may be in its venue's book some day, and is not now. (A peg is there at once.)"""
    if order.order_type <= _LIMIT or order.order_type is OrderType.PEGGED:
        return False
    return not (isinstance(order, Order) and order.released)


def worst_case(order: Order) -> tuple[int, int, int]:
    """(lots, price_ticks, crossing_price_ticks) that the order may still become, its pending replaces included.

    The first price is the one that values it highest, for both sides: exposure is a value, not a direction. The second
    is the one at which an own order of the other side would trade with it first.
    """
    if order.held is not None or order.ended is not None:
        return NOTHING
    lots = lifecycle.leaves_lots(order)
    price = crossing = order.reserved_price_ticks if order.price_ticks is None else order.price_ticks
    for request in order.pending:
        if request.quantity_lots > 0:
            lots = max(lots, request.quantity_lots - order.cumulative_lots)
            asked = request.price_ticks or price
            price, crossing = max(price, asked), min(crossing, asked)
    return (lots, price, price if order.side is _BUY else crossing) if lots > 0 else NOTHING
