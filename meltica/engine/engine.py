"""``step(input) -> events``: the deterministic core. Time, ids and prices come in with the input; only events go out.
Live, paper, backtest, recovery and replay are drivers around this one class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from meltica.domain import cash as books
from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo, SubmitAlgo
from meltica.domain.commands import (
    AmendOrder,
    AmendOrders,
    ApproveProposal,
    BeginDay,
    CancelAllOrders,
    CancelOrder,
    CancelOrders,
    ChangeCredit,
    Command,
    DescribeVenue,
    EngageKillSwitch,
    ProposeKillSwitchRelease,
    RearmBreaker,
    RegisterInstrument,
    ReportGate,
    Revalue,
    SeeMarket,
    SetLimits,
    SetMark,
    SetPriceBand,
    SubmitOrder,
    SubmitOrderList,
    SubmitOrders,
    Wake,
)
from meltica.domain.corrections import DropCorrection
from meltica.domain.errors import GateUnreachableError, InvariantError
from meltica.domain.events import Event
from meltica.domain.gates import AdmitGate, ArmGate, LoseGate, RegisterGate, ReportSlices, RetireGate
from meltica.domain.inputs import Input, Record
from meltica.domain.market import TradingStatus
from meltica.domain.order import Order
from meltica.domain.order_events import OrderReleased, OrderSubmitted, ReplaceRequested
from meltica.domain.outcomes import DoubtUnanswered, ResolveOutcome
from meltica.domain.reports import ExecutionReport, OrderCancelReject, OrderNotFound, OutcomeUnknown, VenueReport
from meltica.domain.statements import RequestStatement, SetReconciliationPolicy, SettleDifference, VenueStatement
from meltica.engine import alarms, cash, consequences
from meltica.engine.desk import Desk
from meltica.engine.fold.fold import strategy_row, table_id
from meltica.engine.held import blocked, sessions, triggers
from meltica.engine.orders import amends, bulk, bulk_amend, cancels, intents, orders
from meltica.engine.orders import lists as order_lists
from meltica.engine.parents import algos
from meltica.engine.parents import amend as algo_amend
from meltica.engine.reconciliation import reconciliation
from meltica.engine.risk import breakers, controls, credit, four_eyes, kill_switch, leases, marks, splits
from meltica.engine.state import NO_ROW, EngineState
from meltica.engine.venue import executions, outcomes, reports
from meltica.hot import PASS, Action, OrderIntent
from meltica.hot import layout_gen as layout
from meltica.hot.ports import RiskGate

HANDLERS: Final[dict[type, Callable[[Desk, Any], None]]] = {
    SubmitOrder: orders.submit,
    AmendOrder: amends.amend,
    CancelOrder: cancels.cancel,
    CancelAllOrders: cancels.cancel_all,
    SubmitOrderList: order_lists.submit_order_list,
    SubmitOrders: bulk.submit_orders,
    CancelOrders: bulk.cancel_orders,
    AmendOrders: bulk_amend.amend_orders,
    SubmitAlgo: algos.submit_algo,
    PauseAlgo: algo_amend.pause_algo,
    ResumeAlgo: algo_amend.resume_algo,
    AmendAlgo: algo_amend.amend_algo,
    SeeMarket: triggers.see_market,
    Wake: alarms.wake,
    RegisterInstrument: controls.register_instrument,
    DescribeVenue: sessions.describe_venue,
    SetLimits: controls.set_limits,
    EngageKillSwitch: kill_switch.engage_kill_switch,
    ProposeKillSwitchRelease: kill_switch.propose_kill_switch_release,
    ApproveProposal: four_eyes.approve_proposal,
    RearmBreaker: breakers.rearm_breaker,
    ChangeCredit: credit.change_credit,
    SetMark: marks.set_mark,
    SetPriceBand: marks.set_price_band,
    BeginDay: controls.begin_day,
    Revalue: controls.revalue,
    ReportGate: controls.report_gate,
    RegisterGate: leases.register_gate,
    AdmitGate: leases.admit_gate,
    ReportSlices: leases.report_slices,
    LoseGate: leases.lose_gate,
    RetireGate: leases.retire_gate,
    ArmGate: leases.arm_gate,
    books.BookCash: cash.book_cash,
    books.SetConversionRate: cash.set_conversion_rate,
    books.SetAccountBooks: cash.set_account_books,
    books.SetFeeSchedule: cash.set_fee_schedule,
    books.SettleFunding: cash.settle_funding,
    books.SplitInstrument: splits.split_instrument,
    books.AllocateFill: cash.allocate_fill,
    books.ReverseAllocation: cash.reverse_allocation,
    ExecutionReport: reports.execution_report,
    OrderCancelReject: reports.order_cancel_reject,
    OutcomeUnknown: outcomes.outcome_unknown,
    OrderNotFound: outcomes.order_not_found,
    ResolveOutcome: outcomes.resolve_outcome,
    DoubtUnanswered: outcomes.doubt_unanswered,
    DropCorrection: executions.drop_correction,
    VenueStatement: reconciliation.statement,
    RequestStatement: reconciliation.request_statement,
    SettleDifference: reconciliation.settle_difference,
    SetReconciliationPolicy: reconciliation.set_policy,
    TradingStatus: controls.trading_status,
}
"""The whole engine on one screen: what comes in, and who handles it."""


LetOut = OrderSubmitted | OrderReleased | ReplaceRequested
LET_OUT: Final = frozenset({OrderSubmitted, OrderReleased, ReplaceRequested})
"""What the gate was asked about, and passed."""
REPORTS: Final = (ExecutionReport, OrderCancelReject)

OWN_ROW: Final = 0
"""The port of this process's own venue session."""


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
        if self.state.tables.sequence == 0:
            gate.tell(layout.MarkRecord(layout.Mark.CONNECTED, 1, OWN_ROW, 0))  # Its own session: in this process.
        self._desk = Desk(self.state, gate, intent, max_instruments=max_instruments, max_accounts=max_accounts)

    def use_gate(self, gate: RiskGate) -> None:
        """Put another face on the same gate: a stopwatch, a link to another process. Its state is the engine's."""
        self.gate = gate
        self._desk.use_gate(gate)

    def step(self, happened: Input) -> tuple[Event, ...]:
        """Take one input. :raises GateUnreachableError: the gate is elsewhere and silent; nothing has changed."""
        state, desk, body = self.state, self._desk, happened.body
        desk.begin(happened.time_ns)
        fold = desk.fold
        desk.marks = happened.marks
        for mark in happened.marks:
            fold.refer(mark)
        if fold.touched:
            breakers.look(desk)
        if desk.now_ns >= fold.due_ns:
            breakers.let_go(desk)
            breakers.look(desk)
        try:
            if (state.alarms and state.alarms[0][0] <= desk.now_ns) or state.queries:
                self._ring(happened)
            HANDLERS[type(body)](desk, body)
            if fold.changed or fold.shrunk:
                consequences.settle(desk)
            if (state.blocked or state.reconciling) and isinstance(body, VenueReport):
                self._heard(body)
        except GateUnreachableError:
            desk.give_up()
            raise
        if fold.touched or fold.ran_on:
            breakers.look(desk)
        if fold.lines and state.tables.leases.gates:
            leases.correct(desk, tuple(fold.lines))
        self._count(body)
        return desk.end()

    def _heard(self, report: VenueReport) -> None:
        """What a venue said may let an order out that waited, or settle a difference."""
        if self.state.blocked:
            blocked.look(self._desk)
            consequences.settle(self._desk)
        if self.state.reconciling:
            reconciliation.follow(self._desk, report)

    def _ring(self, happened: Input) -> None:
        if self.state.alarms and not isinstance(happened.body, ReportGate):  # That the gate is lost comes first.
            alarms.ring(self._desk)
        if self.state.queries:
            outcomes.ring(self._desk)

    def absorb(self, sequence: int, record: Record) -> None:
        """Recovery: take over what was recorded, without deciding anything again.

        :raises InvariantError: the record is not the next one.
        """
        if sequence != self.state.tables.sequence + 1:
            raise InvariantError(f"journal entry {sequence} follows {self.state.tables.sequence}")
        desk, happened = self._desk, record.input
        fold = desk.fold
        desk.set_time(happened.time_ns)
        for mark in happened.marks:
            fold.refer(mark)
        for event in record.events:
            if type(event) in LET_OUT:
                self._readmit(event)  # type: ignore[arg-type]
            fold.apply(event)
        if fold.changed:
            fold.changed.clear()  # What followed is among the events.
        if fold.shrunk:
            fold.shrunk.clear()
        self._count(happened.body)

    def _readmit(self, event: LetOut) -> None:
        """Bring the gate to where it was: in the same state it passes the same order, and takes the same tokens.

        What was let out is out. Should a newer rulebook refuse it today, its exposure is reserved all the same.
        """
        tables = self.state.tables
        order: Order | OrderSubmitted
        held = held_price = 0
        if isinstance(event, OrderSubmitted):
            if strategy_row(tables, event.strategy) == NO_ROW:
                self._desk.fold.give_strategy_row(event.strategy)
            order, lots, asked = event, event.quantity_lots, event.asked_lots or event.quantity_lots
            intent = intents.new_intent(self._desk, event, order.order_id, asked)
        elif isinstance(event, OrderReleased):
            order = known = tables.orders[event.order_id]
            lots, held, held_price = event.quantity_lots, known.reserved_lots, known.reserved_price_ticks
            sent = lifecycle.submission(known, event)
            intent = intents.new_intent(self._desk, sent, order.order_id, event.asked_lots or lots, Action.REPLACE)
        else:
            order = known = tables.orders[event.order_id]
            lots, held, held_price = event.gate_lots, known.reserved_lots, known.reserved_price_ticks
            asked = event.asked_lots - known.cumulative_lots if event.asked_lots else lots
            intent = intents.replace_intent(self._desk, known, asked, event.price_ticks)
        if lots == 0:
            return
        gate = self.gate
        if gate.check(intent) == PASS:
            if (gate.reserved_price_ticks, gate.allowed_lots) == (event.reserved_price_ticks, lots):
                return
            held, held_price = gate.allowed_lots, gate.reserved_price_ticks  # Today's rulebook values it otherwise.
        self._reserve_anyway(order, (held, held_price), (lots, event.reserved_price_ticks))

    def _reserve_anyway(self, order: Order | OrderSubmitted, held: tuple[int, int], wanted: tuple[int, int]) -> None:
        """(lots, price) that the gate holds for the order -> what it must hold, because that is what went out."""
        tables = self.state.tables
        at = tables.accounts[order.account], tables.instruments[order.instrument].handle, order.side
        strategy, number = strategy_row(tables, order.strategy), table_id(order)
        if held[0] > 0:
            self.gate.release(*at, *held, closes=True, order_id=number, strategy_id=strategy)
        self.gate.reserve(*at, *wanted, order_id=number, strategy_id=strategy)

    def _count(self, body: Command | VenueReport | VenueStatement | TradingStatus) -> None:
        tables = self.state.tables
        tables.sequence = sequence = tables.sequence + 1
        tables.time_ns = self._desk.now_ns
        if isinstance(body, REPORTS):
            if body.drop_sequence > 0:
                tables.leases.kept[body.gate] = body.drop_sequence + 1
        elif request_id := getattr(body, "request_id", ""):
            self.state.remember_request(request_id, sequence)
