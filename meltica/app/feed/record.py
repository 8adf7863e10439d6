"""``meltica feed record``: a live feed to ITCH segments with their index, and the raw packets to captures."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from meltica.app.feed.live import line_counts
from meltica.hot.live import LiveSource
from meltica.hot.mold import SESSION_BYTES
from meltica.hot.packets import Packet
from meltica.ticks.errors import RecordingError
from meltica.ticks.itch_segments import PART, SEGMENT_BYTES, SegmentWriter, recover
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.mold_events import GapLost, Messages, MoldEvent, SessionEnded, SessionStarted
from meltica.venues.nasdaq.pcap import PcapError, PcapWriter, frames

POLL_NS: Final = 100_000_000
CHUNK_BYTES: Final = 1 << 18
UNKNOWN_SENDER: Final = (bytes(4), 0)


class PacketTee:
    """A packet source that writes what passes to captures, before anybody judges it."""

    live = True

    def __init__(self, source: LiveSource, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.source = source
        self.packets = 0
        self.finished: list[Path] = []
        self._folder, self._limit = folder, segment_bytes
        self._targets = [(socket.inet_aton(host), port) for host, port in source.targets]
        self._file: BinaryIO | None = None
        self._path = folder
        self._size = 0

    @property
    def ended(self) -> bool:
        return self.source.ended

    def receive(self, timeout_ns: int = 0) -> list[Packet]:
        packets = self.source.receive(timeout_ns)
        if packets:
            self._write(packets)
        return packets

    def status(self) -> dict[str, object]:
        return self.source.status()

    def close(self) -> None:
        self.finish()
        self.source.close()

    def finish(self) -> None:
        if self._file is not None:
            self._file.truncate(self._size)  # A write that failed half-way leaves half a frame.
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            Path(f"{self._path}{PART}").rename(self._path)
            self.finished.append(self._path)

    def _write(self, packets: list[Packet]) -> None:
        data = b"".join(
            PcapWriter.record(one.time_ns, one.payload, source=UNKNOWN_SENDER, target=self._targets[one.line])
            for one in packets
        )
        try:
            if self._file is None or self._size + len(data) > self._limit:
                self.finish()
                self._path = self._folder / f"packets-{packets[0].time_ns}.pcap"
                self._file = Path(f"{self._path}{PART}").open("xb", buffering=0)  # noqa: SIM115 - lives on
                self._size = self._file.write(PcapWriter.header())
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise RecordingError(self._path, error.strerror or str(error)) from error
        self._size += len(data)
        self.packets += len(packets)


def recover_folder(folder: Path) -> list[Path]:
    """Finish what an earlier recording left when it was killed: segments and captures."""
    finished = recover(folder) if folder.is_dir() else []
    for part in sorted(folder.glob(f"*.pcap{PART}")):
        end = len(PcapWriter.header())
        with part.open("r+b") as file:
            try:
                for frame in frames(iter(lambda: file.read(CHUNK_BYTES), b"")):
                    end = frame.offset + 16 + len(frame.data)
            except PcapError:
                pass  # The last frame was not whole; that is what this is for.
            if part.stat().st_size < end:
                file.seek(0)
                file.write(PcapWriter.header())
            file.truncate(end)
            os.fsync(file.fileno())
        path = part.with_name(part.name.removesuffix(PART))
        part.rename(path)
        finished.append(path)
    return finished


class Recorder:
    def __init__(self, feed: NasdaqFeed, writer: SegmentWriter, say: Callable[[str], None]) -> None:
        self.feed, self.writer, self._say = feed, writer, say
        self.stop = False
        self._session = b""

    def run(self, seconds: float, messages: int) -> None:
        """Until the session ends, ``stop`` is set, so many seconds have passed, or so many messages came."""
        end = time.monotonic() + seconds if seconds else float("inf")
        while not self.stop and not self.feed.ended and time.monotonic() < end:
            for event in self.feed.poll(POLL_NS):
                self._take(event)
            if messages and self.writer.messages >= messages:
                return

    def summary(self) -> dict[str, Any]:
        counts = self.feed.session.counts
        return {
            "messages": self.writer.messages,
            "files": [path.name for path in self.writer.finished],
            "gaps": counts["gaps"],
            "messages_lost": counts["messages_lost"],
            "malformed": counts["malformed"],
            "lines": line_counts(self.feed),
        }

    def _take(self, event: MoldEvent) -> None:
        if isinstance(event, Messages):
            self.writer.write(self._session, event.sequence, event.count, event.block, event.time_ns)
        elif isinstance(event, GapLost):
            self.writer.lost(self._session, event.sequence, event.count, event.time_ns)
            self._say(f"lost {event.count} messages from {event.sequence}: {event.why}")
        elif isinstance(event, SessionStarted):
            self._session = event.session.encode("latin-1").ljust(SESSION_BYTES)
            self._say(f"session {event.session} from {event.sequence} on")
        elif isinstance(event, SessionEnded):
            self._say(f"session {event.session} ended before {event.next_sequence}")
            self.writer.finish()
        else:
            self._say(str(event))
