"""``meltica feed replay``: a recording published again as MoldUDP64, at its own pace or another, on two lines."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from meltica.domain.errors import FieldError
from meltica.hot.udp import UdpError, is_multicast, parse_target
from meltica.ticks.errors import RecordingError
from meltica.ticks.recording import chunks
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.feed_sources import ItchFileSource, PcapSource, file_messages, message_time_ns
from meltica.venues.nasdaq.itch_messages import ItchMessageError, split
from meltica.venues.nasdaq.mold_events import FILE_LIMITS, Messages
from meltica.venues.nasdaq.mold_session import MoldSession
from meltica.venues.nasdaq.moldudp64 import MAX_PAYLOAD, MoldPublisher, RerequestServer
from meltica.venues.nasdaq.pcap import PcapError, is_capture

AT_ONCE: Final = 1_000
"""Messages that are published together when they are due together."""
END_REPEATS_NS: Final = 200_000_000
REQUEST_BYTES: Final = 64


class Publication:
    """The sockets of a replay: lines out, requests in."""

    def __init__(
        self,
        targets: Iterable[str],
        publisher: MoldPublisher,
        *,
        interface: str = "",
        ttl: int = 1,
        rerequest: str = "",
    ) -> None:
        """:raises FieldError, UdpError: an address that is none, or can't be used."""
        self.publisher = publisher
        self.server = RerequestServer(publisher.store)
        self.packets = 0
        self.unsent = 0
        self._targets = [parse_target(target) for target in targets]
        self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._requests = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if rerequest else None
        try:
            if interface:
                self._out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
            if any(is_multicast(host) for host, _ in self._targets):
                self._out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            if self._requests is not None:
                self._requests.bind(parse_target(rerequest))
                self._requests.setblocking(False)
        except OSError as error:
            self.close()
            raise UdpError(
                f"can't publish (interface {interface!r}, {rerequest}): {error.strerror or error}"
            ) from error

    def send(self, packets: Iterable[bytes]) -> None:
        for packet in packets:
            for target in self._targets:
                try:
                    self._out.sendto(packet, target)
                except OSError:  # A full queue, or nobody there: the receiver asks again.
                    self.unsent += 1
            self.packets += 1

    def pause(self, seconds: float) -> None:
        """So long, serving requests and saying heartbeats meanwhile."""
        end = time.monotonic() + seconds
        while True:
            deadline = self.publisher.next_deadline_ns()
            due = (deadline - time.monotonic_ns()) / 1e9 if deadline is not None else 0.0
            left = end - time.monotonic()
            ready = select.select([self._requests] if self._requests else [], [], [], max(min(due, left), 0))[0]
            if ready:
                self.serve()
            self.send(self.publisher.tick(time.monotonic_ns()))
            if time.monotonic() >= end:
                return

    def serve(self) -> None:
        """Answer the requests that are there."""
        while self._requests is not None:
            try:
                request, client = self._requests.recvfrom(REQUEST_BYTES)
            except OSError:
                return
            answer = self.server.answer(request)
            if answer is not None:
                self._requests.sendto(answer, client)

    def close(self) -> None:
        self._out.close()
        if self._requests is not None:
            self._requests.close()


def parse_speed(text: str) -> float | None:
    """A factor, or None for as fast as can be.

    :raises FieldError: neither.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise FieldError("--speed", text, "a factor above 0 (1 is the recorded pace), or max")
    return speed


def replay(path: Path, publication: Publication, speed: float | None, linger_s: float) -> dict[str, Any]:
    """Publish all of it, then the end of the session; requests are served for ``linger_s`` more.

    :raises RecordingError: the file is damaged; what was good before was published, and the session ended.
    """
    publisher, begin = publication.publisher, time.monotonic()
    try:
        for messages, wait_s in _paced(timed_messages(path), speed):
            if wait_s > 0:
                publication.pause(wait_s)
            publication.send(publisher.publish(messages, time.monotonic_ns()))
            publication.serve()
    finally:
        took = time.monotonic() - begin
        publication.send([publisher.end(time.monotonic_ns())])
        end = time.monotonic() + linger_s
        while time.monotonic() < end:
            publication.pause(min(END_REPEATS_NS / 1e9, linger_s))
            publication.send([publisher.end(time.monotonic_ns())])
    return {
        "messages": publisher.next_sequence - 1,
        "packets": publication.packets,
        "unsent": publication.unsent,
        "seconds": round(took, 3),
        "requests": publication.server.counts,
    }


def timed_messages(path: Path) -> Iterator[tuple[int, bytes]]:
    """(time in ns, message) of an ITCH file, by its own timestamps, or of a capture, by when it was taken.

    :raises RecordingError: after the last good message before the damage.
    """
    head = next(chunks(path), b"")
    if not head:
        raise RecordingError(path, "the file is empty")
    try:
        if is_capture(head):
            yield from _captured(path)
            return
        last_ns = 0
        for message in file_messages(chunks(path)):
            last_ns = message_time_ns(message, last_ns)
            yield last_ns, message
    except (ItchMessageError, PcapError) as error:
        raise RecordingError(path, str(error)) from error


def open_file(path: Path) -> PcapSource | ItchFileSource:
    """A capture or an ITCH file as a packet source.

    :raises RecordingError: it can't be read, or is empty.
    """
    head = next(chunks(path), b"")
    if not head:
        raise RecordingError(path, "the file is empty")
    return PcapSource(chunks(path)) if is_capture(head) else ItchFileSource(chunks(path))


def _captured(path: Path) -> Iterator[tuple[int, bytes]]:
    """Both lines of a capture put together; gaps in it are gone past."""
    session = MoldSession(limits=FILE_LIMITS)
    feed = NasdaqFeed(PcapSource(chunks(path)), session)
    while not feed.source.ended:
        for event in feed.poll():
            if isinstance(event, Messages):
                for message in split(event.block):
                    yield event.time_ns, message


def _paced(timed: Iterable[tuple[int, bytes]], speed: float | None) -> Iterator[tuple[list[bytes], float]]:
    """(messages that go out together, how long to wait before)."""
    chosen: list[bytes] = []
    begin = time.monotonic()
    first_ns: int | None = None
    for time_ns, message in timed:
        first_ns = time_ns if first_ns is None else first_ns
        due = begin + (time_ns - first_ns) / 1e9 / speed if speed else begin
        if chosen and (due > time.monotonic() or len(chosen) >= AT_ONCE):
            yield chosen, 0.0
            chosen = []
        wait = due - time.monotonic()
        if wait > 0:
            yield [], wait
        chosen.append(message)
    if chosen:
        yield chosen, 0.0


def new_publisher(session: str) -> MoldPublisher:
    """:raises MoldError: a session name that is none."""
    return MoldPublisher(session, max_payload=MAX_PAYLOAD)
