"""Doors of the market data: ITCH, books, MoldUDP64."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from meltica.hot import ItchError, load
from meltica.hot.itch import COLUMNS
from meltica.hot.itch_book_twin import CHANGES
from meltica.hot.mold import HEADER_BYTES, LINES
from meltica.venues.nasdaq import itch_messages, moldudp64
from meltica.venues.nasdaq.feed_sources import file_messages
from meltica.venues.nasdaq.itch_messages import REVISIONS, ItchMessageError
from meltica.venues.nasdaq.mold_events import GapLost, Messages, MoldLimits, SessionStarted
from meltica.venues.nasdaq.mold_session import MoldSession
from meltica.venues.nasdaq.moldudp64 import MoldError
from tests.conformance import itch_messages as made
from tests.fuzz.door import Door, Script, same, tight

BACKENDS = tuple(load(name) for name in ("cython", "python"))
CAPACITY = 5
"""Rows of a batch: few, so that a batch ends within an input."""


# --- ITCH to columns ---


def columns(data: bytes) -> None:
    found = [_batches(backend.ItchDecoder(CAPACITY), data) for backend in BACKENDS]
    same(found[0], found[1], "columns")


def _batches(decoder: Any, data: bytes) -> list[Any]:
    told: list[Any] = []
    buffer, offset = tight(data), 0
    while True:
        batch = decoder.decode(buffer, offset)
        rows = {name: getattr(batch, name).tobytes() for name in COLUMNS}
        told.append((rows, batch.next_offset, batch.finished, _words(batch.error)))
        offset = batch.next_offset
        if batch.finished:
            return [*told, decoder.counts()]


def _words(error: ItchError | None) -> str:
    return "" if error is None else f"{error} {error.offset} {error.length} {error.message_type}"


# --- ITCH, every field ---


def messages(data: bytes) -> None:
    """Each revision reads it or says why not; what was read is written back byte for byte."""
    try:
        parts = list(itch_messages.split(data))
        same(list(file_messages([data]))[: len(parts)], parts[: _first_empty(parts)], "two readers of one framing")
    except ItchMessageError:
        parts = [data]
    for part in parts:
        for revision in REVISIONS:
            try:
                message = itch_messages.decode(part, revision)
            except ItchMessageError:
                continue
            same(itch_messages.encode(message), part, message.kind)
            json.dumps(itch_messages.to_json(message))
        _same_as_columns(part)


def _first_empty(parts: list[bytes]) -> int:
    return parts.index(b"") if b"" in parts else len(parts)


def _same_as_columns(part: bytes) -> None:
    if len(part) > 0xFFFF:
        return
    batch = BACKENDS[0].ItchDecoder(1).decode(tight(len(part).to_bytes(2, "big") + part))
    try:
        message = itch_messages.decode(part)
    except ItchMessageError:
        same(len(batch), 0, "columns of what is no message")
        return
    kind, locate, _, timestamp = list(message.values.values())[:4]
    found = chr(batch.type[0]), int(batch.locate[0]), int(batch.timestamp_ns[0])
    same(found, (kind, locate, timestamp), "columns and fields")


# --- books ---


def books(data: bytes) -> None:
    """First byte: raw blocks, or a story of well-formed messages about few orders, or the same with L2 only."""
    script = Script(data)
    mode = script.byte()
    # The least bounds: references leave the window, tables grow, the book is full soon.
    pair = [backend.ItchBook(40, queues=not mode & 4, window_log2=4) for backend in BACKENDS]
    locates = {0, 1, 0xFFFF}
    while not script.over:
        block = script.rest() if mode & 1 else _story(script, 60)
        found = [_changes(book, block) if mode & 2 else _applied(book, block) for book in pair]
        same(found[0], found[1], "a block")
        _look(pair, locates)


def _story(script: Script, count: int) -> bytes:
    told = []
    while count and not script.over:
        count -= 1
        kind, where, ref, price, shares, more = script.take(6)
        locate, side, ref = where & 3, "SB"[where >> 2 & 1], ref % 48 * (1 + (where >> 3 & 1) * 1_000_003)
        ticks, lots = 10_000 + price % 24 * 100 ** (where >> 4 & 1), shares * 10 ** (where >> 5 & 1)
        message = (
            made.add(ref, side, lots, ticks, locate=locate),
            made.execute(ref, lots),
            made.cancel(ref, lots),
            made.delete(ref),
            made.replace(ref, more % 48, lots, ticks),
            made.trading_action(locate, "HPQT"[more & 3]),
            made.message("S")[:-1] + b"OSQMEC"[more % 6 :][:1],
        )[kind % 7]
        told.append(message)
    return made.framed(*told)


def _applied(book: Any, block: bytes) -> Any:
    try:
        return book.apply_bytes(tight(block), 0, 77)
    except OverflowError as error:
        return str(error), book.block_messages, book.block_offset


def _changes(book: Any, block: bytes) -> Any:
    offset, told = 0, []
    while True:
        try:
            rows, after, stop = book.take_changes(tight(block), offset, 78)
        except OverflowError as error:
            return told, str(error), book.block_messages, book.block_offset
        told.append((rows, after, stop, [np.asarray(book.changes[name][:rows]).tobytes() for name in CHANGES]))
        if stop or after == offset:
            return told
        offset = after


def _look(pair: list[Any], locates: set[int]) -> None:
    def state(book: Any) -> list[Any]:
        seen = sorted(locates | set(book.locates()))[:64]
        told: list[Any] = [book.live_orders, book.counters(), book.locates(), sorted(book.touched())]
        for at in seen:
            told += [book.best(at), book.top(at), book.level_counts(at), book.status(at), book.symbol(at)]
            for side in (1, 2):
                depth = book.depth(at, side, 30)
                told.append(depth)
                if book.queues:
                    told += [book.queue(at, side, price) for price, _, _ in depth]
        return [*told, [book.order(ref) for ref in range(48)], book.stale(10**9, 10)]

    same(state(pair[0]), state(pair[1]), "the books")


# --- MoldUDP64 ---


def packets(data: bytes) -> None:
    try:
        request = moldudp64.decode_request(data)
        same(moldudp64.encode_request(request), data, "a request")
    except MoldError:
        pass
    try:
        packet = moldudp64.decode_packet(data)
    except MoldError:
        return
    if packet.ends:
        written = moldudp64.encode_end(packet.session, packet.sequence)
    elif not packet.count:
        written = moldudp64.encode_heartbeat(packet.session, packet.sequence)
    else:
        parts = list(itch_messages.split(packet.block))
        same(len(parts), packet.count, "messages of a packet")
        written = moldudp64.encode_packet(packet.session, packet.sequence, parts)
    same(written, data, "a packet")


SESSIONS = b"000010059B", b"000010059C", b"          "


def session(data: bytes) -> None:
    """Packets of three lines, true and untrue, and time: two sessions, one over each gate, tell the same; each message
    is told once, in order."""
    limits = MoldLimits(reorder_packets=6, reorder_bytes=400, wait_ns=10, retry_ns=20, attempts=2, gap_messages=50)
    script = Script(data)
    options = script.byte()
    pair = [
        MoldSession(
            start=1 if options & 1 else None,
            session=SESSIONS[0] if options & 2 else None,
            can_request=bool(options & 4),
            limits=limits,
            gate=backend.MoldGate(),
        )
        for backend in BACKENDS
    ]
    now_ns, expected = 1_000, None
    while not script.over:
        step = script.byte()
        now_ns += (step >> 4) ** 3
        if step & 15 == 15:
            told = [one.tick(now_ns) for one in pair]
        else:
            payload = _payload(script)
            told = [one.receive(step & 3 if step & 3 < LINES - 1 else 0, payload, now_ns) for one in pair]
        same(told[0], told[1], "events")
        same(_inside(pair[0]), _inside(pair[1]), "sessions")
        expected = _in_order(told[0], expected)


def _payload(script: Script) -> bytes:
    shape = script.byte()
    if shape & 0x80:
        return script.short(shape & 0x7F)
    name = SESSIONS[0] if shape & 3 else SESSIONS[shape >> 2 & 1]
    sequence, count = script.byte() % 64, shape >> 4 & 3
    if shape & 0x40 and not count:
        return moldudp64.encode_end(name, sequence)
    if not count:
        return moldudp64.encode_heartbeat(name, sequence)
    return moldudp64.encode_packet(name, sequence, [bytes([sequence + at]) * (shape & 3 or 1) for at in range(count)])


def _inside(one: MoldSession) -> list[Any]:
    lines = range(LINES)
    gate = [one.gate.expected, one.gate.pending, one.gate.session, one.gate.counters()]
    leads = [one.gate.lead_histogram(line) for line in lines]
    return [
        *gate, leads, one.counts, one.gap, one.waiting, one.session, one.silent_lines, one.ended,
        one.requests_to_send(), one.next_deadline_ns(), one.first_malformed,
    ]  # fmt: skip


def _in_order(events: list[Any], expected: int | None) -> int | None:
    for event in events:
        if isinstance(event, SessionStarted):
            expected = event.sequence
        elif isinstance(event, GapLost):
            same(event.sequence, expected, "a gap begins where the messages end")
            expected = event.sequence + event.count
        elif isinstance(event, Messages):
            same(event.sequence, expected, "the next message")
            same(len(list(itch_messages.split(event.block))), event.count, "messages of an event")
            expected = event.sequence + event.count
    return expected


# --- seeds ---


def itch_seeds() -> list[bytes]:
    every = [
        itch_messages.encode(itch_messages.build(kind, revision))
        for revision in REVISIONS
        for kind in itch_messages.layouts(revision)
    ]
    story = [made.add(1, "B", 100, 10_000), made.add(2, "S", 50, 10_100), made.execute(1, 10), made.delete(2)]
    return [made.framed(*every[:8]), *(made.framed(one) for one in every), made.framed(*story) + b"\0\0", b"\0\x13D"]


def book_seeds() -> list[bytes]:
    raw = made.framed(*[made.add(ref, "BS"[ref & 1], 5, 10_000 + ref) for ref in range(1, 9)])
    story = bytes((n * 7 + n // 9) & 0xFF for n in range(240))
    grown = b"".join(bytes((0, 4 * (n & 1) + 8, n, n, 10, 0)) for n in range(60)) + bytes((3, 8, 5, 0, 0, 0)) * 3
    return [*(bytes([mode]) + raw for mode in (1, 3, 5, 7)), *(bytes([mode]) + story for mode in (0, 2, 4, 6)),
            b"\0" + grown, b"\2" + grown]  # fmt: skip


def packet_seeds() -> list[bytes]:
    name = SESSIONS[0]
    two = moldudp64.encode_packet(name, 7, [b"ab", b"c"])
    ends = moldudp64.encode_end(name, 9), moldudp64.encode_heartbeat(name, 9)
    asked = moldudp64.encode_request(moldudp64.MoldRequest(name, 3, 8))
    return [two, *ends, asked, two[:-1], two + b"!", b"", bytes(HEADER_BYTES)]


def session_seeds() -> list[bytes]:
    in_order = b"".join(bytes((line, 0x11, at)) for at in range(1, 9) for line in (0, 1))
    gap = bytes((0, 0x11, 1, 0, 0x11, 5, 0, 0x21, 3, 0x2F, 0xFF, 0xFF, 2, 0x11, 2, 0, 0x01, 9))
    change = bytes((0, 0x11, 1, 0, 0x14, 1, 1, 0x14, 2, 0, 0x40, 3, 0x3F))
    return [bytes([options]) + story for options in (1, 5, 7) for story in (in_order, gap, change)]


DOORS = (
    Door("itch_columns", columns, itch_seeds),
    Door("itch_messages", messages, itch_seeds),
    Door("itch_book", books, book_seeds, most=400),
    Door("mold_packets", packets, packet_seeds),
    Door("mold_session", session, session_seeds, most=400),
)
