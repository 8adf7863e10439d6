"""Random days of orders that belong together: every order of events, judged by a model, and recovered."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from meltica.domain.commands import CancelOrders, GateState
from meltica.domain.groups import Link, Sizing
from meltica.domain.order import Order, PendingKind, Side
from meltica.domain.reports import ExecType
from meltica.engine.snapshot import snapshot
from tests.engines import MARK_TICKS
from tests.replay.judge import recovered
from tests.unit.engine.group_day import TARA, GroupDay, leg, stop, stop_loss, take_profit
from tests.unit.engine.group_model import Model

number = st.integers(0, 10**6)
ENDS = [ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED]
MACHINE = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    print_blob=True,  # The seed: @reproduce_failure with this blob plays the same day again.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
SELLS = [
    lambda lots: take_profit(lots=lots),
    lambda lots: leg(Side.SELL, lots, MARK_TICKS + 2_000),
    lambda lots: stop_loss(lots=lots),
    lambda lots: stop(Side.SELL, MARK_TICKS - 700, lots, MARK_TICKS - 750),
]


class GroupMachine(RuleBasedStateMachine):
    backend = "python"

    def __init__(self) -> None:
        super().__init__()
        self.day = GroupDay(self.backend, max_short_lots=250)
        self.model = Model()
        self.heard = 0
        self.gate_lost = False
        self.fills: list[tuple[int, str]] = []

    def hear(self) -> None:
        history = self.day.bench.history
        for _, events in history[self.heard :]:
            self.model.hear(events)
        self.heard = len(history)

    @initialize(days=st.integers(0, 10**9))
    def begin(self, days: int) -> None:
        """Three lists of any kind."""
        draw = random.Random(days)
        for _ in range(3):
            kinds = [draw.randrange(4) for _ in range(draw.randrange(2, 4))]
            among = draw.choice([None, Link.OCO, Link.OUO])
            self.submit_list(draw.choice(list(Link)), among, draw.choice(list(Sizing)), kinds, draw.randrange(10, 100))
        self.hear()

    @rule(
        link=st.sampled_from(Link),
        among=st.sampled_from([None, Link.OCO, Link.OUO]),
        sizing=st.sampled_from(Sizing),
        kinds=st.lists(st.integers(0, 3), min_size=2, max_size=3),
        lots=st.integers(10, 100),
    )
    def submit(self, link: Link, among: Link | None, sizing: Sizing, kinds: list[int], lots: int) -> None:
        if len(self.model.groups) < 5:
            self.submit_list(link, among, sizing, kinds, lots)

    def submit_list(self, link: Link, among: Link | None, sizing: Sizing, kinds: list[int], lots: int) -> None:
        if link is Link.BRACKET:
            self.day.list(link, leg(lots=lots), take_profit(lots=lots), stop_loss(lots=lots), sizing=sizing)
        elif link is Link.OTO:
            each = lots if among else lots // len(kinds)
            self.day.list(link, leg(lots=lots), *(SELLS[kind](each) for kind in kinds), among=among, sizing=sizing)
        else:
            self.day.list(link, *(SELLS[kind](lots) for kind in kinds))

    def outside(self) -> list[Order]:
        """Those that their venue knows."""
        orders = self.day.bench.engine.state.tables.orders
        return [orders[order_id] for order_id, told in self.model.orders.items() if told.outside]

    def pick(self, which: int) -> int | None:
        """Makes it the only one of the day's list, and gives its place there."""
        if not (orders := self.outside()):
            return None
        self.day.ids = [orders[which % len(orders)].order_id]
        return 1

    @rule(which=number, lots=st.integers(1, 60))
    def trade(self, which: int, lots: int) -> None:
        """Of an order in whatever state: late fills are money."""
        if (place := self.pick(which)) is not None:
            self.fills.append((self.day.ids[0], self.day.trades(place, lots)))

    @rule(which=number, part=st.integers(1, 4))
    def trade_of_what_works(self, which: int, part: int) -> None:
        """An entry or an exit that may trade, a quarter of it to all of it."""
        working = [order for order in self.outside() if order.ended is None and order.reserved_lots]
        if working:
            order = working[which % len(working)]
            self.day.ids = [order.order_id]
            self.fills.append((order.order_id, self.day.trades(1, max(order.reserved_lots * part // 4, 1))))

    @precondition(lambda self: self.fills)
    @rule(which=number, lots=st.sampled_from([0, 0, 5, 40]))
    def correct(self, which: int, lots: int) -> None:
        order_id, name = self.fills.pop(which % len(self.fills))
        self.day.ids = [order_id]
        self.day.corrected(1, name, lots)

    @rule(which=number, how=st.sampled_from(ENDS))
    def end(self, which: int, how: ExecType) -> None:
        if (place := self.pick(which)) is not None:
            self.day.ends(place, how)

    @rule(which=number, yes=st.sampled_from([True, True, True, False]), oldest=st.booleans())
    def answer(self, which: int, yes: bool, oldest: bool) -> None:
        asked = [order for order in self.outside() if order.pending]
        if not asked:
            return
        order = asked[which % len(asked)]
        self.day.ids = [order.order_id]
        request = order.pending[0 if oldest else -1]
        if not yes:
            self.day.refuses_request(1)
            return
        kind = ExecType.CANCELED if request.kind is PendingKind.CANCEL else ExecType.REPLACED
        self.day.tell(1, kind, name=request.client_order_id)

    @rule(which=number, price=st.integers(MARK_TICKS - 400, MARK_TICKS - 100))
    def amend_price(self, which: int, price: int) -> None:
        if (place := self.pick(which)) is not None and self.day.order(place).side is Side.BUY:
            self.day.amend(place, price_ticks=price)

    @rule(which=number)
    def cancel(self, which: int) -> None:
        orders = sorted(self.model.orders)
        self.day.ids = [orders[which % len(orders)]]
        self.day.cancel(1)

    @rule(which=number)
    def cancel_group(self, which: int) -> None:
        groups = sorted(self.model.groups)
        body = CancelOrders(request_id=self.day.bench.request(), actor=TARA, group_id=groups[which % len(groups)])
        self.day.step(body)

    @rule(ticks=st.sampled_from([MARK_TICKS, MARK_TICKS - 800, MARK_TICKS - 1_500]))
    def market(self, ticks: int) -> None:
        self.day.market(ticks)

    @rule(lost=st.booleans())
    def gate(self, lost: bool) -> None:
        self.day.gate(GateState.LOST if lost else GateState.REGAINED)
        self.gate_lost = lost

    @rule(which=number, lots=st.integers(1, 200))
    def restate(self, which: int, lots: int) -> None:
        if (place := self.pick(which)) is not None:
            self.day.tell(place, ExecType.RESTATED, order_quantity_lots=lots)

    @precondition(lambda self: len(self.day.bench.history) > 50)
    @rule()
    def kill(self) -> None:
        self.day.kill()

    @invariant()
    def no_leg_intends_more_than_is_left(self) -> None:
        self.hear()
        self.model.judge(gate_lost=self.gate_lost)

    @invariant()
    def the_engine_says_of_each_group_what_the_model_says(self) -> None:
        for group_id, group in self.model.groups.items():
            found: Any = self.day.bench.engine.state.group(group_id)
            assert (found.overfilled_lots, found.uncovered_lots) == (group.overfilled, group.uncovered)
            assert set(found.members) == set(group.chains)

    def teardown(self) -> None:
        history = self.day.bench.history
        digest = snapshot.digest(self.day.bench.engine)
        for at in (len(history) // 3, len(history)):
            assert recovered(history, self.backend, at // 2, at) == digest


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["python", "cython"])
def test_every_order_of_events(backend):
    run_state_machine_as_test(type("OnThisGate", (GroupMachine,), {"backend": backend}), settings=MACHINE)
