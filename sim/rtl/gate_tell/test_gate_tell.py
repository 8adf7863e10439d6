"""gate_tell against the Tables of meltica.hot."""

import pytest

from sim.rtl.gate_tell.rows import Sizes
from sim.rtl.runner import simulate


def run(sizes: Sizes, testcase: list[str]) -> None:
    names = ("Instruments", "Accounts", "Strategies", "Ports")
    simulate(
        "gate_tell",
        bench="sim.rtl.gate_tell.bench_gate_tell",
        parameters=dict(zip(names, sizes, strict=True)),
        testcase=testcase,
        extra_env={"SIZES": ",".join(map(str, sizes))},
        internals=False,
    )


@pytest.mark.parametrize("test", ["every_field_at_its_edges", "random_stream", "a_new_unit", "latency_and_rate"])
def test_gate_tell(test: str) -> None:
    run(Sizes(40, 3, 5, 6), [test])


def test_gate_tell_of_one_row_each() -> None:
    run(Sizes(1, 1, 1, 1), ["random_stream"])


def test_gate_tell_of_full_size() -> None:
    run(Sizes(65_536, 64, 64, 16), ["random_stream", "latency_and_rate"])


@pytest.mark.parametrize(("width", "divisor"), [(44, 625), (27, 100)])
def test_divide_by(width: int, divisor: int) -> None:
    simulate(
        "gate_tell",
        top="divide_by",
        bench="sim.rtl.gate_tell.bench_divide_by",
        parameters={"Width": width, "Divisor": divisor},
        extra_env={"WIDTH": str(width), "DIVISOR": str(divisor)},
    )
