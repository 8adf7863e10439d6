"""ITCH 5.0 files as decoded batches, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from meltica.hot import ItchDecoder
from meltica.hot.itch import ItchBatch
from meltica.ticks.errors import RecordingError
from meltica.ticks.recording import chunks


def batches(path: Path, decoder: ItchDecoder | None = None) -> Iterator[ItchBatch]:
    """Every message of the file, in order. A batch is valid until the next one is asked for.

    :raises RecordingError: after the last good message before the damage.
    """
    return decoded(path, chunks(path), decoder)


def decoded(path: Path, pieces: Iterator[bytes], decoder: ItchDecoder | None = None) -> Iterator[ItchBatch]:
    """The same from the file's bytes in pieces of any size."""
    decoder = ItchDecoder() if decoder is None else decoder
    rest, begin = b"", 0
    """Bytes of a message that is not complete yet, and where in the file they begin."""
    for chunk in pieces:
        buffer = rest + chunk
        offset = 0
        while offset < len(buffer):
            batch = decoder.decode(buffer, offset)
            if len(batch):
                yield batch
            offset = batch.next_offset
            if batch.error is not None:
                if not _is_cut(buffer, offset):
                    raise RecordingError(path, batch.error.reason, offset=begin + offset)
                break
            if batch.finished and offset < len(buffer):
                raise RecordingError(path, "something follows the end of the session", offset=begin + offset)
        rest, begin = buffer[offset:], begin + offset
    if rest:
        raise RecordingError(path, "the last message is cut off", offset=begin)
    if begin == 0:
        raise RecordingError(path, "the file is empty")


def _is_cut(buffer: bytes, offset: int) -> bool:
    """Does the buffer end within the message at ``offset``, so that more of it may come?"""
    have = len(buffer) - offset
    return have < 3 or have < 2 + int.from_bytes(buffer[offset : offset + 2], "big")  # noqa: PLR2004 - length and type
