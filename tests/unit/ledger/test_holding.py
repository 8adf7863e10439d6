"""One position by each cost method against units of fractions, and average cost against the engine's own."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meltica.domain.accounting import CostMethod
from meltica.domain.position import Position
from meltica.ledger.holding import Holding
from tests.unit.ledger.naive import by_units

trades = st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 1000)), max_size=60)
wide = st.lists(
    st.tuples(st.integers(-(2**61), 2**61).filter(bool) | st.integers(-5, 5).filter(bool), st.integers(-10, 2**60)),
    max_size=30,
)


@given(trades, st.sampled_from([CostMethod.FIFO, CostMethod.LIFO]))
def test_lots_are_those_of_a_list_of_units(booked, method):
    holding = Holding()
    for row, (lots, price) in enumerate(booked):
        holding.take(lots, lots * price, row, method)
        done = [(each, Fraction(value)) for each, value in booked[: row + 1]]
        assert (holding.lots, holding.cost, holding.realised) == by_units(done, method.value)
        assert sum(lot[0] for lot in holding.open_lots()) == holding.lots
        assert sum(lot[1] for lot in holding.open_lots()) == holding.cost


@given(wide, st.integers(1, 10**6))
def test_average_cost_is_the_engines_to_the_nano(booked, unit):
    holding, position = Holding(), Position(account="a", instrument="X@XX")
    for row, (lots, price) in enumerate(booked):
        holding.take(lots, lots * price * unit, row, CostMethod.AVERAGE)
        position.apply(lots, price, unit, 0)
        assert (holding.lots, holding.cost) == (position.lots, position.cost_nanos)
        assert holding.realised == position.realised_nanos


@given(trades, st.integers(1, 12), st.integers(1, 12), st.sampled_from(CostMethod))
def test_a_split_restates_lots_and_keeps_the_cost(booked, numerator, denominator, method):
    holding = Holding()
    for row, (lots, price) in enumerate(booked):
        holding.take(lots, lots * price, row, method)
    before = holding.lots, holding.cost, holding.realised
    gone = holding.split(numerator, denominator)
    assert abs(holding.lots) == abs(before[0]) * numerator // denominator
    assert (holding.cost + gone, holding.realised) == before[1:]
    assert holding.lots or holding.cost == 0
    if method is not CostMethod.AVERAGE:
        assert sum(lot[0] for lot in holding.open_lots()) == holding.lots
        assert sum(lot[1] for lot in holding.open_lots()) == holding.cost
        assert all(lot[0] * holding.lots > 0 for lot in holding.open_lots())
    holding.take(-holding.lots or 1, 5 * (-holding.lots or 1), 99, method)
    assert (holding.lots, holding.cost) in ((0, 0), (1, 5))


@pytest.mark.parametrize(
    ("method", "cost", "realised"),
    [(CostMethod.FIFO, 2 * 20 + 30, 10), (CostMethod.LIFO, 10 + 2 * 20, -10), (CostMethod.AVERAGE, 60, 0)],
)
def test_a_sale_by_hand(method, cost, realised):
    holding = Holding()
    for row, (lots, price) in enumerate([(1, 10), (2, 20), (1, 30), (-1, 20)]):
        holding.take(lots, lots * price, row, method)
    assert (holding.lots, holding.cost, holding.realised) == (3, cost, realised)


def test_a_long_queue_of_lots_is_tidied_and_still_the_same():
    holding = Holding()
    for row in range(500):
        holding.take(2, 2 * row, row, CostMethod.FIFO)
    for row in range(450):
        holding.take(-2, -2 * 1000, 500 + row, CostMethod.FIFO)
    assert (holding.lots, len(holding.open_lots()), holding.open_lots()[0]) == (100, 50, (2, 900, 450))
    assert len(holding.table) < 150
    assert holding.realised == sum(2 * (1000 - row) for row in range(450))
