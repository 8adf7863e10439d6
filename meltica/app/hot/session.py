"""The venue's session as Python sees it: connect, log in, hand the socket to the order loop, begin again when lost.

The loop owns a session from the moment it is offered one; this thread only opens and closes descriptors. It asks for
the packets that the journal does not have, so that nothing that the venue said is missed.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from meltica.app.hot.settings import VenueSettings, read_password
from meltica.domain.errors import MelticaError
from meltica.hot.hot_parts import EntryKind, HotJournal, OrderLoop, OuchPort
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.ouch50 import CODEC

CONNECT_WITHIN_S: Final = 3.0
AGAIN_AFTER_S: Final = 1.0
AGAIN_AFTER_REJECT_S: Final = 5.0
"""Nasdaq locks a port out that tries too often."""
LOOK_EVERY_S: Final = 0.02
ACCEPTED_BYTES: Final = 3 + wire.ACCEPTED
REJECTED_BYTES: Final = 4


class LoginError(MelticaError):
    """The venue took us not; ``final`` when trying again makes no sense."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class SessionKeeper(threading.Thread):
    """``tell`` is given a sentence whenever the state changes."""

    def __init__(
        self,
        settings: VenueSettings,
        loop: OrderLoop,
        port: OuchPort,
        journal: HotJournal,
        *,
        session: str,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(name="session", daemon=True)
        self._settings, self._loop, self._port, self._journal = settings, loop, port, journal
        self._session = session
        self._tell = tell
        self._ended = threading.Event()
        self.connections = 0

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                connection = self._log_in()
            except (OSError, LoginError, wire.RemoteError) as error:
                self._tell(f"no session: {error}")
                if isinstance(error, LoginError) and error.final:
                    return
                self._ended.wait(AGAIN_AFTER_REJECT_S if isinstance(error, LoginError) else AGAIN_AFTER_S)
                continue
            with connection:
                self._keep(connection)

    def end(self) -> None:
        """After the loop has ended: nobody uses the descriptor any more."""
        self._ended.set()
        self.join()

    def _keep(self, connection: socket.socket) -> None:
        number = self._loop.offer_session(connection.fileno())
        self.connections += 1
        self._tell(f"logged in to session {self._session!r}")
        while self._loop.session_lost < number and not self._ended.wait(LOOK_EVERY_S):
            pass
        if self._ended.is_set():
            self._log_out(connection)
        else:
            self._tell(f"session {self._session!r} was lost; logging in again")
            self._ended.wait(AGAIN_AFTER_S)

    def _log_in(self) -> socket.socket:
        settings = self._settings
        password = read_password(settings.password_file)
        connection = socket.create_connection((settings.host, settings.port), CONNECT_WITHIN_S)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = self._session or settings.session
            connection.sendall(wire.login_request(settings.username, password, asked, self._port.soup_sequence))
            self._accepted(self._answer(connection))
            if settings.account_query:
                connection.sendall(wire.packet("U", CODEC.encode(CODEC.make("inbound", "Q", {}))))
            connection.setblocking(False)
        except BaseException:
            connection.close()
            raise
        return connection

    def _answer(self, connection: socket.socket) -> bytes:
        """The login's answer and not a byte more: what follows is the loop's."""
        deadline = time.monotonic() + CONNECT_WITHIN_S
        while True:
            head = _exactly(connection, 3, deadline)
            body = _exactly(connection, int.from_bytes(head[:2], "big") - 1, deadline)
            if head[2:] not in (b"+", b"H"):
                return head[2:] + body

    def _accepted(self, answer: bytes) -> None:
        kind, payload = answer[:1], answer[1:]
        if kind == b"J":
            why = {b"A": "not authorised", b"S": "the session or sequence number is not available"}
            hint = "; if it is a new trading day, start with --new-day" if payload == b"S" else ""
            raise LoginError(f"login rejected: {why.get(payload, repr(payload))}{hint}")
        if kind != b"A":
            raise LoginError(f"the venue answered the login with {answer[:16]!r}")
        accepted = wire.read_accepted(payload)
        if self._session and accepted.session != self._session:
            raise LoginError(
                f"the venue is in session {accepted.session!r}, the journal in {self._session!r}: start with --new-day",
                final=True,
            )
        if accepted.sequence != self._port.soup_sequence:
            raise LoginError(f"asked for message {self._port.soup_sequence}, the venue begins with {accepted.sequence}")
        if not self._session:
            # The loop has no session, so nobody else writes.
            self._session = accepted.session
            self._journal.write(EntryKind.SESSION, accepted.session.encode("ascii"), time_ns=time.time_ns())

    @staticmethod
    def _log_out(connection: socket.socket) -> None:
        try:
            connection.setblocking(True)
            connection.settimeout(CONNECT_WITHIN_S)
            connection.sendall(wire.packet("O"))
        except OSError:
            return  # It is over either way


def _exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    found = b""
    while len(found) < size:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        part = connection.recv(size - len(found))
        if not part:
            raise LoginError("the venue closed the connection instead of answering the login")
        found += part
    return found
