"""Random days with bad lines: outcomes that nobody knows, busts before their trades, old news, restarts, clocks."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from meltica import hot
from meltica.domain import lifecycle
from meltica.domain.commands import ApproveProposal, Wake
from meltica.domain.corrections import CorrectionDropped, CorrectionKept, DropCorrection
from meltica.domain.events import ProposalMade
from meltica.domain.inputs import Record, decode_record, encode_record
from meltica.domain.order_events import ReportIgnored
from meltica.domain.outcomes import DoubtRaised, DoubtUnanswered, QueryRequested, ResolveOutcome, Verdict
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound, OutcomeUnknown
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from tests.engines import MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND
from tests.unit.engine.machine import PERSON, EngineMachine, fees, number, small, ticks
from tests.unit.engine.model import Kept, ModelDoubt, ModelOrder, Request

HORIZON_NS = 8 * SECOND
NEVER_AFTER = 3
QUERIES_MAX = 10


class DoubtfulMachine(EngineMachine):
    """As ``EngineMachine``; the model says which doubts stand and which corrections wait."""

    def __init__(self) -> None:
        super().__init__()
        self.engine_ns = 0
        """The latest time that the engine has seen."""
        self.looked = 0
        self.queries: dict[tuple[int, str, int], list[QueryRequested]] = {}
        self.saved: tuple[int, bytes] = (0, b"")
        self.strays: set[tuple[str, str]] = set()
        """(order, correction) of which nobody here knows the order."""

    def in_doubt(self) -> list[tuple[int, ModelOrder, str]]:
        return [(number, order, name) for number, order in sorted(self.model.items()) for name in order.doubts]

    # What nobody knows

    @precondition(lambda self: self.model)
    @rule(which=number, at=number)
    def lose_the_answer(self, which: int, at: int) -> None:
        _, order = self.pick(which)
        name = order.names[at % len(order.names)]
        kind = order.unanswered(name)
        (event,) = self.bench.step(OutcomeUnknown(venue="BINANCE", client_order_id=name, text="timed out"))
        assert isinstance(event, DoubtRaised) == (bool(kind) and name not in order.doubts)
        if isinstance(event, DoubtRaised):
            assert event.sent.name == kind.upper()
            order.doubts[name] = ModelDoubt(kind, self.latest())

    @precondition(lambda self: self.in_doubt())
    @rule(which=number, promise=st.booleans())
    def do_not_find_it(self, which: int, promise: bool) -> None:
        doubts = self.in_doubt()
        _, order, name = doubts[which % len(doubts)]
        doubt = order.doubts[name]
        horizon_ns = HORIZON_NS if promise else 0
        self.bench.step(OrderNotFound(venue="BINANCE", client_order_id=name, horizon_ns=horizon_ns))
        doubt.not_found += 1
        if promise and doubt.not_found >= NEVER_AFTER and self.latest() - doubt.since_ns >= HORIZON_NS:
            self.never_arrived(order, name, doubt.kind)

    @precondition(lambda self: self.in_doubt())
    @rule(which=number, arrived=st.booleans(), second=st.sampled_from(["ada", "bob", "bob"]))
    def decide(self, which: int, arrived: bool, second: str) -> None:
        doubts = self.in_doubt()
        order_id, order, name = doubts[which % len(doubts)]
        kind = order.doubts[name].kind
        held = self.bench.engine.state.tables.orders[order_id].reserved_lots
        verdict = Verdict.CARRIED_OUT if arrived else Verdict.NEVER_ARRIVED
        common = {"request_id": self.bench.request(), "actor": PERSON + "ada", "reason": "asked"}
        events = self.bench.step(ResolveOutcome(**common, order_id=order_id, client_order_id=name, verdict=verdict))
        if isinstance(events[0], ProposalMade):
            body = ApproveProposal(
                request_id=self.bench.request(), actor=PERSON + second, proposal_id=events[0].proposal_id
            )
            self.bench.step(body)
            if second == "ada":
                return
        else:
            assert self.bench.engine.state.tables.orders[order_id].reserved_lots >= held, "alone nobody lowers it"
        if not arrived:
            self.never_arrived(order, name, kind)
        elif kind == "New":
            order.acknowledged = True
        elif kind == "Cancel":
            order.end("Canceled")
        else:
            self.replaced(order, name, order.request(name), None)

    def never_arrived(self, order: ModelOrder, name: str, kind: str) -> None:
        if kind == "New":
            order.end("Rejected")
        else:
            order.drop(name)

    def tell(self, kind: ExecType, name: str, **facts) -> None:
        super().tell(kind, name, **facts)
        events = self.bench.history[-1][1]
        heard = [event.order_id for event in events if hasattr(event, "order_id")]
        for order_id in heard:
            if not isinstance(events[0], CorrectionKept) and (order := self.model.get(order_id)) is not None:
                order.doubts = {n: d for n, d in order.doubts.items() if d.kind != "New"}
        if kind is ExecType.ORDER_STATUS and heard:
            self.model[heard[0]].acknowledged = True

    @rule(seconds=st.sampled_from([1, 1, 2, 5, 40, 86_400, -1, -3_600, -86_400]))
    def wait(self, seconds: int) -> None:
        """Or the clock jumps back."""
        self.bench.now_ns += seconds * SECOND
        for event in self.bench.step(Wake(request_id="", actor="system:clock")):
            assert isinstance(event, QueryRequested)

    def latest(self) -> int:
        self.engine_ns = max([self.engine_ns] + [happened.time_ns for happened, _ in self.bench.history[self.looked :]])
        return self.engine_ns

    # What comes late, and what overtakes its trade

    @precondition(lambda self: any(order.ended or not order.leaves for order in self.model.values()))
    @rule(which=number, lots=small, price=ticks, fee=fees, execution=st.integers(1, 60))
    def late_trade(self, which: int, lots: int, price: int, fee: int, execution: int) -> None:
        """Of an order that was thought to be over."""
        over = [number for number, order in sorted(self.model.items()) if order.ended or not order.leaves]
        at = sorted(self.model).index(over[which % len(over)])
        self.trade(at, 0, lots, price, fee, execution)

    @precondition(lambda self: self.model)
    @rule(which=number, of=st.integers(1, 60), lots=st.just(0) | small, price=ticks, fee=fees, execution=number)
    def correct_early(  # noqa: PLR0917 - hypothesis passes by name
        self, which: int, of: int, lots: int, price: int, fee: int, execution: int
    ) -> None:
        _, order = self.pick(which)
        reference, name = (f"e{of}" if of % 3 else f"c{of}"), f"c{execution % 90}"
        if order.standing(reference) is not None:
            return
        kind = ExecType.TRADE_CORRECT if lots else ExecType.TRADE_CANCEL
        facts = {"last_quantity_lots": lots, "last_price_ticks": price, "fee_nanos": fee}
        self.tell(kind, order.newest, execution_id=name, reference_execution_id=reference, **facts)
        told_before = (order.account, name) in self.known_executions or name in order.kept_names
        booked_for = self.known_executions.get((order.account, reference), "")
        taken_back_before = booked_for == order.names[0] and not lots
        kept = not told_before and not taken_back_before
        event = self.bench.history[-1][1][0]
        assert isinstance(event, CorrectionKept) == kept
        if isinstance(event, CorrectionKept):
            assert bool(event.why) == bool(booked_for)
            numbers = (lots, price, fee) if lots else (0, 0, 0)
            order.kept.append(Kept(name, reference, *numbers, listed=bool(booked_for)))

    def booked(self, order: ModelOrder, name: str) -> None:
        """Whatever waited for this id is booked as well, oldest first, and what waited for that."""
        ids = [name]
        for one in ids:
            for kept in [kept for kept in order.kept if kept.reference == one and not kept.listed]:
                order.kept.remove(kept)
                trade = order.standing(one)
                if trade is None or (order.account, kept.name) in self.known_executions:
                    continue
                self.known_executions[order.account, kept.name] = order.names[0]
                ids.append(kept.name)
                if kept.quantity == 0:
                    order.trades.remove(trade)
                else:
                    trade.names.append(kept.name)
                    trade.quantity, trade.price, trade.fee = kept.quantity, kept.price, kept.fee

    @precondition(lambda self: any(order.kept for order in self.model.values()))
    @rule(which=number, lots=small, price=ticks)
    def what_was_waited_for_comes(self, which: int, lots: int, price: int) -> None:
        waiting = [(at, kept) for at, number in enumerate(sorted(self.model)) for kept in self.model[number].kept]
        at, kept = waiting[which % len(waiting)]
        if kept.reference.startswith("e"):
            self.trade(at, 0, lots, price, 0, int(kept.reference[1:]))

    @precondition(lambda self: any(order.kept for order in self.model.values()))
    @rule(which=number)
    def drop(self, which: int) -> None:
        waiting = [(n, order, kept) for n, order in sorted(self.model.items()) for kept in order.kept]
        order_id, order, kept = waiting[which % len(waiting)]
        common = {"request_id": self.bench.request(), "actor": PERSON + "ada", "reason": "withdrawn"}
        (event,) = self.bench.step(DropCorrection(**common, order_id=order_id, execution_id=kept.name))
        assert isinstance(event, CorrectionDropped)
        order.kept.remove(kept)

    # Old news, restarts

    @precondition(lambda self: any(order.requests for order in self.model.values()))
    @rule(which=number, at=number, of=number, told=st.none() | small)
    def replaced_in_any_order(self, which: int, at: int, of: int, told: int | None) -> None:
        """The answers to replaces overtake each other; each says what it replaced, which may be one still waiting."""
        waiting = [(o, r) for _, o in sorted(self.model.items()) for r in o.requests if not r.cancels]
        if not waiting:
            return
        order, request = waiting[which % len(waiting)]
        self.hear_replaced(order, request, order.names[of % len(order.names)], told)

    @precondition(lambda self: self.model)
    @rule(which=number, first=st.integers(1, 400), second=st.integers(1, 400))
    def the_later_replace_is_answered_first(self, which: int, first: int, second: int) -> None:
        _, order = self.pick(which)
        oldest, before = order.newest, len(order.requests)
        self.amend(which, first, None)
        self.amend(which, second, None)
        for request in reversed(order.requests[before:]):
            self.hear_replaced(order, request, order.newest if order.newest == oldest else oldest, None)

    def hear_replaced(self, order: ModelOrder, request: Request, original: str, told: int | None) -> None:
        name = request.client_order_id
        self.tell(ExecType.REPLACED, name, original_client_order_id=original, order_quantity_lots=told)
        if order.ended:
            return
        overtaken = original != order.newest and order.names.index(name) < order.names.index(order.newest)
        if overtaken:
            order.acknowledged, order.suspended = True, False
            order.drop(name)
        else:
            self.replaced(order, name, request, told)
        order.requests = [r for r in order.requests if r.cancels or r.client_order_id != original]

    @precondition(lambda self: self.known_executions)
    @rule(which=number)
    def tell_again(self, which: int) -> None:
        """An execution that is in the books, as the venue told it: nothing comes of it."""
        told = [
            happened.body
            for happened, events in self.bench.history
            if isinstance(happened.body, ExecutionReport)
            and happened.body.execution_id
            and type(events[0]).__name__ in {"OrderFilled", "TradeCorrected"}
        ]
        (event,) = self.bench.step(told[which % len(told)])
        assert isinstance(event, ReportIgnored), event

    @rule()
    def save(self) -> None:
        self.saved = len(self.bench.history), snapshot.encode(self.bench.engine)

    @rule(at_once=st.booleans(), doubt=st.booleans())
    def restart(self, at_once: bool, doubt: bool) -> None:
        """From the newest snapshot and the journal's rest, or from a snapshot of now; what has no answer is doubted."""
        if at_once:
            self.save()
        since, saved = self.saved
        module = hot.load(self.backend)
        gate = module.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        rows = {"max_instruments": MAX_INSTRUMENTS, "max_accounts": MAX_ACCOUNTS}
        state = snapshot.decode(saved, gate) if saved else None
        engine = Engine(gate, **rows, state=state, intent=module.OrderIntent)
        for at, entry in enumerate(self.bench.history[since:], since + 1):
            engine.absorb(at, decode_record(encode_record(Record(*entry))))
        assert snapshot.digest(engine) == snapshot.digest(self.bench.engine)
        self.bench.engine, self.bench.gate = engine, gate
        if doubt:
            self.doubt_unanswered()

    def doubt_unanswered(self) -> None:
        self.bench.step(DoubtUnanswered(request_id="", actor="system:recovery"))
        for order in self.model.values():
            for name in order.names:
                if (kind := order.unanswered(name)) and name not in order.doubts:
                    order.doubts[name] = ModelDoubt(kind, self.latest())

    @rule(name=st.integers(1, 3), execution=number, of=st.integers(1, 60), lots=st.just(0) | small)
    def stray(self, name: int, execution: int, of: int, lots: int) -> None:
        """A bust or a correction of an order that nobody knows."""
        kind = ExecType.TRADE_CORRECT if lots else ExecType.TRADE_CANCEL
        facts = {"execution_id": f"s{execution % 9}", "reference_execution_id": f"e{of}", "last_quantity_lots": lots}
        self.tell(kind, f"stray-{name}", **facts, last_price_ticks=1)
        key = f"stray-{name}", f"s{execution % 9}"
        assert isinstance(self.bench.history[-1][1][0], CorrectionKept) == (key not in self.strays)
        self.strays.add(key)

    # What must hold after each step

    @invariant()
    def doubts_agree(self) -> None:
        for order_id, order in self.model.items():
            for name, doubt in list(order.doubts.items()):
                if order.unanswered(name) != doubt.kind:
                    del order.doubts[name]
            ours = self.bench.engine.state.tables.orders[order_id]
            assert {(d.client_order_id, d.not_found, d.since_ns) for d in ours.doubts} == {
                (name, doubt.not_found, doubt.since_ns) for name, doubt in order.doubts.items()
            }
            assert all(doubt.queries <= QUERIES_MAX for doubt in ours.doubts)
            assert lifecycle.is_uncertain(ours) == bool(order.doubts)

    @invariant()
    def kept_corrections_agree(self) -> None:
        kept = self.bench.engine.state.early.all()
        ours = {(each.order_id, each.execution_id, bool(each.why)) for each in kept if each.order_id}
        waiting = [(number, each) for number, order in self.model.items() for each in order.kept]
        assert ours == {(number, each.name, each.listed) for number, each in waiting}
        assert {(each.client_order_id, each.execution_id) for each in kept if not each.order_id} == self.strays
        assert len(kept) == len(waiting) + len(self.strays)

    @invariant()
    def time_goes_forward_and_queries_are_spaced(self) -> None:
        assert self.bench.engine.state.tables.time_ns == self.latest()
        for _, events in self.bench.history[self.looked :]:
            for event in events:
                if isinstance(event, QueryRequested):
                    key = event.order_id, event.client_order_id, event.sent
                    asked = self.queries.setdefault(key, [])
                    if event.number > 1 and asked:
                        assert event.number == asked[-1].number + 1
                        assert event.time_ns >= asked[-1].query_ns
                    asked.append(event)
        self.looked = len(self.bench.history)

    @invariant()
    def quantities_add_up(self) -> None:
        """Cumulative and leaves make the quantity while it works; what is too much is told as such."""
        for order_id in self.model:
            ours = self.bench.engine.state.tables.orders[order_id]
            cumulative, leaves = ours.cumulative_lots, lifecycle.leaves_lots(ours)
            assert lifecycle.overfill_lots(ours) == max(0, cumulative - ours.quantity_lots)
            if lifecycle.is_working(ours):
                assert cumulative + leaves == ours.quantity_lots
            else:
                assert leaves == 0
            assert cumulative == sum(x.quantity_lots for x in ours.executions.values())
