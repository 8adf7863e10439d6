"""``make demo``: a gateway as a real process, a market maker on the paper venue, and an operator who stops it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import time
import uuid
from decimal import Decimal
from pathlib import Path

import grpc
import msgspec
from rich.console import Console
from rich.live import Live

from meltica import hot
from meltica.app.demo_lines import lines_to_try
from meltica.app.demo_view import Observer, Picture, draw, one_line
from meltica.app.market_sources import MarketSource, open_market
from meltica.app.process import GatewayProcess
from meltica.app.replay import replay
from meltica.control.client import ErrorDetails, open_channel
from meltica.domain.instrument import Instrument
from meltica.domain.market import BookUpdate
from meltica.domain.money import NANOS
from meltica.journal.verify import verify
from meltica.v1 import (
    kill_switch_service_pb2,
    kill_switch_service_pb2_grpc,
    order_pb2,
    order_service_pb2,
    order_service_pb2_grpc,
)

REFRESH_S = 0.25
LINE_EVERY_S = 2.0
CANCELS_S = 3.0
QUOTE_VALUE_NANOS = 1_200 * NANOS
"""What one quote of the market maker is worth, about."""
QUOTE_WIDTH = 50_000
"""Half the quoted spread is the price divided by this: 0.2 basis points."""
OPERATOR = "olivia"
BY_HAND = "by-hand"


async def run_demo(*, data: Path | None, seconds: float, seed: int, state: Path) -> int:
    """The exit code: 0 when everything was as it should be."""
    console = Console(highlight=False)
    folder = state / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    settings, title = _settings(data, seed, state, folder)
    process = GatewayProcess(folder)
    console.print(f"starting the gateway: {title}, mutual TLS, gate {hot.backend()}", soft_wrap=True)
    address = process.start(settings)
    console.print(f"the gateway answers on {address} (log: {process.log})\n")
    demo = Demo(console, address, state / "ca", title)
    try:
        went_well = await demo.trade(seconds) and await demo.kill()
    finally:
        process.stop()
    verified = demo.verify(folder / "journal.db")
    demo.summary(state / "ca")
    return 0 if went_well and verified else 1


class Demo:
    """One run, as an operator with a certificate would do it."""

    def __init__(self, console: Console, address: str, certificates: Path, title: str) -> None:
        self._console = console
        self._address = address
        self._certificates = certificates
        self._title = title
        self._story: list[str] = []
        self._last = Picture()

    async def trade(self, seconds: float) -> bool:
        """Watch the strategy for a while. False: nothing was ever quoted."""
        async with open_channel(self._certificates, OPERATOR, self._address) as channel:
            observer = Observer(channel)
            fills = asyncio.create_task(observer.follow_fills())
            ends_at = time.monotonic() + seconds
            show = self._redraw if self._console.is_terminal else self._print_lines
            await show(observer, ends_at)
            fills.cancel()
            with contextlib.suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
                await fills
        gate = self._last.gate
        passed = 0 if gate is None else gate.passed
        self._story.append(
            f"{passed} orders and amendments passed the gate, {observer.fills} fills"
            f" ({observer.maker_fills} as maker), net {self._last.net:+.4f} after fees"
        )
        return passed > 0

    async def _redraw(self, observer: Observer, ends_at: float) -> None:
        with Live(console=self._console, auto_refresh=False) as live:
            while time.monotonic() < ends_at:
                self._last = await observer.look()
                live.update(draw(self._last, observer, self._title, ends_at), refresh=True)
                await asyncio.sleep(REFRESH_S)

    async def _print_lines(self, observer: Observer, ends_at: float) -> None:
        while time.monotonic() < ends_at:
            self._last = await observer.look()
            self._console.print(one_line(self._last, observer), soft_wrap=True)
            await asyncio.sleep(min(LINE_EVERY_S, max(ends_at - time.monotonic(), 0)))

    async def kill(self) -> bool:
        """Engage the kill switch, try a new order, see that nothing works any more."""
        async with open_channel(self._certificates, OPERATOR, self._address) as channel:
            switch = kill_switch_service_pb2_grpc.KillSwitchServiceStub(channel)
            orders = order_service_pb2_grpc.OrderServiceStub(channel)
            resting = await self._rest_orders(orders)
            self._say(f"{resting} orders of {OPERATOR}'s own rest in the book, beside the market maker's")
            begin = time.perf_counter()
            answer = await switch.EngageKillSwitch(
                kill_switch_service_pb2.EngageKillSwitchRequest(request_id=str(uuid.uuid4()), reason="end of the demo")
            )
            took_ms = (time.perf_counter() - begin) * 1e3
            cancelled = len(answer.canceled_order_ids)
            self._say(
                f"kill switch engaged by {OPERATOR} in {took_ms:.1f} ms (durable), {cancelled} working orders cancelled"
            )
            refused = await self._try_order(orders)
            still = await self._wait_until_nothing_works(orders)
        self._say(f"working orders afterwards: {still}")
        return refused and still == 0

    async def _rest_orders(self, orders: order_service_pb2_grpc.OrderServiceStub) -> int:
        """Two bids by hand, 1 % and 2 % below the market, so that the switch has something to cancel."""
        for percent in (1, 2):
            await orders.SubmitOrder(self._bid(Decimal(100 - percent) / 100))
        listed = await orders.ListOrders(order_service_pb2.ListOrdersRequest(strategy=BY_HAND, working_only=True))
        return len(listed.orders)

    def _bid(self, share_of_best: Decimal) -> order_service_pb2.SubmitOrderRequest:
        book = next(book for book in self._last.books if book.bids)
        best = Decimal(book.bids[0].price)
        return order_service_pb2.SubmitOrderRequest(
            request_id=str(uuid.uuid4()),
            account="main",
            strategy=BY_HAND,
            instrument=book.instrument,
            side=order_pb2.SIDE_BUY,
            type=order_pb2.ORDER_TYPE_LIMIT,
            time_in_force=order_pb2.TIME_IN_FORCE_GTC,
            quantity=book.bids[0].quantity,
            price=str((best * share_of_best).quantize(best)),  # On the tick: a price has as many places as its tick
        )

    async def _try_order(self, orders: order_service_pb2_grpc.OrderServiceStub) -> bool:
        try:
            await orders.SubmitOrder(self._bid(Decimal(1)))
        except grpc.aio.AioRpcError as error:
            details = ErrorDetails(error)
            self._say(f"a new order is refused: {details.code.name} {details.reason}: {details.message}")
            return details.reason == "KILL_SWITCH"
        self._say("a new order PASSED although the kill switch is engaged")
        return False

    async def _wait_until_nothing_works(self, orders: order_service_pb2_grpc.OrderServiceStub) -> int:
        deadline = time.monotonic() + CANCELS_S
        while True:
            listed = await orders.ListOrders(order_service_pb2.ListOrdersRequest(working_only=True))
            if not listed.orders or time.monotonic() > deadline:
                return len(listed.orders)
            await asyncio.sleep(0.01)

    def verify(self, journal: Path) -> bool:
        """The chain, and the same inputs through a fresh engine."""
        report = verify(journal)
        self._say(
            f"journal: {report.entries} entries, chain {'holds' if report.ok else 'BROKEN: ' + str(report.problems[0])}"
        )
        again = replay(journal, hot.backend())
        same = not again.differences
        self._say(f"replay: {again.entries} inputs give {'the same' if same else 'OTHER'} {again.events} events")
        return report.ok and same

    def summary(self, certificates: Path) -> None:
        self._console.print("\n[bold]What happened[/]")
        for line in self._story:
            self._console.print(f"  - {line}", soft_wrap=True)
        self._console.print("\n[bold]Three things to try next[/]")
        for line in (
            "1. .venv/bin/meltica journal show .meltica/demo/journal.db --count 5   what was decided, and why",
            "2. make demo DATA=path   the same on a Binance recording or a Nasdaq ITCH 5.0 file",
            "3. make up   leave a gateway running, then ask it over mutual TLS:",
            f"   {lines_to_try('127.0.0.1:50051', certificates)[0]}",
        ):
            self._console.print(f"  {line}", soft_wrap=True, markup=False)

    def _say(self, line: str) -> None:
        self._story.append(line)
        self._console.print(line, soft_wrap=True, markup=False)


def _settings(data: Path | None, seed: int, state: Path, folder: Path) -> tuple[Path, str]:
    """Write the demo's settings: the market, and a market maker sized for it."""
    source = open_market(data, seed=seed)
    instrument, mid_ticks = _first_price(source)
    half = max(1, mid_ticks // QUOTE_WIDTH)
    lots = max(1, QUOTE_VALUE_NANOS // max(1, instrument.value_nanos(mid_ticks, 1)))
    parameters = {
        "instrument": instrument.instrument,
        "quantity_lots": lots,
        "half_spread_ticks": half,
        "skew_ticks_at_maximum": half,
        "max_position_lots": 10 * lots,
        "requote_ticks": max(1, half // 4),
    }
    rows = "\n".join(f"{key} = {msgspec.json.encode(value).decode()}" for key, value in parameters.items())
    path = folder / "gateway.toml"
    path.write_text(
        f'state = "{folder}"\ncertificates = "{state / "ca"}"\nlisten = "127.0.0.1:0"\ngate = "{hot.backend()}"\n\n'
        f'[market]\ndata = "{data or ""}"\nseed = {seed}\n\n'
        f'[[strategies]]\nname = "market-maker"\nkind = "market_maker"\n\n[strategies.parameters]\n{rows}\n',
        "utf-8",
    )
    return path, f"a market maker on {source.name}"


def _first_price(source: MarketSource) -> tuple[Instrument, int]:
    """The first instrument whose book has two sides, and its mid then."""
    for event in source.events:
        if isinstance(event, BookUpdate) and event.bids and event.asks:
            instrument = next(i for i in source.instruments if i.instrument == event.instrument)
            bid, ask = max(event.bids)[0], min(event.asks)[0]
            return instrument, (bid + ask) // 2
    sys.exit(f"{source.name} has no book with two sides: nothing to make a market in")
