"""What a pre-trade check costs: order by order from Python, and in a batch, beside bare C and NautilusTrader.

The floor is the same checks on the same records in plain C (floors/gate.c), with tables of the same size. The peer is
RiskEngine.execute() of a SubmitOrder: price, quantity, notional, balance and rate, no collar, no position limit, no
duplicates; it forwards to an execution engine that does nothing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from random import Random
from time import process_time_ns
from typing import Any, Final

import numpy as np

from bench.floors import floor
from bench.measure import Row, Series, in_turn, missing, row
from meltica.hot import Action, OrderType, Side, load

INSTRUMENTS: Final = 1_024
ACCOUNTS: Final = 16
ORDERS: Final = 100_000
REFERENCE_TICKS: Final = 10_000
START_NS: Final = 1_700_000_000_000_000_000
SEED: Final = 20_191_030
PEER: Final = "NautilusTrader RiskEngine.execute"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per order."""
    bench = GateBench()
    contenders: dict[str, Callable[[], float]] = {
        "call": bench.call,
        "batch": bench.batch,
        "C call": bench.c_calls,
        "C batch": bench.c_batch,
    }
    if find_spec("nautilus_trader"):
        from bench.peers.nautilus_risk import nautilus  # The peer is optional

        contenders[PEER] = nautilus()
    taken = in_turn(contenders, runs)
    peer = Series(PEER, taken[PEER]) if PEER in taken else None
    found = [
        row(
            "gate: one call with an order object",
            "ns/order",
            taken["call"],
            floor=Series("C call per order", taken["C call"]),
            peer=peer,
        ),
        row(
            "gate: batch",
            "ns/order",
            taken["batch"],
            floor=Series("C batch with prefetch", taken["C batch"]),
            peer=peer,
        ),
    ]
    if peer is None:
        for one in found:
            one["peer"] = missing(PEER, "tools/bootstrap.sh bench")
    return found


class GateBench:
    """The same orders for everyone, and everyone's tables as new before each round."""

    def __init__(self) -> None:
        self.backend = load("cython")
        self.gate = self.backend.Gate(INSTRUMENTS, ACCOUNTS)
        open_for_business(self.gate)
        self.fresh = self.gate.export_state()
        chance = Random(SEED)
        self.orders = [
            self.backend.OrderIntent(
                action=Action.NEW,
                side=chance.choice((Side.BUY, Side.SELL)),
                instrument_id=chance.randrange(INSTRUMENTS),
                account_id=chance.randrange(ACCOUNTS),
                order_id=number + 1,
                quantity_lots=chance.randint(1, 100),
                price_ticks=chance.randint(9_900, 10_100),
                order_type=OrderType.LIMIT,
                time_ns=START_NS + number * 1_000,
            )
            for number in range(ORDERS)
        ]
        self.records = b"".join(order.to_bytes() for order in self.orders)
        self.c = floor("gate")
        self.c.gate_calls.restype = self.c.gate_batch.restype = ctypes.c_long
        self.reasons = np.empty(ORDERS, np.int8)

    def call(self) -> float:
        self.gate.import_state(self.fresh)
        check, orders = self.gate.check, self.orders
        begin = process_time_ns()
        for order in orders:
            check(order)
        spent = process_time_ns() - begin
        self.all_passed(self.gate.counters()["passed"][Action.NEW])
        return spent / ORDERS

    def batch(self) -> float:
        self.gate.import_state(self.fresh)
        begin = process_time_ns()
        self.gate.check_batch(self.records)
        spent = process_time_ns() - begin
        self.all_passed(self.gate.counters()["passed"][Action.NEW])
        return spent / ORDERS

    def c_calls(self) -> float:
        return self._c(partial(self.c.gate_calls, self.records, ctypes.c_long(ORDERS)))

    def c_batch(self) -> float:
        reasons = ctypes.c_void_p(self.reasons.ctypes.data)
        return self._c(partial(self.c.gate_batch, self.records, ctypes.c_long(ORDERS), reasons))

    def _c(self, work: Callable[[], int]) -> float:
        self.c.gate_setup(INSTRUMENTS, ACCOUNTS, ctypes.c_int64(REFERENCE_TICKS), ctypes.c_uint64(START_NS))
        begin = process_time_ns()
        passed = work()
        spent = process_time_ns() - begin
        self.all_passed(passed)
        return spent / ORDERS

    def all_passed(self, passed: int) -> None:
        """A refused order is cheaper: everyone must do all of the work."""
        if passed != ORDERS:
            raise RuntimeError(f"{passed} of {ORDERS} orders passed (seed {SEED})")


def open_for_business(gate: Any) -> None:
    for instrument_id in range(INSTRUMENTS):
        gate.set_instrument(
            instrument_id,
            enabled=True,
            restricted=False,
            halted=False,
            value_per_tick_lot_nanos=1,
            max_price_ticks=10**9,
            max_quantity_lots=1_000,
            max_value_nanos=2**62,
            collar_bps=500,
            reference_max_age_ns=2**63,
        )
        gate.set_reference(instrument_id, REFERENCE_TICKS, START_NS)
        for account_id in range(ACCOUNTS):
            gate.set_position_limit(account_id, instrument_id, max_long_lots=2**60, max_short_lots=2**60)
    for account_id in range(ACCOUNTS):
        gate.set_account(
            account_id,
            enabled=True,
            market_orders_allowed=False,
            max_open_value_nanos=2**62,
            max_open_orders=2**31,
            messages_per_second=10**9,
            message_burst=10**9,
            duplicate_window_ns=1_000_000,
        )
