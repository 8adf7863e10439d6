"""Real gates with real slices: whatever the order of things, what they really let out never exceeds a limit."""

from __future__ import annotations

import random
from typing import Any

import pytest

from meltica.domain.commands import SetLimits
from meltica.domain.gates import AdmitGate, LoseGate, RegisterGate, ReportSlices
from meltica.domain.leases import GateFacts, Report, Share
from meltica.domain.limits import PositionLimits
from meltica.domain.order import Side
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.risk.lease_rows import books_use, gate_row
from meltica.engine.risk.leases import house_use
from meltica.engine.risk.rows import limits_row
from meltica.hot import PASS, Action, OrderType
from meltica.hot.layout_gen import LeaseRecord, Mark, MarkRecord, Record
from meltica.hot.state import COLUMNS
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND, TestBench

GATES = {"a": Share(3_000, 7_000), "b": Share(4_000, 6_000)}
LOTS = 1_000
UNIT = 10**13  # Open value: about a hundred lots
STEPS = 150
LINES = (
    f"accounts/main/positions/{BTC}/max_long_lots",
    f"accounts/main/positions/{BTC}/max_short_lots",
    "accounts/main/max_open_value_nanos",
)


class Edge:
    """A hot gate: a real gate, what is on its way to it, and the drop copies that the engine has not read yet."""

    def __init__(self, backend: Any, name: str, epoch: int) -> None:
        self.backend, self.name, self.epoch = backend, name, epoch
        self.gate = backend.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS, leased=True)
        self.gate.tell(MarkRecord(Mark.CONNECTED, 1, 0, 0))
        self.gate.tell(LeaseRecord(until_ns=2**63))
        self.coming: list[tuple[int, list[Record]]] = []
        """(version, rows)"""
        self.version = 0
        self.silent = False


