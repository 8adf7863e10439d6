"""A snapshot in parts: of one moment, whatever the engine does between them; and the next one adds what is new."""

from __future__ import annotations

import itertools
import random
import secrets
from typing import Any

import msgspec
import pytest

from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import AmendOrder, CancelOrder, SubmitOrderList, Wake
from meltica.domain.groups import Link, Sizing
from meltica.domain.order import Order, PendingKind, Side
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.outcomes import DoubtUnanswered
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound, OutcomeUnknown
from meltica.engine.engine import Engine
from meltica.engine.snapshot import saving as parts_of
from meltica.engine.snapshot import snapshot
from meltica.engine.snapshot.saving import EncodedPart, Root, Saving, restore
from meltica.engine.snapshot.snapshot import SnapshotError
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND, TestBench
from tests.replay.judge import fresh_gate
from tests.unit.engine.algos import AlgoBench, twap
from tests.unit.engine.group_day import leg, stop_loss, take_profit

ROWS = {"max_instruments": MAX_INSTRUMENTS, "max_accounts": MAX_ACCOUNTS}
BACKENDS = ("python", "cython")


@pytest.fixture
def bench(backend: str) -> TestBench:
    return AlgoBench(backend, max_long_lots=10**9, max_short_lots=10**9)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


class Shelf:
    """Stands for the journal: what was stored, by its number."""

    def __init__(self) -> None:
        self.states: dict[int, bytes] = {}
        self.root = b""
        self.refs: list[int] = []

    def put(self, state: bytes) -> int:
        self.states[len(self.states)] = state
        return len(self.states) - 1

    def save(self, engine: Engine, between: Any = lambda: None) -> None:
        """``between`` two parts the engine goes on."""
        saving = Saving(engine)
        kept, own = [*saving.kept_before], list[int]()
        between()
        for part in saving.parts():
            (kept if part.kept else own).append(self.put(part.state))
            between()
        self.root, self.refs = saving.root(len(kept)), [*kept, *own]
        saving.end(kept)

    def load(self, backend: str) -> Engine:
        gate = fresh_gate(backend)
        state = restore(self.root, [self.states[ref] for ref in self.refs], self.refs, gate)
        return Engine(gate, **ROWS, state=state)


class RandomDay:
    """Orders that come, fill, are amended, are cancelled; fills that come late; trades that are taken back.

    Brackets and parent orders among them; answers that get lost, and busts that nobody can book.
    """

    def __init__(self, bench: TestBench, seed: int) -> None:
        self.bench, self.random, self.number = bench, random.Random(seed), 0

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.one()

    def one(self) -> None:
        orders = self.bench.engine.state.tables.orders
        if not orders or self.random.random() < 0.4:
            # Never crossing: what an own order does to another is not the subject here
            side = self.random.choice([Side.BUY, Side.SELL])
            price = MARK_TICKS + (-1 if side is Side.BUY else 1) * self.random.randrange(1, 900)
            self.bench.submit(side, self.random.randrange(1, 500), price)
            return
        if (chance := self.random.random()) < 0.12:
            self.together()
            return
        order = orders[self.random.choice([*orders])]
        if chance < 0.3:
            self.trouble(order)
            return
        who = {"request_id": self.bench.request(), "actor": "strategy:test", "order_id": order.order_id}
        self.number += 1
        match self.random.randrange(6):
            case 0:
                self.bench.step(CancelOrder(**who))
            case 1:
                self.bench.step(AmendOrder(**who, quantity_lots=self.random.randrange(1, 700)))
            case 2:
                kind = ExecType.CANCELED if self.random.random() < 0.7 else ExecType.EXPIRED
                self.report(order.client_order_id, kind)
            case 3 if order.executions:
                gone = self.random.choice([*order.executions])
                self.report(
                    order.client_order_id,
                    ExecType.TRADE_CANCEL,
                    execution_id=f"b{self.number}",
                    reference_execution_id=gone,
                )
            case 4 if order.pending and order.pending[0].kind is PendingKind.REPLACE:
                self.report(order.pending[0].client_order_id, ExecType.REPLACED)
            case _:
                lots = self.random.randrange(1, 50)
                self.report(
                    order.client_order_id,
                    ExecType.TRADE,
                    execution_id=f"x{self.number}",
                    last_quantity_lots=lots,
                    last_price_ticks=MARK_TICKS,
                )

    def together(self) -> None:
        """A bracket, a pair, or a parent order whose slices are due at once."""
        request = {"request_id": self.bench.request(), "actor": "spiffe://meltica.example/person/tara"}
        match self.random.randrange(3):
            case 0:
                orders = leg(lots=self.random.randrange(1, 90)), take_profit(), stop_loss()
                self.bench.step(SubmitOrderList(**request, link=Link.BRACKET, orders=orders, sizing=Sizing.PARTIAL))
            case 1:
                pair = leg(price=MARK_TICKS - 950), leg(price=MARK_TICKS - 960)
                self.bench.step(SubmitOrderList(**request, link=Link.OUO, orders=pair))
            case _:
                now_ns = self.bench.now_ns
                schedule = twap(start_ns=now_ns, end_ns=now_ns + 40 * SECOND, slices=4)
                lots = self.random.randrange(4, 200)
                algo = {"account": "main", "strategy": "manual", "instrument": BTC, "side": Side.BUY}
                self.bench.step(SubmitAlgo(**request, **algo, quantity_lots=lots, schedule=schedule))

    def trouble(self, order: Order) -> None:
        self.number += 1
        ids = {"execution_id": f"k{self.number}", "reference_execution_id": f"x{self.number + 2}"}
        told = {"venue": "BINANCE", "client_order_id": self.random.choice([order.client_order_id, *order.chain])}
        match self.random.randrange(6):
            case 0:
                self.bench.step(OutcomeUnknown(**told))
            case 1:
                self.bench.step(OrderNotFound(**told, horizon_ns=SECOND))
            case 2:
                self.report(order.client_order_id, ExecType.TRADE_CANCEL, **ids)
            case 3:
                self.report(f"stray-{self.number % 5}", ExecType.TRADE_CANCEL, **ids)
            case 4:
                self.bench.step(DoubtUnanswered(request_id="", actor="system:recovery"))
            case _:
                self.bench.step(Wake(request_id="", actor="system:clock"), after_ns=self.random.randrange(20) * SECOND)

    def report(self, client_order_id: str, kind: ExecType, **fields: Any) -> None:
        self.bench.step(ExecutionReport(venue="BINANCE", client_order_id=client_order_id, exec_type=kind, **fields))


