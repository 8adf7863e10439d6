"""SubmitOrder of a gateway in a process of its own, durable before the answer, beside an empty call to the same one.

Floor: grpc.health.v1.Health/Check, which asks nothing of engine or disk, over the same channel with mutual TLS, the two
calls in turn. One caller, one call at a time, wall-clock time. The orders rest far from the market; they are cancelled
between the rounds, outside the clock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter_ns, sleep
from typing import Final, NamedTuple
from uuid import uuid4

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.measure import Row, Series, row
from meltica.app.process import GatewayProcess
from meltica.app.settings import read_settings
from meltica.control.client import ErrorDetails, open_blocking_channel
from meltica.v1 import (
    market_data_service_pb2,
    market_data_service_pb2_grpc,
    order_pb2,
    order_service_pb2,
    order_service_pb2_grpc,
)

PAIRS: Final = 400
"""Calls of each kind in a round."""
WARM_UP: Final = 100
CALL_S: Final = 10.0
TRIES: Final = 400
TRY_AGAIN_S: Final = 0.025
FLOOR: Final = "empty call, Health/Check"
PERCENT: Final = 100
SCRATCH: Final = Path(__file__).parents[1] / ".cache" / "bench"  # Not /tmp, which may be memory
SETTINGS: Final = """
state = "{state}"
listen = "127.0.0.1:0"

[limits]
max_open_value = "1000000000"
max_position_value = "1000000000"
max_open_orders = 1000000
messages_per_second = 1000000
message_burst = 1000000
collar_bps = 5000
"""


class Taken(NamedTuple):
    """Microseconds of each call."""

    submits: list[float]
    empties: list[float]


def rows(runs: int, pairs: int = PAIRS) -> list[Row]:
    """Microseconds a call: the median, and the 99th percentile, of each round."""
    with _gateway() as (folder, address), open_blocking_channel(folder, "olivia", address) as channel:
        caller = Caller(channel)
        caller.round(WARM_UP, first=0)
        rounds = [caller.round(pairs, first=number) for number in range(runs)]
    return [
        _row("p50", rounds, median),
        _row("p99", rounds, lambda taken: quantiles(taken, n=PERCENT)[-1]),
    ]


def _row(name: str, rounds: list[Taken], figure: Callable[[list[float]], float]) -> Row:
    floor = Series(FLOOR, [figure(taken.empties) for taken in rounds])
    return row(f"gRPC: SubmitOrder, {name}", "µs/call", [figure(taken.submits) for taken in rounds], floor=floor)


class Caller:
    """One operator on one channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._orders = order_service_pb2_grpc.OrderServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)
        market = market_data_service_pb2_grpc.MarketDataServiceStub(channel)
        listed = market.ListInstruments(market_data_service_pb2.ListInstrumentsRequest(), timeout=CALL_S)
        self._instrument, self._quantity = listed.instruments[0].instrument, listed.instruments[0].min_quantity
        self._price = self._far_from(market)
        self._until_open()

    def round(self, pairs: int, *, first: int) -> Taken:
        """Each kind ``pairs`` times, in turn; ``first`` says which kind begins."""
        taken = Taken([], [])
        kinds = [(self._submit, taken.submits), (self._empty, taken.empties)]
        for _ in range(pairs):
            for call, kept in kinds if first % 2 == 0 else reversed(kinds):
                begin = perf_counter_ns()
                call()
                kept.append((perf_counter_ns() - begin) / 1000)
        self._cancel_all()
        return taken

    def _submit(self) -> None:
        request = order_service_pb2.SubmitOrderRequest(
            request_id=str(uuid4()),
            account="main",
            strategy="bench",
            instrument=self._instrument,
            side=order_pb2.SIDE_BUY,
            type=order_pb2.ORDER_TYPE_LIMIT,
            time_in_force=order_pb2.TIME_IN_FORCE_GTC,
            quantity=self._quantity,
            price=self._price,
        )
        self._orders.SubmitOrder(request, timeout=CALL_S)

    def _empty(self) -> None:
        self._health.Check(health_pb2.HealthCheckRequest(), timeout=CALL_S)

    def _cancel_all(self) -> None:
        request = order_service_pb2.CancelAllOrdersRequest(request_id=str(uuid4()))
        self._orders.CancelAllOrders(request, timeout=CALL_S)
        working = order_service_pb2.ListOrdersRequest(page_size=1, working_only=True)
        for _ in range(TRIES):
            if not self._orders.ListOrders(working, timeout=CALL_S).orders:
                return
            sleep(TRY_AGAIN_S)
        raise AssertionError("the orders were not cancelled")

    def _until_open(self) -> None:
        """The instrument's limits come with its first price: until then an order is refused."""
        for _ in range(TRIES):
            try:
                self._submit()
            except grpc.RpcError as error:
                if ErrorDetails(error).code is not grpc.StatusCode.FAILED_PRECONDITION:
                    raise
                sleep(TRY_AGAIN_S)
            else:
                return
        raise AssertionError("the gateway has no price")

    def _far_from(self, market: market_data_service_pb2_grpc.MarketDataServiceStub) -> str:
        """A price a tenth below the best bid, in whole units of the quote currency."""
        request = market_data_service_pb2.GetOrderBookRequest(instrument=self._instrument, depth=1)
        for _ in range(TRIES):
            book = market.GetOrderBook(request, timeout=CALL_S)
            if book.bids:
                return str(int(Decimal(book.bids[0].price) * 9 // 10))
            sleep(TRY_AGAIN_S)
        raise AssertionError("the gateway has no book")


@contextmanager
def _gateway() -> Iterator[tuple[Path, str]]:
    """(folder of the certificates, address) of a gateway with the built-in market and limits that let all this pass."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        path = Path(name) / "gateway.toml"
        path.write_text(SETTINGS.format(state=Path(name) / "state"), "utf-8")
        settings = read_settings(path)
        process = GatewayProcess(settings.state_folder)
        address = process.start(path)
        try:
            yield settings.authority, address
        finally:
            process.stop()
