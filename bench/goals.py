"""What the figures must reach. A goal that no row has is not an error: its part was not measured this time."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from bench.measure import Row


class Goal(NamedTuple):
    """``figure`` names a number of the row; it must be at most, or at least, the bound."""

    row: str
    """How the row's name begins."""
    figure: Literal["ours", "ratio", "floor_ratio"]
    sense: Literal["<=", ">="]
    bound: float
    words: str


GOALS: Final = (
    Goal("gate: one Python call", "floor_ratio", "<=", 1.3, "at most 1.3 x the floor"),
    Goal("gate: one C call", "floor_ratio", "<=", 1.5, "at most 1.5 x the floor"),
    Goal("gate: batch", "floor_ratio", "<=", 1.5, "at most 1.5 x the floor"),
    Goal("engine: market order", "ours", "<=", 60, "at most 60 µs"),
    Goal("engine: limit order", "ours", "<=", 60, "at most 60 µs"),
    Goal("engine: cost of an order", "floor_ratio", "<=", 1.2, "flat: at most 1.2 x plain dicts' growth"),
    Goal("durable: orders", "ours", ">=", 8_000, "at least 8,000 a second"),
    Goal("gRPC: SubmitOrder, p50", "floor_ratio", "<=", 2.5, "at most 2.5 x an empty call"),
    Goal("itch: decode to columns", "ratio", "<=", 1 / 20, "20 x the fastest peer"),
)


def judge(row: Row) -> dict[str, Any] | None:
    """{words, met} of the row's goal; a row may bring its own."""
    if "goal" in row:
        found: dict[str, Any] | None = row["goal"]
        return found
    for goal in GOALS:
        if row["name"].startswith(goal.row) and row.get(goal.figure) is not None:
            figure = row[goal.figure]
            return {"words": goal.words, "met": figure <= goal.bound if goal.sense == "<=" else figure >= goal.bound}
    return None
