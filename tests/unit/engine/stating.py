"""What a venue states, for tests: statements asked for now, looks far enough apart, books without our own times."""

from __future__ import annotations

import itertools

from meltica.domain import lifecycle
from meltica.domain.breakers import MarkKind, mark_key
from meltica.domain.commands import ApproveProposal
from meltica.domain.reports import ExecType
from meltica.domain.statements import (
    DifferenceNoted,
    SettleDifference,
    StatedFill,
    StatedOrder,
    StatedPosition,
    VenueStatement,
)
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.unit.engine.test_orders import tell
from tests.unit.engine.watch import ADA, BOB

_numbers = itertools.count(1)


def statement(bench: TestBench, **told) -> VenueStatement:
    """Complete and empty unless the test says more; asked for just now."""
    facts = {
        "venue": "BINANCE",
        "account": "main",
        "statement_id": f"s{next(_numbers)}",
        "asked_ns": bench.now_ns,
        "taken_ns": bench.now_ns,
        "orders_complete": True,
        "positions_complete": True,
        "fills_since_ns": 0,
    }
    return VenueStatement(**{**facts, **told})


def look(bench: TestBench, **told):
    """A statement long after all that was on its way has come; what it led to, less the comparison itself."""
    bench.now_ns += 3 * SECOND
    return bench.step(statement(bench, **told))[:-1]


def looks(bench: TestBench, times: int = 2, **told):
    return [event for _ in range(times) for event in look(bench, **told)]


def order_of(order, filled=0, **told) -> StatedOrder:
    facts = {
        "client_order_id": order.client_order_id,
        "instrument": order.instrument,
        "side": order.side,
        "quantity_lots": order.quantity_lots,
        "cumulative_lots": filled,
        "price_ticks": order.price_ticks,
    }
    return StatedOrder(**{**facts, **told})


def fill_of(order, lots, execution_id, price=MARK_TICKS, **told) -> StatedFill:
    facts = {"client_order_id": order.client_order_id, "instrument": order.instrument, "side": order.side}
    numbers = {"quantity_lots": lots, "price_ticks": price, "execution_id": execution_id}
    return StatedFill(**{**facts, **numbers, **told})


def position(lots, instrument=BTC) -> tuple[StatedPosition, ...]:
    return (StatedPosition(instrument=instrument, lots=lots),)


def found(events):
    return [
        event.difference for event in events if isinstance(event, DifferenceNoted) and event.difference.difference_id
    ]


def standing(bench: TestBench):
    """The differences that stand, as (kind, subject, ours, theirs)."""
    table = bench.engine.state.tables.reconciliation.differences.values()
    return [(d.kind.name, d.subject, d.ours, d.theirs) for d in table if d.difference_id]


def books(bench: TestBench):
    """What the books say, less when and in which order they learned it."""
    tables = bench.engine.state.tables
    orders = {
        order.client_order_id: (
            lifecycle.status(order).value,
            order.cumulative_lots,
            order.cumulative_value,
            order.fees_nanos,
            sorted(order.executions),
            order.reserved_lots,
        )
        for order in tables.orders.values()
    }
    sums = {
        key: (p.lots, p.realised_nanos - p.cost_nanos, p.fees_nanos, p.traded_value_nanos)
        for key, p in tables.positions.items()
    }
    differences = sorted((d.key, d.ours, d.theirs) for d in tables.reconciliation.differences.values())
    gate = bench.gate.export_state()
    marks = sorted(key for key, mark in tables.marks.items() if mark.on)
    return orders, sums, differences, sorted(tables.executions), marks, gate["accounts"], gate["positions"]


# What goes before, and what persons do


def acknowledged(bench, lots=100, **kw):
    order = bench.submitted(quantity_lots=lots, **kw)
    tell(bench, ExecType.NEW, order)
    return order


def marked(bench):
    mark = bench.engine.state.tables.marks.get(mark_key(MarkKind.MISMATCHED, "main"))
    return mark is not None and mark.on


def settle(bench, action, number=1, actor=ADA, **more):
    request = {"request_id": bench.request(), "actor": actor, "reason": "asked by telephone"}
    return SettleDifference(**request, difference_id=number, action=action, **more)


def approve(bench, proposal_id=1, actor=BOB):
    return bench.step(ApproveProposal(request_id=bench.request(), actor=actor, proposal_id=proposal_id))
