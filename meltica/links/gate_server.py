"""The gate in a process of its own: ``python -m meltica.links.gate_server --endpoint ... --keys ...``.

It prints one line when it is ready and one when it ends; SIGTERM and SIGINT end it cleanly. What it answers is in
``gate_desk``, this is the shell with the sockets.

The lease is 1,000 ms by default, with five heartbeats in it. That is for Python on a shared machine: a snapshot, a
garbage collection or a neighbour on the same core may stop a process for some hundred milliseconds, and a trip stops
trading until somebody arms the gate again. With cores of its own a site may say ``--lease-ms 250``.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final, Self

import msgspec
import zmq

from meltica.domain.errors import MelticaError
from meltica.hot import Gate, backend
from meltica.links.endpoint import Endpoint
from meltica.links.frames import HEADER, MAX_BODY_BYTES, ZAP_DOMAIN, GateShape
from meltica.links.gate_desk import MILLISECOND_NS, GateDesk
from meltica.links.keys import KeyRing
from meltica.links.zap import Doorkeeper

DEFAULT_LEASE_MS: Final = 1_000
MIN_LEASE_MS: Final = 20
HANDSHAKE_MS: Final = 2_000
QUEUED_MESSAGES: Final = 4_096
"""In each direction per client; a client has at most 256 unanswered ones, so a full queue is a broken client."""
MESSAGES_PER_TURN: Final = 64
"""Before the doorkeeper and the lease are looked at again."""
REMEMBERED_CONNECTIONS: Final = 256
"""Of whom the key is known without asking; two per client."""
DEAD_PEER_LEASES: Final = 10
"""A connection that answers no ZMTP ping for so many leases is closed (a vanished host)."""
LOG: Final = logging.getLogger("meltica.gate")

Context = zmq.Context[zmq.Socket[bytes]]


class GateServer:
    """Owns the gate and the sockets; ``run`` until a signal, or until stdin closes when that is asked for."""

    def __init__(self, endpoint: str, keys: KeyRing, shape: GateShape, *, lease_ms: int = DEFAULT_LEASE_MS) -> None:
        pair = keys.gate()
        keys.client()
        gate = Gate(**msgspec.structs.asdict(shape))
        self.desk = GateDesk(gate, shape, lease_ns=lease_ms * MILLISECOND_NS, pid=os.getpid())
        self._endpoint = Endpoint(endpoint)
        self._context: Context = zmq.Context()
        self.doorkeeper = Doorkeeper(self._context, keys)
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.curve_server = True
        self._socket.curve_secretkey = pair.secret
        self._socket.zap_domain = ZAP_DOMAIN.encode()
        self._socket.linger = 0
        self._socket.handshake_ivl = HANDSHAKE_MS
        self._socket.maxmsgsize = MAX_BODY_BYTES + HEADER.size
        self._socket.rcvhwm = self._socket.sndhwm = QUEUED_MESSAGES
        self._socket.heartbeat_ivl = lease_ms
        self._socket.heartbeat_timeout = DEAD_PEER_LEASES * lease_ms
        self._users: dict[bytes, str] = {}
        self._bind()
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self.doorkeeper.socket, zmq.POLLIN)

    @property
    def endpoint(self) -> str:
        """Where it listens; with the real port when tcp port 0 was asked for."""
        return bytes(self._socket.getsockopt(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, wake: socket.socket, *, until_stdin_closes: bool) -> None:
        """``wake`` becomes readable when a signal came."""
        self._poller.register(wake.fileno(), zmq.POLLIN)
        stdin = sys.stdin.fileno() if until_stdin_closes else -1
        if until_stdin_closes:
            self._poller.register(stdin, zmq.POLLIN)
        while True:
            ready = dict(self._poller.poll(self._patience_ms()))
            if self.desk.expire(time.monotonic_ns()):
                LOG.warning("tripped: the client was silent for longer than the lease; it must arm the gate again")
            if wake.fileno() in ready or (stdin in ready and not os.read(stdin, 4096)):
                return
            if self.doorkeeper.socket in ready:
                self.doorkeeper.serve()
            if self._socket in ready:
                self._serve()

    def close(self) -> None:
        self._socket.close()
        self.doorkeeper.close()
        self._context.term()
        self._endpoint.close()

    def _bind(self) -> None:
        try:
            self._socket.bind(self._endpoint.text)
        except zmq.ZMQError:
            self.close()
            raise

    def _patience_ms(self) -> int | None:
        expiry_ns = self.desk.next_expiry_ns()
        return None if expiry_ns is None else max(0, expiry_ns - time.monotonic_ns()) // MILLISECOND_NS + 1

    def _serve(self) -> None:
        for _ in range(MESSAGES_PER_TURN):
            if not int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                return
            peer, user, message = self._receive()
            answer = self.desk.receive(user, message, time.monotonic_ns())
            with suppress(zmq.Again):  # Its queue is full: the client misses an answer and gives the gate up
                self._socket.send_multipart([peer, answer], zmq.DONTWAIT)

    def _receive(self) -> tuple[bytes, str, bytes]:
        """Whom to answer, who that is, and the one frame that it sent (empty when there were more).

        Asking libzmq who sent a frame takes longer than all else here, so it is asked once per connection. A routing
        id that begins with a zero byte was drawn by libzmq and is not used twice; others are the peer's own choice.
        (An allowed peer that forges one gains nothing: it still needs the session's number, which only we two know.)
        """
        peer = self._socket.recv(zmq.DONTWAIT)
        if (user := self._users.get(peer)) is None:
            frame = self._socket.recv(zmq.DONTWAIT, copy=False)
            user, message, more = str(frame.get("User-Id")), frame.bytes, frame.more
            if peer.startswith(b"\0"):
                self._users[peer] = user
                if len(self._users) > REMEMBERED_CONNECTIONS:
                    del self._users[next(iter(self._users))]
        else:
            message = self._socket.recv(zmq.DONTWAIT)
            more = bool(self._socket.getsockopt(zmq.RCVMORE))
        if more:
            self._socket.recv_multipart(zmq.DONTWAIT)
            message = b""
        return peer, user, message


def main(arguments: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    options = _parser().parse_args(arguments)
    shape = GateShape(
        max_instruments=options.max_instruments,
        max_accounts=options.max_accounts,
        duplicate_depth=options.duplicate_depth,
        reference_future_tolerance_ns=options.reference_future_tolerance_ns,
        max_strategies=options.max_strategies,
        max_working_orders=options.max_working_orders,
        leased=options.leased,
    )
    wake, woken = socket.socketpair()
    with wake, woken:
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _noted)
        try:
            with GateServer(options.endpoint, KeyRing(options.keys), shape, lease_ms=options.lease_ms) as server:
                gc.freeze()
                facts = f"pid={os.getpid()} backend={backend()} lease_ms={options.lease_ms}"
                _say(f"ready endpoint={server.endpoint} {facts}")
                server.run(wake, until_stdin_closes=options.until_stdin_closes)
                _say(f"ended {' '.join(f'{name}={n}' for name, n in sorted(server.desk.counts.items()))}")
        except (MelticaError, ValueError, zmq.ZMQError) as error:
            LOG.error("cannot start: %s", error)  # noqa: TRY400 - the operator's fault: the sentence is enough
            return 1
        finally:
            signal.set_wakeup_fd(-1)
    return 0


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor tells the loop."""


def _say(line: str) -> None:
    with suppress(BrokenPipeError):  # Whoever started us may be gone
        os.write(1, f"gate {line}\n".encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m meltica.links.gate_server", description=__doc__)
    usual = GateShape()
    parser.add_argument("--endpoint", required=True, help="ipc:///absolute/path or tcp://address:port")
    parser.add_argument("--keys", required=True, type=Path, help="folder of CURVE keys, made on first use")
    parser.add_argument("--max-instruments", type=int, default=usual.max_instruments)
    parser.add_argument("--max-accounts", type=int, default=usual.max_accounts)
    parser.add_argument("--duplicate-depth", type=int, default=usual.duplicate_depth)
    parser.add_argument("--reference-future-tolerance-ns", type=int, default=usual.reference_future_tolerance_ns)
    parser.add_argument("--max-strategies", type=int, default=usual.max_strategies)
    parser.add_argument("--max-working-orders", type=int, default=usual.max_working_orders)
    parser.add_argument("--leased", action="store_true", help="orders pass only up to the time of a Lease record")
    parser.add_argument("--lease-ms", type=_lease_ms, default=DEFAULT_LEASE_MS, help="silence that trips the gate")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that holds our stdin")
    return parser


def _lease_ms(text: str) -> int:
    value = int(text)
    if value < MIN_LEASE_MS:
        raise argparse.ArgumentTypeError(f"a lease has at least {MIN_LEASE_MS} ms")
    return value


if __name__ == "__main__":
    sys.exit(main())
