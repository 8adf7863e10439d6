"""Random days on which everything that stops orders happens: stepped, absorbed, replayed by the other backend, cut."""

from __future__ import annotations

import random
import secrets
from typing import Any

import pytest

from meltica import hot
from meltica.domain import lifecycle
from meltica.domain.breakers import MarkKind
from meltica.domain.commands import (
    AmendOrder,
    ApproveProposal,
    BeginDay,
    CancelOrder,
    ChangeCredit,
    EngageKillSwitch,
    ProposeKillSwitchRelease,
    RearmBreaker,
    Revalue,
    SetMark,
    SetPriceBand,
)
from meltica.domain.events import BreakerRearmed, BreakerTripped
from meltica.domain.inputs import Record
from meltica.domain.limits import SelfMatch, ShortSale
from meltica.domain.order import Order, PendingKind, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderDenied, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.hot.state import COLUMNS
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND, TestBench
from tests.unit.engine.watch import ADA, BOB

STEPS = 400
ROWS = {"max_instruments": MAX_INSTRUMENTS, "max_accounts": MAX_ACCOUNTS}
LIMITS: dict[str, Any] = {
    "max_long_lots": 3_000,
    "max_short_lots": 3_000,
    "max_daily_loss_nanos": 3 * 10**7,
    "max_drawdown_nanos": 2 * 10**7,
    "max_consecutive_rejects": 3,
    "max_executions": 25,
    "max_day_lots": 60_000,
    "firm_open_orders": 30,
    "firm_open_value_nanos": 30 * 400 * MARK_TICKS * 100,
    "located_lots": 500,
    "session_open_ns": 0,
    "session_close_ns": 23 * 3_600 * SECOND,
}
ACCOUNTS, STRATEGIES = ("main", "second"), ("manual", "a", "b")


