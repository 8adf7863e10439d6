"""What schedules make due: never more than the quantity, never less than before, in the end exactly all of it."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meltica.domain.schedule import PPM, ChildStyle, Schedule, ScheduleKind
from meltica.engine.parents import schedules
from meltica.engine.parents.schedules import Plan, pov, shortfall, twap, vwap
from meltica.engine.parents.schedules.form import RANDOMISE_MAX_PPM, schedule_fault
from meltica.engine.parents.schedules.plan import draw, spread
from tests.engines import SECOND, START_NS

DAY = 86_400 * SECOND


def shares(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    """``count`` shares of a million that add up to it."""
    cuts = st.lists(st.integers(0, PPM), min_size=count - 1, max_size=count - 1).map(sorted)
    return cuts.map(lambda at: tuple(b - a for a, b in pairwise([0, *at, PPM])))


@st.composite
def sliced(draw_: st.DrawFn) -> Schedule:
    kind = draw_(st.sampled_from([ScheduleKind.TWAP, ScheduleKind.VWAP, ScheduleKind.SHORTFALL]))
    facts: dict[str, object] = {"slices": draw_(st.integers(1, 50))}
    if kind is ScheduleKind.VWAP:
        facts = {"slices": draw_(st.integers(1, 5)), "curve_ppm": draw_(st.integers(1, 10).flatmap(shares))}
    if kind is ScheduleKind.SHORTFALL:
        small = st.decimals("0", "2", places=6, allow_nan=False)
        facts |= {
            "risk_aversion": draw_(small),
            "volatility": draw_(small),
            "temporary_impact": draw_(st.decimals("0.5", "5", places=6)),
        }
    return Schedule(
        kind=kind,
        start_ns=START_NS,
        end_ns=START_NS + draw_(st.integers(50 * SECOND, DAY)),
        randomise_ppm=draw_(st.sampled_from([0, 1, 250_000, RANDOMISE_MAX_PPM])),
        **facts,
    )


@given(sliced(), st.integers(1, 10**12), st.integers(1, 10**6), st.lists(st.floats(-0.1, 1.1), min_size=2, max_size=20))
def test_a_curve_is_monotone_ends_exactly_and_never_exceeds(schedule, quantity, order_id, moments):
    plan = Plan(order_id, quantity, schedule)
    assert schedule_fault(schedule, None, START_NS) is None
    length = schedule.end_ns - schedule.start_ns
    times = sorted(schedule.start_ns + int(length * part) for part in moments)
    due = [schedules.due(plan, at) for at in times]
    assert all(0 <= a <= b <= quantity for a, b in pairwise(due))
    assert schedules.due(plan, schedule.end_ns) == quantity
    assert schedules.due(plan, schedule.start_ns - 1) == 0
    assert list(schedules.moments(plan)) == sorted(schedules.moments(plan))
    assert schedules.moments(plan)[0] == schedule.start_ns
    assert schedules.moments(plan)[-1] < schedule.end_ns
    for at in times:
        assert schedules.late(plan, at) <= schedules.due(plan, at)


@given(sliced(), st.integers(1, 10**9), st.integers(1, 1000))
def test_the_clock_is_asked_for_at_each_slice_and_at_the_end(schedule, quantity, order_id):
    """Walking from alarm to alarm misses no moment at which more is due."""
    plan, now, seen = Plan(order_id, quantity, schedule), schedule.start_ns - 5, []
    while now := schedules.next_ns(plan, now):
        seen.append(now)
    assert seen[-1] == schedule.end_ns
    assert set(schedules.moments(plan)) <= set(seen)
    assert len(seen) == len(set(schedules.moments(plan))) + 1


@given(st.integers(0, 10**15), st.integers(1, 1000))
def test_twap_slices_are_equal_within_one_lot(quantity, slices):
    curve = twap.curve(quantity, slices)
    sizes = [b - a for a, b in pairwise((0, *curve))]
    assert max(sizes) - min(sizes) <= 1
    assert curve[-1] == quantity


@given(st.integers(1, 20).flatmap(shares), st.integers(1, 10**12), st.integers(1, 8))
def test_vwap_follows_its_curve_within_one_lot(curve_ppm, quantity, slices):
    curve = vwap.curve(quantity, curve_ppm, slices)
    assert len(curve) == len(curve_ppm) * slices
    done = 0
    for number, share in enumerate(curve_ppm):
        done += share
        exact = Decimal(quantity) * done / PPM
        assert exact - 1 < curve[(number + 1) * slices - 1] <= exact
    assert curve[-1] == quantity


def test_vwap_by_hand():
    assert vwap.curve(1000, (500_000, 200_000, 300_000), 1) == (500, 700, 1000)
    assert vwap.curve(1000, (500_000, 200_000, 300_000), 2) == (250, 500, 600, 700, 850, 1000)


def almgren(risk_aversion: str, seconds: int, slices: int, **factors: str) -> Schedule:
    return Schedule(
        kind=ScheduleKind.SHORTFALL,
        start_ns=START_NS,
        end_ns=START_NS + seconds * SECOND,
        slices=slices,
        risk_aversion=Decimal(risk_aversion),
        **{name: Decimal(value) for name, value in factors.items()},
    )


CHRISS = {"volatility": "0.95", "temporary_impact": "0.0000025", "permanent_impact": "0.00000025"}
"""The paper's example (section 3.4), with its days told as seconds: sigma = 0.95, eta = 2.5e-6, gamma = 2.5e-7."""
STEEP = {"volatility": "0.5", "temporary_impact": "0.2", "permanent_impact": "0.00001"}
BY_HAND = (
    # (schedule, X, what is done after each slice: mpmath with 50 digits, rounded down)
    (almgren("0.000001", 5, 5, **CHRISS), 10**6, (458_044, 710_145, 852_102, 937_858, 1_000_000)),
    (almgren("0.000002", 5, 5, **CHRISS), 10**6, (571_401, 817_067, 923_704, 972_356, 1_000_000)),
    (
        almgren("0.0001", 3600, 12, **STEEP),
        10**9,
        (
            *(924_582_918, 994_312_263, 999_571_047, 999_967_649, 999_997_560, 999_999_815),
            *(999_999_986, 999_999_998, 999_999_999, 999_999_999, 999_999_999, 1_000_000_000),
        ),
    ),
)


