"""The gateway's end of the control link: a thread with the sockets around a ``ControlDesk``.

    commands   ROUTER  hellos, beats, reports, drop copies in; answers out
    state      XPUB    a stream for each gate; XPUB_NODROP, so that a slow subscriber is noticed, not skipped

A thread, so that a step of the engine that takes long does not cost every gate its lease; but leases are given only
while the engine calls ``pulse``, since the thread by itself proves nothing about it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Final, TypeVar

import zmq

from meltica.links.control_link_desk import ControlDesk, Published, Routed
from meltica.links.control_link_messages import HEADER, MAX_BODY_BYTES
from meltica.links.control_link_session import Notice, Status
from meltica.links.endpoint import Endpoint
from meltica.links.frames import ZAP_DOMAIN
from meltica.links.keys import KeyRing
from meltica.links.zap import Doorkeeper

HANDSHAKE_MS: Final = 2_000
QUEUED_MESSAGES: Final = 1_024
"""Per gate and direction. A gate that lets its stream grow to this counts as dead."""
MESSAGES_PER_TURN: Final = 256
"""Before time is looked at again."""
REMEMBERED_CONNECTIONS: Final = 256
PING_MS: Final = 1_000
LONGEST_WAIT_MS: Final = 1_000
LOG: Final = logging.getLogger("meltica.control_link")

Socket = zmq.Socket[bytes]
T = TypeVar("T")


class ControlLink:
    """Listens when the constructor returns. Every method may be called from any thread.

    ``told`` is called from the link's own thread with the desk's notices, in order; it must return at once.

    :raises EndpointError, zmq.ZMQError: an endpoint that can't be used.
    """

    def __init__(
        self,
        make_desk: Callable[[int], ControlDesk],
        *,
        commands: str,
        state: str,
        keys: KeyRing,
        told: Callable[[Sequence[Notice]], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """``make_desk`` is given the time of the link's clock, which need not be that of anything else."""
        self._clock = clock
        self._desk = make_desk(clock())
        self._told = told
        self._lock = threading.Lock()
        """Over the desk: its calls are short, and nobody waits for a socket with it."""
        self._claims = _claimed(commands, state)
        self._context: zmq.Context[Socket] = zmq.Context()
        self._doorkeeper = Doorkeeper(self._context, keys)
        secret = keys.control().secret
        self._router, self._publisher = self._socket(zmq.ROUTER, secret), self._socket(zmq.XPUB, secret)
        self._router.router_mandatory = True
        self._publisher.xpub_verbose = True  # Each subscription is told, so that each is answered with the state
        self._publisher.xpub_nodrop = True
        self._wake_in, self._wake_out = self._context.socket(zmq.PAIR), self._context.socket(zmq.PAIR)
        self._wake_lock = threading.Lock()
        try:
            self._router.bind(commands)
            self._publisher.bind(state)
            self._wake_in.bind("inproc://wake")
            self._wake_out.connect("inproc://wake")
        except zmq.ZMQError:
            self._release()
            raise
        self.commands, self.state = self._bound(self._router), self._bound(self._publisher)
        self._users: dict[bytes, str] = {}
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="control-link", daemon=True)
        self._thread.start()

    def tell(self, gate: str, records: Sequence[bytes], *, origin: int = 0) -> int:
        """As ``ControlDesk.tell``; sent by the link's thread at once."""
        return self._with(lambda desk: desk.tell(gate, records, origin=origin))

    def admit(self, gate: str, gate_epoch: int, base: Sequence[bytes] = ()) -> bool:
        return self._with(lambda desk: desk.admit(gate, gate_epoch, base))

    def arm(self, gate: str) -> None:
        self._with(lambda desk: desk.arm(gate))

    def disarm(self, gate: str) -> None:
        self._with(lambda desk: desk.disarm(gate))

    def retire(self, gate: str) -> None:
        self._with(lambda desk: desk.retire(gate))

    def keep(self, gate: str, kept: int) -> None:
        self._with(lambda desk: desk.keep(gate, kept))

    def pulse(self) -> None:
        """The engine lives; call it at least every second."""
        with self._lock:
            self._desk.pulse(self._clock())

    def status(self) -> list[Status]:
        with self._lock:
            return self._desk.status()

    def silence_ns(self, status: Status) -> int:
        return self._clock() - status.heard_ns if status.heard_ns else 0

    def counts(self) -> dict[str, int]:
        with self._lock:
            return {**self._desk.counts, "keys_refused": self._doorkeeper.counts["refused"]}

    def close(self) -> None:
        """Idempotent. The gates notice within their lease."""
        if not self._ending:
            self._ending = True
            self._wake()
            self._thread.join()
            self._release()

    def _with(self, act: Callable[[ControlDesk], T]) -> T:
        with self._lock:
            result = act(self._desk)
            waiting = bool(self._desk.outbox or self._desk.notices)
        if waiting and not self._ending:
            self._wake()
        return result

    def _wake(self) -> None:
        with self._wake_lock, suppress(zmq.Again):  # Full: it will wake up anyhow
            self._wake_out.send(b"", zmq.DONTWAIT)

    # The thread

    def _run(self) -> None:
        try:
            poller = zmq.Poller()
            for socket in (self._doorkeeper.socket, self._router, self._publisher, self._wake_in):
                poller.register(socket, zmq.POLLIN)
            while not self._ending:
                ready = dict(poller.poll(self._patience_ms()))
                self._turn(ready)
        except Exception:
            LOG.exception("the control link has failed: every gate trips when its lease is over")
            raise

    def _turn(self, ready: dict[object, int]) -> None:
        with self._lock:
            self._desk.due(self._clock())
        if self._wake_in in ready:
            self._drain(self._wake_in, lambda _parts: None)
        if self._doorkeeper.socket in ready:
            self._doorkeeper.serve()
        if self._router in ready:
            self._receive()
        if self._publisher in ready:
            self._drain(self._publisher, self._subscribed)
        self._flush()

    def _patience_ms(self) -> int:
        with self._lock:
            due_ns = self._desk.next_due_ns()
        wait_ns = LONGEST_WAIT_MS * 1_000_000 if due_ns is None else max(0, due_ns - self._clock())
        return min(LONGEST_WAIT_MS, -(-wait_ns // 1_000_000))

    def _receive(self) -> None:
        with suppress(zmq.Again):
            for _ in range(MESSAGES_PER_TURN):
                peer, user, message = self._next()
                with self._lock:
                    self._desk.receive(peer, user, message, self._clock())

    def _next(self) -> tuple[bytes, str, bytes]:
        """Asking libzmq who sent a frame is slow, so it is asked once per connection (see ``gate_server``)."""
        peer = self._router.recv(zmq.DONTWAIT)
        frame = self._router.recv(zmq.DONTWAIT, copy=False)
        if (user := self._users.get(peer)) is None:
            user = str(frame.get("User-Id"))
            if peer.startswith(b"\0"):
                self._users[peer] = user
                if len(self._users) > REMEMBERED_CONNECTIONS:
                    del self._users[next(iter(self._users))]
        message = frame.bytes
        if frame.more:
            self._router.recv_multipart(zmq.DONTWAIT)
            message = b""
        return peer, user, message

    def _subscribed(self, parts: list[bytes]) -> None:
        if parts[0][:1] == b"\1":
            with self._lock:
                self._desk.subscribed(parts[0][1:])

    def _drain(self, socket: Socket, take: Callable[[list[bytes]], None]) -> None:
        with suppress(zmq.Again):
            for _ in range(MESSAGES_PER_TURN):
                take(socket.recv_multipart(zmq.DONTWAIT))

    def _flush(self) -> None:
        """Messages out, notices up, until neither is there: a subscriber that is too slow makes new notices."""
        while True:
            with self._lock:
                outgoing, notices = list(self._desk.outbox), list(self._desk.notices)
                self._desk.outbox.clear()
                self._desk.notices.clear()
            if not outgoing and not notices:
                return
            for message in outgoing:
                self._send(message)
            if notices:
                self._told(notices)

    def _send(self, message: Routed | Published) -> None:
        try:
            if isinstance(message, Routed):
                self._router.send_multipart(list(message), zmq.DONTWAIT)
            else:
                self._publisher.send_multipart(list(message), zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if isinstance(message, Published) and error.errno == zmq.EAGAIN:
                with self._lock:
                    self._desk.unsent(message.topic, self._clock())
            elif error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):  # Gone, or deaf: silence will tell
                raise

    def _socket(self, kind: int, secret: bytes) -> Socket:
        socket = self._context.socket(kind)
        socket.curve_server = True
        socket.curve_secretkey = secret
        socket.zap_domain = ZAP_DOMAIN.encode()
        socket.linger = 0
        socket.handshake_ivl = HANDSHAKE_MS
        socket.maxmsgsize = MAX_BODY_BYTES + HEADER.size
        socket.rcvhwm = socket.sndhwm = QUEUED_MESSAGES
        socket.heartbeat_ivl, socket.heartbeat_timeout = PING_MS, 3 * PING_MS
        return socket

    @staticmethod
    def _bound(socket: Socket) -> str:
        """With the real port when tcp port 0 was asked for."""
        return bytes(socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()

    def _release(self) -> None:
        for socket in (self._router, self._publisher, self._wake_in, self._wake_out):
            socket.close()
        self._doorkeeper.close()
        self._context.term()
        for claim in self._claims:
            claim.close()


def _claimed(*endpoints: str) -> list[Endpoint]:
    """All or none."""
    with ExitStack() as opened:
        claims = []
        for endpoint in endpoints:
            claim = Endpoint(endpoint)
            opened.callback(claim.close)
            claims.append(claim)
        opened.pop_all()
        return claims
