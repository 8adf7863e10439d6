"""grpc.reflection: what services there are, for grpcurl and its kin. The library's answers, in our streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable

from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from meltica.control.batches import Batches
from meltica.control.calls import Caller


class Reflection:
    def __init__(self, services: Iterable[str], batches: Batches) -> None:
        self._library = aio.ReflectionServicer(sorted(services))
        self._batches = batches

    async def server_reflection_info(
        self, requests: AsyncIterator[reflection_pb2.ServerReflectionRequest], _caller: Caller
    ) -> AsyncGenerator[reflection_pb2.ServerReflectionResponse, None]:
        async for reply in self._library.ServerReflectionInfo(self._until_drain(requests), None):
            yield reply

    async def _until_drain(
        self, requests: AsyncIterator[reflection_pb2.ServerReflectionRequest]
    ) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        async for batch in self._batches.of(requests):
            for request in batch:
                yield request