@pytest.mark.parametrize(("schedule", "quantity", "done"), BY_HAND)
def test_shortfall_is_the_trajectory_of_almgren_and_chriss(schedule, quantity, done):
    assert shortfall.curve(quantity, schedule) == done


@given(
    st.decimals("0.000001", "5", places=6),
    st.decimals("0.1", "5", places=6),
    st.integers(1, 60),
    st.integers(1, 40_000),
)
def test_shortfall_agrees_with_the_closed_form(risk_aversion, impact, slices, seconds):
    """kappa from acosh, the holdings from sinh: another way, with exponentials and logarithms of 100 digits."""
    quantity = 10**9
    schedule = Schedule(
        kind=ScheduleKind.SHORTFALL,
        start_ns=START_NS,
        end_ns=START_NS + seconds * SECOND,
        slices=slices,
        risk_aversion=risk_aversion,
        volatility=Decimal("0.01"),
        temporary_impact=impact,
    )
    curve = shortfall.curve(quantity, schedule)
    with localcontext() as context:
        context.prec = 100
        tau = Decimal(seconds) / slices
        g = 1 + tau * tau * risk_aversion * Decimal("0.0001") / impact / 2
        kappa_tau = (g + (g * g - 1).sqrt()).ln()

        def sinh(x: Decimal) -> Decimal:
            return (x.exp() - (-x).exp()) / 2

        for number, lots in enumerate(curve, 1):
            exact = quantity - quantity * sinh(kappa_tau * (slices - number)) / sinh(kappa_tau * slices)
            assert exact - 1 - Decimal("1e-20") < lots <= exact + Decimal("1e-20")


def test_without_risk_aversion_shortfall_is_a_twap():
    schedule = Schedule(
        kind=ScheduleKind.SHORTFALL,
        start_ns=START_NS,
        end_ns=START_NS + DAY,
        slices=7,
        temporary_impact=Decimal(1),
    )
    assert shortfall.curve(1003, schedule) == twap.curve(1003, 7)


@given(st.integers(1, 900_000), st.integers(0, 10**9), st.integers(1, 10**9), st.booleans())
def test_pov_is_the_share_of_all_that_trades(rate, volume, quantity, ours):
    schedule = Schedule(kind=ScheduleKind.POV, rate_ppm=rate, volume_has_ours=ours, max_child_lots=1)
    due = pov.due(schedule, quantity, volume)
    everything = volume if ours else volume + due
    assert due <= quantity
    assert due * PPM <= rate * everything
    if due < quantity:
        more = volume if ours else volume + due + 1
        assert (due + 1) * PPM > rate * more
    needed = pov.volume_for(schedule, quantity)
    assert pov.due(schedule, quantity, needed) == quantity
    assert needed == 0 or pov.due(schedule, quantity, needed - 1) < quantity


def test_draws_by_hand():
    """The formula in the docs: first 8 bytes of SHA-256 over the text, big-endian."""
    assert draw(17, 3, "size") == 11696644921251400973
    plan = Plan(17, 1000, Schedule(kind=ScheduleKind.ICEBERG, max_child_lots=100, randomise_ppm=200_000))
    assert spread(plan, 3, "size", 100) == 11696644921251400973 % 41 - 20
    assert schedules.child_lots(plan, 3) == 100 + 11696644921251400973 % 41 - 20


@given(st.integers(1, 10**9), st.integers(0, 999_999), st.integers(1, 10**6), st.integers(0, 1000))
def test_a_slice_of_an_iceberg_is_near_what_shows(display, ppm, order_id, number):
    schedule = Schedule(kind=ScheduleKind.ICEBERG, max_child_lots=display, randomise_ppm=ppm, style=ChildStyle.LIMIT)
    lots = schedules.child_lots(Plan(order_id, 10**12, schedule), number)
    reach = display * ppm // PPM
    assert max(display - reach, 1) <= lots <= display + reach


def test_slices_of_an_iceberg_differ():
    schedule = Schedule(kind=ScheduleKind.ICEBERG, max_child_lots=1000, randomise_ppm=500_000)
    assert len({schedules.child_lots(Plan(1, 10**6, schedule), number) for number in range(50)}) > 40
