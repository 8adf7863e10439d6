"""A person at the control plane of a running gateway: mutual TLS, one channel, the services, and short ways to ask."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import grpc

from meltica.control.client import ErrorDetails, open_channel
from meltica.v1 import (
    audit_service_pb2_grpc,
    kill_switch_service_pb2,
    kill_switch_service_pb2_grpc,
    market_data_service_pb2,
    market_data_service_pb2_grpc,
    order_pb2,
    order_service_pb2,
    order_service_pb2_grpc,
    portfolio_service_pb2_grpc,
    risk_service_pb2,
    risk_service_pb2_grpc,
)
from tests.integration.gateway_running import Gateway

BTC = "BTC/USDT@PAPER"
CALL_S = 10.0
SETTLE_S = 10.0


def request_id() -> str:
    return str(uuid.uuid4())


class Person:
    """``async with Person(gateway, "olivia") as olivia: await olivia.submit(price="58000")``."""

    def __init__(self, gateway: Gateway, name: str = "olivia") -> None:
        channel = open_channel(Path(gateway.state) / "ca", name, gateway.address)
        self.channel = channel
        self.orders = order_service_pb2_grpc.OrderServiceStub(channel)
        self.risk = risk_service_pb2_grpc.RiskServiceStub(channel)
        self.switch = kill_switch_service_pb2_grpc.KillSwitchServiceStub(channel)
        self.portfolio = portfolio_service_pb2_grpc.PortfolioServiceStub(channel)
        self.market = market_data_service_pb2_grpc.MarketDataServiceStub(channel)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(channel)

    async def __aenter__(self) -> Self:
        await asyncio.wait_for(self.channel.channel_ready(), CALL_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()

    async def submit(self, **fields: Any) -> order_service_pb2.SubmitOrderResponse:
        return await self.orders.SubmitOrder(order(**fields), timeout=CALL_S)

    async def amend(self, order_id: str, **fields: Any) -> order_service_pb2.AmendOrderResponse:
        request = order_service_pb2.AmendOrderRequest(request_id=request_id(), order_id=order_id, **fields)
        return await self.orders.AmendOrder(request, timeout=CALL_S)

    async def cancel(self, order_id: str) -> order_service_pb2.CancelOrderResponse:
        request = order_service_pb2.CancelOrderRequest(request_id=request_id(), order_id=order_id)
        return await self.orders.CancelOrder(request, timeout=CALL_S)

    async def engage(self, reason: str = "a test") -> kill_switch_service_pb2.EngageKillSwitchResponse:
        request = kill_switch_service_pb2.EngageKillSwitchRequest(request_id=request_id(), reason=reason)
        return await self.switch.EngageKillSwitch(request, timeout=CALL_S)

    async def kill_switch(self) -> kill_switch_service_pb2.KillSwitch:
        request = kill_switch_service_pb2.GetKillSwitchRequest()
        return (await self.switch.GetKillSwitch(request, timeout=CALL_S)).kill_switch

    async def all_orders(self, *, working_only: bool = False) -> list[order_pb2.Order]:
        """Every page."""
        request = order_service_pb2.ListOrdersRequest(page_size=1000, working_only=working_only)
        found: list[order_pb2.Order] = []
        while True:
            page = await self.orders.ListOrders(request, timeout=CALL_S)
            found += page.orders
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def order(self, order_id: str) -> order_pb2.Order:
        request = order_service_pb2.GetOrderRequest(order_id=order_id)
        return (await self.orders.GetOrder(request, timeout=CALL_S)).order

    async def order_in(self, order_id: str, status: int) -> order_pb2.Order:
        """The order, once it is in this status."""

        async def there() -> order_pb2.Order | None:
            found = await self.order(order_id)
            return found if found.status == status else None

        return await eventually(there, f"order {order_id} in status {status}")

    async def limits(self, name: str) -> Any:
        """Once they are set: an instrument's come with its first price."""

        async def there() -> Any:
            try:
                return (await self.risk.GetLimits(risk_service_pb2.GetLimitsRequest(name=name), timeout=CALL_S)).limits
            except grpc.aio.AioRpcError as error:
                if ErrorDetails(error).reason != "UNKNOWN_LIMITS":
                    raise
                return None

        return await eventually(there, f"limits {name}")

    async def open_for_business(self, instrument: str = BTC) -> None:
        """There is a price, and the limits that follow from it."""
        await self.limits(f"accounts/main/positions/{instrument}")

    async def book(self, instrument: str = BTC) -> market_data_service_pb2.GetOrderBookResponse:
        request = market_data_service_pb2.GetOrderBookRequest(instrument=instrument, depth=10)
        return await self.market.GetOrderBook(request, timeout=CALL_S)

    async def order_events(self, after: int, until: int) -> tuple[list[order_service_pb2.OrderEvent], list[int]]:
        """Events of the journal entries after one and up to another, and where each frame ended."""
        request = order_service_pb2.StreamOrderEventsRequest(after_sequence=after)
        events, ends = [], [after]
        call = self.orders.StreamOrderEvents(request, timeout=30)
        async for frame in call:
            events += [event for event in frame.events if event.sequence <= until]
            ends.append(frame.sequence)
            if frame.sequence >= until:
                break
        call.cancel()
        return events, ends

    async def sequence(self) -> int:
        """The newest durable journal entry, of a kind that anybody may ask for: the stream's first frame."""
        call = self.orders.StreamOrderEvents(order_service_pb2.StreamOrderEventsRequest(), timeout=CALL_S)
        async for frame in call:
            call.cancel()
            return frame.sequence
        raise AssertionError("the stream ended without a frame")


def order(**fields: Any) -> order_service_pb2.SubmitOrderRequest:
    """A small limit order that rests far below the market, unless said otherwise."""
    chosen: dict[str, Any] = {
        "request_id": request_id(),
        "account": "main",
        "strategy": "manual",
        "instrument": BTC,
        "side": order_pb2.SIDE_BUY,
        "type": order_pb2.ORDER_TYPE_LIMIT,
        "time_in_force": order_pb2.TIME_IN_FORCE_GTC,
        "quantity": "0.001",
        "price": "58500",
    }
    return order_service_pb2.SubmitOrderRequest(**(chosen | fields))


async def refusal(call: Awaitable[Any]) -> ErrorDetails:
    """Why the call was refused."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return ErrorDetails(error)
    raise AssertionError(f"not refused: {answer}")


async def eventually(look: Callable[[], Awaitable[Any]], what: str, timeout_s: float = SETTLE_S) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := await look():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within {timeout_s} s: {what}")
