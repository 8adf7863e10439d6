"""Random days on one engine, judged by a model: commands, and a venue that says anything in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from meltica.domain import lifecycle
from meltica.domain.commands import (
    AmendOrder,
    ApproveProposal,
    CancelAllOrders,
    CancelOrder,
    EngageKillSwitch,
    GateState,
    ProposeKillSwitchRelease,
    ReportGate,
    SetLimits,
)
from meltica.domain.events import KillSwitchReleased
from meltica.domain.limits import PositionLimits
from meltica.domain.market import TradingStatus
from meltica.domain.order import Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from tests.engines import BTC, MARK_TICKS, instrument
from tests.unit.engine.machine_bench import Bench
from tests.unit.engine.model import ModelOrder, Request, Trade

ETH = "ETH/USDT@BINANCE"
ACCOUNTS, INSTRUMENTS = ("main", "second"), (BTC, ETH)
PERSON = "spiffe://meltica.example/person/"
LIMIT_LOTS = 1_000
APART = 320  # Own orders that would cross are refused; here they rarely do
MACHINE = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    print_blob=True,  # The seed: @reproduce_failure with it plays the same day again
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
small = st.integers(1, 150)
ticks = st.integers(MARK_TICKS - 300, MARK_TICKS + 300)
fees = st.integers(-1_000, 5_000)
number = st.integers(0, 10**6)
maybe = st.booleans()
SAME = -1
corrected = st.sampled_from([0, SAME]) | small
seldom = st.sampled_from([False, False, False, True])


class EngineMachine(RuleBasedStateMachine):
    backend = "python"

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[int, ModelOrder] = {}
        self.bench = Bench(self.model, self.backend, LIMIT_LOTS)
        self.known_executions: dict[tuple[str, str], str] = {}
        """(account, execution) -> the first name of the order that it was booked for."""
        self.halted: set[str] = set()
        self.killed: set[str] = set()
        self.gate_lost = False
        self.limits = {(account, name): LIMIT_LOTS for account in ACCOUNTS for name in INSTRUMENTS}

    @initialize(
        orders=st.lists(
            st.tuples(
                st.sampled_from(ACCOUNTS),
                st.sampled_from(INSTRUMENTS),
                st.sampled_from(Side),
                st.integers(1, 200),
                st.none() | ticks,
                maybe,
            ),
            min_size=2,
            max_size=6,
        )
    )
    def open_more(self, orders: list[tuple[str, str, Side, int, int | None, bool]]) -> None:
        """Hypothesis leaves out rules for whole days: there is something to talk of on each of them."""
        self.bench.open_up(
            instrument(ETH, 2, venue_symbol="ETHUSDT"), max_long_lots=LIMIT_LOTS, max_short_lots=LIMIT_LOTS
        )
        for name in (BTC, ETH):
            traded = self.bench.engine.state.tables.instruments[name]
            self.bench.open_up(traded, "second", max_long_lots=LIMIT_LOTS, max_short_lots=LIMIT_LOTS)
        for order in orders:
            self.submit(*order, reduce_only=False)

    # Commands

    @rule(
        account=st.sampled_from(ACCOUNTS),
        name=st.sampled_from(INSTRUMENTS),
        side=st.sampled_from(Side),
        lots=st.integers(1, 400),
        price=st.none() | ticks,
        gtc=maybe,
        reduce_only=st.sampled_from([False, False, False, True]),
    )
    def submit(  # noqa: PLR0917 - hypothesis passes by name
        self, account: str, name: str, side: Side, lots: int, price: int | None, gtc: bool, reduce_only: bool
    ):
        held = self.worst_position(account, name, side)
        kw: dict[str, Any] = {"account": account, "instrument": name, "reduce_only": reduce_only}
        if price is not None:
            price -= side.sign * APART
            kw["time_in_force"] = TimeInForce.GTC if gtc else TimeInForce.DAY
        (event,) = self.bench.submit(side, lots, price, **kw)
        if not isinstance(event, OrderSubmitted):
            return
        assert not self.blocked(account, name)
        assert held + lots <= (0 if reduce_only else self.limits[account, name])
        self.model[event.order_id] = ModelOrder(
            account, name, side, lots, price, gtc and price is not None, [event.client_order_id], event.client_order_id
        )
        self.model[event.order_id].priced = event.reserved_price_ticks

    def blocked(self, account: str, name: str) -> bool:
        return bool(self.killed & {"", account}) or name in self.halted or self.gate_lost

    def worst_position(self, account: str, name: str, side: Side) -> int:
        """How long (or for a sale, short) the account may get by what is working already."""
        orders = [o for o in self.model.values() if (o.account, o.instrument) == (account, name)]
        position = sum(o.side.sign * o.filled for o in orders)
        return side.sign * position + sum(o.may_fill for o in orders if o.side is side)

    @precondition(lambda self: self.model)
    @rule(which=number, quantity=st.none() | st.integers(1, 400), price=st.none() | ticks)
    def amend(self, which: int, quantity: int | None, price: int | None) -> None:
        order_id, order = self.pick(which)
        price = None if price is None else price - order.side.sign * APART
        worst = self.worst_position(order.account, order.instrument, order.side) - order.may_fill
        who = {"request_id": self.bench.request(), "actor": PERSON + "tara", "order_id": order_id}
        for event in self.bench.step(AmendOrder(**who, quantity_lots=quantity, price_ticks=price)):
            if isinstance(event, ReplaceRequested):
                if event.quantity_lots > order.filled:
                    assert not self.blocked(order.account, order.instrument)
                    grows = event.quantity_lots - order.filled > order.may_fill
                    most = worst + event.quantity_lots - order.filled
                    assert not grows or most <= self.limits[order.account, order.instrument]
                order.priced = event.reserved_price_ticks if event.gate_lots else order.priced
                order.requests.append(Request(event.client_order_id, False, event.quantity_lots, event.price_ticks))
                order.names.append(event.client_order_id)

    @precondition(lambda self: self.model)
    @rule(which=number)
    def cancel(self, which: int) -> None:
        order_id, order = self.pick(which)
        request = CancelOrder(request_id=self.bench.request(), actor=PERSON + "tara", order_id=order_id)
        events = self.bench.step(request)
        assert isinstance(events[0], CancelRequested) == (order.may_fill > 0), "a cancel always passes"
        self.note_cancels(events)

    @rule(account=st.sampled_from(("", *ACCOUNTS)), name=st.sampled_from(("", *INSTRUMENTS)))
    def cancel_all(self, account: str, name: str) -> None:
        body = CancelAllOrders(request_id=self.bench.request(), actor=PERSON + "tara", account=account, instrument=name)
        self.note_cancels(self.bench.step(body))
        self.assert_all_being_cancelled(account, name)

    def note_cancels(self, events: tuple[Any, ...]) -> None:
        for event in events:
            if isinstance(event, CancelRequested):
                self.model[event.order_id].requests.append(Request(event.client_order_id, True))
                self.model[event.order_id].names.append(event.client_order_id)

    def assert_all_being_cancelled(self, account: str, name: str = "") -> None:
        for order in self.model.values():
            if account in ("", order.account) and name in ("", order.instrument) and order.may_fill:
                assert any(request.cancels for request in order.requests)

    @precondition(lambda self: len(self.bench.history) % 4 == 0)
    @rule(account=st.sampled_from(("", *ACCOUNTS)))
    def kill(self, account: str) -> None:
        body = EngageKillSwitch(request_id=self.bench.request(), actor=PERSON + "tara", reason="test", account=account)
        self.note_cancels(self.bench.step(body))
        self.killed.add(account)
        self.assert_all_being_cancelled(account)

    @precondition(lambda self: self.killed)
    @rule(account=st.sampled_from(("", *ACCOUNTS)), second=st.sampled_from(["ada", "ada/laptop", "bob", "bob", "bob"]))
    def release(self, account: str, second: str) -> None:
        common = {"request_id": self.bench.request(), "actor": PERSON + "ada"}
        made = self.bench.step(ProposeKillSwitchRelease(**common, reason="fine", account=account))[0]
        proposal_id = getattr(made, "proposal_id", 0)
        body = ApproveProposal(request_id=self.bench.request(), actor=PERSON + second, proposal_id=proposal_id)
        released = [event for event in self.bench.step(body) if isinstance(event, KillSwitchReleased)]
        assert bool(released) == (account in self.killed and second == "bob")
        if released:
            self.killed.discard(account)

    @rule(name=st.sampled_from(INSTRUMENTS), halted=seldom)
    def trading_status(self, name: str, halted: bool) -> None:
        self.bench.step(TradingStatus(name, self.bench.now_ns, halted))
        (self.halted.add if halted else self.halted.discard)(name)

    @rule(lost=seldom)
    def gate(self, lost: bool) -> None:
        self.gate_lost, state = lost, GateState.LOST if lost else GateState.REGAINED
        self.bench.step(ReportGate(request_id=self.bench.request(), actor="system:test", state=state))

    @rule(account=st.sampled_from(ACCOUNTS), name=st.sampled_from(INSTRUMENTS), lots=st.integers(100, 1_500))
    def limit(self, account: str, name: str, lots: int) -> None:
        """Tighter takes effect at once; looser not without somebody else."""
        key = f"accounts/{account}/positions/{name}"
        revision = self.bench.engine.state.tables.limits[key][1]
        rows = PositionLimits(account=account, instrument=name, max_long_lots=lots, max_short_lots=lots)
        actor = {"request_id": self.bench.request(), "actor": PERSON + "rita"}
        self.bench.step(SetLimits(**actor, limits=rows, revision=revision))
        self.limits[account, name] = min(lots, self.limits[account, name])

    # The venue

    def pick(self, which: int) -> tuple[int, ModelOrder]:
        ids = sorted(self.model)
        order_id = ids[which % len(ids)]
        return order_id, self.model[order_id]

    def tell(self, kind: ExecType, name: str, **facts: Any) -> None:
        self.bench.step(ExecutionReport(venue="BINANCE", client_order_id=name, exec_type=kind, **facts))

    @precondition(lambda self: self.model)
    @rule(which=number, by=number, lots=small, price=ticks, fee=fees, execution=st.integers(1, 60))
    def trade(  # noqa: PLR0917 - hypothesis passes by name
        self, which: int, by: int, lots: int, price: int, fee: int, execution: int
    ) -> None:
        """Of an order in whatever state, by any of its names; execution ids come twice."""
        _, order = self.pick(which)
        facts = {
            "last_quantity_lots": lots,
            "last_price_ticks": price,
            "fee_nanos": fee,
            "execution_id": f"e{execution}",
        }
        self.tell(ExecType.TRADE, order.names[by % len(order.names)], **facts)
        if self.first_time(order, f"e{execution}"):
            order.trades.append(Trade([f"e{execution}"], lots, price, fee))
            order.acknowledged, order.stopped = True, False
            self.booked(order, f"e{execution}")

    def booked(self, order: ModelOrder, name: str) -> None: ...

    def first_time(self, order: ModelOrder, execution: str) -> bool:
        if (order.account, execution) in self.known_executions or execution in order.kept_names:
            return False
        self.known_executions[order.account, execution] = order.names[0]
        return True

    @precondition(lambda self: any(order.trades for order in self.model.values()))
    @rule(which=number, at=number, oldest=maybe, lots=corrected, price=ticks, fee=fees, execution=number)
    def correct(  # noqa: PLR0917 - hypothesis passes by name
        self, which: int, at: int, oldest: bool, lots: int, price: int, fee: int, execution: int
    ) -> None:
        """A correction, of the price alone or of all, or with 0 lots a bust."""
        traded = [order for order in self.model.values() if order.trades]
        order = traded[which % len(traded)]
        trade = order.trades[at % len(order.trades)]
        lots = trade.quantity if lots == SAME else lots
        reference, name = trade.names[0 if oldest else -1], f"c{execution % 90}"
        facts = {"last_quantity_lots": lots, "last_price_ticks": price, "fee_nanos": fee}
        kind = ExecType.TRADE_CORRECT if lots else ExecType.TRADE_CANCEL
        self.tell(kind, order.newest, execution_id=name, reference_execution_id=reference, **facts)
        if not self.first_time(order, name):
            return
        found = order.standing(reference)
        assert found is trade
        if lots == 0:
            order.trades.remove(trade)
        else:
            trade.names.append(name)
            trade.quantity, trade.price, trade.fee = lots, price, fee
        self.booked(order, name)

    @precondition(lambda self: self.model)
    @rule(which=number, kind=st.sampled_from(["NEW", "STOPPED", "SUSPENDED", "ORDER_STATUS", "PENDING_NEW"]))
    def tell_state(self, which: int, kind: str) -> None:
        _, order = self.pick(which)
        self.tell(ExecType[kind], order.newest)
        if kind == "NEW" and not order.ended:
            order.acknowledged, order.suspended = True, False
        elif kind in {"STOPPED", "SUSPENDED"} and not order.ended:
            setattr(order, kind.lower(), True)

    @precondition(lambda self: self.model)
    @rule(which=number, how=st.sampled_from(["CANCELED", "EXPIRED", "REJECTED", "CALCULATED"]), by=number)
    def tell_end(self, which: int, how: str, by: int) -> None:
        _, order = self.pick(which)
        self.tell(ExecType[how], order.names[by % len(order.names)])
        order.end(ExecType[how].value)

    @precondition(lambda self: self.model)
    @rule(which=number, leaves=st.sampled_from([None, 0, 5]))
    def tell_done_for_day(self, which: int, leaves: int | None) -> None:
        order = self.pick(which)[1]
        self.tell(ExecType.DONE_FOR_DAY, order.newest, leaves_lots=leaves)
        if not order.ended:
            gone = not order.good_till_cancel if leaves is None else leaves == 0
            order.done_for_day, order.gone_tomorrow = True, gone

    @precondition(lambda self: self.model)
    @rule(which=number, quantity=st.none() | st.integers(1, 400))
    def tell_restated(self, which: int, quantity: int | None) -> None:
        _, order = self.pick(which)
        self.tell(ExecType.RESTATED, order.newest, order_quantity_lots=quantity)
        if not order.ended:
            order.terms(quantity, None)

    @precondition(lambda self: self.model)
    @rule(which=number, at=number, answer=st.sampled_from(["pending", "yes", "no"]), told=st.none() | small)
    def answer(self, which: int, at: int, answer: str, told: int | None) -> None:
        """Answers a request of the order: one that waits, one that was answered before, or one of somebody else."""
        _, order = self.pick(which)
        name = [*order.names, "desk"][at % (len(order.names) + 1)]
        if name == order.names[0] or (name == "desk" and answer != "pending"):
            return
        request = order.request(name)
        cancels = request.cancels if request is not None else bool(at % 2)
        original = order.newest
        if answer == "no":
            self.bench.step(OrderCancelReject(venue="BINANCE", client_order_id=name, original_client_order_id=original))
            order.drop(name)
        elif answer == "pending":
            kind = ExecType.PENDING_CANCEL if cancels else ExecType.PENDING_REPLACE
            self.tell(kind, self.of_desk(order, name), original_client_order_id=original)
            self.pend(order, self.of_desk(order, name), cancels=cancels)
        elif not cancels:
            self.tell(ExecType.REPLACED, name, original_client_order_id=original, order_quantity_lots=told)
            self.replaced(order, name, request, told)

    @precondition(lambda self: self.model)
    @rule(which=number, quantity=small, price=st.none() | ticks, then=st.sampled_from(["", "pending", "yes", "no"]))
    def amend_and_hear(self, which: int, quantity: int, price: int | None, then: str) -> None:
        self.amend(which, quantity, price)
        if then:
            self.answer(which, len(self.pick(which)[1].names) - 1, then, None)

    def of_desk(self, order: ModelOrder, name: str) -> str:
        return f"desk-{order.names[0]}" if name == "desk" else name

    def pend(self, order: ModelOrder, name: str, *, cancels: bool) -> None:
        if order.ended:
            return
        if (request := order.request(name)) is not None:
            request.acknowledged = True
        elif name not in order.names:
            order.requests.append(Request(name, cancels, 0 if cancels else order.quantity, order.price, True))
            order.names.append(name)

    def replaced(self, order: ModelOrder, name: str, request: Request | None, told: int | None) -> None:
        if order.ended or (request is None and name != order.newest):
            return
        if request is None:
            if told not in (None, order.quantity):
                order.acknowledged = True
                order.terms(told, None)
            return
        order.acknowledged, order.newest = True, name
        order.drop(name)
        order.terms(request.quantity if told is None else told, request.price)

    # What must hold after each step

    @invariant()
    def orders_agree(self) -> None:
        for order_id, order in self.model.items():
            ours = self.bench.engine.state.tables.orders[order_id]
            assert ours.cumulative_lots == order.filled
            assert ours.cumulative_value == sum(t.quantity * t.price for t in order.trades)
            assert ours.fees_nanos == sum(t.fee for t in order.trades)
            assert ours.quantity_lots == order.quantity
            assert ours.client_order_id == order.newest
            assert lifecycle.leaves_lots(ours) == order.leaves
            assert lifecycle.status(ours).value == order.status

    @invariant()
    def money_adds_up(self) -> None:
        """Cash that flowed = what was realised less what the open lots cost."""
        for position in self.bench.engine.state.positions():
            unit = self.bench.engine.state.tables.instruments[position.instrument].value_per_tick_lot_nanos
            trades = [
                (order.side.sign, trade)
                for order in self.model.values()
                if (order.account, order.instrument) == (position.account, position.instrument)
                for trade in order.trades
            ]
            assert position.lots == sum(sign * trade.quantity for sign, trade in trades)
            cash = -sum(sign * trade.quantity * trade.price * unit for sign, trade in trades)
            assert position.realised_nanos - position.cost_nanos == cash
            assert position.fees_nanos == sum(trade.fee for _, trade in trades)
            assert (position.lots == 0) <= (position.cost_nanos == 0)

    @invariant()
    def switches_agree(self) -> None:
        engaged = {switch.account for switch in self.bench.engine.state.kill_switches() if switch.engaged}
        assert engaged == self.killed
        assert self.bench.gate.killed == ("" in self.killed)
