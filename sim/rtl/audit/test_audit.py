"""The audit against a model in Python: what it holds, in which order, and what it says of what it lost."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize(("depth", "verdict_depth", "cycles"), [(16, 16, 12_000), (2, 2, 8_000), (4096, 16, 7_000)])
def test_audit(depth: int, verdict_depth: int, cycles: int) -> None:
    simulate(
        "audit",
        bench="sim.rtl.audit.bench_audit",
        parameters={"Depth": depth, "VerdictDepth": verdict_depth},
        extra_env={"DEPTH": str(depth), "VERDICT_DEPTH": str(verdict_depth), "CYCLES": str(cycles)},
    )
