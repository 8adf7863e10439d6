"""MoldUDP64 1.00: packets, and the side that sends them. Sans-IO: no sockets, no clock.

A downstream packet is a header (session 10, sequence number 8, message count 2; big-endian) and so many messages, each
with two bytes of length in front, as in an ITCH file. Count 0 is a heartbeat, 0xFFFF the end of the session; both carry
the next sequence number. A request to the re-request server has the header alone: from where, and how many.

The side that receives is in ``mold_session``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

import msgspec

from meltica.domain.errors import MelticaError
from meltica.hot.mold import END_OF_SESSION, HEADER_BYTES, HEARTBEAT, LAST_SEQUENCE, SESSION_BYTES

HEADER: Final = Struct(">10sQH")
LENGTH_BYTES: Final = 2
MAX_MESSAGES: Final = END_OF_SESSION - 1
MAX_PAYLOAD: Final = 1_472
"""What a frame of 1,500 bytes holds behind the IPv4 and UDP headers."""
HEARTBEAT_NS: Final = 1_000_000_000
STORE_MESSAGES: Final = 1_000_000
"""Messages that a publisher keeps for those who lost some: seconds of a busy day, about 60 MB."""


class MoldError(MelticaError):
    """Theirs: a packet that is none. ``reason`` is one of few, for counting; the text says what and where."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class MoldPacket(msgspec.Struct, frozen=True):
    session: bytes
    """Ten bytes, as on the wire."""
    sequence: int
    """Of the first message; of a heartbeat or an end: the next one."""
    count: int
    """Messages; 0 for a heartbeat or an end."""
    block: bytes
    """The messages with their lengths, as in an ITCH file."""
    ends: bool = False


class MoldRequest(msgspec.Struct, frozen=True):
    session: bytes
    sequence: int
    count: int


def session_bytes(name: str) -> bytes:
    """A session's ten bytes, padded on the right.

    :raises MoldError: too long, or not ASCII.
    """
    raw = name.encode("ascii", "replace").ljust(SESSION_BYTES)
    if len(raw) != SESSION_BYTES or not name.isascii() or not name.strip():
        raise MoldError("no session", f"{name!r} is not 1 to {SESSION_BYTES} ASCII letters")
    return raw


def decode_packet(payload: bytes) -> MoldPacket:
    """One UDP payload.

    :raises MoldError: too short, no sequence number, cut off, an empty message, or bytes behind the last message.
    """
    if len(payload) < HEADER_BYTES:
        raise MoldError("too short", f"{len(payload)} bytes, the header has {HEADER_BYTES}")
    session, sequence, count = HEADER.unpack_from(payload)
    if not 0 < sequence <= LAST_SEQUENCE:
        raise MoldError("no sequence number", f"{sequence} (session {session!r})")
    if count in (HEARTBEAT, END_OF_SESSION):
        if len(payload) != HEADER_BYTES:
            raise MoldError("bytes behind the end", f"{len(payload) - HEADER_BYTES} behind a header without messages")
        return MoldPacket(session, sequence, 0, b"", ends=count == END_OF_SESSION)
    at = message_offset(payload, count, HEADER_BYTES)
    if at != len(payload):
        raise MoldError("bytes behind the end", f"{len(payload) - at} behind message {count}, at byte {at}")
    return MoldPacket(session, sequence, count, bytes(payload[HEADER_BYTES:]))


def message_offset(data: bytes, number: int, begin: int = 0) -> int:
    """Where message ``number`` (from 0) begins in framed messages, or where they end if there are so many.

    :raises MoldError: there are fewer, or one is empty.
    """
    at = begin
    for passed in range(number):
        length = int.from_bytes(data[at : at + LENGTH_BYTES], "big")
        if at + LENGTH_BYTES + length > len(data):
            raise MoldError("cut off", f"message {passed + 1} of {number}, at byte {at}")
        if length == 0:
            raise MoldError("empty message", f"message {passed + 1} of {number}, at byte {at}")
        at += LENGTH_BYTES + length
    return at


def encode_packet(session: bytes, sequence: int, messages: Sequence[bytes]) -> bytes:
    """A packet of messages (given without their lengths).

    :raises MoldError: none, too many, or one that is empty or too long.
    """
    if not 0 < len(messages) <= MAX_MESSAGES:
        raise MoldError("no packet", f"{len(messages)} messages, there can be 1 to {MAX_MESSAGES}")
    for message in messages:
        if not 0 < len(message) <= 0xFFFF:  # noqa: PLR2004 - the length has two bytes
            raise MoldError("no message", f"of {len(message)} bytes")
    framed = b"".join(len(message).to_bytes(LENGTH_BYTES, "big") + message for message in messages)
    return HEADER.pack(session, sequence, len(messages)) + framed


def encode_heartbeat(session: bytes, next_sequence: int) -> bytes:
    return HEADER.pack(session, next_sequence, HEARTBEAT)


def encode_end(session: bytes, next_sequence: int) -> bytes:
    return HEADER.pack(session, next_sequence, END_OF_SESSION)


def encode_request(request: MoldRequest) -> bytes:
    return HEADER.pack(request.session, request.sequence, request.count)


