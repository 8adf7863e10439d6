"""A live feed written to ITCH files, each with an index of sequence numbers and receive times.

A recording is a folder of segments, ``<session>-<first sequence number>.itch`` and ``.itch.index`` beside it. The
segment that is being written is called ``.part``; it is flushed to disk, then renamed when it is full, so a file that
is not called ``.part`` is whole for ever. Blocks go to the file first and to the index then: after a crash,
``recover`` cuts a part back to the last block that both know, and finishes it. Never half a message.

The index is little-endian: a head of 32 bytes (magic, session), then an entry of 32 bytes for each block.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final

import msgspec

from meltica.ticks.errors import RecordingError

MAGIC: Final = b"MLTITCH1"
PART: Final = ".part"
DATA_SUFFIX: Final = ".itch"
INDEX_SUFFIX: Final = ".itch.index"
SEGMENT_BYTES: Final = 1 << 30
_HEAD: Final = Struct("<8s10s14x")
_ENTRY: Final = Struct("<QQQII")


class IndexEntry(msgspec.Struct, frozen=True):
    sequence: int
    """Of the block's first message."""
    offset: int
    """In the data file."""
    time_ns: int
    """When it was received; ns since 1970."""
    count: int
    length: int
    """Bytes in the data file; 0: these messages were lost."""


class SegmentWriter:
    """Appends blocks of framed messages; makes a new segment when one is full or the session changes."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        """:raises RecordingError: the folder can't be made or written."""
        self.finished: list[Path] = []
        self.messages = 0
        self._folder, self._limit = folder, segment_bytes
        self._data: BinaryIO | None = None
        self._index: BinaryIO | None = None
        self._session, self._offset, self._index_end = b"", 0, 0
        self._path = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(folder, error.strerror or str(error)) from error

    def write(self, session: bytes, sequence: int, count: int, block: bytes, time_ns: int) -> None:
        """:raises RecordingError: the disk is full or fails; what was whole stays whole."""
        if self._data is None or session != self._session or self._offset + len(block) > self._limit:
            self.finish()
            self._open(session, sequence)
        self._append(IndexEntry(sequence, self._offset, time_ns, count, len(block)), block)
        self.messages += count

    def lost(self, session: bytes, sequence: int, count: int, time_ns: int) -> None:
        """These messages will not come: the index says so. ``count`` beyond 32 bits takes several entries."""
        if self._data is None or session != self._session:
            self.finish()
            self._open(session, sequence)
        while count:
            part = min(count, 0xFFFF_FFFF)
            self._append(IndexEntry(sequence, self._offset, time_ns, part, 0), b"")
            sequence, count = sequence + part, count - part

    def finish(self) -> None:
        """Close the open segment, for ever."""
        if self._data is None or self._index is None:
            return
        # A write that failed half-way (a full disk) leaves a tail that no entry knows.
        for file, end in ((self._data, self._offset), (self._index, self._index_end)):
            file.truncate(end)
            os.fsync(file.fileno())
            file.close()
        self._data = self._index = None
        self.finished.append(_publish(self._path))

    def _open(self, session: bytes, sequence: int) -> None:
        name = "".join(chr(byte) if chr(byte).isalnum() else "_" for byte in session.strip())
        self._path = self._folder / f"{name}-{sequence:012}{DATA_SUFFIX}"
        if self._path.exists():
            raise RecordingError(self._path, "this segment was recorded before; choose another folder")
        try:
            self._data = _part(self._path).open("xb", buffering=0)
            self._index = _part(_index(self._path)).open("xb", buffering=0)
            self._index.write(_HEAD.pack(MAGIC, session))
        except OSError as error:
            raise RecordingError(self._path, error.strerror or str(error)) from error
        self._session, self._offset, self._index_end = session, 0, _HEAD.size

    def _append(self, entry: IndexEntry, block: bytes) -> None:
        assert self._data is not None  # noqa: S101 - both callers have just opened it
        assert self._index is not None  # noqa: S101
        try:
            _write_all(self._data, block)
            _write_all(self._index, _ENTRY.pack(entry.sequence, entry.offset, entry.time_ns, entry.count, entry.length))
        except OSError as error:
            raise RecordingError(self._path, error.strerror or str(error), offset=self._offset) from error
        self._offset += len(block)
        self._index_end += _ENTRY.size


def recover(folder: Path) -> list[Path]:
    """Finish what a crash left: each part is cut back to the last block that data and index both have, and renamed.

    :raises RecordingError: a part's index is none.
    """
    finished = []
    for part in sorted(folder.glob(f"*{DATA_SUFFIX}{PART}")):
        path = part.with_name(part.name.removesuffix(PART))
        index = _part(_index(path))
        if not index.exists():
            if not _index(path).exists():  # It died between making the two.
                index.write_bytes(_HEAD.pack(MAGIC, b""))
            else:  # It died between the two renames: the data is whole.
                part.rename(path)
                finished.append(path)
                continue
        finished.append(_repair(path, part, index))
    return finished


def read_index(path: Path) -> tuple[bytes, list[IndexEntry]]:
    """The session and the blocks of a segment (``path`` is the data file's).

    :raises RecordingError: there is no index, or it is none.
    """
    index = _index(path)
    try:
        data = index.read_bytes()
    except OSError as error:
        raise RecordingError(index, error.strerror or str(error)) from error
    if data[:8] != MAGIC or (len(data) - _HEAD.size) % _ENTRY.size:
        raise RecordingError(index, "not an index of recorded messages")
    return _HEAD.unpack_from(data)[1], list(_entries(data))


def _entries(data: bytes) -> Iterator[IndexEntry]:
    whole = (len(data) - _HEAD.size) // _ENTRY.size * _ENTRY.size
    for fields in _ENTRY.iter_unpack(data[_HEAD.size : _HEAD.size + max(whole, 0)]):
        yield IndexEntry(*fields)


def _repair(path: Path, part: Path, index: Path) -> Path:
    head = index.read_bytes()
    if len(head) < _HEAD.size:
        head = _HEAD.pack(MAGIC, b"")
        index.write_bytes(head)
    if head[:8] != MAGIC:
        raise RecordingError(index, "not an index of recorded messages")
    size, data_end, index_end = part.stat().st_size, 0, _HEAD.size
    for entry in _entries(head):
        if entry.offset != data_end or entry.offset + entry.length > size:
            break
        data_end += entry.length
        index_end += _ENTRY.size
    for file, end in ((part, data_end), (index, index_end)):
        with file.open("r+b") as opened:
            opened.truncate(end)
            os.fsync(opened.fileno())
    return _publish(path)


def _publish(path: Path) -> Path:
    """The index first: a data file under its own name always has one."""
    _part(_index(path)).rename(_index(path))
    _part(path).rename(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _index(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(DATA_SUFFIX) + INDEX_SUFFIX)


def _part(path: Path) -> Path:
    return path.with_name(path.name + PART)
