"""The hot process' end of the control link: for its side thread, never for the loop itself.

    link = HotLink("edge-1", gate_epoch=epoch, keys=ring.client(), gateway_public=ring.control_public(),
                   commands="ipc:///run/meltica/control.sock", state="ipc:///run/meltica/state.sock", drops=store)
    link.connect()
    while running:
        for record in link.poll(timeout_ms=5):     # limits, marks, kill, lease, ... as bytes of proto/hot/layout.toml
            give_to_the_gate(record)               # in this order; each comes exactly once
        link.report(uses_of_the_gate())            # after the gate holds them: this is what confirms a smaller slice
        link.send_drop_copies(first, block)        # new ones, after they are in the store

A lease is a record like any other (``until_ns``), so a gate trips by itself when this thread dies or stands still.
``now_ns`` is the clock of the lease: orders must be stamped with it (Unix time at the start, monotonic from there).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Self

import zmq

from meltica.links.control_link_messages import DROP_BYTES, MAX_BODY_BYTES, MAX_DROPS, TOPIC, Use
from meltica.links.hot_link_desk import MILLISECOND_NS, Health, HotDesk
from meltica.links.hot_link_drops import DropStore
from meltica.links.hot_link_phase import Phase
from meltica.links.keys import KeyPair

HANDSHAKE_MS: Final = 2_000
RECONNECT_MS: Final = 50
RECONNECT_MAX_MS: Final = 500
QUEUED_MESSAGES: Final = 4_096
"""In each direction: what is beyond is asked for again (the stream) or waits in the store (drop copies)."""
MESSAGES_PER_TURN: Final = 256
PING_MS: Final = 1_000
"""ZMTP pings find a host that vanished without closing its connection; the lease does not depend on them."""
LOG: Final = logging.getLogger("meltica.hot_link")

Socket = zmq.Socket[bytes]


def steady_clock() -> Callable[[], int]:
    """Unix time now, monotonic time from here: a stepped system clock can neither end nor lengthen a lease."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    return lambda: offset_ns + time.monotonic_ns()


class HotLink:
    """All of it belongs to one thread. Only ``poll`` waits for the gateway, and no longer than it is told."""

    def __init__(
        self,
        gate: str,
        *,
        gate_epoch: int,
        keys: KeyPair,
        gateway_public: bytes,
        commands: str,
        state: str,
        drops: DropStore,
        remembers: bool = False,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """``gate_epoch``: greater with each life of the gate's memory (its start in Unix nanoseconds will do).

        ``remembers``: the gate has its positions and working orders from its own journal; else they are among the first
        records. ``commands`` and ``state`` are the gateway's two endpoints, ``ipc://`` or ``tcp://``.
        """
        self.now_ns = clock or steady_clock()
        self._desk = HotDesk(gate, gate_epoch=gate_epoch, drops=drops, pid=os.getpid(), remembers=remembers)
        self._keys, self._gateway_public = keys, gateway_public
        self._endpoints = commands, state
        self._context: zmq.Context[Socket] = zmq.Context()
        self._dealer: Socket | None = None
        self._subscriber: Socket | None = None
        self._poller = zmq.Poller()
        self._phase = Phase.ALONE

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Opens the sockets; libzmq connects, and connects again, by itself.

        :raises zmq.ZMQError: an endpoint that is none.
        """
        commands, state = self._endpoints
        dealer, subscriber = self._socket(zmq.DEALER), self._socket(zmq.SUB)
        self._dealer, self._subscriber = dealer, subscriber
        dealer.immediate = True  # No connection: say so, do not queue what will be old
        subscriber.subscribe(TOPIC.format(self._desk.gate))
        for socket, endpoint in ((dealer, commands), (subscriber, state)):
            socket.connect(endpoint)
            self._poller.register(socket, zmq.POLLIN)

    def poll(self, timeout_ms: int) -> list[bytes]:
        """Waits at most so long; the records that the gate must be told now, in order, each exactly once."""
        end_ns = self.now_ns() + timeout_ms * MILLISECOND_NS
        desk = self._desk
        desk.due(self.now_ns())
        while True:
            self._flush()
            if desk.records or (left_ns := min(end_ns, desk.next_due_ns()) - self.now_ns()) < 0:
                left_ns = 0
            ready = dict(self._poller.poll(-(-left_ns // MILLISECOND_NS)))
            desk.due(self.now_ns())
            for socket in (self._dealer, self._subscriber):  # A welcome comes before the state
                if socket is not None and socket in ready:
                    self._receive(socket)
            self._flush()
            if desk.records or self.now_ns() >= end_ns:
                return self._taken()

    @property
    def lease_until_ns(self) -> int:
        """In the clock of ``now_ns``; 0: no order may pass."""
        return self._desk.lease_until_ns

    def report(self, uses: Sequence[Use] = ()) -> None:
        """The gate holds all records that ``poll`` gave so far, and has this much of its slices in use.

        A line that is left out is one of which nothing is in use.
        """
        self._desk.report(uses)
        self._flush()

    def send_drop_copies(self, first_sequence: int, block: bytes) -> None:
        """Whole DropCopy records, numbered from ``first_sequence``, which are in the store already. Never waits: what
        can't be sent now is read from the store later.

        :raises ValueError: no whole records.
        """
        now_ns = self.now_ns()
        step = MAX_DROPS * DROP_BYTES
        for at in range(0, len(block) or 1, step):
            self._desk.send_drop_copies(first_sequence + at // DROP_BYTES, block[at : at + step], now_ns)
        self._flush()

    def health(self) -> Health:
        return self._desk.health()

    def close(self) -> None:
        """Says goodbye when it can, and ends the lease here. Idempotent."""
        self._desk.bye()
        self._flush()
        for socket in (self._dealer, self._subscriber):
            if socket is not None:
                socket.close()
        self._dealer = self._subscriber = None
        self._context.term()

    def _taken(self) -> list[bytes]:
        records = list(self._desk.records)
        self._desk.records.clear()
        if self._desk.phase is not self._phase:
            self._phase = self._desk.phase
            LOG.info("gate %s: %s %s", self._desk.gate, self._phase.value, self._desk.why)
        return records

    def _receive(self, socket: Socket) -> None:
        with suppress(zmq.Again):
            for _ in range(MESSAGES_PER_TURN):
                message = socket.recv_multipart(zmq.DONTWAIT)[-1]
                self._desk.receive(message, self.now_ns())

    def _flush(self) -> None:
        outgoing = self._desk.outgoing
        while outgoing:
            message = outgoing.popleft()
            if self._dealer is None:
                continue
            with suppress(zmq.Again):  # No connection, or its queue is full: it is said, or asked for, again
                self._dealer.send(message, zmq.DONTWAIT)

    def _socket(self, kind: int) -> Socket:
        socket = self._context.socket(kind)
        socket.linger = 100 if kind == zmq.DEALER else 0  # Milliseconds: for the goodbye
        socket.handshake_ivl = HANDSHAKE_MS
        socket.reconnect_ivl, socket.reconnect_ivl_max = RECONNECT_MS, RECONNECT_MAX_MS
        socket.maxmsgsize = MAX_BODY_BYTES
        socket.rcvhwm = socket.sndhwm = QUEUED_MESSAGES
        socket.heartbeat_ivl, socket.heartbeat_timeout = PING_MS, 3 * PING_MS
        socket.curve_publickey, socket.curve_secretkey = self._keys
        socket.curve_serverkey = self._gateway_public
        return socket
