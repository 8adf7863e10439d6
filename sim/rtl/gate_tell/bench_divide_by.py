"""Division by a constant, where a quotient begins and ends: there a reciprocal that is not exact goes wrong first."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from sim.rtl import report_cycles
from sim.rtl.runner import seed

WIDTH, DIVISOR = int(os.environ["WIDTH"]), int(os.environ["DIVISOR"])
RANDOM = 15_000


def dividends(dice: random.Random) -> list[int]:
    most = (1 << WIDTH) - 1
    quotients = {most // DIVISOR - back for back in range(200)} | set(range(200))
    quotients |= {(1 << power) + near for power in range(WIDTH) for near in (-1, 0, 1)}
    quotients |= {dice.randrange(most // DIVISOR + 1) for _ in range(RANDOM)}
    edges = {quotient * DIVISOR + rest for quotient in quotients for rest in (-1, 0)}
    edges |= {most - back for back in range(2 * DIVISOR)} | {dice.randrange(most + 1) for _ in range(RANDOM)}
    return [number for number in edges if 0 <= number <= most]


@cocotb.test()
async def exact(dut: Any) -> None:
    dice = random.Random(seed())
    dut.step_i.value = 1
    cocotb.start_soon(Clock(dut.clk_i, 6400, "ps").start())
    under_way: list[int] = []
    numbers = dividends(dice)
    for number in numbers:
        await RisingEdge(dut.clk_i)
        dut.dividend_i.value = number
        await FallingEdge(dut.clk_i)
        if len(under_way) == 2:
            expected = under_way.pop(0) // DIVISOR
            assert int(dut.quotient_o.value) == expected, (int(dut.quotient_o.value), expected)
        under_way.append(number)
    report_cycles("gate_tell", len(numbers))