def test_a_snapshot_of_a_moving_engine_is_that_of_the_engine_as_it_stood(
    bench: TestBench, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_of, "ORDERS_A_PART", 17)
    monkeypatch.setattr(parts_of, "PAIRS_A_PART", 41)
    monkeypatch.setattr(parts_of, "GATE_ORDERS_A_PART", 15)
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    day, shelf = RandomDay(bench, seed), Shelf()
    if day.random.random() < 0.5:
        bench.engine.state.track()
    day.go_on(120)
    for _ in range(5):
        as_it_stood = snapshot.digest(bench.engine)
        sequence, whole = bench.engine.state.tables.sequence, snapshot.encode(bench.engine)
        shelf.save(bench.engine, lambda: day.go_on(day.random.randrange(7)))
        loaded = shelf.load(backend)
        assert loaded.state.tables.sequence == sequence
        assert snapshot.digest(loaded) == as_it_stood
        assert snapshot.encode(loaded) == whole
        day.go_on(60)


def test_an_engine_that_was_read_back_goes_on_with_what_was_kept(bench: TestBench, backend: str) -> None:
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    day, shelf = RandomDay(bench, seed), Shelf()
    for _ in range(5):
        day.go_on(80)
        shelf.save(bench.engine)
        bench.engine, stopped = shelf.load(backend), bench.engine
        bench.gate = bench.engine.gate
        assert snapshot.digest(bench.engine) == snapshot.digest(stopped)
        assert bench.engine.state.unsaved.kept == stopped.state.unsaved.kept


def test_what_was_kept_is_not_written_again(bench: TestBench) -> None:
    day, shelf = RandomDay(bench, 7), Shelf()
    day.go_on(400)
    shelf.save(bench.engine)
    kept, before = bench.engine.state.unsaved.kept, len(shelf.states)
    shelf.save(bench.engine)
    again = [part for number, part in shelf.states.items() if number >= before]
    assert bench.engine.state.unsaved.kept == kept
    assert not any(msgspec.msgpack.decode(part).keys() & {"executions", "requests"} for part in again)
    opened = sum(len(msgspec.msgpack.decode(part).get("orders", ())) for part in again)
    assert opened == len(bench.engine.state.open_orders())


def test_a_snapshot_that_was_given_up_is_part_of_the_next(bench: TestBench, backend: str) -> None:
    day, shelf = RandomDay(bench, 11), Shelf()
    day.go_on(200)
    saving = Saving(bench.engine)
    next(saving.parts())
    with pytest.raises(RuntimeError, match="being made already"):
        Saving(bench.engine)
    day.go_on(50)
    saving.give_up()
    day.go_on(50)
    shelf.save(bench.engine)
    assert snapshot.digest(shelf.load(backend)) == snapshot.digest(bench.engine)


