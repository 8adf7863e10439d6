"""Parents with slices, and orders that belong together: every fill counts once, however it is looked at."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meltica.domain.commands import CancelOrder
from meltica.domain.execution import ExecutionFilter, GroupBy, Outcome
from meltica.domain.groups import GROUP_ACTOR, GroupExtended, GroupOpened, Link
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from tests.unit.analytics.days import ALL, Day, instrument

BOOK = (3999, 4001)
CENT = 10**7
OTHER = "XYZ@XPAR"
PRICES = st.integers(1, 9_999)
BOOKS = st.tuples(PRICES, st.integers(1, 40)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))
GROUPS = [by for by in GroupBy if by is not GroupBy.ORDER]


class Family:
    """A parent with its slices, or an order by itself, as a person would keep it: what stands, in fractions."""

    def __init__(self, side: Side, lots: int, arrival: Fraction, strategy: str, venue: str) -> None:
        self.sign = 1 if side is Side.BUY else -1
        self.lots, self.arrival, self.strategy, self.venue = lots, arrival, strategy, venue
        self.slices: dict[int, Fraction] = {}
        """Order id -> its own arrival price; of one without slices its own id."""
        self.fills: dict[str, tuple[int, int, int, int]] = {}
        """Execution -> (slice, lots, price, fee)."""
        self.end: Fraction | None = None

    def paper_beyond_real(self) -> Fraction:
        filled = sum(lots for _, lots, _, _ in self.fills.values())
        wanted = filled if self.end is None or filled >= self.lots else self.lots
        last = self.end or Fraction(0)
        paper = self.sign * wanted * (last - self.arrival) * CENT
        return paper - sum(
            (self.sign * lots * (last - ticks) * CENT - fee for _, lots, ticks, fee in self.fills.values()), Fraction(0)
        )


@st.composite
def days(draw: st.DrawFn) -> tuple[Day, dict[int, Family]]:
    day = Day(instrument(), instrument(OTHER, 2))
    families: dict[int, Family] = {}
    numbers, names = iter(range(1, 1_000)), iter(range(10_000))
    for _ in range(draw(st.integers(1, 3))):
        order_id, seen, side = next(numbers), draw(BOOKS), draw(st.sampled_from(Side))
        lots, strategy = draw(st.integers(1, 500)), draw(st.sampled_from("ab"))
        name = draw(st.sampled_from(["XYZ@XNAS", OTHER]))
        family = families[order_id] = Family(side, lots, Fraction(sum(seen), 2), strategy, name.partition("@")[2])
        facts = {"side": side, "strategy": strategy, "instrument": name}
        if not draw(st.booleans()):
            day.submit(order_id, seen, quantity_lots=lots, **facts)
            family.slices[order_id] = family.arrival
            continue
        day.hold(order_id, seen, Held.SLICES, quantity_lots=lots, **facts)
        for _ in range(draw(st.integers(1, 4))):
            child, seen = next(numbers), draw(BOOKS)
            day.submit(child, seen, parent_id=order_id, quantity_lots=draw(st.integers(1, 200)), **facts)
            family.slices[child] = Fraction(sum(seen), 2)
    for _ in range(draw(st.integers(0, 25))):
        order_id = draw(st.sampled_from(sorted(families)))
        _happen(draw, day, order_id, families[order_id], f"x{next(names)}")
    return day, families


def _happen(draw: st.DrawFn, day: Day, order_id: int, family: Family, name: str) -> None:
    what = draw(st.sampled_from(["fill", "fill", "fill", "bust", "correct", "end", "day"]))
    child, lots, ticks = draw(st.sampled_from(sorted(family.slices))), draw(st.integers(1, 300)), draw(PRICES)
    fee, seen = draw(st.integers(-(10**9), 10**9)), draw(BOOKS)
    if what == "fill":
        day.fill(child, name, lots, ticks, seen, fee_nanos=fee, maker=draw(st.none() | st.booleans()))
        family.fills[name] = (child, lots, ticks, fee)
    elif what in ("bust", "correct") and family.fills:
        reference = draw(st.sampled_from(sorted(family.fills)))
        child = family.fills.pop(reference)[0]
        if what == "bust":
            day.correct(child, reference, name)
        else:
            day.correct(child, reference, name, lots, ticks, fee_nanos=fee)
            family.fills[name] = (child, lots, ticks, fee)
    elif what == "end" and family.end is None:
        name_of = "XYZ@XNAS" if family.venue == "XNAS" else OTHER
        day.record(
            day.report(order_id, ExecType.CANCELED), *day.ended(order_id, ExecType.CANCELED), seen=seen, name=name_of
        )
        family.end = Fraction(sum(seen), 2)
    elif what == "day":
        day.now_ns += 86_400 * 10**9
        day.begin_day()


@settings(max_examples=200, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
@given(days())
def test_a_fill_of_a_slice_counts_once_for_its_parent_once_for_itself_and_once_in_a_group(
    made: tuple[Day, dict[int, Family]],
) -> None:
    day, families = made
    for order_id, family in families.items():
        found = day.order(order_id)
        assert found.shortfall is not None
        parts = found.shortfall
        assert parts.delay + parts.impact + parts.opportunity + parts.fees == parts.total
        assert Fraction(parts.total, 2) == family.paper_beyond_real()
        assert found.summary.executions == len(family.fills)
        for child, arrival in family.slices.items():
            own = day.order(child)
            mine = [(lots, ticks, fee) for of, lots, ticks, fee in family.fills.values() if of == child]
            assert (own.filled_lots, own.summary.executions) == (sum(lots for lots, _, _ in mine), len(mine))
            cost = sum((family.sign * lots * (ticks - arrival) * CENT for lots, ticks, _ in mine), Fraction(0))
            assert Fraction(own.summary.arrival.cost, 2) == cost, "against its own arrival"
    for by in GROUPS:
        _check_groups(day, list(families.values()), by)
    for strategy in "ab":
        mine = [family for family in families.values() if family.strategy == strategy]
        _check_groups(day, mine, GroupBy.ALL, ExecutionFilter(strategy=strategy))
    for venue in ("XNAS", "XPAR"):
        mine = [family for family in families.values() if family.venue == venue]
        _check_groups(day, mine, GroupBy.DAY, ExecutionFilter(venue=venue))


def _check_groups(day: Day, families: list[Family], by: GroupBy, chosen: ExecutionFilter = ALL) -> None:
    rows = day.books.summaries(by, chosen)
    fills = [fill for family in families for fill in family.fills.values()]
    assert sum(row.orders for row in rows) == len(families), by
    assert sum(row.executions for row in rows) == len(fills), by
    assert sum(row.traded for row in rows) == 2 * sum(lots * ticks * CENT for _, lots, ticks, _ in fills), by
    assert sum(row.fees for row in rows) == 2 * sum(fee for _, _, _, fee in fills), by
    total = sum((family.paper_beyond_real() for family in families), Fraction(0))
    assert sum((Fraction(row.shortfall.total, 2) for row in rows), Fraction(0)) == total, by
    for row in rows:
        parts = row.shortfall
        assert parts.delay + parts.impact + parts.opportunity + parts.fees == parts.total


def together(day: Day, *orders: int, link: Link = Link.OCO, parent_id: int = 0) -> None:
    members = tuple((order_id, 10) for order_id in orders)
    opened = GroupOpened(
        group_id=orders[0], link=link, among=None, members=members, actor="t", time_ns=day.now_ns, parent_id=parent_id
    )
    day.record(day.command(), opened)


def cancel(day: Day, order_id: int, actor: str) -> None:
    asked = CancelRequested(
        order_id=order_id, client_order_id="c", original_client_order_id="m", actor=actor, time_ns=day.now_ns
    )
    day.record(CancelOrder(request_id="", actor=actor, order_id=order_id), asked)
    day.tell(order_id, ExecType.CANCELED, (4100, 4102))


def oco(day: Day, actor: str) -> None:
    """Two legs of ten; the first is filled, the second cancelled when the market is 101 ticks away."""
    for order_id, price in ((1, 4050), (2, 4060)):
        day.submit(order_id, BOOK, side=Side.SELL, quantity_lots=10, price_ticks=price)
    together(day, 1, 2)
    day.fill(1, "a", 10, 4050, (4049, 4051))
    cancel(day, 2, actor)


def test_what_a_leg_lacks_its_sibling_has() -> None:
    day = Day()
    oco(day, GROUP_ACTOR)
    rows, orders = day.books.group(1)
    (row,) = rows
    assert [(each.order_id, each.group_id, each.outcome) for each in orders] == [
        (1, 1, Outcome.FILLED),
        (2, 1, Outcome.CANCELED),
    ]
    assert (row.key, row.orders, row.filled, row.canceled, row.executions) == ("1", 2, 1, 1, 1)
    assert (row.shortfall.opportunity, row.done) == (0, row.ordered)
    assert row.shortfall.impact == -2 * 10 * 50 * CENT
    assert day.only().shortfall == row.shortfall, "in every group: nobody missed what the sibling has"


def test_what_a_person_cancels_was_wanted() -> None:
    day = Day()
    oco(day, "spiffe://olivia")
    (row,), _ = day.books.group(1)
    assert row.shortfall.opportunity == -2 * 10 * 101 * CENT
    assert row.ordered == 2 * row.done


def test_a_group_is_the_sum_of_its_orders_also_of_those_that_join_it() -> None:
    day = Day()
    day.submit(1, BOOK, quantity_lots=10)
    day.hold(2, BOOK, Held.PARENT, side=Side.SELL, quantity_lots=10)
    together(day, 1, 2, link=Link.OTO, parent_id=1)
    day.fill(1, "a", 10, 4001, BOOK, fee_nanos=5)
    day.release(2, BOOK, 10)
    day.fill(2, "b", 4, 3990, BOOK, fee_nanos=7)
    day.submit(3, BOOK, side=Side.SELL, quantity_lots=6)
    day.record(day.command(), GroupExtended(group_id=1, order_id=3, after=2, time_ns=day.now_ns))
    day.fill(3, "c", 6, 3980, BOOK, fee_nanos=-2)
    (row,), orders = day.books.group(1)
    assert [each.order_id for each in orders] == [1, 2, 3]
    assert (row.orders, row.executions, row.fees) == (3, 3, 2 * 10)
    assert row.shortfall.total == sum(each.shortfall.total for each in orders) == day.only().shortfall.total
    assert day.books.group(2) is None


def test_groups_of_two_currencies_have_a_row_each() -> None:
    day = Day(instrument(), instrument(OTHER, 2, quote_currency="EUR"))
    day.submit(1, BOOK, quantity_lots=10)
    day.submit(2, BOOK, quantity_lots=10, instrument=OTHER)
    together(day, 1, 2, link=Link.OTO, parent_id=1)
    rows, _ = day.books.group(1)
    assert [(row.currency, row.orders) for row in rows] == [("EUR", 1), ("USD", 1)]


def test_what_was_told_and_how_it_resumes() -> None:
    """The endings: rows of ended orders, and where a reader goes on."""
    day = Day()
    for order_id in (1, 2, 3):
        day.submit(order_id, BOOK, quantity_lots=10)
    begun = day.books.sequence
    day.record(day.report(1, ExecType.CANCELED), *day.ended(1, ExecType.CANCELED), *day.ended(2, ExecType.CANCELED))
    day.fill(3, "a", 10, 4001)
    day.fill(1, "late", 1, 4001)
    books = day.books
    whole, end, resume = books.ended(0, ALL, 100)
    assert [each.order_id for each in whole] == [2, 3, 1], "each once, where it changed last"
    assert (end, resume) == (4, books.sequence)
    assert books.ended(1, ALL, 1)[1:] == (2, begun + 1)
    assert books.ended(0, ALL, 1)[1:] == (1, begun), "order 2 ended with the same entry: it is read again"
    assert books.ended_after(begun) == 0
    assert books.ended_after(begun + 1) == 2
    assert books.ended(4, ALL, 5) == ([], 4, books.sequence)
    assert books.ended(0, ExecutionFilter(strategy="none"), 5) == ([], 4, books.sequence)
    day.correct(3, "a", "b")
    assert [each.outcome for each in books.ended(4, ALL, 5)[0]] == [Outcome.WORKING]


def test_denied_orders_and_slices_are_not_among_the_endings() -> None:
    day = Day()
    day.deny(1, BOOK)
    day.hold(2, BOOK, Held.SLICES, quantity_lots=10)
    day.submit(3, BOOK, parent_id=2, quantity_lots=10)
    day.fill(3, "a", 10, 4001)
    found: Any = day.books.ended(0, ALL, 9)[0]
    assert [(each.order_id, each.filled_lots) for each in found] == [(2, 10)]
