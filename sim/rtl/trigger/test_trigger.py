"""trigger: conditions, keys, rows, and what it reports about itself."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize("slots", [16, 3])
def test_trigger(slots: int) -> None:
    simulate(
        "trigger", bench="sim.rtl.trigger.bench_trigger", parameters={"Slots": slots}, extra_env={"SLOTS": str(slots)},
        internals=False,
    )  # fmt: skip
