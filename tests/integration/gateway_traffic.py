"""Somebody who keeps several calls in flight, remembers every answer, and asks again what got none."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import grpc

from meltica.control.client import ErrorDetails
from meltica.v1 import order_pb2, order_service_pb2
from tests.integration.gateway_person import Person, order, request_id

LOST = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED})
"""No answer: it may have been carried out or not."""
CALL_S = 5.0


@dataclass
class Traffic:
    """What was asked, by request id; and what was answered: a message, or (reason, sequence) of a refusal."""

    dice: random.Random
    asked: dict[str, Any] = field(default_factory=dict)
    answered: dict[str, Any] = field(default_factory=dict)
    resting: list[str] = field(default_factory=list)

    async def run(self, person: Person, *, in_flight: int, calls: int) -> None:
        """Until that many calls are made or the gateway is gone."""
        left = iter(range(calls))
        await asyncio.gather(*[self._work(person, left) for _ in range(in_flight)])

    async def _work(self, person: Person, left: Any) -> None:
        for _ in left:
            request = self._next()
            self.asked[request.request_id] = request
            if not await self.ask(person, request):
                return

    async def ask(self, person: Person, request: Any) -> bool:
        """False: the gateway is gone."""
        methods = {
            order_service_pb2.SubmitOrderRequest: person.orders.SubmitOrder,
            order_service_pb2.AmendOrderRequest: person.orders.AmendOrder,
            order_service_pb2.CancelOrderRequest: person.orders.CancelOrder,
        }
        try:
            answer = await methods[type(request)](request, timeout=CALL_S)
        except grpc.aio.AioRpcError as error:
            if error.code() in LOST:
                return False
            details = ErrorDetails(error)
            answer = (details.reason, int(details.metadata["sequence"]))
        first = self.answered.setdefault(request.request_id, answer)
        assert first == answer, f"{request.request_id} was answered before with {first}, now with {answer}"
        if isinstance(answer, order_service_pb2.SubmitOrderResponse):
            self.resting.append(answer.order.order_id)
        return True

    async def ask_again_what_got_no_answer(self, person: Person) -> int:
        """As a client does after a lost connection; how many there were."""
        unanswered = [request for name, request in self.asked.items() if name not in self.answered]
        for request in unanswered:
            assert await self.ask(person, request), "the gateway is gone"
        return len(unanswered)

    async def compare_again(self, person: Person, count: int) -> None:
        """A sample of what was answered, asked again: the same answers."""
        known = sorted(self.answered)
        for name in self.dice.sample(known, min(count, len(known))):
            assert await self.ask(person, self.asked[name]), "the gateway is gone"

    def _next(self) -> Any:
        choice = self.dice.random()
        if self.resting and choice < 0.3:
            order_id = self.resting.pop(self.dice.randrange(len(self.resting)))
            return order_service_pb2.CancelOrderRequest(request_id=request_id(), order_id=order_id)
        if self.resting and choice < 0.45:
            quantity, order_id = f"0.00{self.dice.randrange(1, 9)}", self.dice.choice(self.resting)
            return order_service_pb2.AmendOrderRequest(request_id=request_id(), order_id=order_id, quantity=quantity)
        side = self.dice.choice((order_pb2.SIDE_BUY, order_pb2.SIDE_SELL))
        near, far = ("60900", "58500") if side == order_pb2.SIDE_BUY else ("59100", "61500")
        name = request_id()
        return order(
            request_id=name,
            client_order_id=name,
            side=side,
            price=near if self.dice.random() < 0.3 else far,
            quantity=f"0.00{self.dice.randrange(1, 9)}",
        )
