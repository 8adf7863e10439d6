"""The TCP connection under an order-entry session: moves its bytes, calls it when its time has come, connects again.

Nothing of the protocol is here. A lost connection is tried again at once, then after growing pauses; a login that the
venue refuses ends the transport, because trying again can lock the account.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Protocol

from meltica.domain.reports import VenueReport
from meltica.venues.nasdaq.soupbintcp import Fault, RemoteError

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 30.0
CONNECT_TIMEOUT_S: Final = 5.0
READ_BYTES: Final = 65_536


class OrderEntry(Protocol):
    """What the transport needs of a session."""

    ended: bool
    error: RemoteError | None

    def connected(self, now_ns: int) -> None: ...
    def take_bytes(self, data: bytes, now_ns: int) -> Sequence[VenueReport]: ...
    def take_output(self, now_ns: int) -> bytes: ...
    def due(self, now_ns: int) -> Sequence[VenueReport]: ...
    def next_deadline_ns(self) -> int | None: ...
    def disconnected(self) -> None: ...
    def closing(self) -> bool: ...


class Transport:
    """One session's connection. ``run`` until it is cancelled, stopped, or there is nothing more to come."""

    def __init__(
        self,
        session: OrderEntry,
        host: str,
        port: int,
        *,
        now_ns: Callable[[], int],
        reports: Callable[[Sequence[VenueReport]], None],
        chance: Random,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._session = session
        self._address = host, port
        self._now_ns = now_ns
        self._reports = reports
        self._chance = chance
        self._pauses = first_pause_s, longest_pause_s
        self._wanted = asyncio.Event()
        self._stopping = False
        self.connections = 0
        """How often a connection was made."""

    def kick(self) -> None:
        """The session was told something: its bytes want to go out now."""
        self._wanted.set()

    def stop(self) -> None:
        """Close the connection and return from ``run``."""
        self._stopping = True
        self._wanted.set()

    async def run(self) -> None:
        """:raises RemoteError: the venue refuses the login."""
        failures = 0
        while not (self._stopping or self._session.ended):
            if failures:
                await self._pause(failures)
            failures += 1
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    reader, writer = await asyncio.open_connection(*self._address)
            except (OSError, TimeoutError):
                self._tell(self._session.due(self._now_ns()))  # Cancels and refusals do not wait for the network
                continue
            self.connections += 1
            if await self._converse(reader, writer):
                failures = 0
            error = self._session.error
            if error is not None and error.fault is Fault.OURS:
                raise error

    def pause_s(self, failures: int) -> float:
        """Twice as long after each failure, up to the longest, and between half and all of that by chance."""
        first, longest = self._pauses
        return min(longest, first * 2.0 ** min(failures - 1, 16)) * self._chance.uniform(0.5, 1.0)

    async def _pause(self, failures: int) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.pause_s(failures)):
                while not self._stopping:
                    await self._wanted.wait()
                    self._wanted.clear()
                    self._tell(self._session.due(self._now_ns()))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One connection from its beginning to its end; True: the other side has said something on it."""
        heard = False
        self._session.connected(self._now_ns())
        reading: asyncio.Task[bytes] | None = None
        try:
            while not self._stopping:
                await self._write(writer)
                if self._session.closing() or self._session.ended:
                    break
                reading = reading or asyncio.create_task(reader.read(READ_BYTES))
                await self._wait(reading)
                if reading.done():
                    data, reading = reading.result(), None
                    if not data:
                        break
                    heard = True
                    self._tell(self._session.take_bytes(data, self._now_ns()))
                self._tell(self._session.due(self._now_ns()))
        except OSError:
            pass  # The connection is gone: the session hears it below, like every other end
        finally:
            if reading is not None:
                reading.cancel()
            self._session.disconnected()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return heard

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        while data := self._session.take_output(self._now_ns()):
            writer.write(data)
            await writer.drain()

    async def _wait(self, reading: asyncio.Task[bytes]) -> None:
        """Until there are bytes, something to send, or a deadline."""
        deadline = self._session.next_deadline_ns()
        patience = None if deadline is None else max(0.0, (deadline - self._now_ns()) / 1e9)
        woken = asyncio.create_task(self._wanted.wait())
        try:
            await asyncio.wait((reading, woken), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        self._wanted.clear()

    def _tell(self, reports: Sequence[VenueReport]) -> None:
        if reports:
            self._reports(reports)
