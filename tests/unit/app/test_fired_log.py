"""Whoever watches the log hears of a stop that fired and did not go out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from meltica.app.fired_log import FiredLog
from meltica.domain.limits import SelfMatch
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.terms import Terms
from tests.engines import MARK_TICKS
from tests.unit.app.paper_live import PaperLive

MID = MARK_TICKS


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "meltica.fired"]


async def test_one_that_waits_for_an_own_order_and_then_goes_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = PaperLive(tmp_path, self_match=SelfMatch.CANCEL_NEWEST)
    live.gateway.keep(FiredLog(live.gateway.state))
    live.submit(price_ticks=MID - 50, quantity_lots=7)
    live.submit(Terms(trigger_ticks=MID - 10), side=Side.SELL, order_type=OrderType.STOP)
    with caplog.at_level(logging.WARNING):
        events = live.book(MID - 10, MID - 8)
    told = [type(event).__name__ for event in events if event.order_id == 2]  # type: ignore[union-attr]
    assert told == ["HeldAmended", "OrderReleased", "OrderReported", "OrderFilled"]
    ((level, text),) = said(caplog)
    assert level == "WARNING"
    assert text.startswith("order 2 (STOP, SELL 0.00100 BTC/USDT@BINANCE, account main) fired and waits")


async def test_one_that_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    live = PaperLive(tmp_path, max_quantity_lots=50)
    live.gateway.keep(FiredLog(live.gateway.state))
    live.submit(Terms(trigger_ticks=MID - 10), side=Side.SELL, order_type=OrderType.STOP)
    live.submit(side=Side.SELL, order_type=OrderType.MARKET, time_in_force=TimeInForce.DAY, quantity_lots=51)
    with caplog.at_level(logging.WARNING):
        live.book(MID - 10, MID - 8)
    ((level, text),) = said(caplog)
    assert (level, "was refused and is over: MAX_QUANTITY" in text) == ("ERROR", True)
