"""A lane of the feed against the model of its contract, the twins of the hot path, and recorded packets."""

import os
from pathlib import Path

import pytest

from sim.rtl.runner import simulate

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[4] / "shared" / "data")) / "nasdaq"


def test_feed_lane() -> None:
    simulate("feed_lane", bench="sim.rtl.feed_lane.bench_feed_lane", internals=False)


@pytest.mark.skipif(not DATA.exists(), reason=f"no recordings at {DATA}; MELTICA_DATA says where the data is")
def test_feed_lane_with_recordings() -> None:
    simulate("feed_lane", bench="sim.rtl.feed_lane.bench_recorded", internals=False)
