"""The rows about replay, snapshots and growth, at sizes that take no time: they are there, and compare as they say."""

from __future__ import annotations

import pytest

from bench import growth, replay, snapshots
from bench.goals import judge


def test_a_replay_is_measured_whole_and_without_the_journal() -> None:
    found = replay.rows(1, orders=40)
    assert [row["name"] for row in found] == [
        "replay: read, verify, decode, absorb, 127 entries, 127 events",
        "replay: absorb alone, 127 entries, 127 events",
    ]
    assert all(row["ours"] > 0 and row["floor"]["value"] > 0 for row in found)


def test_a_snapshot_is_measured_beside_the_same_orders_in_one_piece() -> None:
    found = snapshots.rows(2, open_orders=30, ended=20, more=5)
    assert [row["name"].split(",")[0] for row in found] == [
        "snapshot: longest stop of the engine",
        "snapshot: begun to durable",
        "snapshot: the first",
        "snapshot: the first",
        "snapshot: longest stop",
        "snapshot: read back",
    ]
    assert all(row["ours"] > 0 for row in found)


@pytest.mark.parametrize(
    ("name", "figure", "value", "met"),
    [
        ("growth: after 1,000,000 orders, to after 1,000", "floor_ratio", 1.2, True),
        ("growth: after 1,000,000 orders, to after 1,000", "floor_ratio", 1.21, False),
        ("engine: market order to position, 100,000", "ours", 50, True),
        ("engine: market order to position, 100,000", "ours", 50.1, False),
        ("replay: read, verify, decode, absorb, 90,007 entries, 90,007 events", "ours", 99_999, False),
        ("replay: read, verify, decode, absorb, 90,007 entries, 90,007 events", "ours", 100_000, True),
    ],
)
def test_what_was_asked_for_is_the_goal(name: str, figure: str, value: float, met: bool) -> None:
    goal = judge({"name": name, figure: value})
    assert goal is not None
    assert goal["met"] is met


def test_growth_is_a_picture_of_both_lines() -> None:
    points = [growth.Point(1_000, 30.0, 2.0), growth.Point(10_000, 31.0, 2.1), growth.Point(100_000, 31.5, 2.2)]
    drawn = growth.picture(points)
    assert drawn.count("<polyline") == 2
    assert all(f">{count}<" in drawn for count in ("1,000", "10,000", "100,000"))
    assert "NaN" not in drawn


def test_points_lie_evenly_and_end_where_asked() -> None:
    session = growth.session(1_000)
    assert [point.orders for point in session] == [1_000]
    assert session[0].ours > session[0].floor > 0
