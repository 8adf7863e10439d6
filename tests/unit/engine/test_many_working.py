"""As many resting orders as the gateway is made for, through the engine and the compiled gate that it starts with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from meltica import hot
from meltica.app.gates import local_gate
from meltica.app.settings import GATE_WORKING_ORDERS, Settings
from meltica.domain.commands import CancelOrder
from meltica.domain.order import Side
from meltica.domain.order_events import OrderDenied, OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from tests.engines import MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, TestBench
from tests.unit.engine.watch import SYSTEM, only

MANY = 100_000


class Desk(TestBench):
    """An engine with the gate that the gateway makes; it remembers no history."""

    __test__ = False

    def __init__(self, working_orders: int) -> None:
        def gate(**_: int) -> hot.RiskGate:
            return local_gate("cython", working_orders)

        super().__init__(cast("Any", SimpleNamespace(Gate=gate, OrderIntent=hot.load("cython").OrderIntent)))

    def rest(self, price: int, side: Side = Side.BUY) -> OrderSubmitted | OrderDenied:
        (event,) = self.submit(side, 1, price)
        self.history.clear()
        assert isinstance(event, OrderSubmitted | OrderDenied)
        return event

    def cancelled(self, order_id: int) -> None:
        self.step(CancelOrder(request_id=self.request(), actor=SYSTEM, order_id=order_id))
        name = self.engine.state.tables.orders[order_id].pending[0].client_order_id
        self.step(ExecutionReport(venue="BINANCE", client_order_id=name, exec_type=ExecType.CANCELED))


@pytest.mark.slow
def test_a_hundred_thousand_orders_rest_and_the_next_is_judged_beside_them() -> None:
    assert Settings().gate_working_orders == GATE_WORKING_ORDERS >= 2 * MANY
    desk = Desk(Settings().gate_working_orders)
    for number in range(MANY):
        event = desk.rest(MARK_TICKS - 1 - number % 1_000)
        assert isinstance(event, OrderSubmitted), f"order {number + 1}: {event}"
    assert len(desk.engine.state.working_orders()) == MANY
    gate = local_gate("cython")
    engine = Engine(
        gate,
        max_instruments=MAX_INSTRUMENTS,
        max_accounts=MAX_ACCOUNTS,
        intent=desk.backend.OrderIntent,
        state=snapshot.decode(snapshot.encode(desk.engine), gate),
    )
    assert snapshot.digest(engine) == snapshot.digest(desk.engine)
    desk.engine, desk.gate = engine, gate
    assert desk.rest(MARK_TICKS - 1, Side.SELL).reason == "SELF_MATCH", "it knows all of them after a restart too"
    assert isinstance(desk.rest(MARK_TICKS, Side.SELL), OrderSubmitted)


def test_a_full_table_refuses_and_says_so_until_one_is_gone() -> None:
    desk = Desk(3)
    first, *_ = (desk.rest(MARK_TICKS - number) for number in range(3))
    denied = desk.rest(MARK_TICKS)
    assert isinstance(denied, OrderDenied)
    assert denied.reason == "OPEN_ORDER_COUNT"
    desk.cancelled(first.order_id)
    assert isinstance(desk.rest(MARK_TICKS), OrderSubmitted)
    assert only(desk.submit(Side.BUY, 1, MARK_TICKS), OrderDenied).reason == "OPEN_ORDER_COUNT"
