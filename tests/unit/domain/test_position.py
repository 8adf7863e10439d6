"""Average cost in integers against exact fractions: nothing is lost, nothing is made."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain.position import Position

trades = st.lists(
    st.tuples(
        st.integers(-50, 50).filter(bool) | st.sampled_from([-(2**60), 2**60, 10**9]),
        st.integers(-100, 10**6) | st.sampled_from([2**60]),
        st.integers(-(10**9), 10**9),
    ),
    max_size=40,
)


class Exact:
    """The same in fractions, without a thought for rounding."""

    def __init__(self) -> None:
        self.lots, self.average, self.realised = 0, Fraction(0), Fraction(0)

    def apply(self, lots: int, value_per_lot: int) -> None:
        if self.lots * lots >= 0:
            self.average = (self.average * self.lots + value_per_lot * lots) / (self.lots + lots)
        else:
            closed = min(abs(lots), abs(self.lots))
            self.realised += closed * (value_per_lot - self.average) * (1 if self.lots > 0 else -1)
            if abs(lots) > abs(self.lots):
                self.average = Fraction(value_per_lot)
        self.lots += lots


@settings(print_blob=True, deadline=None, max_examples=300)
@given(trades, st.integers(1, 10**6), st.integers(0, 10**6))
def test_books_agree_with_fractions(booked, unit, mark):
    position, exact, cash = Position(account="main", instrument="X@XX"), Exact(), 0
    closings = 0
    for lots, price, fee in booked:
        closings += position.lots * lots < 0
        position.apply(lots, price, unit, fee)
        exact.apply(lots, price * unit)
        cash -= lots * price * unit
        assert position.lots == exact.lots
        assert position.realised_nanos - position.cost_nanos == cash, "exact at all times"
        assert position.realised_nanos + position.unrealised_nanos(mark, unit) == cash + position.lots * mark * unit
        assert position.lots or position.cost_nanos == 0
    assert position.fees_nanos == sum(fee for _, _, fee in booked)
    assert position.traded_value_nanos == sum(abs(lots * price * unit) for lots, price, _ in booked)
    assert abs(position.realised_nanos - exact.realised) <= closings * (closings + 1)


def test_a_round_trip_by_hand():
    position = Position(account="main", instrument="X@XX")
    position.apply(3, 100, 1, 5)
    position.apply(1, 101, 1, 5)
    assert (position.lots, position.cost_nanos) == (4, 401)
    position.apply(-1, 110, 1, -2)  # A quarter of 401 is 100.25: 100 are closed, 301 stay.
    assert (position.lots, position.cost_nanos, position.realised_nanos, position.fees_nanos) == (3, 301, 10, 8)
    assert position.unrealised_nanos(110, 1) == 29
    position.apply(-5, 90, 1, 0)  # Through flat, into a short.
    assert (position.lots, position.cost_nanos, position.realised_nanos) == (-2, -180, 10 + 270 - 301)
    position.apply(2, 80, 1, 0)
    assert (position.lots, position.cost_nanos, position.realised_nanos) == (0, 0, -21 + 20)
