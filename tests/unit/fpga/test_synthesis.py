"""The harness of place and route, and what is read out of the reports of the tools."""

from __future__ import annotations

import re

import pytest

from fpga.syn.design import Design, DesignError, Port, _fold, all_designs, harness
from fpga.syn.flow import _name, _path, _resources


def test_ports_have_their_widths() -> None:
    ports = {port.name: port for port in Design("kill_switch").ports({"Sources": 9})}
    assert ports["engage_i"] == Port("engage_i", 9, is_input=True)
    assert ports["time_o"] == Port("time_o", 64, is_input=False)


def test_every_port_is_behind_a_flip_flop() -> None:
    text = harness(Design("kill_switch"), {"Sources": 9})
    ports = Design("kill_switch").ports({"Sources": 9})
    given = sum(port.width for port in ports if port.is_input) - 1  # The clock has its pin
    assert f"logic [{given}-1:0] in_q;" in text
    assert ".clk_i(clk)" in text
    assert "kill_switch #(.Sources(9)) dut (" in text
    for port in ports:
        assert f".{port.name}(" in text


def test_parameters_that_the_block_refuses_are_named() -> None:
    with pytest.raises(DesignError, match=r"kill_switch: slang finds errors with \{'Sources': 0\}"):
        Design("kill_switch").ports({"Sources": 0})


def test_every_block_of_the_table_exists() -> None:
    assert {"kill_switch"} <= {design.block for design in all_designs()}


def test_cells_are_counted_by_kind() -> None:
    cells = {"LUT2": 3, "LUT6": 4, "RAM64M8": 2, "SRLC32E": 1, "FDRE": 5, "FDSE": 1, "CARRY4": 7, "RAMB18E2": 3}
    counted = _resources(cells | {"RAMB36E2": 2, "URAM288": 1, "DSP48E2": 6, "INV": 9, "BUFG": 1})
    kinds = ("LUT", "LUTRAM", "FF", "CARRY", "DSP", "BRAM", "BRAM18", "URAM", "latches")
    assert [counted[kind] for kind in kinds] == [7, 3, 6, 7, 6, 2, 3, 1, 0]


def test_the_longest_path_is_told_in_the_names_of_the_block() -> None:
    def step(kind: str, cell: str, delay: float) -> dict[str, object]:
        return {"type": kind, "delay": delay, "from": {"cell": cell}, "to": {"cell": cell}}

    short = [step("clk-to-q", "dut.a_q_TRELLIS_FF_Q", 0.5), step("setup", "dut.b_q_TRELLIS_FF_Q_3", 0.1)]
    long = [
        step("clk-to-q", "dut.a_q_TRELLIS_FF_Q", 0.5),
        step("logic", "x", 3.0),
        step("setup", "in_q_TRELLIS_FF_Q", 0),
    ]
    ends = {"from": "posedge clk", "to": "posedge clk"}
    facts = {
        "critical_paths": [ends | {"path": short}, ends | {"path": long}, {"from": "async", "to": "x", "path": []}]
    }
    assert _path(facts) == "a_q to an input, 1 gates"
    assert _name("dut.u_x.row_q_TRELLIS_FF_Q_3") == "u_x.row_q"
    assert _name("out_q_TRELLIS_FF_Q_9") == "an output"


@pytest.mark.parametrize("width", [1, 2, 4, 5, 9, 64, 65])
def test_no_output_is_left_out_of_the_fold(width: int) -> None:
    text, size, name = "\n".join(_fold(width)), width, "out_q"
    while size > 1:
        taken = re.findall(rf"<= \^{name}\[(\d+):(\d+)\];", text)
        assert sorted(bit for high, low in taken for bit in range(int(low), int(high) + 1)) == list(range(size))
        name, size = re.search(rf"(\w+)\[0\] <= \^{name}\[", text)[1], len(taken)  # type: ignore[index]
    assert text.endswith(f"always_ff @(posedge clk) so <= {name};")
