"""A parent goes to no venue itself: how long its way took is told by its slices, and by itself what is its own."""

from __future__ import annotations

from meltica.analytics.checkpoint import decode, encode
from meltica.analytics.executions import Executions
from meltica.domain.execution import Stage, StageFigures
from meltica.domain.inputs import decode_record
from meltica.domain.reports import ExecType
from meltica.domain.sight import Dispatch
from meltica.domain.terms import Held
from tests.unit.analytics.days import ALL, SECOND, Day

BOOK = (3999, 4001)
WAY = [Stage.ENGINE, Stage.DURABLE, Stage.SENT, Stage.ACKNOWLEDGED]
FIRST_FILLS = [2 * SECOND, 5 * SECOND, 9 * SECOND]


def left(order_id: int, began_ns: int) -> Dispatch:
    """A microsecond each until the engine has let it out, until that is durable, until it is sent."""
    return Dispatch(
        order_id=order_id, stepped_ns=began_ns + 1_000, durable_ns=began_ns + 2_000, sent_ns=began_ns + 3_000
    )


def a_parent() -> Day:
    """Order 1 with slices 2, 3, 4, which are acknowledged 1, 2, 3 µs after they were sent, and a denied one, 5."""
    day = Day()
    day.hold(1, BOOK, Held.SLICES, quantity_lots=30)
    for number, waits in enumerate(FIRST_FILLS, 1):
        order_id = number + 1
        day.submit(order_id, BOOK, parent_id=1, quantity_lots=10)
        began_ns = day.now_ns
        day.now_ns = began_ns + 3_000 + number * 1_000 - SECOND
        day.tell(order_id, ExecType.NEW, BOOK, left=(left(order_id, began_ns),))
        day.now_ns += waits - SECOND
        day.fill(order_id, f"x{order_id}", 10, 4000, BOOK)
    day.deny(5, BOOK)
    return day


def stages(books: Executions, order_id: int) -> dict[Stage, StageFigures]:
    found = books.order(order_id)
    assert found is not None
    return {row.stage: row for row in found.summary.stages}


def within(ns: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= ns <= bounds[1]


def test_the_venues_stages_are_those_of_its_slices_and_the_others_its_own():
    day = a_parent()
    found = stages(day.books, 1)
    assert {stage: row.count for stage, row in found.items()} == {
        **dict.fromkeys(WAY, 3),
        Stage.FIRST_FILL: 3,
        Stage.LAST_FILL: 1,
        Stage.TIME_TO_FILL: 1,
        Stage.TIME_TO_COMPLETE: 1,
    }
    acknowledged, first = found[Stage.ACKNOWLEDGED], found[Stage.FIRST_FILL]
    assert within(2_000, acknowledged.p50)
    assert within(3_000, acknowledged.longest)
    assert within(FIRST_FILLS[1], first.p50)
    assert within(FIRST_FILLS[2], first.longest)
    slices = [stages(day.books, order_id) for order_id in (2, 3, 4)]
    assert all(each[stage].count == 1 for each in slices for stage in WAY)
    (listed,) = day.books.orders(ALL, 0, 10)
    assert {row.stage: row for row in listed.summary.stages} == found


def test_a_bust_takes_a_slices_fill_out_and_a_new_slice_is_counted_at_once():
    day = a_parent()
    day.correct(4, "x4", "b4")
    first = stages(day.books, 1)[Stage.FIRST_FILL]
    assert first.count == 2
    assert within(FIRST_FILLS[1], first.longest)
    day.submit(6, BOOK, parent_id=1)
    day.tell(6, ExecType.NEW, BOOK, left=(left(6, day.now_ns),))
    found = stages(day.books, 1)
    assert (found[Stage.ACKNOWLEDGED].count, found[Stage.FIRST_FILL].count) == (4, 2)


def test_of_a_checkpoint_they_are_the_same_and_go_on():
    day = a_parent()
    again = decode(encode(day.books))
    assert stages(again, 1) == stages(day.books, 1)
    day.correct(2, "x2", "b2")
    record = decode_record(day.stored[-1])
    again.apply(len(day.stored), record.input.time_ns, record)
    assert stages(again, 1) == stages(day.books, 1)
    assert stages(again, 1)[Stage.FIRST_FILL].count == 2


def test_an_order_without_slices_has_its_own_alone():
    day = Day()
    day.submit(1, BOOK, quantity_lots=10)
    day.tell(1, ExecType.NEW, BOOK)
    assert stages(day.books, 1) == {}
    assert stages(a_parent().books, 5) == {}, "a denied one went through none"
