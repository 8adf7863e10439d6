"""grpc.health.v1.Health: is the server, or one of its services, taking calls?

Ours and not the library's, because a watcher must not hold up a drain: it hears NOT_SERVING, and its stream ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Final

from grpc_health.v1 import health_pb2

from meltica.control.calls import Caller
from meltica.control.errors import unknown

WHOLE_SERVER: Final = ""
RECONCILED: Final = "meltica.reconciliation"
"""A name of the health service: NOT_SERVING while statements of an account stay away."""
SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    def __init__(self, services: Iterable[str]) -> None:
        self._statuses = dict.fromkeys((WHOLE_SERVER, *services, RECONCILED), SERVING)
        self._changed = asyncio.Event()
        self._draining = False

    def drain(self) -> None:
        """Everything is NOT_SERVING from now on, and every watcher hears it."""
        self._statuses = dict.fromkeys(self._statuses, NOT_SERVING)
        self._draining = True
        self._changed.set()

    def report(self, condition: str, *, well: bool) -> None:
        """Of something that is no service but has a name here. The server as a whole serves on."""
        if not self._draining and self._statuses[condition] != (status := SERVING if well else NOT_SERVING):
            self._statuses[condition] = status
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    async def check(self, request: health_pb2.HealthCheckRequest, _caller: Caller) -> health_pb2.HealthCheckResponse:
        if (status := self._statuses.get(request.service)) is None:
            raise unknown("UNKNOWN_SERVICE", "service", f"no service {ascii(request.service)[:200]}")
        return health_pb2.HealthCheckResponse(status=status)

    async def list(self, _request: health_pb2.HealthListRequest, _caller: Caller) -> health_pb2.HealthListResponse:
        statuses = {name: health_pb2.HealthCheckResponse(status=status) for name, status in self._statuses.items()}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def watch(
        self, request: health_pb2.HealthCheckRequest, _caller: Caller
    ) -> AsyncGenerator[health_pb2.HealthCheckResponse, None]:
        """The status now, whenever it is another one, and the last one when the server drains."""
        told = None
        while True:
            changed, draining = self._changed, self._draining
            status = self._statuses.get(request.service, SERVICE_UNKNOWN)
            if status != told or draining:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            if draining:
                return
            await changed.wait()
