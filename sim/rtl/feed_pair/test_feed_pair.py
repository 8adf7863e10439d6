"""The feed as a whole with a recording; its rules are judged in sim/rtl/feed_merge."""

import os
from pathlib import Path

import pytest

from sim.rtl.runner import simulate

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[4] / "shared" / "data")) / "nasdaq"


@pytest.mark.skipif(not DATA.exists(), reason=f"no recordings at {DATA}; MELTICA_DATA says where the data is")
def test_feed_pair() -> None:
    simulate("feed_pair", bench="sim.rtl.feed_pair.bench_feed_pair")
