"""The end of the trading day at a real gateway: DAY orders expire there, the others go on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from meltica.app.trading_day import DAY_NS, next_end_ns, parse_time_of_day
from meltica.domain.errors import FieldError
from meltica.v1 import order_pb2
from tests.integration.gateway_judge import judge
from tests.integration.gateway_person import Person
from tests.integration.gateway_running import gateway

HOUR_NS = 3_600 * 1_000_000_000
AHEAD_S = 10
"""Long enough for a gateway to start on a busy machine and take two orders."""


async def test_day_orders_expire_at_the_end_of_the_day(tmp_path: Path) -> None:
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=AHEAD_S)
    settings = f'[paper]\nday_ends = "{ends:%H:%M:%S}"\n'
    with gateway(tmp_path, settings) as found:
        async with Person(found) as olivia:
            await olivia.open_for_business()
            day = await olivia.submit(price="58000.0", time_in_force=order_pb2.TIME_IN_FORCE_DAY)
            gtc = await olivia.submit(price="58100.0", time_in_force=order_pb2.TIME_IN_FORCE_GTC)
            assert dt.datetime.now(dt.UTC) < ends, "this machine was too slow for the test's day"
            await olivia.order_in(day.order.order_id, order_pb2.ORDER_STATUS_EXPIRED)
            assert (await olivia.order(gtc.order.order_id)).status == order_pb2.ORDER_STATUS_NEW
        assert found.stop() == 0
    judge(found.journal)


def test_the_next_end_is_always_ahead() -> None:
    noon, nine = 12 * HOUR_NS, 9 * HOUR_NS
    assert next_end_ns(5 * DAY_NS + nine, noon) == 5 * DAY_NS + noon
    assert next_end_ns(5 * DAY_NS + noon, noon) == 6 * DAY_NS + noon
    assert next_end_ns(5 * DAY_NS, 0) == 6 * DAY_NS


@pytest.mark.parametrize("text", ["", "24:00", "noon", "21:30+02:00", "9"])
def test_a_time_that_is_none_is_named(text: str) -> None:
    with pytest.raises(FieldError, match=r"paper\.day_ends"):
        parse_time_of_day("paper.day_ends", text)


def test_times_of_day() -> None:
    assert parse_time_of_day("paper.day_ends", "00:00") == 0
    assert parse_time_of_day("paper.day_ends", "21:30:01") == (21 * 3600 + 30 * 60 + 1) * 1_000_000_000
