"""A correction books anew what came after it, and no more; the position is what booking everything gives."""

from __future__ import annotations

import random

import pytest

from meltica.domain.order import Side
from meltica.domain.position import Position
from meltica.domain.reports import ExecType
from meltica.engine.venue import bookings
from meltica.engine.venue.positions import booked
from tests.engines import BTC, MARK_TICKS, TestBench
from tests.replay.judge import recovered, replayed
from tests.replay.test_recovery import restarted
from tests.unit.engine.test_orders import fill, tell


def all_of(bench, account="main"):
    orders = [o for o in bench.engine.state.orders() if (o.account, o.instrument) == (account, BTC)]
    return booked(account, bench.engine.state.tables.instruments[BTC], orders)


def take_back(bench, order, reference, name):
    return tell(bench, ExecType.TRADE_CANCEL, order, execution_id=name, reference_execution_id=reference)


@pytest.mark.parametrize("seed", range(8))
def test_random_corrections_give_what_booking_everything_gives(seed, monkeypatch):
    monkeypatch.setattr(bookings, "EVERY", 4)
    draw, bench = random.Random(seed), TestBench()
    bench.open_up(bench.engine.state.instrument(BTC), "second")
    orders, standing = [], []
    for number in range(300):
        if number % 40 == 17:
            bench = restarted(bench)
        if not orders or draw.random() < 0.1:
            account = draw.choice(["main", "second"])
            side = draw.choice(list(Side))
            orders.append(bench.submitted(side, 10**6, MARK_TICKS - side.sign * 1000, account=account).order_id)
        order = bench.engine.state.order(draw.choice(orders))
        price = MARK_TICKS + draw.randint(-50, 50)
        if standing and draw.random() < 0.4:
            order_id, reference = standing.pop(draw.randrange(len(standing)))
            of = bench.engine.state.order(order_id)
            if draw.random() < 0.5:
                take_back(bench, of, reference, f"x{number}")
            else:
                told = {"last_quantity_lots": draw.randint(1, 50), "last_price_ticks": price, "fee_nanos": number}
                ids = {"execution_id": f"x{number}", "reference_execution_id": reference}
                tell(bench, ExecType.TRADE_CORRECT, of, **ids, **told)
                standing.append((order_id, f"x{number}"))
        else:
            fill(bench, order, draw.randint(1, 50), f"x{number}", price, fee_nanos=draw.randint(-5, 5))
            standing.append((order.order_id, f"x{number}"))
        for account in ("main", "second"):
            position = bench.engine.state.position(account, BTC)
            assert (position or Position(account=account, instrument=BTC)) == all_of(bench, account), (seed, number)


def test_a_correction_looks_at_no_more_than_what_came_after_it(monkeypatch):
    """Counted, not timed: how often anything is booked."""
    bench = TestBench()
    order = bench.submitted(quantity_lots=10**6)
    for number in range(2_000):
        fill(bench, order, 1, f"e{number}")
    counted = []
    apply = Position.apply
    monkeypatch.setattr(Position, "apply", lambda *args: (counted.append(1), apply(*args)))
    for number, most in ((1_999, 1), (1_500, 500), (10, 1_990)):
        counted.clear()
        take_back(bench, order, f"e{number}", f"b{number}")
        assert len(counted) <= most + bookings.EVERY
    assert bench.engine.state.position("main", BTC) == all_of(bench)


def test_after_a_restart_the_first_one_that_reaches_behind_it_books_all_and_the_next_does_not(monkeypatch):
    bench = TestBench()
    order = bench.submitted(quantity_lots=10**6)
    for number in range(1_000):
        fill(bench, order, 1, f"e{number}")
    bench = restarted(bench)
    order = bench.engine.state.order(order.order_id)
    fill(bench, order, 1, "late")
    counted = []
    apply = Position.apply
    monkeypatch.setattr(Position, "apply", lambda *args: (counted.append(1), apply(*args)))
    for reference, least, most in (("late", 0, 1), ("e990", 900, 1_001), ("e980", 10, 300)):
        counted.clear()
        take_back(bench, order, reference, f"b-{reference}")
        assert least <= len(counted) <= most
    assert bench.engine.state.position("main", BTC) == all_of(bench)


def test_a_day_of_corrections_recovered_anywhere_is_the_same_day(monkeypatch):
    monkeypatch.setattr(bookings, "EVERY", 3)
    bench = TestBench()
    order = bench.submitted(quantity_lots=10**6)
    for number in range(12):
        fill(bench, order, number + 1, f"e{number}", MARK_TICKS + number)
    for number in (11, 3, 7):
        take_back(bench, order, f"e{number}", f"b{number}")
    digest = replayed(bench.history, "cython")
    for cut in range(len(bench.history)):
        assert recovered(bench.history, "python", cut // 2, cut) == digest
