"""The control plane's server: every service behind mutual TLS, and a way down that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from meltica.control.accounting import AccountingService
from meltica.control.algos import AlgoService
from meltica.control.approvals import Approvals
from meltica.control.audit import AuditService
from meltica.control.batches import Batches
from meltica.control.calls import Calls
from meltica.control.credentials import CertificateFiles
from meltica.control.durable import DurableCommands
from meltica.control.execution import ExecutionService
from meltica.control.health import Health
from meltica.control.kill_switch import KillSwitchService
from meltica.control.market_data import MarketDataService
from meltica.control.orders import OrderService
from meltica.control.outcomes import OutcomeService
from meltica.control.policy import PolicyFile
from meltica.control.portfolio import PortfolioService
from meltica.control.reconciliation import ReconciliationService
from meltica.control.reflection import Reflection
from meltica.control.risk import RiskService
from meltica.control.roles import METHODS, Method
from meltica.domain.accounting_port import Accounting
from meltica.domain.errors import InvariantError, MelticaError
from meltica.domain.execution import ExecutionBooks
from meltica.domain.ports import Gateway, StatementSource
from meltica.v1 import (
    accounting_service_pb2,
    algo_service_pb2,
    audit_service_pb2,
    execution_service_pb2,
    kill_switch_service_pb2,
    market_data_service_pb2,
    order_service_pb2,
    outcome_service_pb2,
    portfolio_service_pb2,
    reconciliation_service_pb2,
    risk_service_pb2,
)

SERVICES: Final[tuple[ServiceDescriptor, ...]] = tuple(
    file.DESCRIPTOR.services_by_name[name]
    for file, name in (
        (order_service_pb2, "OrderService"),
        (algo_service_pb2, "AlgoService"),
        (risk_service_pb2, "RiskService"),
        (kill_switch_service_pb2, "KillSwitchService"),
        (outcome_service_pb2, "OutcomeService"),
        (reconciliation_service_pb2, "ReconciliationService"),
        (portfolio_service_pb2, "PortfolioService"),
        (accounting_service_pb2, "AccountingService"),
        (execution_service_pb2, "ExecutionService"),
        (market_data_service_pb2, "MarketDataService"),
        (audit_service_pb2, "AuditService"),
        (health_pb2, "Health"),
        (reflection_pb2, "ServerReflection"),
    )
)

MAX_MESSAGE_BYTES: Final = 1024 * 1024
MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
"""Pages and frames stay near one megabyte; one audit entry can't be split, and a kill switch that cancelled 100,000
orders makes one of some 20 MB."""
MAX_CONCURRENT_RPCS: Final = 1024
"""More than calls.MAX_UNARY and MAX_STREAMS together: the rest is kept for calls that stop things."""

OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.so_reuseport", 0),  # Else a second gateway could share the port, and each would get half of the calls.
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_REPLY_BYTES),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.max_connection_age_ms", 3_600_000),  # A certificate is judged when connecting: don't trust one for ever.
    ("grpc.max_connection_age_grace_ms", 60_000),
)
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")


class AddressInUseError(MelticaError):
    """Somebody else listens there, perhaps another gateway."""


class ControlServer:
    """Made in the loop that it runs in. ``start`` once, ``drain`` once."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        address: str,
        certificates: CertificateFiles,
        policy: PolicyFile,
        executions: ExecutionBooks,
        accounting: Accounting,
        sources: Callable[[], Sequence[StatementSource]] = tuple,
        clock_ns: Callable[[], int] = time.time_ns,
        rules: Mapping[str, Method] = METHODS,
    ) -> None:
        """:raises InvariantError: a method of a service has no row in ``rules``."""
        self._address = address
        self._rules = rules
        self._certificates = certificates
        self._draining = asyncio.Event()
        self._durable = DurableCommands(gateway)
        self._calls = Calls(policy, self._draining, gateway.state)
        self._health = Health(service.full_name for service in SERVICES)
        self._server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_RPCS)
        batches = Batches(self._draining)
        approvals = Approvals(gateway, self._durable, policy)
        self._servicers: dict[str, object] = {
            "OrderService": OrderService(gateway, self._durable, batches),
            "AlgoService": AlgoService(gateway, self._durable, clock_ns),
            "RiskService": RiskService(gateway, self._durable, approvals, batches, clock_ns),
            "KillSwitchService": KillSwitchService(gateway, self._durable, approvals),
            "OutcomeService": OutcomeService(gateway, self._durable),
            "ReconciliationService": ReconciliationService(gateway, self._durable, sources),
            "PortfolioService": PortfolioService(gateway),
            "AccountingService": AccountingService(gateway, accounting, self._durable, batches),
            "ExecutionService": ExecutionService(gateway, executions, batches),
            "MarketDataService": MarketDataService(gateway, batches),
            "AuditService": AuditService(gateway, batches),
            "Health": self._health,
            "ServerReflection": Reflection((service.full_name for service in SERVICES), batches),
        }
        for service in SERVICES:
            self._register(service, self._servicers[service.name])

    async def start(self) -> int:
        """Listen; the port.

        :raises AddressInUseError: somebody else listens there.
        """
        try:
            port: int = self._server.add_secure_port(self._address, self._certificates.server_credentials())
        except RuntimeError as error:
            advice = "is another gateway running there? Stop it, or choose another address"
            raise AddressInUseError(f"can't listen on {self._address}: {advice}") from error
        await self._server.start()
        return port

    def report(self, condition: str, well: bool) -> None:
        """What the health service says of a condition such as ``health.RECONCILED``."""
        self._health.report(condition, well=well)

    async def drain(self, grace_s: float) -> None:
        """Say NOT_SERVING, end the streams, let calls and the commands that they began finish, then stop."""
        self._health.drain()
        self._draining.set()
        await self._server.stop(grace_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._durable.finish()

    async def terminated(self) -> None:
        await self._server.wait_for_termination()

    def _register(self, service: ServiceDescriptor, servicer: object) -> None:
        handlers = {method.name: self._handler(method, servicer) for method in service.methods}
        generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
        self._server.add_generic_rpc_handlers((generic,))
        self._server.add_registered_method_handlers(service.full_name, handlers)

    def _handler(self, method: MethodDescriptor, servicer: object) -> grpc.RpcMethodHandler:
        name = full_name(method)
        if (rule := self._rules.get(name)) is None:
            raise InvariantError(f"{name} has no row in roles.METHODS: nobody may call it")
        run: Any = getattr(servicer, _WORD.sub("_", method.name).lower())
        request_type = message_factory.GetMessageClass(method.input_type)
        if method.server_streaming:
            return self._calls.stream(name, rule, run, request_type, both_ways=method.client_streaming)
        return self._calls.unary(name, rule, run, request_type)


def full_name(method: MethodDescriptor) -> str:
    """As gRPC names it on the wire: ``/meltica.v1.OrderService/SubmitOrder``."""
    return f"/{method.containing_service.full_name}/{method.name}"


def methods() -> Iterable[MethodDescriptor]:
    """Every method of every service that the server has."""
    return (method for service in SERVICES for method in service.methods)
