"""The way of every call: who is it, may they, is there room, is the message sound; then the method, then the log.

Wrapped once a method when the server starts, so that a call pays for no lookup by name.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

import grpc
import msgspec
from google.protobuf.message import DecodeError, Message

from meltica.control.errors import RefusedError, abort, refusal_of
from meltica.control.identity import Identity, UnidentifiedError, identity_of
from meltica.control.malformed import wrong_text
from meltica.control.ownership import refuse_others
from meltica.control.policy import Policy, PolicyFile
from meltica.control.requests import refuse_unknown_fields
from meltica.control.roles import Effect, Method, Role
from meltica.domain.ports import State

MAX_UNARY: Final = 512
"""Calls at once, without those that stop things: for these there is always room."""
MAX_STREAMS: Final = 128
MAX_STREAMS_EACH: Final = 32
"""Of one identity, so that nobody takes all."""

_LOGGED: Final = frozenset({Effect.CHANGE, Effect.STOP})
_log = logging.getLogger(__name__)

UnaryMethod = Callable[[Any, "Caller"], Awaitable[Message]]
StreamMethod = Callable[[Any, "Caller"], AsyncGenerator[Message, None]]
Context = Any
"""grpc.aio.ServicerContext; grpc ships no types."""


class Caller(msgspec.Struct, frozen=True):
    """Who is calling, as the servicers see it."""

    identity: Identity
    roles: frozenset[Role]
    accounts: frozenset[str] | None = None
    """Those that the caller's commands may be about; None: all."""

    @property
    def actor(self) -> str:
        """As the journal keeps it."""
        return self.identity.uri


class Malformed(msgspec.Struct, frozen=True):
    """Takes the place of a request that could not be decoded."""

    field: str
    """The text that is not UTF-8; empty: something else is wrong with it."""


class Calls:
    """Makes gRPC handlers of methods."""

    def __init__(self, policy: PolicyFile, draining: asyncio.Event, state: State) -> None:
        self._policy = policy
        self._state = state
        self._draining = draining
        self._unary = 0
        self._streams: Counter[str] = Counter()

    def unary(self, name: str, rule: Method, method: UnaryMethod, request_type: type[Message]) -> grpc.RpcMethodHandler:
        async def answer(request: Message, context: Context) -> Message:
            record = _Record(name, rule, request)
            try:
                caller = self._admit(record, rule, context, self._policy.current())
                _refuse_unsound(request)
                if caller.accounts is not None and rule.effect in _LOGGED:
                    refuse_others(request, caller.accounts, self._state)
                with self._room(rule):
                    async with asyncio.timeout(rule.deadline_s):
                        return await method(request, caller)
            except asyncio.CancelledError:
                record.outcome = "CANCELLED"
                raise
            except Exception as error:
                await abort(context, record.refused(error), record.request_id)
                raise
            finally:
                record.write()

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=reader(request_type), response_serializer=_serialize
        )

    def stream(
        self, name: str, rule: Method, method: StreamMethod, request_type: type[Message], *, both_ways: bool
    ) -> grpc.RpcMethodHandler:
        async def answer(request: Message | AsyncIterator[Message], context: Context) -> None:
            record = _Record(name, rule, request)
            try:
                policy = self._policy.current()
                caller = self._admit(record, rule, context, policy)
                if isinstance(request, Message | Malformed):
                    _refuse_unsound(request)
                with self._stream_room(caller):
                    async with aclosing(method(request, caller)) as replies:
                        async for reply in replies:
                            if (now := self._policy.current()) is not policy:
                                policy = now  # Roles may have been taken away since the stream began.
                                self._admit(record, rule, context, policy)
                            await context.write(reply)
                if self._draining.is_set():
                    raise RefusedError("DRAINING", "the gateway is shutting down")  # noqa: TRY301 - one way out
            except asyncio.CancelledError:
                record.outcome = "CANCELLED"
                raise
            except Exception as error:
                await abort(context, record.refused(error))
                raise
            finally:
                record.write()

        kind = grpc.stream_stream_rpc_method_handler if both_ways else grpc.unary_stream_rpc_method_handler
        return kind(answer, request_deserializer=reader(request_type), response_serializer=_serialize)

    def _admit(self, record: _Record, rule: Method, context: Context, policy: Policy) -> Caller:
        try:
            identity = identity_of(context.auth_context())
        except UnidentifiedError as error:
            raise RefusedError("UNIDENTIFIED", str(error)) from error
        record.actor = identity.uri
        roles = policy.roles_of(identity)
        if not roles & rule.roles:
            have = ", ".join(sorted(role.value for role in roles)) or "no role: the policy file does not know it"
            need = ", ".join(sorted(role.value for role in rule.roles))
            raise RefusedError(
                "ROLE_REQUIRED",
                f"{record.name} is for {need}; {identity.uri} has {have}",
                metadata={"method": record.name, "roles_allowed": need, "identity": identity.uri},
            )
        return Caller(identity, roles, policy.accounts_of(identity))

    @contextmanager
    def _room(self, rule: Method) -> Iterator[None]:
        if self._unary >= MAX_UNARY and rule.effect is not Effect.STOP:
            raise RefusedError("TOO_BUSY", f"{MAX_UNARY} calls are being answered already")
        self._unary += 1
        try:
            yield
        finally:
            self._unary -= 1

    @contextmanager
    def _stream_room(self, caller: Caller) -> Iterator[None]:
        actor = caller.actor
        if self._streams[actor] >= MAX_STREAMS_EACH or self._streams.total() >= MAX_STREAMS:
            each = f"{self._streams[actor]} streams of {actor}, {self._streams.total()} in all"
            raise RefusedError("TOO_MANY_STREAMS", f"{each}: {MAX_STREAMS_EACH} and {MAX_STREAMS} are allowed")
        self._streams[actor] += 1
        try:
            yield
        finally:
            self._streams[actor] -= 1
            if not self._streams[actor]:
                del self._streams[actor]


