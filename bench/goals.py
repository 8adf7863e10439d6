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
    Goal("engine: market order", "ours", "<=", 50, "at most 50 µs: 20,000 orders a second"),
    Goal("engine: limit order", "ours", "<=", 50, "at most 50 µs"),
    Goal("engine: held orders, a quote with", "ours", "<=", 2, "at most 2 µs"),
    Goal("engine: cost of an order", "floor_ratio", "<=", 1.2, "flat: at most 1.2 x plain dicts' growth"),
    Goal("parents: a slice of a TWAP", "ratio", "<=", 2.0, "at most twice an order without a parent"),
    Goal("parents: a slice of 1,000 beside", "floor_ratio", "<=", 1.2, "flat: at most 1.2 x without the others"),
    Goal("growth: after ", "floor_ratio", "<=", 1.2, "flat: at most 1.2 x plain dicts' growth"),
    Goal("analytics: order to its figures", "ours", "<=", 50, "at most 50 µs"),
    Goal("analytics: cost of an order", "floor_ratio", "<=", 1.2, "flat: at most 1.2 x plain objects' growth"),
    Goal("analytics: start from a checkpoint, ", "floor_ratio", "<=", 0.35, "at most 0.35 x the fold of the records"),
    Goal("ledger: fill to balanced", "floor_ratio", "<=", 6, "at most 6 x plain dicts"),
    Goal("ledger: cost of a fill", "floor_ratio", "<=", 1.2, "flat: at most 1.2 x plain dicts' growth"),
    Goal("ledger: memory", "ours", "<=", 500, "at most 500 MB"),
    Goal("reconciliation: longest stop", "ours", "<=", 20, "at most 20 ms"),
    Goal("replay: absorb alone", "ours", ">=", 100_000, "at least 100,000 events a second"),
    Goal("replay: read, verify", "ours", ">=", 100_000, "at least 100,000 events a second"),
    Goal("snapshot: longest stop", "ours", "<=", 20, "at most 20 ms"),
    Goal("snapshot: the first, all of them, longest stop", "ours", "<=", 20, "at most 20 ms"),
    Goal("snapshot: begun to durable", "ours", "<=", 1_000, "in a second"),
    Goal("durable: orders", "ours", ">=", 8_000, "at least 8,000 a second"),
    Goal("gRPC: SubmitOrder, p50", "floor_ratio", "<=", 2.5, "at most 2.5 x an empty call"),
    Goal("feed: receive packets", "floor_ratio", "<=", 1.3, "at most 1.3 x a bare recvmmsg loop"),
    Goal("ouch: encode one order", "ours", "<=", 60, "at most 60 ns"),
    Goal("itch: decode to columns, as in C", "floor_ratio", "<=", 1.3, "at most 1.3 x C"),
    Goal("itch: decode to columns, beside itchcpp", "ratio", "<=", 1 / 60, "60 x the peer"),
    Goal("itch: decode to columns, beside itch-book", "ratio", "<=", 1 / 60, "60 x the peer"),
    Goal("books: whole market, levels", "floor_ratio", "<=", 1.25, "at most 1.25 x C"),
    Goal("books: whole market, orders in queues, beside C", "floor_ratio", "<=", 1.25, "at most 1.25 x C"),
    Goal("books: whole market, orders in queues, beside itch-book", "ratio", "<=", 0.5, "at most half of itch-book"),
    Goal("books: rows of best bid and offer", "ratio", "<=", 0.35, "at most 0.35 x itch-book's bbo table"),
    Goal("books: one stock, ", "ratio", "<=", 0.15, "at most 0.15 x apply_deltas"),
    Goal("rings: round trip from Python", "floor_ratio", "<=", 1.3, "at most 1.3 x a bare Cython ring"),
    Goal("rings: round trip from Python", "ratio", "<=", 1 / 30, "30 x faster than ZeroMQ ipc"),
    Goal("rings: round trip in C", "floor_ratio", "<=", 2, "at most 2 x bare C"),
    Goal("kill word: engage()", "ours", "<=", 15, "at most 15 µs"),
    Goal("hot path: ring to out buffer, p50", "ours", "<=", 400, "at most 400 ns"),
    Goal("hot path: ring to out buffer, p99.9", "ours", "<=", 2_000, "at most 2 us"),
    Goal("hot path: kill word stored to last order out, p50", "ours", "<=", 15, "at most 15 us"),
    Goal("simulated card: a small block", "floor_ratio", "<=", 1.5, "at most 1.5 x a model of one register"),
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
