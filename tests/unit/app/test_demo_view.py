"""The demo's picture: nothing of it is cut off, however narrow the terminal is."""

from __future__ import annotations

import time

import grpc
import pytest
from rich.console import Console

from meltica.app.demo.view import Observer, Picture, draw
from meltica.v1 import market_data_service_pb2, order_pb2, portfolio_service_pb2, risk_service_pb2

NAME = "BTC/USDT@PAPER"


def picture() -> Picture:
    level = market_data_service_pb2.PriceLevel
    book = market_data_service_pb2.GetOrderBookResponse(
        instrument=NAME,
        bids=[level(price="60031.5", quantity="0.076")],
        asks=[level(price="60034.7", quantity="0.099")],
    )
    idle = market_data_service_pb2.GetOrderBookResponse(instrument="ETH/USDT@PAPER")
    held = portfolio_service_pb2.Position(
        instrument=NAME,
        quantity="-0.028",
        average_price="60033.1026",
        realised="2.3595",
        unrealised="-12345.6789",
        fees="0.5234",
    )
    order = order_pb2.Order(order_id="75", instrument=NAME, side=order_pb2.SIDE_SELL, price="60034.4", quantity="0.020")
    gate = risk_service_pb2.GetGateStatusResponse(backend="cython", passed=247)
    return Picture(books=[book, idle], orders=[order], positions=[held], gate=gate)


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
async def test_every_figure_is_there_at_any_width(columns: int) -> None:
    console = Console(width=columns, force_terminal=False, color_system=None)
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        observer = Observer(channel)
    with console.capture() as captured:
        console.print(draw(picture(), observer, "a market maker", time.monotonic(), columns=columns))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= columns
    for figure in ("60031.5 x 0.076", "60034.7 x 0.099", "60033.1026", "+2.3595", "-12345.6789", "0.5234", NAME):
        assert any(figure in line for line in lines), figure
    assert "\u2026" not in captured.get()
    assert ("market and position" in captured.get()) == (columns >= 120)