def decode_request(data: bytes) -> MoldRequest:
    """:raises MoldError: not twenty bytes, or it asks for nothing."""
    if len(data) != HEADER_BYTES:
        raise MoldError("no request", f"{len(data)} bytes, a request has {HEADER_BYTES}")
    session, sequence, count = HEADER.unpack(data)
    if not 0 < sequence <= LAST_SEQUENCE or not count:
        raise MoldError("no request", f"from {sequence}, {count} messages")
    return MoldRequest(session, sequence, count)


class MoldStore:
    """The last messages of a session, by sequence number; the oldest go when it is full."""

    def __init__(self, session: bytes, first: int = 1, capacity: int = STORE_MESSAGES) -> None:
        self.session = session
        self.first = first
        """The oldest that is kept."""
        self._messages: deque[bytes] = deque()
        self._capacity = capacity

    @property
    def next_sequence(self) -> int:
        return self.first + len(self._messages)

    def append(self, message: bytes) -> None:
        if len(self._messages) >= self._capacity:
            self._messages.popleft()
            self.first += 1
        self._messages.append(message)

    def packet(self, sequence: int, count: int, max_payload: int = MAX_PAYLOAD) -> bytes | None:
        """As many of the ``count`` messages from ``sequence`` on as one packet holds; None if the first is not kept."""
        if not self.first <= sequence < self.next_sequence:
            return None
        chosen: list[bytes] = []
        room = max_payload - HEADER_BYTES
        for number in range(sequence, min(sequence + count, self.next_sequence)):
            message = self._messages[number - self.first]
            room -= LENGTH_BYTES + len(message)
            if room < 0 and chosen:
                break
            chosen.append(message)
        return encode_packet(self.session, sequence, chosen)


class RerequestServer:
    """Answers requests out of a store: one packet each, and the client asks again for the rest."""

    def __init__(self, store: MoldStore, max_payload: int = MAX_PAYLOAD) -> None:
        self._store = store
        self._max_payload = max_payload
        self.counts = {"requests": 0, "answered": 0, "refused": 0, "malformed": 0, "messages": 0}

    def answer(self, request: bytes) -> bytes | None:
        """The packet to send back; None when there is nothing to say (refused and malformed requests are counted)."""
        self.counts["requests"] += 1
        try:
            asked = decode_request(request)
        except MoldError:
            self.counts["malformed"] += 1
            return None
        packet = None
        if asked.session == self._store.session:
            packet = self._store.packet(asked.sequence, asked.count, self._max_payload)
        if packet is None:
            self.counts["refused"] += 1
            return None
        self.counts["answered"] += 1
        self.counts["messages"] += HEADER.unpack_from(packet)[2]
        return packet


class MoldPublisher:
    """One session's sending side: packets in order, heartbeats when nothing is said, an end."""

    def __init__(
        self,
        session: str,
        *,
        sequence: int = 1,
        max_payload: int = MAX_PAYLOAD,
        heartbeat_ns: int = HEARTBEAT_NS,
        store_messages: int = STORE_MESSAGES,
    ) -> None:
        self.session = session_bytes(session)
        self.store = MoldStore(self.session, sequence, store_messages)
        self.ended = False
        self._max_payload = max_payload
        self._heartbeat_ns = heartbeat_ns
        self._said_ns: int | None = None

    @property
    def next_sequence(self) -> int:
        return self.store.next_sequence

    def publish(self, messages: Iterable[bytes], now_ns: int) -> list[bytes]:
        """The packets to send on every line, as full as they can be.

        :raises MoldError: the session has ended, or a message is empty or longer than a packet.
        """
        if self.ended:
            raise MoldError("session ended", "nothing can be published behind the end")
        packets: list[bytes] = []
        chosen: list[bytes] = []
        room = self._max_payload - HEADER_BYTES
        for message in messages:
            need = LENGTH_BYTES + len(message)
            if not message or need > self._max_payload - HEADER_BYTES:
                raise MoldError("no message", f"{len(message)} bytes, a packet of {self._max_payload} can't hold it")
            if need > room or len(chosen) == MAX_MESSAGES:
                packets.append(self._packet(chosen))
                chosen, room = [], self._max_payload - HEADER_BYTES
            chosen.append(message)
            room -= need
        if chosen:
            packets.append(self._packet(chosen))
        if packets:
            self._said_ns = now_ns
        return packets

    def tick(self, now_ns: int) -> list[bytes]:
        """A heartbeat (or the end, again) if nothing was said for a second."""
        deadline = self.next_deadline_ns()
        if deadline is not None and now_ns < deadline:
            return []
        self._said_ns = now_ns
        return [encode_end(self.session, self.next_sequence) if self.ended else self.heartbeat()]

    def heartbeat(self) -> bytes:
        return encode_heartbeat(self.session, self.next_sequence)

    def end(self, now_ns: int) -> bytes:
        """The end of the session; ``tick`` says it again each second."""
        self.ended = True
        self._said_ns = now_ns
        return encode_end(self.session, self.next_sequence)

    def next_deadline_ns(self) -> int | None:
        """When ``tick`` has something to say; None: at once."""
        return None if self._said_ns is None else self._said_ns + self._heartbeat_ns

    def _packet(self, messages: list[bytes]) -> bytes:
        packet = encode_packet(self.session, self.next_sequence, messages)
        for message in messages:
            self.store.append(message)
        return packet
