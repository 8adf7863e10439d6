"""A control server on loopback with real certificates, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

from meltica.control.authority import Authority, ensure_authority
from meltica.control.client import ErrorDetails, open_channel
from meltica.control.credentials import CertificateFiles
from meltica.control.policy import PolicyFile
from meltica.control.server import ControlServer
from meltica.v1 import (
    accounting_service_pb2_grpc,
    algo_service_pb2_grpc,
    audit_service_pb2_grpc,
    execution_service_pb2_grpc,
    kill_switch_service_pb2_grpc,
    market_data_service_pb2_grpc,
    order_service_pb2,
    order_service_pb2_grpc,
    outcome_service_pb2_grpc,
    portfolio_service_pb2_grpc,
    reconciliation_service_pb2_grpc,
    risk_service_pb2_grpc,
)
from meltica.v1.order_pb2 import ORDER_TYPE_LIMIT, SIDE_BUY, TIME_IN_FORCE_GTC
from tests.engines import BTC
from tests.unit.control.memory_gateway import MemoryGateway


class Stubs:
    """Every service over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.orders = order_service_pb2_grpc.OrderServiceStub(channel)
        self.algos = algo_service_pb2_grpc.AlgoServiceStub(channel)
        self.risk = risk_service_pb2_grpc.RiskServiceStub(channel)
        self.kill = kill_switch_service_pb2_grpc.KillSwitchServiceStub(channel)
        self.executions = execution_service_pb2_grpc.ExecutionServiceStub(channel)
        self.accounting = accounting_service_pb2_grpc.AccountingServiceStub(channel)
        self.portfolio = portfolio_service_pb2_grpc.PortfolioServiceStub(channel)
        self.market = market_data_service_pb2_grpc.MarketDataServiceStub(channel)
        self.outcomes = outcome_service_pb2_grpc.OutcomeServiceStub(channel)
        self.reconciliation = reconciliation_service_pb2_grpc.ReconciliationServiceStub(channel)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(channel)
        self.channel = channel


class Running:
    """A server, its gateway, and channels for the people of its CA."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.gateway = MemoryGateway()
        self.server = self.another_server("127.0.0.1:0")
        self.port = 0
        self._channels = contextlib.AsyncExitStack()
        self._stubs: dict[str, Stubs] = {}

    def another_server(self, address: str, **settings: Any) -> ControlServer:
        certificates = CertificateFiles(self.authority)
        policy = PolicyFile(self.authority.policy)
        return ControlServer(
            self.gateway,
            address=address,
            certificates=certificates,
            policy=policy,
            **{"executions": self.gateway.executions, "accounting": self.gateway.accounting, **settings},
        )

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def be(self, name: str) -> Stubs:
        """The stubs of this person."""
        if name not in self._stubs:
            channel = open_channel(self.authority.folder, name, self.target)
            self._stubs[name] = Stubs(await self._channels.enter_async_context(channel))
        return self._stubs[name]

    async def close(self) -> None:
        await self._channels.aclose()
        await self.server.drain(0)


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Running]:
    authority, _ = ensure_authority(folder, datetime.now(UTC))
    running = Running(authority)
    running.port = await running.server.start()
    try:
        yield running
    finally:
        await running.close()


def request_id() -> str:
    return str(uuid.uuid4())


def order(**fields: Any) -> order_service_pb2.SubmitOrderRequest:
    """A sound limit order; ``fields`` change it."""
    facts = {
        "request_id": request_id(),
        "account": "main",
        "strategy": "manual",
        "instrument": BTC,
        "side": SIDE_BUY,
        "type": ORDER_TYPE_LIMIT,
        "time_in_force": TIME_IN_FORCE_GTC,
        "quantity": "0.5",
        "price": "60000.00",
    }
    return order_service_pb2.SubmitOrderRequest(**{**facts, **fields})


async def refusal(call: Any) -> ErrorDetails:
    """The error of a call that must fail."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return ErrorDetails(error)
    raise AssertionError(f"was not refused: {answer}")


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until it holds; the engine's tables have no bell to wait for."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - polling is all that a plain condition offers
            await asyncio.sleep(0.01)
