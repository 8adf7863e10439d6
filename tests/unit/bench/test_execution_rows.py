"""The figures of parents and of execution analytics: every row is there, and the floors did the same work."""

from __future__ import annotations

from bench import analytics, parents
from bench.analytics import _records
from bench.floors.plain_figures import PlainFigures
from bench.goals import judge
from bench.paper_trading import BTC
from meltica.analytics.executions import Executions
from meltica.domain.execution import ExecutionFilter, GroupBy


def test_a_slice_with_and_without_others_beside_it() -> None:
    found = parents.rows(1, slices=20, alive=5)
    assert [row["name"] for row in found] == [
        "parents: a slice of a TWAP of 20",
        "parents: a slice of a TWAP of 10, its parent's beginning and end included",
        "parents: a slice of 20 beside 5 other parents",
    ]
    assert all(row["ours"] > 0 and row["floor"]["value"] > 0 for row in found)
    assert judge(found[0]) is not None


def test_orders_to_their_figures_and_a_start_with_and_without_a_checkpoint() -> None:
    found = {row["name"]: row for row in analytics.rows(1, sizes=(40, 300))}
    start = found["analytics: start from a checkpoint, 300 orders"]
    assert start["floor"]["name"] == "from the records"
    assert judge(start) is not None
    assert found["analytics: start from a checkpoint: its size"]["ours"] > 100
    assert found["analytics: order to its figures while a checkpoint is taken"]["ours"] > 0


def test_the_floor_has_the_same_figures() -> None:
    ours, plain = Executions(), PlainFigures(BTC.value_per_tick_lot_nanos)
    for sequence, record in enumerate(_records(50), 1):
        for figures in (ours, plain):
            figures.apply(sequence, record.input.time_ns, record)
    (row,) = ours.summaries(GroupBy.ALL, ExecutionFilter())
    assert plain.sums[:6] == [50, row.arrival.cost, row.arrival.base, row.fees, row.mid.cost, row.touch.cost]
    assert plain.sums[6] == row.traded
