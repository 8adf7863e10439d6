"""kill -9 between the send and the answer: the next life doubts all that has none, and sends nothing again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from meltica.domain.inputs import Record
from meltica.domain.order_events import CancelRequested, OrderReported, OrderSubmitted, ReplaceRequested
from meltica.domain.outcomes import DoubtRaised, DoubtUnanswered
from meltica.domain.reports import ExecType
from meltica.v1 import order_pb2
from tests.integration.gateway_judge import judge
from tests.integration.gateway_person import Person, eventually
from tests.integration.gateway_running import gateway

SETTINGS = """
[paper]
entry_latency_us = {entry_us}
response_latency_us = {response_us}
"""
LONG, SHORT = 1_500_000, 500
ENTRY_ONLY = SETTINGS.format(entry_us=LONG, response_us=SHORT)
RESPONSE_ONLY = SETTINGS.format(entry_us=SHORT, response_us=LONG)


@pytest.mark.slow
@pytest.mark.parametrize("where", [ENTRY_ONLY, RESPONSE_ONLY], ids=["on the way there", "on the way back"])
async def test_what_was_under_way_is_doubted_and_settled(tmp_path: Path, where: str) -> None:
    with gateway(tmp_path, where) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            known = [(await olivia.submit()).order.order_id for _ in range(2)]
            for order_id in known:
                await olivia.order_in(order_id, order_pb2.ORDER_STATUS_NEW)
            await olivia.cancel(known[0])
            await olivia.amend(known[1], quantity="0.002")
            fresh = [(await olivia.submit()).order.order_id for _ in range(3)]
            running.kill()
        before = judge(running.journal)
        assert sent(before.records) == {f"m{number}": 1 for number in range(1, 6)} | {"m1.1": 1, "m2.1": 1}
        running.start()
        async with Person(running) as olivia:
            await eventually(lambda: settled(olivia, fresh), "all is answered", 20)
            assert (await olivia.order(known[0])).status == order_pb2.ORDER_STATUS_CANCELED
            assert (await olivia.order(known[1])).quantity == "0.002"
        assert running.stop() == 0
    after = judge(running.journal)
    life = after.records[before.entries :]
    assert isinstance(life[0].input.body, DoubtUnanswered), "before anything else"
    assert {event.client_order_id for event in life[0].events if isinstance(event, DoubtRaised)} == {
        "m1.1", "m2.1", "m3", "m4", "m5"
    }  # fmt: skip
    assert sent(after.records) == sent(before.records), "nothing was sent again"
    assert answers(life) == {"m1.1": 1, "m2.1": 1, "m3": 1, "m4": 1, "m5": 1}
    assert after.engine.state.uncertain_orders() == []


async def settled(person: Person, fresh: list[str]) -> bool:
    orders = await person.all_orders()
    news = [order.order_id for order in orders if order.status == order_pb2.ORDER_STATUS_NEW]
    return set(fresh) <= set(news) and not any(order.uncertain for order in orders)


def sent(records: list[Record]) -> dict[str, int]:
    kinds = OrderSubmitted | CancelRequested | ReplaceRequested
    return Counter(event.client_order_id for each in records for event in each.events if isinstance(event, kinds))


def answers(records: list[Record]) -> dict[str, int]:
    """Without the end of the day, should it fall into the test."""
    told = [event for each in records for event in each.events if isinstance(event, OrderReported)]
    return Counter(event.client_order_id for event in told if event.exec_type is not ExecType.EXPIRED)
