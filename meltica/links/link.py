"""The client's end of the link: one session with the gate's process, from HELLO until it fails or is closed."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Final

import msgspec
import zmq
from zmq.utils.monitor import recv_monitor_message

from meltica.domain.errors import GateUnreachableError
from meltica.hot.layout_gen import HeartbeatRecord
from meltica.links.frames import MAX_BODY_BYTES, FrameError, Header, Hello, Kind, Welcome, fault_text, pack, unpack
from meltica.links.keys import KeyPair

MILLISECOND_NS: Final = 1_000_000
BEATS_PER_LEASE: Final = 5
MAX_UNANSWERED: Final = 256
"""Messages on their way: more than that, and the next one waits until the gate has caught up."""
RECONNECT_MS: Final = 100
HANDSHAKE_MS: Final = 2_000
CONNECT_EVENTS: Final = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)

Socket = zmq.Socket[bytes]


class Link:
    """In control when the constructor returns. Fails once and for good: ``failure`` says why, and a new Link is needed.

    ``exchange`` and ``post`` belong to one thread; the heartbeat is a thread of its own with a socket of its own.

    :raises GateUnreachableError: nobody listens, the key is refused, another client is in control, or other sizes.
    """

    def __init__(
        self,
        endpoint: str,
        client: KeyPair,
        gate_public: bytes,
        hello: Hello,
        *,
        deadline_ns: int,
        connect_within_ns: int,
    ) -> None:
        self.tripped = True
        """What the gate last said: its lease has run out (or it was never armed)."""
        self._endpoint, self._client, self._gate_public = endpoint, client, gate_public
        self._deadline_ns = deadline_ns
        self._lock = threading.Lock()
        self._failure = ""
        self._session = self._epoch = self._sent = self._answered = 0
        self._heartbeat: threading.Thread | None = None
        self._context: zmq.Context[Socket] = zmq.Context()
        self._socket, self._pulse = self._dealer(), self._dealer()
        self._patience_ms = -1
        end_ns = time.monotonic_ns() + connect_within_ns
        try:
            for socket in (self._socket, self._pulse):
                self._connect(socket, end_ns)
            self.welcome = self._greet(hello, end_ns)
        except BaseException:
            self._release()
            raise

    @property
    def failure(self) -> str:
        """Why the link is lost; empty: it is not."""
        return self._failure

    def exchange(self, kind: Kind, body: bytes = b"", *, extra: int = 0, deadline_ns: int = 0) -> tuple[Header, bytes]:
        """Sends, and waits for its answer. :raises GateUnreachableError: none in time, or a refusal."""
        end_ns = time.monotonic_ns() + (deadline_ns or self._deadline_ns)
        self.post(kind, body, extra=extra)
        while True:
            header, answer = self._next_answer(end_ns)
            if header.sequence == self._sent:
                return header, answer

    def post(self, kind: Kind, body: bytes, *, extra: int = 0) -> None:
        """Sends without waiting; the answer is read by a later call."""
        if len(body) > MAX_BODY_BYTES:
            raise ValueError(f"a message has at most {MAX_BODY_BYTES} bytes, not {len(body)}")
        self._raise_failure()
        self._catch_up()
        self._sent += 1
        message = pack(kind, body, extra=extra, session=self._session, epoch=self._epoch, sequence=self._sent)
        try:
            self._socket.send(message, zmq.DONTWAIT)
        except zmq.Again:
            self.fail("the connection to the gate's process is lost")

    def start_heartbeat(self) -> None:
        """The thread has the second socket from here on."""
        self.tripped = False
        self._heartbeat = threading.Thread(target=self._beat, name="gate-heartbeat", daemon=True)
        self._heartbeat.start()

    def fail(self, why: str) -> None:
        """:raises GateUnreachableError: always, with the first reason there was."""
        self._note_failure(why)
        self._raise_failure()

    def close(self) -> None:
        """Gives control back when it still can. Idempotent."""
        if not self._socket.closed and not self._failure:
            with suppress(GateUnreachableError):
                self.exchange(Kind.BYE)
        self._note_failure("closed")
        self._release()

    def _release(self) -> None:
        self._socket.close()
        if self._heartbeat is None:
            self._pulse.close()
        self._context.term()  # Wakes the heartbeat out of its poll; returns when that has closed its socket
        if self._heartbeat is not None:
            self._heartbeat.join()
            self._heartbeat = None

    # Answers

    def _catch_up(self) -> None:
        """Takes the answers that are there; waits for some when too many are missing."""
        while self._sent > self._answered:
            missing = self._sent - self._answered
            end_ns = time.monotonic_ns() + self._deadline_ns if missing >= MAX_UNANSWERED else 0
            try:
                self._next_answer(end_ns)
            except zmq.Again:
                return

    def _next_answer(self, end_ns: int) -> tuple[Header, bytes]:
        """:raises zmq.Again: ``end_ns`` is 0 and no answer is there."""
        try:
            if end_ns == 0:
                message = self._socket.recv(zmq.DONTWAIT)
            else:
                self._wait_until(end_ns)
                message = self._socket.recv()
        except zmq.Again:
            if end_ns == 0:
                raise
            self.fail("no answer from the gate's process before the deadline")
        header, body = self._own(message)
        if header.sequence != self._answered + 1:
            self.fail(f"answer {header.sequence} came after {self._answered}")
        self._answered = header.sequence
        return header, body

    def _wait_until(self, end_ns: int) -> None:
        patience_ms = max(0, -(-(end_ns - time.monotonic_ns()) // MILLISECOND_NS))
        if patience_ms != self._patience_ms:
            self._socket.rcvtimeo = self._patience_ms = patience_ms

    def _own(self, message: bytes) -> tuple[Header, bytes]:
        try:
            header, body = unpack(message)
        except FrameError as error:
            self.fail(f"unreadable answer: {error}")
        if header.kind == Kind.FAULT:
            self.fail(fault_text(body))
        if (header.epoch, header.session) != (self._epoch, self._session):
            self.fail("the gate's process was started anew: its earlier state is lost")
        return header, body

    def _note_failure(self, why: str) -> None:
        with self._lock:
            self._failure = self._failure or why

    def _raise_failure(self) -> None:
        if self._failure:
            raise GateUnreachableError(self._failure)

    # Connecting

    def _dealer(self) -> Socket:
        dealer = self._context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.immediate = True  # No connection: say so, do not queue
        dealer.handshake_ivl = HANDSHAKE_MS
        dealer.reconnect_ivl = RECONNECT_MS
        dealer.maxmsgsize = MAX_BODY_BYTES + 1_024
        dealer.curve_publickey, dealer.curve_secretkey = self._client
        dealer.curve_serverkey = self._gate_public
        return dealer

    def _greet(self, hello: Hello, end_ns: int) -> Welcome:
        try:
            self._socket.send(pack(Kind.HELLO, msgspec.json.encode(hello)), zmq.DONTWAIT)
            self._wait_until(end_ns)
            header, body = unpack(self._socket.recv())
        except (zmq.Again, FrameError) as error:
            raise GateUnreachableError(f"the gate's process does not answer a hello: {error}") from error
        if header.kind != Kind.WELCOME:
            raise GateUnreachableError(fault_text(body))
        self._session, self._epoch = header.session, header.epoch
        return msgspec.json.decode(body, type=Welcome)

    def _connect(self, socket: Socket, end_ns: int) -> None:
        """Until the handshake is done; what goes wrong in it is told by libzmq's monitor alone."""
        monitor = socket.get_monitor_socket(CONNECT_EVENTS)
        try:
            socket.connect(self._endpoint)
            poller = zmq.Poller()
            poller.register(socket, zmq.POLLOUT)
            poller.register(monitor, zmq.POLLIN)
            connected = False
            while (left_ns := end_ns - time.monotonic_ns()) > 0:
                ready = dict(poller.poll(left_ns // MILLISECOND_NS + 1))
                if socket in ready:
                    return
                if monitor in ready:
                    event = int(recv_monitor_message(monitor)["event"])
                    connected = connected or event == zmq.EVENT_CONNECTED
                    self._raise_event(event, connected=connected)
        except zmq.ZMQError as error:
            raise GateUnreachableError(f"cannot connect to {self._endpoint}: {error}") from error
        finally:
            socket.disable_monitor()
            monitor.close()
        raise GateUnreachableError(f"the handshake with {self._endpoint} was not done in time")

    def _raise_event(self, event: int, *, connected: bool) -> None:
        if event == zmq.EVENT_CONNECTED:
            return
        if not connected:
            raise GateUnreachableError(f"nobody listens at {self._endpoint}")
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            raise GateUnreachableError(
                f"the gate refused our key: put a file with {self._client.public.decode()} into its folder allowed/"
            )
        raise GateUnreachableError(
            f"no CURVE handshake with {self._endpoint}: is it a gate, and is gate.public its key?"
        )

    # Heartbeat

    def _beat(self) -> None:
        try:
            self._beat_on(self._pulse)
        except zmq.ContextTerminated:
            pass  # Closed
        except (GateUnreachableError, ValueError, zmq.ZMQError) as error:
            self._note_failure(str(error))
        finally:
            self._pulse.close()

    def _beat_on(self, socket: Socket) -> None:
        lease_ns = self.welcome.lease_ms * MILLISECOND_NS
        interval_ns = lease_ns // BEATS_PER_LEASE
        heard_ns = time.monotonic_ns()
        number = 0
        while not self._failure:
            number += 1
            next_ns = time.monotonic_ns() + interval_ns
            self._send_beat(socket, number)
            while (left_ns := next_ns - time.monotonic_ns()) > 0:
                if socket.poll(left_ns // MILLISECOND_NS + 1):
                    self._take_beat(socket.recv())
                    heard_ns = time.monotonic_ns()
            if time.monotonic_ns() - next_ns > interval_ns:
                heard_ns = time.monotonic_ns()  # We were paused, so the silence may be ours
            if time.monotonic_ns() - heard_ns > lease_ns:
                self.fail(f"no heartbeat from the gate's process for {self.welcome.lease_ms} ms")

    def _send_beat(self, socket: Socket, number: int) -> None:
        beat = HeartbeatRecord(lease_ms=self.welcome.lease_ms, sequence_number=number, time_ns=time.monotonic_ns())
        message = pack(Kind.HEARTBEAT, beat.to_bytes(), session=self._session, epoch=self._epoch, sequence=number)
        try:
            socket.send(message, zmq.DONTWAIT)
        except zmq.Again:
            self.fail("the connection to the gate's process is lost")

    def _take_beat(self, message: bytes) -> None:
        _, body = self._own(message)
        self.tripped = HeartbeatRecord.from_bytes(body).lease_ms == 0
