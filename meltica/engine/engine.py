"""``step(input) -> events``: the deterministic core. Time, ids and prices come in with the input; only events go out.
Live, paper, backtest, recovery and replay are drivers around this one class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from meltica.domain.commands import (
    AmendOrder,
    ApproveProposal,
    CancelAllOrders,
    CancelOrder,
    EngageKillSwitch,
    ProposeKillSwitchRelease,
    RegisterInstrument,
    ReportGate,
    SetLimits,
    SubmitOrder,
)
from meltica.domain.errors import InvariantError
from meltica.domain.events import Event, OrderSubmitted, ReplaceRequested
from meltica.domain.inputs import Input, Record
from meltica.domain.market import TradingStatus
from meltica.domain.money import INT64_MAX
from meltica.domain.reports import ExecutionReport, OrderCancelReject
from meltica.engine import controls, orders, reports
from meltica.engine.desk import Desk
from meltica.engine.state import EngineState
from meltica.hot import PASS, TICKS_BOUND, Action, OrderIntent
from meltica.hot.ports import RiskGate

HANDLERS: Final[dict[type, Callable[[Desk, Any], None]]] = {
    SubmitOrder: orders.submit,
    AmendOrder: orders.amend,
    CancelOrder: orders.cancel,
    CancelAllOrders: orders.cancel_all,
    RegisterInstrument: controls.register_instrument,
    SetLimits: controls.set_limits,
    EngageKillSwitch: controls.engage_kill_switch,
    ProposeKillSwitchRelease: controls.propose_kill_switch_release,
    ApproveProposal: controls.approve_proposal,
    ReportGate: controls.report_gate,
    ExecutionReport: reports.execution_report,
    OrderCancelReject: reports.order_cancel_reject,
    TradingStatus: controls.trading_status,
}
"""The whole engine on one screen: what comes in, and who handles it."""


NO_REFERENCE: Final = (0, 0)
"""What a price that makes no sense (a spread's may be negative) tells the gate: it knows none, and says no."""


class Engine:
    """One per journal. Not thread-safe: the driver calls it from one place."""

    def __init__(
        self,
        gate: RiskGate,
        *,
        max_instruments: int,
        max_accounts: int,
        state: EngineState | None = None,
        intent: type[OrderIntent] = OrderIntent,
    ) -> None:
        """``intent`` is the record type of the gate's backend; the default is that of this process's backend."""
        self.state = EngineState() if state is None else state
        self.gate = gate
        self._desk = Desk(self.state, gate, intent, max_instruments=max_instruments, max_accounts=max_accounts)

    def use_gate(self, gate: RiskGate) -> None:
        """Put another face on the same gate: a stopwatch, a link to another process. Its state is the engine's."""
        self.gate = gate
        self._desk.use_gate(gate)

    def step(self, happened: Input) -> tuple[Event, ...]:
        """Take one input. :raises GateUnreachableError: the gate is elsewhere and silent; nothing has changed."""
        desk = self._desk
        desk.begin(happened.time_ns)
        self._refer(happened)
        HANDLERS[type(happened.body)](desk, happened.body)
        self._count(happened)
        return desk.end()

    def absorb(self, sequence: int, record: Record) -> None:
        """Recovery: take over what was recorded, without deciding anything again.

        :raises InvariantError: the record is not the next one.
        """
        if sequence != self.state.tables.sequence + 1:
            raise InvariantError(f"journal entry {sequence} follows {self.state.tables.sequence}")
        desk = self._desk
        desk.begin(record.input.time_ns)
        self._refer(record.input)
        for event in record.events:
            if isinstance(event, OrderSubmitted | ReplaceRequested):
                self._readmit(event)
            desk.emit(event)
        self._count(record.input)

    def _readmit(self, event: OrderSubmitted | ReplaceRequested) -> None:
        """Bring the gate to where it was: in the same state it passes the same order, and takes the same tokens.

        What was let out is out. Should a newer rulebook refuse it today, its exposure is reserved all the same.
        """
        tables = self.state.tables
        if isinstance(event, OrderSubmitted):
            intent, lots, account = self._submitted_intent(event), event.quantity_lots, event.account
            handle, side, held, held_price = tables.instruments[event.instrument].handle, event.side, 0, 0
        else:
            order = tables.orders[event.order_id]
            intent = orders.replace_intent(self._desk, order, event.gate_lots, event.price_ticks)
            lots, account = event.gate_lots, order.account
            handle, side = tables.instruments[order.instrument].handle, order.side
            held, held_price = order.reserved_lots, order.reserved_price_ticks
        if lots == 0:
            return
        row = tables.accounts[account]
        if self.gate.check(intent) == PASS:
            if self.gate.reserved_price_ticks == event.reserved_price_ticks:
                return
            held, held_price = lots, self.gate.reserved_price_ticks  # Today's rulebook values it otherwise.
        if held > 0:
            self.gate.release(row, handle, side, held, held_price, closes=True)
        self.gate.reserve(row, handle, side, lots, event.reserved_price_ticks)

    def _refer(self, happened: Input) -> None:
        for mark in happened.marks:
            if (instrument := self.state.tables.instruments.get(mark.instrument)) is not None:
                sane = 0 < mark.price_ticks <= TICKS_BOUND and 0 <= mark.time_ns <= INT64_MAX
                price_ticks, time_ns = (mark.price_ticks, mark.time_ns) if sane else NO_REFERENCE
                self.gate.set_reference(instrument.handle, price_ticks, time_ns)

    def _count(self, happened: Input) -> None:
        tables = self.state.tables
        tables.sequence += 1
        tables.time_ns = happened.time_ns
        request_id = getattr(happened.body, "request_id", "")
        if request_id:
            self.state.remember_request(request_id, tables.sequence)

    def _submitted_intent(self, event: OrderSubmitted) -> OrderIntent:
        tables = self.state.tables
        return self._desk.new_intent(
            action=Action.NEW,
            side=event.side,
            flags=orders.flags(event.post_only, event.reduce_only),
            order_type=event.order_type,
            tif=event.time_in_force,
            instrument_id=tables.instruments[event.instrument].handle,
            account_id=tables.accounts[event.account],
            strategy_id=orders.strategy_row(tables, event.strategy),
            order_id=event.order_id,
            price_ticks=event.price_ticks or 0,
            quantity_lots=event.quantity_lots,
            time_ns=event.time_ns,
        )