class Day:
    def __init__(self, backend: str, seed: int, *, lowers: bool) -> None:
        self.lowers = lowers
        self.let_out = 0
        self.draw = random.Random(seed)
        self.bench = TestBench(backend, max_open_value_nanos=20 * UNIT, max_long_lots=LOTS, max_short_lots=LOTS)
        self.state = self.bench.engine.state
        self.edges: dict[str, Edge] = {}
        self.drops: dict[str, list[ExecutionReport]] = {name: [] for name in GATES}
        """Let out and not in the books yet; they outlive a gate's life."""
        self.working: dict[str, list[list[int]]] = {name: [] for name in GATES}
        """[order id, leaves] at the venue."""
        self.numbers = dict.fromkeys(GATES, 0)
        self.orders = self.epochs = 0
        self.lots_limit = LOTS
        for name, share in GATES.items():
            facts = GateFacts(share)
            self.bench.step(RegisterGate(request_id=self.bench.request(), actor="system:t", gate=name, facts=facts))

    # The engine's side

    def admit(self, name: str) -> None:
        """All drop copies are read first; then a new life of the gate comes, with what works and what it holds."""
        self.read(name, everything=True)
        self.epochs += 1
        self.bench.step(AdmitGate(request_id="", actor="system:t", gate=name, gate_epoch=self.epochs))
        edge = self.edges[name] = Edge(self.bench.backend, name, self.epochs)
        self.tell()
        self.hear(edge)  # Rows first, then what it holds, as a state has them
        for key, lots in self.state.tables.hot_lots.items():
            if key.startswith(f"{name}|"):
                edge.gate.adjust_position(0, 1, lots)
        for order in self.state.working_orders():
            if order.gate == name:
                number = int(order.client_order_id.rpartition(":")[2])
                at = order.reserved_lots, order.reserved_price_ticks
                edge.gate.reserve(0, 1, order.side, *at, order_id=number, strategy_id=0)

    def tell(self) -> None:
        """What is granted is on its way to the gates."""
        tables = self.state.tables
        for name, edge in self.edges.items():
            told = []
            for key, (limits, _) in tables.limits.items():
                told.append(gate_row(self.state, name, key, limits_row(tables, limits, self.bench.now_ns)))
            edge.coming.append((tables.leases.version, told))

    def hear(self, edge: Edge) -> None:
        """The stream is in order and may be behind; only the newest rows matter."""
        if edge.coming and not edge.silent:
            version, told = edge.coming.pop(0)
            for row in told:
                edge.gate.tell(row)
            edge.version = version

    def report(self, edge: Edge) -> None:
        book = self.state.tables.leases.gates[edge.name]
        if edge.silent or not book.alive or book.gate_epoch != edge.epoch:
            return
        version = edge.version
        self.read(edge.name, everything=True)  # What it let out before it took the smaller slice
        in_use = books_use(self.state, edge.name)
        fields = {"gate": edge.name, "gate_epoch": edge.epoch, "number": book.report + 1, "version": version}
        news = self.state.leases.is_news(
            Report(edge.name, edge.epoch, book.report + 1, version, in_use), house_use(self.state, self.bench.gate)
        )
        if news:
            self.bench.step(ReportSlices(request_id="", actor="system:t", in_use=in_use, **fields))
            self.tell()

    def read(self, name: str, *, everything: bool = False) -> None:
        while self.drops[name]:
            self.bench.step(self.drops[name].pop(0))
            if not everything:
                return

    # The gates' side

    def order(self, edge: Edge) -> None:
        self.orders += 1
        side = self.draw.choice((Side.BUY, Side.SELL))
        lots = self.draw.choice((1, 10, 50, 200, 500))
        edge.gate.set_reference(1, MARK_TICKS, self.bench.now_ns)
        intent = self.bench.backend.OrderIntent(
            action=Action.NEW,
            side=side,
            order_type=OrderType.LIMIT,
            instrument_id=1,
            account_id=0,
            order_id=self.orders,
            price_ticks=MARK_TICKS,
            quantity_lots=lots,
            time_ns=self.bench.now_ns,
        )
        if edge.gate.check(intent) == PASS:
            self.say(edge.name, self.orders, ExecType.PENDING_NEW, side=side, order_quantity_lots=lots)
            self.let_out += 1
            self.working[edge.name].append([self.orders, lots, int(side)])

    def trade(self, edge: Edge) -> None:
        """The venue fills or cancels one of its orders; a silent gate's orders trade as well, and it hears later."""
        working = self.working[edge.name]
        if not working or edge.silent:
            return
        order = working[self.draw.randrange(len(working))]
        number, leaves, side = order
        lots = self.draw.randint(1, leaves)
        if self.draw.random() < 0.3:
            edge.gate.release(0, 1, side, leaves, MARK_TICKS, closes=True, order_id=number, strategy_id=0)
            self.say(edge.name, number, ExecType.CANCELED)
            working.remove(order)
            return
        left = leaves - lots
        edge.gate.fill(0, 1, side, lots, MARK_TICKS, closes=left == 0, order_id=number, strategy_id=0)
        execution = f"{edge.name}{self.numbers[edge.name]}"
        fields = {"execution_id": execution, "last_quantity_lots": lots, "last_price_ticks": MARK_TICKS}
        self.say(edge.name, number, ExecType.TRADE, **fields)
        order[1] = left
        if left == 0:
            working.remove(order)

    def say(self, name: str, number: int, exec_type: ExecType, **fields: Any) -> None:
        self.numbers[name] += 1
        known = {"account": "main", "instrument": BTC, "price_ticks": MARK_TICKS, "strategy": "manual", "gate": name}
        report = ExecutionReport(
            venue="BINANCE",
            client_order_id=f"{name}:{number}",
            exec_type=exec_type,
            drop_sequence=self.numbers[name],
            **(known | fields),
        )
        self.drops[name].append(report)

    # The day

    def step(self) -> None:
        name = self.draw.choice(sorted(GATES))
        edge = self.edges.get(name)
        what = self.draw.randrange(40)
        if edge is None or what == 0:
            self.admit(name)
        elif what == 1:
            self.silence(edge)
        elif what == 2 and self.lowers:
            self.lower()
        elif what < 8:
            self.hear(edge)
        elif what < 12:
            self.report(edge)
        elif what < 16:
            self.read(name)
        elif what < 22:
            self.bench.submit(self.draw.choice((Side.BUY, Side.SELL)), self.draw.choice((1, 20, 100, 400)))
        elif what < 32:
            self.order(edge)  # A silent gate is one whose link is down: until its lease is over it trades on
        else:
            self.trade(edge)

    def silence(self, edge: Edge) -> None:
        """The link is cut, or comes back: then the drop copies first."""
        edge.silent = not edge.silent
        fields = {"request_id": "", "actor": "system:t", "gate": edge.name, "gate_epoch": edge.epoch}
        if edge.silent:
            self.bench.step(LoseGate(reason="silent", **fields))
        else:
            self.read(edge.name, everything=True)
            self.bench.step(AdmitGate(**fields))
            self.tell()

    def lower(self) -> None:
        self.lots_limit = max(100, self.lots_limit // 2)
        new = PositionLimits(
            account="main", instrument=BTC, max_long_lots=self.lots_limit, max_short_lots=self.lots_limit
        )
        _, revision = self.state.tables.limits[f"accounts/main/positions/{BTC}"]
        self.bench.step(SetLimits(request_id=self.bench.request(), actor="person", limits=new, revision=revision))
        self.tell()

    def exposure(self, gate: Any) -> tuple[int, int, int]:
        """(long lots, short lots, open value) of a gate, worst case, as it has them itself."""
        state = gate.export_state()
        long = short = value = 0
        for values in state["positions"]:
            row = dict(zip(COLUMNS["positions"], values, strict=True))
            if (row["account_id"], row["instrument_id"]) == (0, 1):
                long = max(0, row["position_lots"] + row["open_buy_lots"])
                short = max(0, row["open_sell_lots"] - row["position_lots"])
        for values in state["accounts"]:
            row = dict(zip(COLUMNS["accounts"], values, strict=True))
            if row["account_id"] == 0:
                value = row["open_value_nanos"]
        return long, short, value

    def judge(self, before: list[int]) -> list[int]:
        """Each gate within its claim, all together within the limits; above a lowered one it only falls.

        ``before`` is what was out, or could have been, after the step before.
        """
        claims = {name: self.state.tables.leases.gates[name].claims for name in self.edges}
        own = self.exposure(self.bench.gate)
        sums = list(own)
        for name, edge in self.edges.items():
            out = self.exposure(edge.gate)
            worst = [claims[name][line].worst if line in claims[name] else 0 for line in LINES]
            assert all(now <= most for now, most in zip(out, worst, strict=True)), (name, out, worst)
            sums = [total + most for total, most in zip(sums, worst, strict=True)]
        limits = [self.lots_limit, self.lots_limit, 20 * UNIT]
        for total, limit, earlier in zip(sums, limits, before, strict=True):
            assert total <= max(limit, earlier), (sums, limits, before)
        return sums


@pytest.mark.parametrize(("backend", "seed"), [*(("cython", seed) for seed in range(5)), ("python", 100)])
@pytest.mark.parametrize("lowers", [True, False])
def test_what_real_gates_let_out_never_exceeds_a_limit(backend: str, seed: int, lowers: bool) -> None:
    day = Day(backend, seed, lowers=lowers)
    for name in GATES:
        day.admit(name)
        day.hear(day.edges[name])
    out = [0, 0, 0]
    for _ in range(STEPS):
        day.bench.now_ns += SECOND // 1_000
        day.step()
        out = day.judge(out)
    assert day.orders > 20, f"seed {seed}"
    assert day.let_out > 5, f"seed {seed}"
