"""What a pre-trade check costs: in a batch, in one C call, in one call from Python, beside bare C and NautilusTrader.

Ours judges all 37 checks, with limits of firm, account, strategy, port and instrument, and keeps the own working
orders; the floor (floors/gate.c) makes twelve of the checks, for the account alone. Same orders for both: 8,192
instruments and 16 accounts, which do not fit the nearest caches; all orders pass, because a refused one is cheaper.
The peer is RiskEngine.execute() of a SubmitOrder: price, quantity, notional, balance and rate, no collar, no position
limit, no duplicates; it forwards to an execution engine that does nothing.
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

from bench.floors import cython_floor, floor
from bench.measure import Row, Series, in_turn, missing, row
from meltica.hot import Action, OrderType, Side, load
from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Mark, SelfMatch, ShortSale

INSTRUMENTS: Final = 8_192
ACCOUNTS: Final = 16
STRATEGIES: Final = 8
PORTS: Final = 4
ORDERS: Final = 100_000
WORKING_ORDERS: Final = 131_072
REFERENCE_TICKS: Final = 10_000
START_NS: Final = 1_700_000_000_000_000_000
SEED: Final = 20_191_030
NO_LIMIT: Final = 2**62
PEER: Final = "NautilusTrader RiskEngine.execute"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per order."""
    bench = GateBench()
    contenders: dict[str, Callable[[], float]] = {
        "Python call": bench.call,
        "C call": bench.calls,
        "batch": bench.batch,
        "floor of Python call": bench.floor_call,
        "floor of C call": bench.floor_calls,
        "floor of batch": bench.floor_batch,
    }
    if find_spec("nautilus_trader"):
        from bench.peers.nautilus_risk import nautilus  # The peer is optional

        contenders[PEER] = nautilus()
    taken = in_turn(contenders, runs)
    peer = Series(PEER, taken[PEER]) if PEER in taken else None
    names = {
        "Python call": ("gate: one Python call with an order object", "12 checks in C, one cpdef call"),
        "C call": ("gate: one C call", "12 checks, one C call"),
        "batch": ("gate: batch", "12 checks, C batch with prefetch"),
    }
    found = [
        row(name, "ns/order", taken[ours], floor=Series(least, taken[f"floor of {ours}"]), peer=peer)
        for ours, (name, least) in names.items()
    ]
    if peer is None:
        for one in found:
            one["peer"] = missing(PEER, "tools/bootstrap.sh bench")
    return found


class GateBench:
    """The same orders for everyone, and everyone's tables as new before each round."""

    def __init__(self) -> None:
        self.backend = load("cython")
        self.gate = self.backend.Gate(
            INSTRUMENTS, ACCOUNTS, max_strategies=STRATEGIES, max_working_orders=WORKING_ORDERS
        )
        open_for_business(self.gate)
        self.fresh = self.gate.export_state()
        chance = Random(SEED)
        self.orders = [self.order(number, chance) for number in range(ORDERS)]
        self.records = b"".join(order.to_bytes() for order in self.orders)
        self.c = floor("gate")
        self.c.gate_calls.restype = self.c.gate_batch.restype = ctypes.c_long
        self.floor_module = cython_floor("gate_call")
        self.floor_orders = [self.floor_module.Order(order.to_bytes()) for order in self.orders]
        self.reasons = np.empty(ORDERS, np.int8)

    def order(self, number: int, chance: Random) -> Any:
        """Buys below the reference and sells above it: none would trade with an own one."""
        side = chance.choice((Side.BUY, Side.SELL))
        away = chance.randint(1, 100)
        return self.backend.OrderIntent(
            action=Action.NEW,
            side=side,
            instrument_id=chance.randrange(INSTRUMENTS),
            account_id=chance.randrange(ACCOUNTS),
            strategy_id=chance.randrange(STRATEGIES),
            port_id=chance.randrange(PORTS),
            order_id=number + 1,
            quantity_lots=chance.randint(1, 100),
            price_ticks=REFERENCE_TICKS - away if side == Side.BUY else REFERENCE_TICKS + away,
            order_type=OrderType.LIMIT,
            time_ns=START_NS + number * 1_000,
        )

    def call(self) -> float:
        self.gate.import_state(self.fresh)
        return self._python(self.gate.check, self.orders, self._passed_ours)

    def floor_call(self) -> float:
        self.floor_module.setup(INSTRUMENTS, ACCOUNTS, REFERENCE_TICKS, START_NS)
        check = self.floor_module.Floor().check_order
        return self._python(check, self.floor_orders, None)

    def _python(self, check: Callable[[Any], int], orders: list[Any], passed: Callable[[], int] | None) -> float:
        begin = process_time_ns()
        for order in orders:
            check(order)
        spent = process_time_ns() - begin
        if passed is not None:
            self.all_passed(passed())
        return spent / ORDERS

    def calls(self) -> float:
        self.gate.import_state(self.fresh)
        return self._ours(partial(self.gate.bench_calls, self.records))

    def batch(self) -> float:
        self.gate.import_state(self.fresh)
        return self._ours(partial(self.gate.check_batch, self.records))

    def _ours(self, work: Callable[[], object]) -> float:
        begin = process_time_ns()
        work()
        spent = process_time_ns() - begin
        self.all_passed(self._passed_ours())
        return spent / ORDERS

    def _passed_ours(self) -> int:
        return int(self.gate.counters()["passed"][Action.NEW])

    def floor_calls(self) -> float:
        return self._floor(partial(self.c.gate_calls, self.records, ctypes.c_long(ORDERS)))

    def floor_batch(self) -> float:
        reasons = ctypes.c_void_p(self.reasons.ctypes.data)
        return self._floor(partial(self.c.gate_batch, self.records, ctypes.c_long(ORDERS), reasons))

    def _floor(self, work: Callable[[], int]) -> float:
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


