"""``meltica feed decode``: captures, ITCH files and SoupBinTCP streams as JSON lines, told apart by content.

One dict is one line. Names with capitals are the specifications'; names in snake_case are ours: where and when the
message was found. What is bad becomes a line with ``error``, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from meltica.app.feed.soup import SoupStreams
from meltica.domain.errors import FieldError
from meltica.ticks.errors import RecordingError
from meltica.ticks.recording import RecordingKind, chunks, sniff
from meltica.venues.nasdaq import itch_messages
from meltica.venues.nasdaq.frames import Datagram, FrameTally, Segment
from meltica.venues.nasdaq.itch_messages import ItchMessageError
from meltica.venues.nasdaq.moldudp64 import MoldError, decode_packet
from meltica.venues.nasdaq.pcap import PcapError, frames, is_capture
from meltica.venues.nasdaq.tcp_flows import StreamBytes, TcpFlows

Line = dict[str, Any]

PROTOCOLS: Final = ("auto", "itch", "ouch50", "ouch42")
EXAMPLE_BYTES: Final = 64
OTHER_TRAFFIC: Final = {"not IPv4", "neither UDP nor TCP"}
"""In every capture; no error."""
SOUP_KINDS: Final = b"LURO+AJSHZ"
LENGTH_BYTES: Final = 2


def decode(path: Path, protocol: str = "auto", revision: str = itch_messages.DEFAULT_REVISION) -> Iterator[Line]:
    """Every message of the file, one dict each, in order.

    :raises FieldError: unknown protocol or revision.
    :raises RecordingError: it can't be read, is empty, or nothing tells what it is.
    """
    if protocol not in PROTOCOLS:
        raise FieldError("protocol", protocol, f"one of {', '.join(PROTOCOLS)}")
    if revision not in itch_messages.REVISIONS:
        raise FieldError("revision", revision, f"one of {', '.join(itch_messages.REVISIONS)}")
    head = next(chunks(path), b"")
    if not head:
        raise RecordingError(path, "the file is empty")
    if is_capture(head):
        return _Capture(path, protocol, revision).lines()
    if protocol == "itch" or (protocol == "auto" and _is_itch(path)):
        return _itch_file(path, revision)
    if protocol != "auto" or _looks_like_soup(head):
        return _soup_file(path, protocol)
    raise RecordingError(
        path, "neither a capture, nor ITCH, nor SoupBinTCP by its first bytes; --protocol says what it is"
    )


def _is_itch(path: Path) -> bool:
    try:
        return sniff(path) is RecordingKind.ITCH
    except RecordingError:
        return False


def _looks_like_soup(head: bytes) -> bool:
    """The first packets have known types and plausible lengths."""
    at = seen = 0
    while at + LENGTH_BYTES < len(head):
        length = int.from_bytes(head[at : at + LENGTH_BYTES], "big")
        if not length or head[at + LENGTH_BYTES] not in SOUP_KINDS:
            return False
        at += LENGTH_BYTES + length
        seen += 1
    return seen > 0


def _itch_file(path: Path, revision: str) -> Iterator[Line]:
    rest, begin, ended = b"", 0, False
    try:
        for chunk in chunks(path):
            buffer, at = rest + chunk, 0
            while (end := _frame_end(buffer, at)) is not None:
                if ended:
                    yield {"offset": begin + at, "error": "something follows the end of the session"}
                    ended = False
                if end == at + LENGTH_BYTES:
                    yield {"offset": begin + at, "packet": "End of Session"}
                    ended = True
                else:
                    yield {"offset": begin + at} | itch_line(buffer[at + LENGTH_BYTES : end], revision)
                at = end
            rest, begin = buffer[at:], begin + at
    except RecordingError as error:
        yield {"offset": begin, "error": error.why}
    if rest:
        yield {"offset": begin, "error": f"the last message is cut off: {len(rest)} bytes are left", **_bytes(rest)}


def _frame_end(buffer: bytes, at: int) -> int | None:
    """Where the message at ``at`` ends; None if the buffer ends before."""
    if at + LENGTH_BYTES > len(buffer):
        return None
    end = at + LENGTH_BYTES + int.from_bytes(buffer[at : at + LENGTH_BYTES], "big")
    return end if end <= len(buffer) else None


def itch_line(message: bytes, revision: str) -> Line:
    try:
        found = itch_messages.decode(message, revision)
    except ItchMessageError as error:
        return {"error": str(error), **_bytes(message)}
    return {"message": found.layout.name, **itch_messages.to_json(found)}


def _soup_file(path: Path, protocol: str) -> Iterator[Line]:
    """One direction's bytes as they came over TCP."""
    streams = SoupStreams(protocol)
    begin = 0
    try:
        for chunk in chunks(path):
            yield from streams.take("file", chunk, {})
            begin += len(chunk)
    except RecordingError as error:
        yield {"offset": begin, "error": error.why}
    yield from streams.finish()


class _Capture:
    def __init__(self, path: Path, protocol: str, revision: str) -> None:
        self._path, self._revision = path, revision
        self._tally = FrameTally()
        self._flows = TcpFlows()
        self._streams = SoupStreams(protocol)
        self._udp, self._tcp = protocol in ("auto", "itch"), protocol != "itch"

    def lines(self) -> Iterator[Line]:
        try:
            for frame in frames(chunks(self._path)):
                found = self._tally.open(frame)
                if isinstance(found, Datagram):
                    if self._udp:
                        yield from self._datagram(found)
                elif isinstance(found, Segment):
                    if self._tcp:
                        for part in self._flows.take(found):
                            yield from self._stream(part)
                else:
                    yield from self._refused(frame.number, frame.offset, frame.time_ns)
        except (PcapError, RecordingError) as error:
            yield {"error": error.why, "offset": error.offset, "frame": self._tally.frames}
        for part in self._flows.finish():
            yield from self._stream(part)
        yield from self._streams.finish()

    def _refused(self, number: int, offset: int, time_ns: int) -> Iterator[Line]:
        reason, example = self._tally.last
        if reason not in OTHER_TRAFFIC:
            yield {"frame": number, "offset": offset, "capture_time_ns": time_ns, "error": example}

    def _datagram(self, one: Datagram) -> Iterator[Line]:
        where = _where(one)
        try:
            packet = decode_packet(one.payload)
        except MoldError as error:
            yield where | {"error": f"no MoldUDP64 packet: {error}", **_bytes(one.payload)}
            return
        where["Session"] = packet.session.decode("latin-1").rstrip()
        if not packet.count:
            kind = "End of Session" if packet.ends else "Heartbeat"
            yield where | {"Sequence Number": packet.sequence, "packet": kind}
            return
        for number, message in enumerate(itch_messages.split(packet.block)):
            yield where | {"Sequence Number": packet.sequence + number} | itch_line(message, self._revision)

    def _stream(self, part: StreamBytes) -> Iterator[Line]:
        where = _where(part.segment)
        name = f"{part.flow[0]} > {part.flow[1]}"
        yield from self._streams.take(name, part.data, where, missing=part.missing)


def _where(one: Datagram | Segment) -> Line:
    vlans = list(one.vlans)
    return {
        "frame": one.frame.number,
        "capture_time_ns": one.frame.time_ns,
        "vlan": vlans if len(vlans) > 1 else vlans[0] if vlans else None,
        "from": str(one.source),
        "to": str(one.target),
    }


def _bytes(data: bytes) -> Line:
    """The beginning of what could not be read."""
    return {"bytes": data[:EXAMPLE_BYTES].hex(), "length": len(data)}
