"""Order types at a real gateway with the paper venue: a trigger by mark price across a kill, and a part that shows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from meltica.v1 import market_data_service_pb2, order_pb2
from tests.integration.gateway_person import Person, eventually
from tests.integration.gateway_running import Gateway, gateway


@pytest.fixture
def running(tmp_path: Path):
    with gateway(tmp_path) as found:
        yield found


async def marked(person: Person) -> market_data_service_pb2.MarkPrice:
    """The mark price that the gateway shows, once there is one."""

    async def there() -> market_data_service_pb2.MarkPrice | None:
        book = await person.book()
        return book.mark if book.HasField("mark") else None

    return await eventually(there, "a mark price")


def by_mark(trigger: Decimal) -> dict:
    terms = order_pb2.OrderTerms(trigger_price=str(trigger), trigger_source=order_pb2.TRIGGER_SOURCE_MARK)
    return {"type": order_pb2.ORDER_TYPE_STOP, "price": "", "side": order_pb2.SIDE_SELL, "terms": terms}


async def test_a_stop_by_mark_price_outlives_a_kill_and_fires_on_the_mark(running: Gateway) -> None:
    async with Person(running) as olivia:
        await olivia.open_for_business()
        mark = Decimal((await marked(olivia)).price)
        waits = await olivia.submit(**by_mark(mark - 20_000))
        assert (waits.order.held, waits.order.carriage) == (order_pb2.HELD_TRIGGER, order_pb2.CARRIAGE_GATEWAY)
        fires = await olivia.submit(**by_mark(mark + 20_000))
        done = await olivia.order_in(fires.order.order_id, order_pb2.ORDER_STATUS_FILLED)
        assert done.carriage == order_pb2.CARRIAGE_GATEWAY
        events, _ = await olivia.order_events(0, await olivia.sequence())
        (released,) = [event.released for event in events if event.WhichOneof("event") == "released"]
        assert "by MARK: bid" in released.reason
    running.kill()
    running.start()
    async with Person(running) as olivia:
        await olivia.open_for_business()
        again = await olivia.order(waits.order.order_id)
        assert again.held == order_pb2.HELD_TRIGGER
        mark = Decimal((await marked(olivia)).price)
        terms = order_pb2.OrderTerms(trigger_price=str(mark + 20_000), trigger_source=order_pb2.TRIGGER_SOURCE_MARK)
        await olivia.amend(again.order_id, terms=terms)
        await olivia.order_in(again.order_id, order_pb2.ORDER_STATUS_FILLED)


async def test_the_stream_shows_the_mark_price(running: Gateway) -> None:
    async with Person(running, "victor") as victor:
        await victor.open_for_business()
        seen: list[market_data_service_pb2.MarkPrice] = []
        call = victor.market.StreamTopOfBook(market_data_service_pb2.StreamTopOfBookRequest(), timeout=30)
        async for frame in call:
            seen += [top.mark for top in frame.tops if top.HasField("mark")]
            if len({mark.time.ToNanoseconds() for mark in seen}) > 2:
                break
        call.cancel()
        assert all(Decimal(mark.price) > 0 for mark in seen)


@pytest.mark.parametrize(("settings", "carriage"), [
    ("", order_pb2.CARRIAGE_VENUE),
    ("[paper]\nnative_display = false\n", order_pb2.CARRIAGE_GATEWAY),
])  # fmt: skip
async def test_an_order_says_who_keeps_what_does_not_show(tmp_path: Path, settings: str, carriage: int) -> None:
    with gateway(tmp_path, settings) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            terms = order_pb2.OrderTerms(display_quantity="0.001")
            sent = await olivia.submit(quantity="0.004", price="60900", terms=terms)
            done = await olivia.order_in(sent.order.order_id, order_pb2.ORDER_STATUS_FILLED)
            assert (sent.order.carriage, done.carriage) == (carriage, carriage)
            parts = [found for found in await olivia.all_orders() if found.parent_order_id == done.order_id]
            assert len(parts) == (0 if carriage == order_pb2.CARRIAGE_VENUE else 4)
