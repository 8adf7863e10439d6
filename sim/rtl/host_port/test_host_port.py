"""The host's record stream, under a deep and a shallow queue of verdicts."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize("depth", [8, 64])
def test_host_port(depth: int) -> None:
    simulate(
        "host_port",
        bench="sim.rtl.host_port.bench_host_port",
        parameters={"VerdictDepth": depth},
        extra_env={"VERDICT_DEPTH": str(depth)},
    )