class Day:
    def __init__(self, seed: int, backend: str) -> None:
        self.random = random.Random(seed)
        pick = self.random.choice
        self.mode = pick(list(SelfMatch))
        limits = LIMITS | {"self_match": self.mode, "rearm_after_ns": pick([0, 30 * SECOND]), "strategies": ("a", "b")}
        limits["short_sale"] = pick(list(ShortSale))
        self.bench = TestBench(backend, **limits)
        self.bench.open_up(self.bench.engine.state.instrument(BTC), "second", **limits)
        self.executions = 0

    def step(self, body: Any) -> None:
        after = self.random.choice([*[1_000] * 20, *[SECOND // 50] * 10, SECOND, 20 * SECOND])
        self.bench.step(body, after_ns=after)

    def who(self, **more: Any) -> dict[str, Any]:
        return {"request_id": self.bench.request(), "actor": self.random.choice([ADA, BOB])} | more

    def one(self) -> Order | None:
        state = self.bench.engine.state
        orders = state.working_orders() if self.random.random() < 0.8 else list(state.orders())[-15:]
        return self.random.choice(orders) if orders else None

    # What happens

    def submit(self) -> None:
        draw = self.random
        price = None if draw.random() < 0.1 else self.bench.mark_ticks + draw.randint(-6, 6)
        fields: dict[str, Any] = {
            "account": draw.choice(ACCOUNTS),
            "strategy": draw.choice(STRATEGIES),
            "short": draw.random() < 0.2,
            "reduce_only": draw.random() < 0.1,
        }
        if price is not None:
            fields["time_in_force"] = draw.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC])
        side = draw.choice(list(Side))
        fields["short"] = fields["short"] and side is Side.SELL
        self.bench.submit(side, draw.randint(1, 400), price, **fields)

    def amend(self) -> None:
        if (order := self.one()) is not None:
            price = None if order.price_ticks is None else self.bench.mark_ticks + self.random.randint(-6, 6)
            terms = {"quantity_lots": self.random.randint(1, 400), "price_ticks": price}
            self.step(AmendOrder(**self.who(order_id=order.order_id), **terms))

    def cancel(self) -> None:
        if (order := self.one()) is not None:
            self.step(CancelOrder(**self.who(order_id=order.order_id)))

    def report(self) -> None:
        """The venue answers, often what was asked."""
        if (order := self.one()) is None:
            return
        about = {"venue": "BINANCE", "client_order_id": order.client_order_id}
        if order.pending and self.random.random() < 0.6:
            asked = order.pending[0]
            about["client_order_id"] = asked.client_order_id
            if self.random.random() < 0.2:
                self.step(OrderCancelReject(**about, original_client_order_id=order.client_order_id))
                return
            done = ExecType.CANCELED if asked.kind is PendingKind.CANCEL else ExecType.REPLACED
            self.step(ExecutionReport(**about, exec_type=done))
            return
        kind = self.random.choice([*[ExecType.NEW] * 3, ExecType.REJECTED, *[ExecType.TRADE] * 4])
        self.executions += 1
        trade = {
            "execution_id": f"e{self.executions}",
            "last_quantity_lots": self.random.randint(1, 200),
            "last_price_ticks": self.bench.mark_ticks + self.random.randint(-3, 3),
            "fee_nanos": self.random.randint(-500, 2_000),
        }
        self.step(ExecutionReport(**about, exec_type=kind, **(trade if kind is ExecType.TRADE else {})))

    def market(self) -> None:
        self.bench.mark_ticks += self.random.randint(-120, 120)
        self.step(Revalue(request_id="", actor="system:test"))

    def day(self) -> None:
        self.step(BeginDay(request_id="", actor="system:test"))

    def credit(self) -> None:
        name = self.random.choice(["firm", "accounts/main", "strategies/a"])
        self.step(ChangeCredit(**self.who(reason="x", name=name, delta_nanos=self.random.randint(-(10**9), 10**9))))

    def mark(self) -> None:
        for kind in MarkKind:
            name = {MarkKind.MISMATCHED: "main", MarkKind.DISCONNECTED: "paper"}.get(kind, BTC)
            who = self.who(actor=self.random.choice([ADA, *["system:test"] * 4]))
            self.step(SetMark(**who, mark=kind, name=name, on=self.random.random() < 0.08, reason="x"))

    def band(self) -> None:
        low, high = self.random.choice([(0, 0), (0, 0), (MARK_TICKS - 500, MARK_TICKS + 500), (5, 4)])
        self.step(SetPriceBand(**self.who(instrument=BTC, low_ticks=low, high_ticks=high)))

    def kill(self) -> None:
        engaged = [switch.target for switch in self.bench.engine.state.kill_switches() if switch.engaged]
        if engaged:
            self.step(ProposeKillSwitchRelease(**self.who(reason="x", target=self.random.choice(engaged))))
            self.approve()
        elif self.random.random() < 0.15:
            target = self.random.choice(["", "strategies/a", "ports/paper", f"instruments/{BTC}"])
            self.step(EngageKillSwitch(**self.who(reason="x", target=target)))

    def rearm(self) -> None:
        for state in list(self.bench.engine.state.breakers()):
            if state.latched and self.random.random() < 0.7:
                whose = {"account": state.account, "strategy": state.strategy}
                self.step(RearmBreaker(**self.who(reason="x", breaker=state.breaker), **whose))
        self.approve()

    def approve(self) -> None:
        for proposal in list(self.bench.engine.state.proposals()):
            if proposal.open:
                second = BOB if proposal.made.proposer == ADA else ADA
                self.step(ApproveProposal(**self.who(actor=second, proposal_id=proposal.made.proposal_id)))

    def run(self) -> None:
        often = [self.submit] * 8 + [self.report] * 10 + [self.amend] * 2 + [self.cancel, self.market, self.market]
        seldom = [self.day, self.credit, self.mark, self.band, self.kill, self.rearm, self.approve, self.approve]
        for _ in range(STEPS):
            self.random.choice(often * 3 + seldom)()
            self.judge()

    # What always holds

    def judge(self) -> None:
        state, gate = self.bench.engine.state, self.bench.gate.export_state()
        assert gate["counters"]["faults"] == 0
        rows = {name: [dict(zip(names, row, strict=True)) for row in gate[name]] for name, names in COLUMNS.items()}
        working = state.working_orders()
        resting = {o.order_id: o.reserved_lots for o in working if o.price_ticks and o.time_in_force is TimeInForce.GTC}
        assert {row["order_id"]: row["leaves_lots"] for row in rows["orders"]} == resting
        unit = state.instrument(BTC).value_per_tick_lot_nanos
        assert rows["firm"][0]["open_orders"] == len(working)
        values = {o.order_id: o.reserved_lots * o.reserved_price_ticks * unit for o in working}
        assert rows["firm"][0]["open_value_nanos"] == sum(values.values())
        for row in rows["strategies"]:
            name = next(key for key, number in state.tables.strategies.items() if number == row["strategy_id"])
            assert row["open_value_nanos"] == sum(values[o.order_id] for o in working if o.strategy == name)
            assert row["executions"] == state.tables.executions_count.get(name, 0)
        for row in rows["accounts"]:
            name = next(key for key, number in state.tables.accounts.items() if number == row["account_id"])
            self.judge_profit(name, row["pnl_nanos"])
            latched = {b.breaker.name for b in state.breakers() if b.latched and b.account == name}
            assert set(self.bench.gate.breakers(row["account_id"])) == latched

    def judge_profit(self, account: str, at_the_gate: int) -> None:
        state = self.bench.engine.state
        total = 0
        for position in state.positions():
            if position.account == account:
                price = state.tables.prices[position.instrument]
                total += position.realised_nanos - position.fees_nanos + position.unrealised_nanos(price, 100)
        assert state.worth.day_nanos(account) == total - state.tables.day_start.get(account, 0) == at_the_gate

    def judge_self_matches(self) -> None:
        """Whatever passed had nothing of its own in its way that was not told to make way."""
        for _, events in self.bench.history:
            for event in events:
                if isinstance(event, OrderSubmitted) and event.asked_lots:
                    assert self.mode is SelfMatch.DECREMENT
                    assert 0 < event.quantity_lots < event.asked_lots
        if self.mode in (SelfMatch.CANCEL_NEWEST, SelfMatch.CANCEL_BOTH):
            resting = [o for o in self.bench.engine.state.working_orders() if lifecycle.is_working(o) and o.price_ticks]
            untouched = [o for o in resting if not o.pending and o.time_in_force is TimeInForce.GTC]
            buys, sells = ([o.price_ticks for o in untouched if o.side is side] for side in Side)
            assert not buys or not sells or max(buys) < min(sells)


def engine_of(backend: str) -> Engine:
    module = hot.load(backend)
    return Engine(module.Gate(**ROWS), **ROWS, intent=module.OrderIntent)


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_a_day_with_everything_that_stops_orders(backend):
    seeds = [secrets.randbits(32) for _ in range(6)]
    seen: set[type] = set()
    refusals: set[str] = set()
    for seed in seeds:
        print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
        day = Day(seed, backend)
        day.run()
        day.judge_self_matches()
        history = day.bench.history
        digest = snapshot.digest(day.bench.engine)
        other = engine_of("cython" if backend == "python" else "python")
        absorbed, cut = engine_of(backend), day.random.randrange(len(history))
        for sequence, (happened, events) in enumerate(history, 1):
            assert other.step(happened) == events, (sequence, happened)
            absorbed.absorb(sequence, Record(happened, events))
            if sequence == cut:
                gate = hot.load(backend).Gate(**ROWS)
                state = snapshot.decode(snapshot.encode(absorbed), gate)
                absorbed = Engine(gate, **ROWS, state=state, intent=hot.load(backend).OrderIntent)
            seen |= {type(event) for event in events}
            refusals |= {event.reason for event in events if isinstance(event, OrderDenied)}
        assert snapshot.digest(absorbed) == snapshot.digest(other) == digest
    assert {BreakerTripped, BreakerRearmed, CancelRequested, ReplaceRequested} <= seen
    assert {"KILL_SWITCH", "SELF_MATCH"} <= refusals, refusals