class _Record:
    """What the log will say of a call."""

    __slots__ = ("_began", "_effect", "actor", "code", "name", "outcome", "request_id")

    def __init__(self, name: str, rule: Method, request: object) -> None:
        self.name = name
        self._effect = rule.effect
        self._began = time.perf_counter_ns()
        self.actor = ""
        self.request_id: str = getattr(request, "request_id", "")[:64]
        self.outcome = "OK"
        self.code = grpc.StatusCode.OK

    def refused(self, error: Exception) -> RefusedError:
        """The refusal that the caller gets. Our own faults are logged whole, with an id that the caller sees."""
        if (refusal := refusal_of(error)) is None:
            incident = uuid.uuid4().hex
            _log.error("incident %s in %s", incident, self.name, exc_info=error)
            refusal = RefusedError(
                "INTERNAL", f"an internal error; incident {incident}", metadata={"incident": incident}
            )
        self.outcome = refusal.reason
        self.code = refusal.code
        return refusal

    def write(self) -> None:
        shut_out = self.code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
        if not shut_out and (self._effect not in _LOGGED or not _log.isEnabledFor(logging.INFO)):
            return
        fields = {
            "actor": self.actor,
            "method": self.name,
            "request_id": self.request_id,
            "outcome": self.outcome,
            "microseconds": (time.perf_counter_ns() - self._began) // 1000,
        }
        _log.log(logging.WARNING if shut_out else logging.INFO, "call", extra={"fields": fields})


def reader(request_type: type[Message]) -> Callable[[bytes], Message | Malformed]:
    """A deserializer that never fails: gRPC would answer INTERNAL, and it is the caller's fault."""
    parse, descriptor = request_type.FromString, request_type.DESCRIPTOR

    def read(data: bytes) -> Message | Malformed:
        try:
            return parse(data)
        except DecodeError:
            return Malformed(wrong_text(data, descriptor))

    return read


def _refuse_unsound(request: Message | Malformed) -> None:
    if isinstance(request, Malformed):
        if not (field := request.field):
            raise RefusedError("MALFORMED_MESSAGE", "the request is no message of this method's type")
        raise RefusedError("MALFORMED_MESSAGE", f"{field} is not UTF-8", violations=[(field, "must be UTF-8")])
    refuse_unknown_fields(request)


def _serialize(reply: Message) -> bytes:
    return reply.SerializeToString()
