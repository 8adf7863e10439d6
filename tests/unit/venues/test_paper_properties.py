"""What holds for the paper venue whatever happens: quantities add up, prices stay within limits, nothing is random."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from hypothesis import given, note, settings
from hypothesis import strategies as st

from meltica.domain.market import BookInvalid, BookUpdate, MarketTrade, TradingStatus
from meltica.domain.order import Side, TimeInForce
from meltica.domain.order_events import CancelRequested, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, VenueReport
from meltica.venues.paper.latency import Latency
from meltica.venues.paper.session import PaperSession
from tests.unit.venues.orders import BTC, submitted

NAME = BTC.instrument
sides = st.sampled_from(list(Side))
prices = st.integers(90, 110)
lots = st.integers(1, 30)
levels = st.lists(st.tuples(prices, st.integers(0, 40)), max_size=4).map(lambda pairs: tuple(dict(pairs).items()))

orders = st.tuples(
    st.just("order"),
    sides,
    lots,
    st.one_of(st.none(), prices, prices),
    st.sampled_from(list(TimeInForce)),
    st.booleans(),
)
steps = st.lists(
    st.one_of(
        orders,
        orders,
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("replace"), st.integers(0, 20), lots, prices),
        st.tuples(st.just("book"), levels, levels, st.booleans()),
        st.tuples(st.just("book"), levels, levels, st.just(value=False)),
        st.tuples(st.just("trade"), prices, lots, st.one_of(st.none(), sides)),
        st.tuples(st.just("trade"), prices, lots, st.one_of(st.none(), sides)),
        st.tuples(st.sampled_from(["gap", "halt", "resume", "end"])),
    ),
    max_size=60,
)
latencies = st.builds(Latency, entry_ns=st.integers(0, 5), response_ns=st.integers(0, 5))


class World:
    """Feeds steps to a session and books what it says, as an independent clerk would."""

    def __init__(self, latency: Latency) -> None:
        self.session = PaperSession("PAPER", [BTC], epoch=3, latency=latency)
        self.now_ns = 0
        self.said: list[Any] = []
        self.asked: dict[str, Any] = {}
        """Client order id -> [side, quantity, price, filled, state, post_only]."""
        self.names: dict[str, str] = {}
        """Every id of a chain -> the first."""
        self.executions: set[str] = set()
        self.count = 0

    def run(self, script: list[Any]) -> None:
        self.take(self.session.receive(BookUpdate(NAME, 0, ((99, 9),), ((101, 9),), snapshot=True), 0), None)
        for step in script:
            self.now_ns += 2
            self.play(step)
        self.now_ns += 100
        self.take(self.session.due(self.now_ns), None)
        for order in list(self.asked):
            self.session.send(self.request("Cancel", order), self.now_ns)
        self.now_ns += 100
        self.take(self.session.due(self.now_ns), None)

    def play(self, step: Any) -> None:
        session, now = self.session, self.now_ns
        match step:
            case ("order", side, quantity, price, tif, post_only):
                name = f"o{self.next()}"
                self.asked[name] = {"side": side, "quantity": quantity, "limits": {price}, "filled": 0, "state": ""}
                self.names[name] = name
                post = post_only and price is not None
                session.send(submitted(name, side, quantity, price, time_in_force=tif, post_only=post), now)
                self.take(session.due(now), None)
            case ("cancel", which) if self.asked:
                session.send(self.request("Cancel", self.pick(which)), now)
                self.take(session.due(now), None)
            case ("replace", which, quantity, price) if self.asked:
                session.send(self.request("Replace", self.pick(which), quantity, price), now)
                self.take(session.due(now), None)
            case ("book", bids, asks, snapshot):
                self.take(session.receive(BookUpdate(NAME, now, bids, asks, snapshot), now), None)
            case ("trade", price, quantity, aggressor):
                self.take(session.due(now), None)
                self.take(session.receive(MarketTrade(NAME, now, price, quantity, aggressor), now), step)
            case ("gap",):
                self.take(session.receive(BookInvalid(NAME, now, "gap"), now), None)
            case ("halt",) | ("resume",):
                self.take(session.receive(TradingStatus(NAME, now, step[0] == "halt"), now), None)
            case ("end",):
                self.take(session.end_session(now), None)

    def request(self, kind: str, name: str, quantity: int = 0, price: int | None = None) -> Any:
        request = f"{kind[0].lower()}{self.next()}"
        self.names[request] = name
        common = {
            "order_id": 1,
            "client_order_id": request,
            "original_client_order_id": name,
            "actor": "t",
            "time_ns": 0,
        }
        if kind == "Cancel":
            return CancelRequested(**common)
        self.asked[name]["limits"].add(price)
        return ReplaceRequested(
            quantity_lots=quantity, price_ticks=price, gate_lots=0, reserved_price_ticks=0, **common
        )

    def pick(self, which: int) -> str:
        return list(self.asked)[which % len(self.asked)]

    def next(self) -> int:
        self.count += 1
        return self.count

    def take(self, reports: Any, trade: Any) -> None:
        filled: dict[Side, int] = defaultdict(int)
        for report in reports:
            self.said.append(report)
            if not isinstance(report, ExecutionReport):
                continue
            order = self.asked[self.names[report.client_order_id]]
            self.book(order, report)
            if report.exec_type is ExecType.TRADE and trade is not None and self.session._latency.response_ns == 0:
                assert report.maker, "a market trade never makes a taker of us"
                filled[order["side"]] += report.last_quantity_lots
        if trade is not None and self.session._latency == Latency():
            assert sum(filled.values()) <= trade[2], "we got more than was traded"

    def book(self, order: Any, report: ExecutionReport) -> None:
        assert order["state"] not in ("Canceled", "Rejected", "Expired"), "a report after the end"
        match report.exec_type:
            case ExecType.TRADE:
                assert report.execution_id not in self.executions, "an execution id came twice"
                self.executions.add(report.execution_id)
                order["filled"] += report.last_quantity_lots
                assert report.last_quantity_lots > 0
                assert order["filled"] <= order["quantity"], "overfilled"
                self.check_price(order, report)
                order["state"] = "open"
            case ExecType.REPLACED:
                assert report.order_quantity_lots is not None
                assert report.order_quantity_lots >= order["filled"]
                order["quantity"], order["limits"] = report.order_quantity_lots, {report.price_ticks}
                order["state"] = "open"
            case kind:
                order["state"] = kind.value

    def check_price(self, order: Any, report: ExecutionReport) -> None:
        """Never worse than the limit; as a maker exactly at it. A replace under way makes two limits possible."""
        limits = order["limits"]
        if None in limits:
            return  # A market order.
        price = report.last_price_ticks
        if report.maker:
            assert price in limits, "a passive fill at a price that is not ours"
        elif order["side"] is Side.BUY:
            assert price <= max(limits), "worse than the limit"
        else:
            assert price >= min(limits), "worse than the limit"


@settings(max_examples=300, deadline=None)
@given(steps, latencies)
def test_quantities_add_up_and_prices_stay_within_limits(script: list[Any], latency: Latency):
    world = World(latency)
    world.run(script)
    note(repr(world.said))
    for name, order in world.asked.items():
        done = order["filled"] == order["quantity"]
        assert done or order["state"] in ("Canceled", "Rejected", "Expired"), (name, order)
        if order["state"] == "Rejected":
            assert order["filled"] == 0
    assert world.session.working_orders == 0
    assert world.session.next_deadline_ns() is None


@settings(max_examples=100, deadline=None)
@given(steps, latencies)
def test_same_input_same_output(script: list[Any], latency: Latency):
    first, second = World(latency), World(latency)
    first.run(script)
    second.run(script)
    assert first.said == second.said


def _untimed(report: VenueReport) -> VenueReport:
    timed = isinstance(report, ExecutionReport)
    return msgspec.structs.replace(report, venue_time_ns=0) if timed else report


@settings(max_examples=200, deadline=None)
@given(steps)
def test_latency_changes_when_not_what_while_the_market_stands_still(script: list[Any]):
    """Without market events in between, an order's fate does not depend on how long it travels."""
    quiet = [step for step in script if step[0] in ("order", "cancel", "replace")]
    near, far = World(Latency()), World(Latency(entry_ns=5, response_ns=7))
    near.run(quiet)
    far.run(quiet)
    assert list(map(_untimed, near.said)) == list(map(_untimed, far.said))
