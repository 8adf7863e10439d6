"""The risk gate on Verilator."""

import pytest

from sim.rtl.risk_gate.shapes import SHAPES
from sim.rtl.runner import simulate


@pytest.mark.timeout(1_200)  # Its model takes a minute or two to compile
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_risk_gate(shape: str) -> None:
    simulate(
        "risk_gate",
        top="risk_gate_bench",
        bench="sim.rtl.risk_gate.bench_risk_gate",
        parameters=SHAPES[shape],
        extra_env={"SHAPE": shape},
        internals=False,
    )
