"""Random days against a model that knows nothing of ours: Perold's two portfolios, in fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meltica.analytics.checkpoint import decode, encode
from meltica.analytics.executions import Executions
from meltica.domain.execution import GroupBy, Outcome
from meltica.domain.inputs import decode_record
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from tests.unit.analytics.days import ALL, Day, instrument

PRICES = st.integers(1, 9_999)
BOOKS = st.tuples(PRICES, st.integers(1, 40)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))
FEES = st.integers(-(10**9), 10**9)
ENDS = st.sampled_from([ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED])
COUNTED = ("orders", "sent", "rejected", "filled", "canceled", "expired", "working", "executions")
MONEY = ("traded", "fees", "maker", "told", "ordered", "done")
UNIT = 3
"""Odd, so that a mid between two ticks is half a nano."""


class Modelled:
    """An order as a person would book it: lists of what happened, fractions of nanos."""

    def __init__(self, side: Side, lots: int, decision: Fraction, arrival: Fraction) -> None:
        self.side, self.lots, self.decision, self.arrival = side, lots, decision, arrival
        self.fills: dict[str, tuple[int, int, int]] = {}
        self.end: Fraction | None = None

    def expected(self) -> dict[str, Fraction]:
        sign = 1 if self.side is Side.BUY else -1
        filled = sum(lots for lots, _, _ in self.fills.values())
        fees = sum(fee for _, _, fee in self.fills.values())
        over = filled >= self.lots
        wanted = filled if over or self.end is None else self.lots
        last = self.end if self.end is not None else Fraction(0)
        paper = sign * wanted * (last - self.decision) * UNIT
        real = sum((sign * lots * (last - ticks) * UNIT for lots, ticks, _ in self.fills.values()), Fraction(0)) - fees
        return {
            "total": paper - real,
            "delay": sign * filled * (self.arrival - self.decision) * UNIT,
            "fees": Fraction(fees),
            "paper": wanted * self.decision * UNIT,
        }


@st.composite
def days(draw: st.DrawFn) -> tuple[Day, dict[int, Modelled]]:
    day = Day(instrument(tick_size=Decimal("0.00000001"), lot_size=Decimal("0.3")))
    model: dict[int, Modelled] = {}
    numbers = iter(range(10_000))
    for order_id in range(1, draw(st.integers(1, 4)) + 1):
        seen, side, lots = draw(BOOKS), draw(st.sampled_from(Side)), draw(st.integers(1, 500))
        decision = draw(st.none() | PRICES)
        strategy = draw(st.sampled_from("ab"))
        day.submit(order_id, seen, side=side, quantity_lots=lots, decision_ticks=decision, strategy=strategy)
        arrival = Fraction(sum(seen), 2)
        model[order_id] = Modelled(side, lots, arrival if decision is None else Fraction(decision), arrival)
    for _ in range(draw(st.integers(0, 25))):
        order_id = draw(st.sampled_from(sorted(model)))
        _happen(draw, day, order_id, model[order_id], numbers)
    return day, model


def _happen(draw: st.DrawFn, day: Day, order_id: int, order: Modelled, numbers: Any) -> None:
    what = draw(st.sampled_from(["fill", "fill", "fill", "end", "bust", "correct", "day", "replace"]))
    name, seen = f"x{next(numbers)}", draw(BOOKS)
    if what == "fill":
        lots, ticks, fee = draw(st.integers(1, 300)), draw(PRICES), draw(FEES)
        day.fill(order_id, name, lots, ticks, seen, fee_nanos=fee, maker=draw(st.none() | st.booleans()))
        order.fills[name] = (lots, ticks, fee)
    elif what == "end" and order.end is None:
        day.tell(order_id, draw(ENDS), seen)
        order.end = Fraction(sum(seen), 2)
    elif what in ("bust", "correct") and order.fills:
        reference = draw(st.sampled_from(sorted(order.fills)))
        del order.fills[reference]
        if what == "bust":
            day.correct(order_id, reference, name)
        else:
            lots, ticks, fee = draw(st.integers(1, 300)), draw(PRICES), draw(FEES)
            day.correct(order_id, reference, name, lots, ticks, fee_nanos=fee)
            order.fills[name] = (lots, ticks, fee)
    elif what == "replace" and order.end is None:
        lots = draw(st.integers(1, 500))
        day.tell(order_id, ExecType.REPLACED, quantity_lots=lots)
        order.lots = max(lots, sum(each for each, _, _ in order.fills.values()))
    elif what == "day":
        day.now_ns += 86_400 * 10**9
        day.begin_day()


@settings(max_examples=150, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
@given(days())
def test_the_parts_add_up_to_what_paper_earned_beyond_the_real_portfolio(made: tuple[Day, dict[int, Modelled]]) -> None:
    day, model = made
    for order_id, order in model.items():
        found = day.order(order_id)
        assert found.shortfall is not None
        parts = ("delay", "impact", "opportunity", "fees")
        ours = {name: Fraction(getattr(found.shortfall, name), 2) for name in (*parts, "total", "paper")}
        assert sum(ours[name] for name in parts) == ours["total"]
        assert {name: ours[name] for name in ("total", "delay", "fees", "paper")} == order.expected()
        done = sum(lots for lots, _, _ in order.fills.values()) >= order.lots
        assert (found.outcome is Outcome.FILLED) == done


@settings(max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
@given(days(), st.sampled_from([GroupBy.STRATEGY, GroupBy.DAY, GroupBy.VENUE, GroupBy.INSTRUMENT, GroupBy.ACCOUNT]))
def test_groups_are_what_their_orders_add_up_to(made: tuple[Day, dict[int, Modelled]], by: GroupBy) -> None:
    day, model = made
    orders = [day.order(order_id) for order_id in model]
    groups = day.books.summaries(by, ALL)
    for name in COUNTED + MONEY:
        assert sum(getattr(group, name) for group in groups) == sum(getattr(o.summary, name) for o in orders), name
    for part in ("delay", "impact", "opportunity", "fees", "paper"):
        whole = sum(getattr(order.shortfall, part) for order in orders)
        assert sum(getattr(group.shortfall, part) for group in groups) == whole, part
    for name in ("arrival", "mid", "touch"):
        sums = [(getattr(o.summary, name).cost, getattr(o.summary, name).base) for o in orders]
        found = [(getattr(g, name).cost, getattr(g, name).base) for g in groups]
        assert [sum(each) for each in zip(*found, strict=True)] == [sum(each) for each in zip(*sums, strict=True)]


@settings(max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
@given(days(), st.data())
def test_from_a_checkpoint_or_from_the_beginning_it_is_the_same(
    made: tuple[Day, dict[int, Modelled]], data: st.DataObject
) -> None:
    day, model = made
    cut = data.draw(st.integers(0, len(day.stored)))
    books = Executions()
    for sequence, payload in enumerate(day.stored, 1):
        if sequence == cut + 1:
            books = decode(encode(books))
        books.apply(sequence, day.now_ns if sequence == 0 else _time_of(payload), decode_record(payload))
    (kept, _, orders), (its_kept, _, its_orders) = books.taking(), day.books.taking()
    assert (kept, list(orders.pieces())) == (its_kept, list(its_orders.pieces()))
    for by in GroupBy:
        if by is not GroupBy.ORDER:
            assert books.summaries(by, ALL) == day.books.summaries(by, ALL)
    assert [books.order(each) for each in model] == [day.order(each) for each in model]
    assert msgspec.to_builtins(books.orders(ALL, 0, 100)) == msgspec.to_builtins(day.books.orders(ALL, 0, 100))


def _time_of(payload: bytes) -> int:
    return decode_record(payload).input.time_ns
