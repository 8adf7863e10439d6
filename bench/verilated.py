"""How fast the simulated card's blocks run: Verilated models through sim.verilated, many cycles a call.

The floor is a model of one register through the same loop: what remains when the design costs nothing. A cycle is two
evaluations, inputs with the clock low and the rising edge.
"""

from __future__ import annotations

from pathlib import Path
from time import process_time_ns
from typing import Any, Final

import numpy as np

from bench.measure import Row, Series, in_turn, row
from meltica.hot import Action, OrderType, Side
from meltica.hot.bounds import card_bounds
from meltica.hot.layout_gen import OrderIntentRecord
from sim.verilated import build
from sim.verilated.rtl_gate import RtlGate

IDLE_CYCLES: Final = 300_000
ORDERS: Final = 30_000
FLOOR: Final = Path(__file__).with_name("floors") / "tick.sv"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per clock cycle."""
    floor = build("tick", files=[FLOOR]).Model()
    small = build("watchdog").Model()
    gate = RtlGate(16, 4, 4, 1_000, 4, 40, bounds=card_bounds(100_000, 4))  # as in the conformance run
    orders = _orders()
    contenders = {
        "floor": lambda: per_cycle(floor),
        "small block": lambda: per_cycle(small),
        "gate, idle": lambda: per_cycle(gate.model),
        "gate, orders": lambda: _judged(gate, orders),
    }
    taken = in_turn(contenders, runs)
    least = Series("one register", taken["floor"])
    return [
        row("simulated card: a small block (watchdog)", "ns/cycle", taken["small block"], floor=least),
        row("simulated card: the risk gate, nothing to do", "ns/cycle", taken["gate, idle"], floor=least),
        row("simulated card: the risk gate, an order a cycle", "ns/cycle", taken["gate, orders"], floor=least),
    ]


def per_cycle(model: Any) -> float:
    before = process_time_ns()
    model.step(IDLE_CYCLES)
    return (process_time_ns() - before) / IDLE_CYCLES


def _orders() -> Any:
    """Of many instruments; nothing passes, and every check is judged all the same."""
    orders = np.zeros(ORDERS, OrderIntentRecord.DTYPE)
    orders["type_id"], orders["action"], orders["order_type"] = OrderIntentRecord.TYPE_ID, Action.NEW, OrderType.LIMIT
    orders["side"] = np.where(np.arange(ORDERS) % 2, Side.BUY, Side.SELL)
    orders["instrument_id"], orders["order_id"] = np.arange(ORDERS) % 16, np.arange(ORDERS) + 1
    orders["price_ticks"], orders["quantity_lots"] = 10_000 + np.arange(ORDERS) % 100, 10
    return orders


def _judged(gate: RtlGate, orders: Any) -> float:
    cycles, before = gate.model.cycles, process_time_ns()
    gate.play(orders, np.zeros((0, 128), np.uint8))
    return (process_time_ns() - before) / int(gate.model.cycles - cycles)
