"""grpc.health.v1.Health: is the server, or one of its services, taking calls?

Ours and not the library's, because a watcher must not hold up a drain: it hears NOT_SERVING, and its stream ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Final

from grpc_health.v1 import health_pb2

from meltica.control.calls import Caller
from meltica.control.errors import RefusedError

WHOLE_SERVER: Final = ""
SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    def __init__(self, services: Iterable[str]) -> None:
        self._statuses = dict.fromkeys((WHOLE_SERVER, *services), SERVING)
        self._changed = asyncio.Event()

    def drain(self) -> None:
        """Everything is NOT_SERVING from now on, and every watcher hears it."""
        self._statuses = dict.fromkeys(self._statuses, NOT_SERVING)
        self._changed.set()

    async def check(self, request: health_pb2.HealthCheckRequest, _caller: Caller) -> health_pb2.HealthCheckResponse:
        if (status := self._statuses.get(request.service)) is None:
            raise RefusedError("UNKNOWN_SERVICE", f"no service {ascii(request.service)[:200]}")
        return health_pb2.HealthCheckResponse(status=status)

    async def list(self, _request: health_pb2.HealthListRequest, _caller: Caller) -> health_pb2.HealthListResponse:
        statuses = {name: health_pb2.HealthCheckResponse(status=status) for name, status in self._statuses.items()}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def watch(
        self, request: health_pb2.HealthCheckRequest, _caller: Caller
    ) -> AsyncGenerator[health_pb2.HealthCheckResponse, None]:
        """The status now and, when the server drains, the last one."""
        yield health_pb2.HealthCheckResponse(status=self._statuses.get(request.service, SERVICE_UNKNOWN))
        await self._changed.wait()
        yield health_pb2.HealthCheckResponse(status=self._statuses.get(request.service, SERVICE_UNKNOWN))
