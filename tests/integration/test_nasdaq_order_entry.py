"""Order entry over TCP on loopback: our sessions and the hot path's port against the simulated venue."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from random import Random

import pytest

from meltica.domain.order import Side
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.hot import Action, OrderIntent, TimeInForce, load
from meltica.hot import Side as HotSide
from meltica.hot.layout_gen import DropCopyRecord, DropKind, SymbolRecord
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.soupbintcp import RemoteError
from meltica.venues.nasdaq.transport import Transport
from sim.venues.nasdaq_ouch import Faults, Venue
from sim.venues.nasdaq_ouch_book import Exchange
from tests.unit.venues.ouch_line import cancel, order, remembered, replace, session

BUY, SELL = Side.BUY, Side.SELL
PATIENCE_S = 20


class Client:
    """A session on a transport, and what it has heard."""

    def __init__(self, username: str, address: tuple[str, int], **options) -> None:
        self.session = session(username, **options)
        self.heard: list = []
        self.news = asyncio.Event()
        self.transport = Transport(
            self.session, *address, now_ns=time.time_ns, reports=self._take, chance=Random(1), first_pause_s=0.01,
            longest_pause_s=0.1,
        )  # fmt: skip
        self.task = asyncio.create_task(self.transport.run())

    def _take(self, reports) -> None:
        self.heard += reports
        self.news.set()

    def send(self, command) -> None:
        self.session.send(command, time.time_ns())
        self.transport.kick()

    async def until(self, condition) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.news.wait()
                self.news.clear()

    async def ready(self) -> None:
        await self.until(lambda: self.session.ready)

    def kinds(self) -> list[str]:
        return [r.exec_type.value if isinstance(r, ExecutionReport) else "CancelReject" for r in self.heard]

    async def close(self) -> None:
        self.transport.stop()
        await asyncio.wait_for(self.task, PATIENCE_S)


@contextlib.asynccontextmanager
async def running(faults: Faults | None = None, **soup_options: int):
    exchange = Exchange()
    for name in ("OURS", "OTHERS"):
        exchange.open_account(name, "pw")
    venue = Venue(exchange, faults=faults, **soup_options)
    address = await venue.start()
    clients: list[Client] = []
    try:
        yield venue, lambda name, **options: clients.append(Client(name, address, **options)) or clients[-1]
    finally:
        for client in clients:
            await client.close()
        await venue.stop()


async def test_a_day_of_two_traders() -> None:
    async with running() as (venue, connect):
        ours, others = connect("OURS"), connect("OTHERS")
        await ours.ready()
        await others.ready()
        ours.send(order(1, BUY, 300, 10))
        await ours.until(lambda: ours.kinds() == ["New"])
        others.send(order(1, SELL, 100, 10))
        await ours.until(lambda: ours.kinds() == ["New", "Trade"])
        ours.send(replace(1, "m1r", 400, 10.5))
        await ours.until(lambda: ours.kinds()[-1] == "Replaced")
        ours.send(cancel(1, "m1c", "m1r"))
        await ours.until(lambda: ours.kinds()[-1] == "Canceled")
        venue.exchange.end_of_day()
        venue.wake()
        await ours.until(lambda: ours.session.ended)
        await asyncio.wait_for(ours.task, PATIENCE_S)  # nothing more to come: the transport ends by itself
        assert venue.logins == 2


async def test_a_process_that_ended_between_send_and_answer_is_followed_by_one_that_knows() -> None:
    async with running() as (venue, connect):
        ours = connect("OURS")
        await ours.ready()
        ours.send(order(1, BUY, 300, 10))
        await ours.until(lambda: ours.kinds() == ["New"])
        await ours.close()
        again = connect("OURS")
        again.session.restore([remembered(1, 300), remembered(2)])  # The second one never left.
        await again.ready()
        assert venue.logins == 3, "once to ask where the stream stands"
        assert [(r.client_order_id, r.exec_type) for r in again.heard] == [
            ("m1", ExecType.NEW),
            ("m2", ExecType.REJECTED),
        ]
        again.send(cancel(1, "m1c"))
        await again.until(lambda: again.kinds()[-1] == "Canceled")
        again.send(order(3, BUY, 100, 10))
        await again.until(lambda: again.kinds()[-1] == "New")


async def test_a_wrong_password_ends_the_transport() -> None:
    async with running() as (venue, connect):
        venue.exchange.accounts["OURS"].password = "other"
        ours = connect("OURS")
        with pytest.raises(RemoteError, match="not authorised"):
            await asyncio.wait_for(ours.task, PATIENCE_S)
        ours.task = asyncio.create_task(asyncio.sleep(0))
        assert ours.transport.connections == 1


async def test_heartbeats_keep_a_quiet_connection_alive() -> None:
    async with running(heartbeat_ns=20_000_000, silence_ns=2_000_000_000) as (venue, connect):
        ours = connect("OURS")
        await ours.ready()
        await asyncio.sleep(2.2)  # our client says something every second: often enough
        assert (venue.logins, ours.session.ready) == (1, True)


async def test_a_silent_client_is_dropped() -> None:
    async with running(heartbeat_ns=20_000_000, silence_ns=100_000_000) as (venue, _):
        host, port = venue._server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port)
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() in (b"", wire.packet("H") * 4, wire.packet("H") * 3)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_venue_that_dies_all_the_time_loses_and_doubles_nothing(seed: int) -> None:
    faults = Faults(seed, kill_before=0.06, kill_after=0.06, left=25)
    async with running(faults) as (venue, connect):
        ours = connect("OURS", resend_within_ns=10**12)
        for number in range(1, 61):
            await ours.ready()
            ours.send(order(number, BUY if number % 2 else SELL, 100, 10))
            if number % 7 == 0:
                await ours.until(lambda n=number: any(r.client_order_id == f"m{n}" for r in ours.heard))
        await ours.until(
            lambda: sum(venue_leaves(venue)) == 0 and len(executed(ours.heard)) == 2 * len(venue.exchange.trades)
        )
        trades = {f"SIM0000001-{t.match}{side}": t.shares for t in venue.exchange.trades for side in "BS"}
        assert executed(ours.heard) == trades, f"seed {seed}"
        assert sum(trades.values()) == 100 * len({r.client_order_id for r in ours.heard if new(r)}), f"seed {seed}"
        assert ours.transport.connections > 3
        assert faults.left < 25


def executed(reports) -> dict[str, int]:
    found = [r for r in reports if isinstance(r, ExecutionReport) and r.exec_type is ExecType.TRADE]
    assert len({r.execution_id for r in found}) == len(found)
    return {r.execution_id: r.last_quantity_lots for r in found}


def new(report) -> bool:
    return isinstance(report, ExecutionReport) and report.exec_type is ExecType.NEW


def venue_leaves(venue: Venue) -> list[int]:
    return [resting.leaves for account in venue.exchange.accounts.values() for resting in account.live.values()]


async def test_garbage_closes_the_connection_and_nothing_else() -> None:
    async with running() as (venue, connect):
        ours = connect("OURS")
        await ours.ready()
        host, port = venue._server.sockets[0].getsockname()
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00", b"\x00\x01?", b"\x00\x05Uhello"):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(junk)
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        ours.send(order(1, BUY, 100, 10))
        await ours.until(lambda: ours.kinds() == ["New"])


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_the_port_of_the_hot_path_trades_with_the_venue(backend: str) -> None:
    """A blocking socket, as in the hot loop: bytes of the port out, bytes of the venue in."""
    asked = [sys.executable, "-m", "sim.venues.nasdaq_ouch", "--account", "HOT:pw", "--symbol", "CVLT"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as venue:
        try:
            host, port = venue.stdout.readline().split()[-1].rsplit(":", 1)
            with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as line:
                kinds = trade(load(backend).OuchPort(), line)
        finally:
            venue.terminate()
    assert kinds == [
        (DropKind.SESSION_UP, 0, 0), (DropKind.ACCEPTED, 1, 300), (DropKind.ACCEPTED, 2, 100),
        (DropKind.EXECUTED, 1, 200), (DropKind.EXECUTED, 2, 0), (DropKind.REPLACED, 1, 250), (DropKind.CANCELED, 1, 0),
    ]  # fmt: skip


def trade(port, line: socket.socket) -> list[tuple[int, int, int]]:
    port.set_symbol(SymbolRecord(1, 1, int.from_bytes(b"CVLT    ", "little"), 100, 1))
    line.sendall(wire.login_request("HOT", "pw", "", 1))

    def order_of(action: int, order_id: int, side: int, lots: int, price: int) -> bytes:
        intent = OrderIntent(
            action=action, side=side, instrument_id=1, account_id=1, order_id=order_id, quantity_lots=lots, time_ns=0,
            price_ticks=price, tif=TimeInForce.DAY,
        )  # fmt: skip
        data = port.encode_intent(intent, lots)
        assert isinstance(data, bytes)
        return data

    line.sendall(order_of(Action.NEW, 1, HotSide.BUY, 300, 1_000))
    line.sendall(order_of(Action.NEW, 2, HotSide.SELL, 100, 1_000))
    buffer, found = b"", []
    while True:
        result, record, used, _ = port.decode_packet(buffer)
        if used == 0:
            data = line.recv(4_096)
            assert data
            buffer += data
            continue
        buffer = buffer[used:]
        if result == 1:
            copy = DropCopyRecord.from_bytes(record)
            found.append((copy.kind, copy.order_id, copy.leaves_lots))
            if copy.kind == DropKind.EXECUTED and copy.order_id == 2:
                line.sendall(order_of(Action.REPLACE, 1, HotSide.BUY, 250, 1_010))
            if copy.kind == DropKind.REPLACED:
                line.sendall(order_of(Action.CANCEL, 1, HotSide.BUY, 0, 0))
            if copy.kind == DropKind.CANCELED:
                return found
