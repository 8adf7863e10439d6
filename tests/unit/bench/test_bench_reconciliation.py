"""The figures of reconciliation: every row is there, and each statement was compared."""

from __future__ import annotations

from bench.goals import judge
from bench.reconciliation import rows


def test_every_row_has_its_figures():
    longest, whole = rows(2, open_orders=500)
    assert longest["name"] == "reconciliation: longest stop of the engine, statement of 500 open orders"
    assert 0 < longest["ours"] <= whole["ours"]
    assert judge(longest)["words"] == "at most 20 ms"
