"""The histograms and the timer that feeds them, against lists of samples in Python."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize("segments", [1, 4])
def test_latency(segments: int) -> None:
    simulate(
        "latency",
        bench="sim.rtl.latency.bench_latency",
        parameters={"Segments": segments},
        extra_env={"SEGMENTS": str(segments)},
    )


@pytest.mark.parametrize("depth", [2, 16])
def test_latency_timer(depth: int) -> None:
    simulate(
        "latency",
        top="latency_timer",
        bench="sim.rtl.latency.bench_latency_timer",
        parameters={"Depth": depth},
        extra_env={"DEPTH": str(depth)},
    )
