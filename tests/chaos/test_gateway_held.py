"""kill -9 of a whole gateway that holds orders: they are there afterwards, and fire when the market gets to them."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from meltica.v1 import order_pb2, order_service_pb2
from tests.integration.gateway_person import BTC, Person, request_id
from tests.integration.gateway_running import gateway

AWAY = 15
"""Of the price, in units of the quote currency: the built-in market moves so far within seconds."""
FIRES_WITHIN_S = 60.0


@pytest.mark.slow
async def test_held_orders_survive_kills_and_fire(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    dice = random.Random(seed)
    with gateway(tmp_path, "snapshot_every = 7\n") as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            middle = await _middle(olivia)
            near = [
                await _stop(olivia, order_pb2.SIDE_BUY, middle + AWAY),
                await _stop(olivia, order_pb2.SIDE_SELL, middle - AWAY),
            ]
            far = await _stop(olivia, order_pb2.SIDE_SELL, 1)
        for _ in range(3):
            await asyncio.sleep(dice.uniform(0, 0.2))
            running.kill()
            running.start()
        async with Person(running) as olivia:
            deadline = time.monotonic() + FIRES_WITHIN_S
            found = [await olivia.order(order_id) for order_id in near]
            while all(order.held == order_pb2.HELD_TRIGGER for order in found):
                assert time.monotonic() < deadline, running.said()
                await asyncio.sleep(0.1)
                found = [await olivia.order(order_id) for order_id in near]
            fired = next(order for order in found if order.held != order_pb2.HELD_TRIGGER)
            assert fired.status != order_pb2.ORDER_STATUS_REJECTED, fired
            assert (await olivia.order(far)).held == order_pb2.HELD_TRIGGER
        assert running.stop() == 0


async def _middle(person: Person) -> float:
    book = await person.book()
    return (float(book.bids[0].price) + float(book.asks[0].price)) / 2


async def _stop(person: Person, side: order_pb2.Side.ValueType, trigger: float) -> str:
    request = order_service_pb2.SubmitOrderRequest(
        request_id=request_id(),
        account="main",
        instrument=BTC,
        side=side,
        type=order_pb2.ORDER_TYPE_STOP,
        time_in_force=order_pb2.TIME_IN_FORCE_GTC,
        quantity="0.010",
        terms=order_pb2.OrderTerms(trigger_price=f"{trigger:.1f}"),
    )
    order = (await person.orders.SubmitOrder(request)).order
    assert order.held == order_pb2.HELD_TRIGGER
    return order.order_id
