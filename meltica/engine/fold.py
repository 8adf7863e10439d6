"""How each event changes the state and the gate. Live, in recovery and in a replay: this code and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meltica.domain import lifecycle
from meltica.domain.approvals import KillSwitch, Proposal
from meltica.domain.events import (
    CancelRequested,
    Event,
    GateStateChanged,
    InstrumentRegistered,
    KillSwitchEngaged,
    KillSwitchReleased,
    LimitsChanged,
    OrderAdopted,
    OrderDenied,
    OrderFilled,
    OrderReported,
    OrderSubmitted,
    ProposalClosed,
    ProposalMade,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
    TradingStatusChanged,
)
from meltica.domain.instrument import Instrument
from meltica.domain.limits import AccountLimits, InstrumentLimits, PositionLimits, key_of
from meltica.domain.order import Order
from meltica.domain.position import Position
from meltica.engine.positions import booked
from meltica.engine.state import GLOBAL, EngineState, execution_key, position_key
from meltica.hot.ports import RiskGate


class Fold:
    """Applies events. The gate has already reserved what ``OrderSubmitted`` and ``ReplaceRequested`` tell of."""

    def __init__(self, state: EngineState, gate: RiskGate) -> None:
        self._state = state
        self._gate = gate
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
        }

    def apply(self, event: Event) -> None:
        """Events without a row (refusals, ignored reports, denied amendments) change nothing but the journal."""
        if (apply := self._apply.get(type(event))) is not None:
            apply(event)

    # Orders

    def _order_submitted(self, event: OrderSubmitted) -> None:
        order = self._open(event)
        self._state.index(order)
        self._state.reservations.hold(order, event.quantity_lots, event.reserved_price_ticks)

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
        tables.strategies.setdefault(order.strategy, len(tables.strategies))
        return order

    def _order_requested(self, event: CancelRequested | ReplaceRequested) -> None:
        order = self._state.tables.orders[event.order_id]
        lifecycle.move(order, event)
        self._state.by_client_id[self._instrument(order).venue, event.client_order_id] = order.order_id
        if isinstance(event, ReplaceRequested) and event.gate_lots > 0:
            self._state.reservations.hold(order, event.gate_lots, event.reserved_price_ticks)
        self._reserve_worst_case(order)

    def _order_moved(self, event: OrderReported | RequestRejected) -> None:
        order = self._state.tables.orders[event.order_id]
        lifecycle.move(order, event)
        if isinstance(event, OrderReported) and event.client_order_id:
            self._state.by_client_id[self._instrument(order).venue, event.client_order_id] = order.order_id
        self._reserve_worst_case(order)

    def _order_filled(self, event: OrderFilled) -> None:
        tables = self._state.tables
        order = tables.orders[event.order_id]
        instrument = self._instrument(order)
        lifecycle.move(order, event)
        tables.next_execution = event.sequence + 1
        tables.executions[execution_key(instrument.venue, order.account, event.execution_id)] = order.order_id
        self._position(order).apply(
            order.side.sign * event.quantity_lots,
            event.price_ticks,
            instrument.value_per_tick_lot_nanos,
            event.fee_nanos,
        )
        account, handle = tables.accounts[order.account], instrument.handle
        held = min(event.quantity_lots, order.reserved_lots)
        if held > 0:
            left, price = order.reserved_lots - held, order.reserved_price_ticks
            self._gate.fill(account, handle, order.side, held, price, closes=left == 0)
            self._state.reservations.hold(order, left, price)
        if (late := event.quantity_lots - held) > 0:
            self._gate.adjust_position(account, handle, order.side.sign * late)
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
        self._state.tables.positions[key] = booked(order.account, instrument, same)

    def _reserve_worst_case(self, order: Order) -> None:
        """Hold in the gate the most that may still come of it: the leaves, or what a pending replace makes them."""
        lots, price = worst_case(order)
        held, held_price = order.reserved_lots, order.reserved_price_ticks
        if (lots, price if lots else held_price) == (held, held_price):
            return
        account = self._state.tables.accounts[order.account]
        handle = self._instrument(order).handle
        if held > 0:
            self._gate.release(account, handle, order.side, held, held_price, closes=True)
        if lots > 0:
            self._gate.reserve(account, handle, order.side, lots, price)
        self._state.reservations.hold(order, lots, price if lots else held_price)

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
        self._state.tables.instruments[event.instrument.instrument] = event.instrument
        self._write_instrument_row(event.instrument.instrument)

    def _trading_status(self, event: TradingStatusChanged) -> None:
        halted = self._state.tables.halted
        if event.halted:
            halted[event.instrument] = event.reason
        else:
            halted.pop(event.instrument, None)
        handle = self._state.tables.instruments[event.instrument].handle
        self._gate.set_halted(handle, event.halted)

    def _limits_changed(self, event: LimitsChanged) -> None:
        tables = self._state.tables
        tables.limits[key_of(event.limits)] = (event.limits, event.revision)
        match event.limits:
            case InstrumentLimits() as row:
                self._write_instrument_row(row.instrument)
            case AccountLimits() as row:
                account = tables.accounts.setdefault(row.account, len(tables.accounts))
                self._gate.set_account(
                    account,
                    enabled=row.enabled,
                    market_orders_allowed=row.market_orders_allowed,
                    max_open_value_nanos=row.max_open_value_nanos,
                    max_open_orders=row.max_open_orders,
                    messages_per_second=row.messages_per_second,
                    message_burst=row.message_burst,
                    duplicate_window_ns=row.duplicate_window_ns,
                )
            case PositionLimits() as row:
                self._gate.set_position_limit(
                    tables.accounts[row.account],
                    tables.instruments[row.instrument].handle,
                    max_long_lots=row.max_long_lots,
                    max_short_lots=row.max_short_lots,
                )

    def _write_instrument_row(self, name: str) -> None:
        tables = self._state.tables
        instrument = tables.instruments[name]
        limits, _ = tables.limits.get(f"instruments/{name}", (InstrumentLimits(instrument=name), 0))
        if isinstance(limits, InstrumentLimits):
            self._gate.set_instrument(
                instrument.handle,
                enabled=limits.enabled,
                restricted=limits.restricted,
                halted=name in tables.halted,
                value_per_tick_lot_nanos=instrument.value_per_tick_lot_nanos,
                max_price_ticks=instrument.max_price_ticks,
                max_quantity_lots=limits.max_quantity_lots,
                max_value_nanos=limits.max_value_nanos,
                collar_bps=limits.collar_bps,
                reference_max_age_ns=limits.reference_max_age_ns,
            )

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
        self._kill(event.account, event.epoch, event.actor, event.time_ns).reason = event.reason
        self._state.tables.kill_switches[event.account].engaged = True
        self._gate.kill(self._gate_account(event.account))

    def _kill_released(self, event: KillSwitchReleased) -> None:
        self._kill(event.account, event.epoch, event.approver, event.time_ns).engaged = False
        self._gate.unkill(self._gate_account(event.account))

    def _kill(self, account: str, epoch: int, actor: str, time_ns: int) -> KillSwitch:
        switch = self._state.tables.kill_switches.setdefault(account, KillSwitch(account=account))
        switch.epoch, switch.actor, switch.changed_ns = epoch, actor, time_ns
        return switch

    def _gate_account(self, account: str) -> int | None:
        return None if account == GLOBAL else self._state.tables.accounts[account]

    def _gate_state(self, event: GateStateChanged) -> None:
        self._state.tables.gate_lost = event.reason if event.lost else ""


def worst_case(order: Order) -> tuple[int, int]:
    """(lots, price_ticks) that the order may still become, its pending replaces included.

    The price is the one that values it highest, for both sides: exposure is a value, not a direction.
    """
    if not lifecycle.is_working(order) and not (order.ended is None and order.pending):
        return 0, 0
    lots = lifecycle.leaves_lots(order)
    price = order.reserved_price_ticks if order.price_ticks is None else order.price_ticks
    for request in order.pending:
        if request.quantity_lots > 0:
            lots = max(lots, request.quantity_lots - order.cumulative_lots)
            price = max(price, request.price_ticks or 0)
    return (lots, price) if lots > 0 else (0, 0)