RATE: Final = {"messages_per_second": 10**9, "message_burst": 10**9}


def open_for_business(gate: Any) -> None:
    """Every check is on and has something to look at: quotes, bands, Reg SHO, impact, duplicates, breakers."""
    gate.tell(lay.FirmLimitsRecord(**RATE, max_open_orders=2**31, max_open_value_nanos=NO_LIMIT))
    for strategy_id in range(STRATEGIES):
        limits = {"enabled": 1, "max_open_value_nanos": NO_LIMIT, "max_executions": 2**62}
        gate.tell(lay.StrategyLimitsRecord(strategy_id=strategy_id, **RATE, **limits))
    for port_id in range(PORTS):
        gate.tell(lay.PortLimitsRecord(port_id=port_id, enabled=1, **RATE))
        gate.tell(lay.MarkRecord(Mark.CONNECTED, 1, port_id, START_NS))
    for account_id in range(ACCOUNTS):
        gate.tell(account_limits(account_id))
    for instrument_id in range(INSTRUMENTS):
        gate.tell(instrument_limits(instrument_id))
        gate.set_reference(instrument_id, REFERENCE_TICKS, START_NS)
        gate.tell(lay.QuoteRecord(instrument_id, REFERENCE_TICKS - 1, 10_000, REFERENCE_TICKS + 1, 10_000, START_NS))
        gate.tell(lay.PriceBandRecord(instrument_id, REFERENCE_TICKS - 500, REFERENCE_TICKS + 500))
        for account_id in range(ACCOUNTS):
            gate.tell(lay.PositionLimitsRecord(account_id, instrument_id, 2**60, 2**60, 0))
            gate.adjust_position(account_id, instrument_id, 2**30)


def account_limits(account_id: int) -> lay.AccountLimitsRecord:
    return lay.AccountLimitsRecord(
        account_id=account_id,
        enabled=1,
        market_orders_allowed=0,
        iso_allowed=0,
        short_exempt_allowed=0,
        self_match=SelfMatch.CANCEL_NEWEST,
        self_match_group=account_id,
        **RATE,
        max_open_orders=2**31,
        max_consecutive_rejects=100,
        max_open_value_nanos=NO_LIMIT,
        duplicate_window_ns=1_000_000,
        max_daily_loss_nanos=NO_LIMIT,
        max_drawdown_nanos=NO_LIMIT,
        rearm_after_ns=0,
    )


def instrument_limits(instrument_id: int) -> lay.InstrumentLimitsRecord:
    return lay.InstrumentLimitsRecord(
        enabled=1,
        restricted=0,
        instrument_id=instrument_id,
        short_sale=ShortSale.REG_SHO,
        collar_bps=500,
        value_per_tick_lot_nanos=1,
        max_price_ticks=10**9,
        max_quantity_lots=1_000,
        max_value_nanos=NO_LIMIT,
        reference_max_age_ns=2**63,
        session_open_ns=START_NS,
        session_close_ns=START_NS + 10**12,
        max_day_lots=NO_LIMIT,
        **RATE,
        max_impact_percent=100,
    )