def test_the_days_have_all_that_a_snapshot_must_hold() -> None:
    """What the random days above are made of: none of it is missing for long."""
    found = set()
    for seed in range(4):
        bench = AlgoBench(max_long_lots=10**9, max_short_lots=10**9)
        RandomDay(bench, seed).go_on(400)
        tables = bench.engine.state.tables
        children = [order for order in tables.orders.values() if order.parent_id]
        facts = {"groups": tables.groups, "parents": tables.parents, "children": children, "early": tables.early}
        facts["doubts"] = bench.engine.state.uncertain_orders()
        facts["held"] = bench.engine.state.held
        found |= {name for name, rows in facts.items() if rows}
    assert found == {"groups", "parents", "children", "early", "doubts", "held"}


def test_what_was_saved_is_let_go_in_pieces(bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_of, "ORDERS_A_PART", 3)
    monkeypatch.setattr(parts_of, "PAIRS_A_PART", 20)
    RandomDay(bench, 13).go_on(200)
    saving = Saving(bench.engine)
    assert len(list(saving.parts())) > 10
    saving.end([])
    sizes = [sum(map(len, saving.taken)), *(sum(map(len, saving.taken)) for _ in saving.let_go())]
    assert sizes[-1] == 0
    assert max(before - after for before, after in itertools.pairwise(sizes)) <= 3 * 20
    assert len(sizes) > 4
    assert bench.engine.state.tables.orders
    RandomDay(bench, 14).go_on(5)
    again = Saving(bench.engine)
    assert 0 < len(again.taken.orders) < 20, "what was let go is saved, not forgotten or saved again"


def test_a_fill_for_an_order_that_was_kept_long_ago_and_its_repetition(bench: TestBench, backend: str) -> None:
    (event,) = bench.submit(Side.BUY, 100, MARK_TICKS - 100)
    assert isinstance(event, OrderSubmitted)
    day, shelf = RandomDay(bench, 1), Shelf()
    day.report(event.client_order_id, ExecType.CANCELED)
    shelf.save(bench.engine)
    bench.engine = shelf.load(backend)
    late = {"execution_id": "late", "last_quantity_lots": 40, "last_price_ticks": MARK_TICKS}
    day.report(event.client_order_id, ExecType.TRADE, **late)
    shelf.save(bench.engine)
    bench.engine = shelf.load(backend)
    day.report(event.client_order_id, ExecType.TRADE, **late)
    assert bench.engine.state.position("main", BTC).lots == 40
    day.report(event.client_order_id, ExecType.TRADE_CANCEL, execution_id="bust", reference_execution_id="late")
    shelf.save(bench.engine)
    assert shelf.load(backend).state.position("main", BTC).lots == 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root, parts: (b"\xc1", parts), "unreadable"),
        (lambda root, parts: (root[:-3], parts), "unreadable"),
        (lambda root, parts: (root, [*parts[:-1], b"\xc1"]), "unreadable"),
        (lambda root, parts: (root, [*parts, msgspec.msgpack.encode({"gate_orders": b"short"})]), "unreadable"),
        (lambda root, parts: (root, parts[:1]), "1 parts, of which"),
        (lambda root, parts: (msgspec.msgpack.encode(Root(b"\xc1", 0)), parts), "unreadable"),
    ],
)
def test_what_is_no_snapshot_is_refused(bench: TestBench, backend: str, spoil: Any, message: str) -> None:
    RandomDay(bench, 3).go_on(100)
    shelf = Shelf()
    shelf.save(bench.engine)
    shelf.save(bench.engine)
    root, parts = spoil(shelf.root, [shelf.states[ref] for ref in shelf.refs])
    with pytest.raises(SnapshotError, match=message):
        restore(root, parts, list(range(len(parts))), fresh_gate(backend))


def test_an_engine_that_nobody_saves_remembers_nothing_for_it(bench: TestBench) -> None:
    RandomDay(bench, 5).go_on(50)
    assert bench.engine.state.unsaved is None


def test_a_part_is_as_large_as_said(bench: TestBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_of, "ORDERS_A_PART", 10)
    RandomDay(bench, 9).go_on(300)
    parts: list[EncodedPart] = list(Saving(bench.engine).parts())
    sizes = [len(msgspec.msgpack.decode(part.state).get("orders", ())) for part in parts]
    assert max(sizes) == 10
    assert sum(sizes) == len(bench.engine.state.tables.orders)
