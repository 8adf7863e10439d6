"""``make demo``: a gateway as a real process, a market maker on the paper venue, and an operator who stops it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
import uuid
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import grpc
import msgspec
from rich.console import Console
from rich.live import Live

from meltica import hot
from meltica.app.demo.card import CardStory
from meltica.app.demo.lines import lines_to_try
from meltica.app.demo.view import Observer, Picture, draw, one_line
from meltica.app.feed.sources import MarketSource, open_market
from meltica.app.process import GatewayProcess, private_folder
from meltica.app.replay import replay
from meltica.control.client import ErrorDetails, open_channel
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.level_book import LevelBook
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
LOOK_AHEAD_EVENTS = 100_000
"""Of a recording, to see how long it is; one that is longer than that plays at its own speed."""
SLOWEST = 1e-6
OPERATOR = "olivia"
BY_HAND = "manual"


async def run_demo(*, data: Path | None, seconds: float, seed: int, state: Path, card: Path | None = None) -> int:
    """The exit code: 0 when everything was as it should be. ``card``: the folder of a simulated card, as the gate."""
    console = Console(highlight=False)
    folder = state / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder)
    sizing = _look_ahead(open_market(data, seed=seed), seconds)
    settings = _write_settings(sizing, data, seed, state, folder, card)
    process = GatewayProcess(folder)
    gate = f"on a card ({card})" if card else hot.backend()
    console.print(f"starting the gateway: {sizing.title}, mutual TLS, gate {gate}", soft_wrap=True)
    address = process.start(settings)
    console.print(f"the gateway answers on {address} (log: {process.log})\n")
    demo = Demo(console, address, state / "ca", sizing)
    try:
        went_well = await demo.trade(seconds)
        if card is not None and (running := process.running()) is not None:
            went_well = await demo.try_card(card, running[0]) and went_well
        went_well = await demo.kill() and went_well
    finally:
        process.stop()
    verified = demo.verify(folder / "journal.db")
    demo.summary(state / "ca", folder / "journal.db")
    return 0 if went_well and verified else 1


class Demo:
    """One run, as an operator with a certificate would do it."""

    def __init__(self, console: Console, address: str, certificates: Path, sizing: Sizing) -> None:
        self._console = console
        self._address = address
        self._certificates = certificates
        self._sizing = sizing
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
                drawn = draw(self._last, observer, self._sizing.title, ends_at, columns=self._console.width)
                live.update(drawn, refresh=True)
                await asyncio.sleep(REFRESH_S)

    async def _print_lines(self, observer: Observer, ends_at: float) -> None:
        while time.monotonic() < ends_at:
            self._last = await observer.look()
            self._console.print(one_line(self._last, observer), soft_wrap=True)
            await asyncio.sleep(min(LINE_EVERY_S, max(ends_at - time.monotonic(), 0)))

    async def try_card(self, folder: Path, gateway_pid: int) -> bool:
        """A limit, a refusal, a heartbeat that is pulled."""
        async with open_channel(self._certificates, OPERATOR, self._address) as channel:
            story = CardStory(folder, channel, self._say, self._bid_of)
            instrument, lots = self._sizing.instrument, self._sizing.quote_lots
            quantity = instrument.quantity_text(lots)
            went_well = await story.tighten(instrument.instrument, lots, quantity)
            went_well = await story.pull_heartbeat(gateway_pid) and went_well
            story.summary()
            return went_well

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

    def _bid_of(self, lots: int, percent: int) -> order_service_pb2.SubmitOrderRequest:
        return self._bid(Decimal(percent) / 100, lots)

    def _bid(self, share_of_best: Decimal, lots: int | None = None) -> order_service_pb2.SubmitOrderRequest:
        instrument = self._sizing.instrument
        book = next((b for b in self._last.books if b.instrument == instrument.instrument and b.bids), None)
        best = instrument.price_ticks(book.bids[0].price) if book else self._sizing.mid_ticks
        return order_service_pb2.SubmitOrderRequest(
            request_id=str(uuid.uuid4()),
            account="main",
            strategy=BY_HAND,
            instrument=instrument.instrument,
            side=order_pb2.SIDE_BUY,
            type=order_pb2.ORDER_TYPE_LIMIT,
            time_in_force=order_pb2.TIME_IN_FORCE_GTC,
            quantity=instrument.quantity_text(lots or self._sizing.quote_lots),
            price=instrument.price_text(max(1, int(best * share_of_best))),
        )

    async def _try_order(self, orders: order_service_pb2_grpc.OrderServiceStub) -> bool:
        try:
            await orders.SubmitOrder(self._bid(Decimal(1)))
        except grpc.aio.AioRpcError as error:
            details = ErrorDetails(error)
            self._say(f"a new order is refused: {details.code.name} {details.reason}", details.message)
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

    def summary(self, certificates: Path, journal: Path) -> None:
        self._console.print("\n[bold]What happened[/]")
        for line in self._story:
            self._console.print(f"  - {line}", soft_wrap=True)
        self._console.print("\n[bold]Three things to try next[/]")
        for line in (
            f"1. .venv/bin/meltica journal show {journal} --count 5   what was decided, and why",
            "2. make demo DATA=path   the same on a Binance recording or a Nasdaq ITCH 5.0 file",
            "3. make up   leave a gateway running, then ask it over mutual TLS:",
            f"   {lines_to_try('127.0.0.1:50051', certificates)[0]}",
        ):
            self._console.print(f"  {line}", soft_wrap=True, markup=False)

    def _say(self, line: str, detail: str = "") -> None:
        """Now, with the detail; again in the summary, without."""
        self._story.append(line)
        self._console.print(f"{line}\n    {detail}" if detail else line, soft_wrap=True, markup=False)


class Sizing(msgspec.Struct, frozen=True):
    """What the demo found out about its market before it begins."""

    title: str
    instrument: Instrument
    mid_ticks: int
    speed: float

    @property
    def half_spread_ticks(self) -> int:
        return max(1, self.mid_ticks // QUOTE_WIDTH)

    @property
    def quote_lots(self) -> int:
        lots = QUOTE_VALUE_NANOS // max(1, self.instrument.value_nanos(self.mid_ticks, 1))
        return max(self.instrument.min_quantity_lots, lots)


def _look_ahead(source: MarketSource, seconds: float) -> Sizing:
    """The first instrument whose book has two sides, its mid, and how fast to play.

    A recording that is shorter than the demo is played slower, so that it lasts. :raises FieldError: no such book.
    """
    books: dict[str, LevelBook] = {}
    found: tuple[Instrument, int] | None = None
    last_ns = source.start_ns
    for count, event in enumerate(source.events):
        last_ns = event.time_ns
        if found is None and isinstance(event, BookUpdate):
            found = _priced(books, event, source.instruments)
        long_enough = source.endless or (last_ns - source.start_ns) / 1e9 > seconds
        if found is not None and (long_enough or count > LOOK_AHEAD_EVENTS):
            break
    if found is None:
        raise FieldError("data", source.name, "has no book with two sides: nothing to make a market in")
    span_s = (last_ns - source.start_ns) / 1e9
    speed = 1.0 if source.endless or span_s >= seconds else max(span_s / seconds, SLOWEST)
    return Sizing(f"a market maker on {source.name}", *found, speed)


def _priced(
    books: dict[str, LevelBook], event: BookUpdate, instruments: Sequence[Instrument]
) -> tuple[Instrument, int] | None:
    book = books.setdefault(event.instrument, LevelBook())
    book.apply(event)
    bid, ask = book.bids.best, book.asks.best
    if bid is None or ask is None or bid >= ask:
        return None
    return next(i for i in instruments if i.instrument == event.instrument), (bid + ask) // 2


def _write_settings(  # noqa: PLR0917 - all that the demo was started with
    sizing: Sizing, data: Path | None, seed: int, state: Path, folder: Path, card: Path | None
) -> Path:
    """The demo's settings: the market, and a market maker sized for it."""
    half, lots = sizing.half_spread_ticks, sizing.quote_lots
    parameters = {
        "instrument": sizing.instrument.instrument,
        "quantity_lots": lots,
        "half_spread_ticks": half,
        "skew_ticks_at_maximum": half,
        "max_position_lots": 10 * lots,
        "requote_ticks": max(1, half // 4),
    }
    rows = "\n".join(f"{key} = {_toml(value)}" for key, value in parameters.items())
    gate = f'"{hot.backend()}"' if card is None else f'"card"\n\n[card]\nfolder = {_toml(card)}\nwatchdog_ms = 500'
    path = folder / "gateway.toml"
    path.write_text(
        f"state = {_toml(folder)}\ncertificates = {_toml(state / 'ca')}\n"
        f'listen = "127.0.0.1:0"\ngate = {gate}\n\n'
        f"[market]\ndata = {_toml(data or '')}\nseed = {seed}\nspeed = {sizing.speed!r}\n\n"
        f'[[strategies]]\nname = "market-maker"\nkind = "market_maker"\n\n[strategies.parameters]\n{rows}\n',
        "utf-8",
    )
    return path


def _toml(value: object) -> str:
    """Numbers and strings are spelt alike in JSON and in TOML."""
    return msgspec.json.encode(value if isinstance(value, int) else str(value)).decode()
