"""A simulated Nasdaq order-entry venue on TCP: SoupBinTCP 3.00, OUCH 5.0, a real book, and faults on demand.

    python -m sim.venues.nasdaq_ouch --port 0 --account MELTIC:secret --symbol AAPL

It prints ``listening on HOST:PORT`` when it is ready. As a library: ``Venue(Exchange(...))``, ``await venue.start()``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from meltica.venues.nasdaq.soupbintcp import (
    Failed,
    LoginAsked,
    SessionEnded,
    SoupServer,
    State,
    Unsequenced,
)
from sim.venues.nasdaq_ouch_book import Account, Exchange

READ_BYTES: Final = 65_536
IDLE_S: Final = 0.25
"""How long a connection without a deadline sleeps at most."""


@dataclass
class Faults:
    """What goes wrong, by chance; all zero: nothing does. The seed makes it repeatable for one order of messages."""

    seed: int = 0
    kill_before: float = 0.0
    """The connection dies before a message of the client is read: it never arrived."""
    kill_after: float = 0.0
    """It dies after: it arrived, and no answer is on its way."""
    delay_s: float = 0.0
    """Each message is taken so late."""
    left: int = 1_000_000
    """Kills that are still allowed, so that a test comes to an end."""

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)

    def strikes(self, probability: float) -> bool:
        if self.left > 0 and self._chance.random() < probability:
            self.left -= 1
            return True
        return False


class _Connection:
    """One client's connection and its SoupBinTCP session."""

    def __init__(self, venue: Venue, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._venue = venue
        self._reader = reader
        self._writer = writer
        self.soup = SoupServer(**venue.soup_options)
        self.account: Account | None = None
        self.wanted = asyncio.Event()

    async def serve(self) -> None:
        self.soup.connected(self._venue.now_ns())
        reading: asyncio.Task[bytes] | None = None
        try:
            while True:
                await self._write()
                if self.soup.closing() or (self.soup.state is State.ENDED and self._writer.is_closing()):
                    return
                reading = reading or asyncio.create_task(self._reader.read(READ_BYTES))
                await self._wait(reading)
                if reading.done():
                    data, reading = reading.result(), None
                    if not data or not await self._take(data):
                        return
                self.soup.due(self._venue.now_ns())
                self.soup.pump(self._venue.now_ns())
        except OSError:
            return
        finally:
            if reading is not None:
                reading.cancel()
            self.soup.disconnected()
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def kill(self) -> None:
        """As a pulled plug: nothing more is read or written."""
        self._writer.transport.abort()

    async def _write(self) -> None:
        while data := self.soup.take_output(self._venue.now_ns()):
            self._writer.write(data)
            await self._writer.drain()

    async def _wait(self, reading: asyncio.Task[bytes]) -> None:
        deadline = self.soup.next_deadline_ns()
        patience = IDLE_S if deadline is None else max(0.0, (deadline - self._venue.now_ns()) / 1e9)
        woken = asyncio.create_task(self.wanted.wait())
        try:
            await asyncio.wait((reading, woken), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        self.wanted.clear()

    async def _take(self, data: bytes) -> bool:
        """False: the connection is over."""
        while True:
            asked = False
            for event in self.soup.receive(data, self._venue.now_ns()):
                match event:
                    case LoginAsked():
                        asked = True
                        self._login(event)
                    case Unsequenced():
                        if not await self._message(event.payload):
                            return False
                    case SessionEnded() | Failed():
                        await self._write()
                        return False
                    case _:
                        pass
            if not asked:
                return True
            data = b""

    def _login(self, asked: LoginAsked) -> None:
        now_ns = self._venue.now_ns()
        account = self._venue.exchange.accounts.get(asked.username)
        if account is None or account.password != asked.password:
            self.soup.reject("A", now_ns)
        elif self.soup.accept(asked, account.stream, now_ns):
            self.account = account
            self._venue.logins += 1

    async def _message(self, payload: bytes) -> bool:
        faults, account = self._venue.faults, self.account
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        if account is None or faults.strikes(faults.kill_before):
            self.kill()
            return False
        if not self._venue.exchange.take(account, payload, self._venue.now_ns()):
            self.soup.debug(f"not OUCH 5.0: {payload[:32].hex()}", self._venue.now_ns())
        if faults.strikes(faults.kill_after):
            self.kill()
            return False
        self._venue.wake()
        return True


class Venue:
    """The exchange behind a TCP port of the loopback interface."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        faults: Faults | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        **soup_options: int,
    ) -> None:
        """``soup_options``: heartbeat_ns, silence_ns, max_packet of ``SoupServer``."""
        self.exchange = exchange
        self.faults = faults or Faults()
        self.now_ns = now_ns
        self.soup_options = soup_options
        self.logins = 0
        self._connections: dict[_Connection, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; where."""
        self._server = await asyncio.start_server(self._accept, host, port)
        name = self._server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.kill()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def kill_connections(self) -> None:
        for connection in list(self._connections):
            connection.kill()

    def wake(self) -> None:
        """The exchange said something: every connection sends what its stream has got."""
        for connection in self._connections:
            connection.wanted.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        task = asyncio.current_task()
        if task is not None:
            self._connections[connection] = task
        try:
            await connection.serve()
        finally:
            self._connections.pop(connection, None)


async def serve(arguments: argparse.Namespace) -> None:
    exchange = Exchange(symbols=frozenset(arguments.symbol) or None, aiq=arguments.aiq)
    for account in arguments.account:
        username, _, password = account.partition(":")
        exchange.open_account(username, password)
    faults = Faults(arguments.seed, arguments.kill_before, arguments.kill_after, arguments.delay)
    venue = Venue(exchange, faults=faults)
    host, port = await venue.start(arguments.host, arguments.port)
    sys.stdout.write(f"listening on {host}:{port}\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await venue.stop()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.venues.nasdaq_ouch", description="A simulated OUCH 5.0 port.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--account", action="append", default=[], metavar="USER:PASSWORD")
    parser.add_argument("--symbol", action="append", default=[], help="none: every symbol is traded")
    parser.add_argument("--aiq", default="", choices=["", "newest", "oldest", "both"], help="self-match prevention")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kill-before", type=float, default=0.0, help="chance to die before a message is read")
    parser.add_argument("--kill-after", type=float, default=0.0, help="chance to die before it is answered")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each message is taken")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
