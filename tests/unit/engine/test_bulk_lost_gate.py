"""The gate stops answering in the middle of a list: what is answered is what has happened."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.commands import Amendment, AmendOrders, SubmitOrderList, SubmitOrders
from meltica.domain.errors import GateUnreachableError
from meltica.domain.events import Event, GateStateChanged
from meltica.domain.groups import Link
from meltica.domain.many import ManyAnswered, Outcome
from meltica.domain.order import Ended, Side
from meltica.domain.order_events import OrderDenied, OrderReported, OrderSubmitted, ReplaceRequested, RequestRejected
from meltica.engine.snapshot import snapshot
from meltica.hot.ports import RiskGate
from tests.engines import MARK_TICKS, TestBench
from tests.replay.judge import assert_lossless, recovered
from tests.unit.engine.test_bulk import leg
from tests.unit.engine.watch import ADA

DONE, REFUSED, WITHDRAWN, NOT_JUDGED = Outcome.DONE, Outcome.REFUSED, Outcome.WITHDRAWN, Outcome.NOT_JUDGED


class Cut:
    """The gate, cut off after so many verdicts."""

    def __init__(self, gate: RiskGate, after: int) -> None:
        self._gate = gate
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gate, name)

    def check(self, intent: Any) -> int:
        self._left -= 1
        if self._left < 0:
            raise GateUnreachableError("no answer")
        return self._gate.check(intent)


def cut_after(verdicts: int, *before: int) -> TestBench:
    """``before``: quantities of orders that work already."""
    bench = TestBench()
    for lots in before:
        bench.submitted(Side.BUY, lots, MARK_TICKS - 5)
    bench.engine.use_gate(Cut(bench.gate, verdicts))
    return bench


def assert_recovers(bench: TestBench) -> None:
    """From any snapshot and the journal; a gate that answers could not repeat the last step."""
    assert_lossless(bench.history)
    digest, entries = snapshot.digest(bench.engine), len(bench.history)
    for at in (0, entries - 1, entries):
        assert recovered(bench.history, "python", at, entries) == digest


def answered(events: tuple[Event, ...]) -> list[tuple[Outcome, str]]:
    last = events[-1]
    assert isinstance(last, ManyAnswered)
    return [(item.outcome, item.reason) for item in last.items]


def test_what_went_out_before_is_told_as_done() -> None:
    bench = cut_after(2)
    events = bench.step(SubmitOrders(request_id="a", actor=ADA, orders=(leg(), leg(), leg(), leg())))
    lost = (REFUSED, "GATE_LOST")
    assert answered(events) == [(DONE, ""), (DONE, ""), lost, lost]
    kinds = [OrderSubmitted, OrderSubmitted, GateStateChanged, OrderDenied, OrderDenied, ManyAnswered]
    assert [type(event) for event in events] == kinds
    assert bench.engine.state.tables.gate_lost == "no answer"
    assert_recovers(bench)


def test_all_or_none_leaves_nothing_working() -> None:
    bench = cut_after(2)
    events = bench.step(SubmitOrders(request_id="a", actor=ADA, all_or_none=True, orders=(leg(), leg(), leg(), leg())))
    assert answered(events) == [(WITHDRAWN, ""), (WITHDRAWN, ""), (REFUSED, "GATE_LOST"), (NOT_JUDGED, "")]
    assert sum(isinstance(event, OrderReported) and event.unsent for event in events) == 2
    assert bench.engine.state.open_orders() == []
    assert_recovers(bench)


def test_a_list_of_orders_that_belong_together_goes_out_whole_or_not() -> None:
    bench = cut_after(1)
    orders = (leg(), leg(price=MARK_TICKS - 5))
    bench.step(SubmitOrderList(request_id="a", actor=ADA, link=Link.OCO, orders=orders))
    assert [order.ended for order in bench.engine.state.tables.orders.values()] == [Ended.REJECTED] * 2
    assert bench.engine.state.tables.groups == {}
    assert_recovers(bench)


@pytest.mark.parametrize("together", [False, True])
def test_amendments_likewise(together: bool) -> None:
    bench = cut_after(1, 10, 20)
    changes = (Amendment(order_id=1, quantity_lots=30), Amendment(order_id=2, quantity_lots=40))
    events = bench.step(AmendOrders(request_id="a", actor=ADA, all_or_none=together, amendments=changes))
    assert answered(events) == [(WITHDRAWN if together else DONE, ""), (REFUSED, "GATE_LOST")]
    asked = [event.order_id for event in events if isinstance(event, ReplaceRequested)]
    taken_back = [event.order_id for event in events if isinstance(event, RequestRejected)]
    assert (asked, taken_back) == ([1], [1] if together else [])
    assert_recovers(bench)


def test_before_anything_has_happened_the_driver_is_told() -> None:
    """It reports the gate as lost, and takes the step again."""
    bench = cut_after(0)
    with pytest.raises(GateUnreachableError):
        bench.step(SubmitOrders(request_id="a", actor=ADA, orders=(leg(), leg())))
    assert bench.engine.state.tables.orders == {}
    assert not bench.engine.state.tables.gate_lost
