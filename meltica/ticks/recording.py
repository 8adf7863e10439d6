"""Recorded market data: Binance lines (``<local_ns> <json>``) and Nasdaq ITCH 5.0 files, plain or gzip.

What a file is, is told by its content, never by its name. Everything is read as a stream in bounded memory. Damage is
an error that says where; what was good before it has been delivered by then, and nothing is skipped.
"""

from __future__ import annotations

import enum
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from meltica.ticks.errors import RecordingError

CHUNK_BYTES: Final = 1 << 18
"""Decompressed data in memory at a time: fits a second-level cache and is large against one message."""
MAX_LINE_BYTES: Final = 1 << 24
"""A full book snapshot of 5,000 levels has 300 kB; a longer line is not one."""
SNIFF_BYTES: Final = 1 << 16

_GZIP = b"\x1f\x8b"
_STAMP = re.compile(rb"[0-9]{1,19}")
_LINE_START = re.compile(rb"[0-9]{10,19} [{\[]")
_ITCH_LENGTHS: Final = {
    ord(kind): length
    for kind, length in zip(
        "SRHYLVWKJhAFECXDUPQBINO",
        (12, 39, 25, 20, 26, 35, 12, 28, 35, 21, 36, 40, 31, 36, 23, 19, 35, 44, 40, 19, 50, 20, 48),
        strict=True,
    )
}
"""ITCH 5.0 message lengths by type, without the framing."""
_ITCH_FRAMES_ENOUGH = 8
"""So many well-formed frames in a row are no accident."""


class RecordingKind(enum.Enum):
    BINANCE = "binance"
    ITCH = "itch"


class Line(NamedTuple):
    number: int
    """Counts from 1."""
    local_ns: int
    body: bytes
    """JSON as it came from the socket; not checked here."""


def sniff(path: Path) -> RecordingKind:
    """What the file is, by its first bytes.

    :raises RecordingError: it can't be read, is empty, or is neither.
    """
    head, cause = b"", ""
    try:
        for chunk in chunks(path):
            head += chunk
            if len(head) >= SNIFF_BYTES:
                break
    except RecordingError as error:
        cause = error.why
    if _LINE_START.match(head):
        return RecordingKind.BINANCE
    if _looks_like_itch(head):
        return RecordingKind.ITCH
    if not head:
        raise RecordingError(path, cause or "the file is empty")
    why = "neither a Binance recording (`<local ns> <json>` lines) nor an ITCH 5.0 file"
    raise RecordingError(path, f"{why}; {cause}" if cause else why, offset=0)


def lines(path: Path) -> Iterator[Line]:
    """The lines of a Binance recording.

    :raises RecordingError: after the last good line before the damage.
    """
    number, rest = 0, b""
    try:
        for chunk in chunks(path):
            *whole, rest = (rest + chunk).split(b"\n")
            for text in whole:
                number += 1
                yield _line(path, number, text)
            _check_length(path, number + 1, rest)
    except RecordingError as error:
        if error.line is not None:
            raise
        raise RecordingError(path, error.why, line=number + 1, offset=error.offset) from error
    if rest:
        yield _line(path, number + 1, rest)
    elif number == 0:
        raise RecordingError(path, "the file is empty")


def chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes, decompressed if they are gzip (also of several members), in pieces of bounded size.

    :raises RecordingError: it can't be read; or gzip data is truncated, corrupt, or followed by something else.
    """
    try:
        with path.open("rb") as file:
            first = file.read(CHUNK_BYTES)
            if first[:2] == _GZIP:
                yield from _gunzip(path, first, iter(lambda: file.read(CHUNK_BYTES), b""))
                return
            while first:
                yield first
                first = file.read(CHUNK_BYTES)
    except OSError as error:
        raise RecordingError(path, error.strerror or str(error)) from error


def _gunzip(path: Path, data: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress member after member; ``delivered`` counts decompressed bytes for the errors."""
    delivered = 0
    member = zlib.decompressobj(wbits=31)
    while True:
        try:
            out = member.decompress(data, CHUNK_BYTES)
        except zlib.error as error:
            raise RecordingError(path, f"corrupt gzip data ({error})", offset=delivered) from error
        if out:
            delivered += len(out)
            yield out
        if member.eof:
            data = member.unused_data or next(more, b"")
            if not data.strip(b"\0"):  # Padding of tapes and block devices, or the end.
                return
            member = zlib.decompressobj(wbits=31)
        elif member.unconsumed_tail:
            data = member.unconsumed_tail
        elif not (data := next(more, b"")):
            if out:
                continue  # What zlib still holds back comes first.
            raise RecordingError(path, "the gzip data is truncated", offset=delivered)


def _check_length(path: Path, number: int, text: bytes) -> None:
    if len(text) > MAX_LINE_BYTES:
        raise RecordingError(path, f"longer than {MAX_LINE_BYTES} bytes", line=number)


def _line(path: Path, number: int, text: bytes) -> Line:
    stamp, found, body = text.partition(b" ")
    if not found or not _STAMP.fullmatch(stamp) or not body:
        shown = text[:40].decode("ascii", "backslashreplace")
        raise RecordingError(path, f"not of the form `<local ns> <json>`: {shown!r}", line=number)
    return Line(number, int(stamp), body)


def _looks_like_itch(head: bytes) -> bool:
    """The first frames have lengths that fit their types; all that there are, or enough of them."""
    offset = 0
    for _ in range(_ITCH_FRAMES_ENOUGH):
        if offset + 3 > len(head):
            return offset > 0
        length = int.from_bytes(head[offset : offset + 2], "big")
        if length == 0 and offset > 0:
            return True  # The end of the session.
        if _ITCH_LENGTHS.get(head[offset + 2]) != length:
            return False
        offset += 2 + length
    return True
