"""Puts one story's request wrong in every way to a server, and notes each answer that is not as it should be."""

from __future__ import annotations

import uuid
from typing import Any, Final

import grpc
import msgspec
from google.protobuf import message_factory
from google.protobuf.message import Message

from meltica.control.client import ErrorDetails
from meltica.control.errors import CHECKS, REASONS
from meltica.control.server import full_name
from meltica.domain.events import CommandRefused
from meltica.domain.many import ManyAnswered
from meltica.domain.order_events import AmendDenied, OrderDenied
from meltica.v1 import order_service_pb2 as api
from tests.engines import MARK_TICKS
from tests.integration.request_story import Story
from tests.integration.wrong_requests import INVALID, Walk, Wrong
from tests.unit.control.serving import Running

PATIENCE_S: Final = 10
REFUSALS = (CommandRefused, OrderDenied, AmendDenied, ManyAnswered)
PRICE_COLUMN = 23
"""Of an instrument in the gate's exported state: its newest price and when that was, which come with every input."""


class Judge:
    def __init__(self, running: Running, story: Story, method: Any) -> None:
        self._running = running
        self._story = story
        self._method = method
        self.holes: list[str] = []
        self.seen: set[str] = set()

    async def run(self) -> None:
        request = await self._story.make(self._running)
        stubs = await self._running.be(self._story.person)
        self._channel = stubs.channel
        if is_command := "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = ""
        walk = Walk(self._story, request)
        before = digest(self._running)
        for wrong in walk.wrongs():
            await self._try(wrong)
            if (now := digest(self._running)) != before:
                self._hole(wrong, "the state changed")
                before = now
        self.seen = walk.seen
        try:
            await self._call(request.SerializeToString() + (request_id_bytes() if is_command else b""))
        except grpc.aio.AioRpcError as error:
            self.holes.append(f"{self._story.method}: what is sound is refused: {error.details()}")

    async def _call(self, data: bytes) -> Message:
        """The answer, or the first frame that holds something."""
        name, read = full_name(self._method), message_factory.GetMessageClass(self._method.output_type).FromString
        if not self._method.server_streaming:
            return await self._channel.unary_unary(name, response_deserializer=read)(data, timeout=PATIENCE_S)
        stream = self._channel.unary_stream(name, response_deserializer=read)(data, timeout=PATIENCE_S)
        frame = await stream.read()
        stream.cancel()
        return frame

    async def _try(self, wrong: Wrong) -> None:
        data = wrong.data
        if wrong.field != "request_id" and "request_id" in self._method.input_type.fields_by_name:
            data += request_id_bytes()
        entries = len(self._running.gateway.journal)
        try:
            reply = await self._call(data)
        except grpc.aio.AioRpcError as error:
            if fault := fault_of(ErrorDetails(error), wrong):
                self._hole(wrong, fault)
        else:
            if fault := fault_of_items(reply, wrong):
                self._hole(wrong, fault)
        for _, record in self._running.gateway.journal[entries:]:
            if any(not isinstance(event, REFUSALS) for event in record.events):
                self._hole(wrong, f"was journaled: {record.events}")

    def _hole(self, wrong: Wrong, fault: str) -> None:
        self.holes.append(f"{self._story.method} {wrong.field} = {wrong.how}: {fault}")


def request_id_bytes() -> bytes:
    """Field 1 of every command: the last one that a message holds counts."""
    return b"\x0a\x24" + str(uuid.uuid4()).encode()


def fault_of_items(reply: Message, wrong: Wrong) -> str:
    """Many orders together are answered one by one: the wrong one with its field, and none of them done."""
    results = getattr(reply, "results", ())
    place, _, field = wrong.field.partition("].")
    if not results or not field or any(result.outcome == api.ItemResult.OUTCOME_DONE for result in results):
        return "was accepted"
    result = results[int(place.partition("[")[2])]
    if result.outcome != api.ItemResult.OUTCOME_REFUSED or result.field != field or not result.text:
        return f"answered {result}"
    return f"answered {result.reason}" if wrong.reason not in ("", result.reason) else ""


def fault_of(error: ErrorDetails, wrong: Wrong) -> str:
    """What is wrong with the refusal; empty: nothing."""
    code = error.code.name
    if wrong.reason and wrong.reason != error.reason:
        return f"answered {error.reason}, not {wrong.reason}: {error.message[:200]}"
    if error.domain != "meltica" or error.reason not in {**REASONS, **CHECKS}:
        return f"{code} without a reason of ours: {error.message[:200]}"
    row = CHECKS.get(error.reason) if error.reason in CHECKS and error.metadata.get("check") else REASONS[error.reason]
    if row is None or code != row[0].name or not (wrong.reason or code == INVALID):
        return f"{code} {error.reason}: {error.message[:200]}"
    if code not in (INVALID, "NOT_FOUND", "ALREADY_EXISTS"):
        return ""
    if not error.violations or any(not why.strip() for _, why in error.violations):
        return f"{error.reason} names no field: {error.message[:200]}"
    named = {field for field, _ in error.violations}
    if any(field != wrong.field and not field.startswith((wrong.field + ".", wrong.field + "[")) for field in named):
        return f"names {sorted(named)}"
    return ""


def digest(running: Running) -> bytes:
    """All that the engine and its gate know, but what counts inputs, and the newest price. Orders that were refused are
    kept as such: they don't count."""
    engine = running.gateway.engine
    tables = engine.state.tables
    live = {number: each for number, each in tables.orders.items() if each.refusal == "" or each.ended is None}
    positions = {key: str(msgspec.structs.asdict(position)) for key, position in tables.positions.items()}
    nothing: dict[str, Any] = {"sequence": 0, "time_ns": 0, "requests": {}, "next_order_id": 1, "positions": {}}
    kept = msgspec.structs.replace(tables, orders=live, **nothing)
    gate = engine.gate.export_state()
    for row in gate["instruments"]:
        assert row[PRICE_COLUMN] in {0, MARK_TICKS}
        del row[PRICE_COLUMN : PRICE_COLUMN + 2]
    return msgspec.msgpack.encode((kept, positions, gate), enc_hook=str)
