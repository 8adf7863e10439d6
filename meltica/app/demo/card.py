"""What the demo shows of a card: a limit that lands in it, its refusal in the order stream, its dead-man's switch."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc

from meltica.control.client import ErrorDetails
from meltica.v1 import order_service_pb2, order_service_pb2_grpc, risk_service_pb2, risk_service_pb2_grpc

STATUS_FILE: Final = "status.json"
"""What the process of a simulated card writes about it, several times a second."""
PATIENCE_S: Final = 60.0

Bid = Callable[[int, int], order_service_pb2.SubmitOrderRequest]
"""(quantity in lots, percent of the best bid) -> a bid by hand."""
Say = Callable[..., None]


class CardStory:
    def __init__(self, folder: Path, channel: grpc.aio.Channel, say: Say, bid: Bid) -> None:
        self._folder, self._say, self._bid = folder, say, bid
        self._risk = risk_service_pb2_grpc.RiskServiceStub(channel)
        self._orders = order_service_pb2_grpc.OrderServiceStub(channel)

    def card(self) -> dict[str, Any]:
        """As its process last wrote it."""
        found: dict[str, Any] = json.loads((self._folder / STATUS_FILE).read_text("utf-8"))
        return found

    async def tighten(self, instrument: str, lots: int, quantity: str) -> bool:
        """The largest order becomes ``quantity``; one lot more must be refused, by the card."""
        got = await self._risk.GetLimits(risk_service_pb2.GetLimitsRequest(name=f"instruments/{instrument}"))
        limits = got.limits
        limits.ClearField("name")
        limits.instrument.max_quantity = quantity
        before = self.card()
        await self._risk.SetLimits(risk_service_pb2.SetLimitsRequest(request_id=str(uuid.uuid4()), limits=limits))
        reason = await self._refusal(lots + 1, 99)
        after = await self._until(lambda card: card["rejected"] != before["rejected"])
        counted = after["rejected"].get("MAX_QUANTITY", 0) - before["rejected"].get("MAX_QUANTITY", 0)
        self._say(
            f"limit set over gRPC: at most {quantity} of {instrument}; one lot more is refused: {reason}"
            f" (the card's own counter: {counted} more)"
        )
        return reason == "MAX_QUANTITY" and counted > 0

    async def pull_heartbeat(self, gateway_pid: int) -> bool:
        """The gateway stands still: the card must stop by itself, and let orders pass again afterwards."""
        begin = time.monotonic()
        os.kill(gateway_pid, signal.SIGSTOP)
        try:
            stopped = await self._until(lambda card: bool(card["killed"]))
            took_s = time.monotonic() - begin
        finally:
            os.kill(gateway_pid, signal.SIGCONT)
        self._say(
            f"heartbeat pulled (the gateway stopped with SIGSTOP): the card stopped by itself within {took_s:.1f} s,"
            f" because of: {', '.join(stopped['causes'])}"
        )
        reason = await self._until_one_passes()
        self._say(
            "the gateway goes on: the card is armed again" if not reason else f"orders are still refused: {reason}"
        )
        return "watchdog" in stopped["causes"] and not reason

    def summary(self) -> None:
        card = self.card()
        refused = ", ".join(f"{name} {count}" for name, count in card["rejected"].items()) or "none"
        self._say(
            f"the card: {sum(card['passed'].values())} passed, refused: {refused}; {card['cycles']:,} cycles"
            f" at {card['cycles_per_second'] / 1e6:.2f} million a second"
        )

    async def _refusal(self, lots: int, percent: int) -> str:
        """Why a bid is refused; empty: it was not."""
        try:
            await self._orders.SubmitOrder(self._bid(lots, percent))
        except grpc.aio.AioRpcError as error:
            return ErrorDetails(error).reason
        return ""

    async def _until_one_passes(self) -> str:
        """Why the last bid was refused; empty: one passed in time."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            reason = await self._refusal(1, 98)
            if not reason or time.monotonic() > deadline:
                return reason
            await asyncio.sleep(0.2)

    async def _until(self, there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The card's status once it is so, or the last one."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            card = self.card()
            if there(card) or time.monotonic() > deadline:
                return card
            await asyncio.sleep(0.05)
