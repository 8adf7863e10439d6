"""Nasdaq's side of the feed, on this machine: a publisher on two lines that lose, double, delay and reorder by a seed,
and a re-request server. A thread of its own; what it sends is the real protocol."""

from __future__ import annotations

import heapq
import select
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Self

from meltica.venues.nasdaq.moldudp64 import MoldPublisher, RerequestServer

LINGER_S = 0.02


@dataclass(frozen=True)
class LineFaults:
    """Shares from 0 to 1; delays in ns."""

    loss: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    """Share of the packets that others overtake."""
    late_ns: int = 2_000_000
    delay_ns: int = 0
    """Of every packet."""


class NasdaqFeedSimulator:
    """``targets``: (address, port) of A and B, multicast or unicast. Use it as a context manager."""

    def __init__(
        self,
        targets: Iterable[tuple[str, int]],
        *,
        seed: int = 1,
        faults: Iterable[LineFaults] = (),
        session: str = "SIM0000001",
        heartbeat_ns: int = 50_000_000,
        answers: float = 1.0,
        max_payload: int = 1_472,
        interface: str = "127.0.0.1",
    ) -> None:
        self.targets = list(targets)
        self.publisher = MoldPublisher(session, heartbeat_ns=heartbeat_ns, max_payload=max_payload)
        self.server = RerequestServer(self.publisher.store, max_payload=max_payload)
        self.sent = [0] * len(self.targets)
        self.dropped = [0] * len(self.targets)
        self._faults = [*faults, *[LineFaults()] * len(self.targets)][: len(self.targets)]
        self._chance = Random(seed)
        self._answers = answers
        self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        self._out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        self._requests = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._requests.bind((interface, 0))
        self._requests.setblocking(False)
        self._queue: list[tuple[int, int, int, bytes]] = []
        self._number = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nasdaq-feed-simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._out.close()
        self._requests.close()

    @property
    def request_address(self) -> tuple[str, int]:
        host, port = self._requests.getsockname()
        return str(host), int(port)

    def publish(self, messages: Iterable[bytes]) -> None:
        """On both lines, with their faults."""
        with self._lock:
            for packet in self.publisher.publish(messages, time.monotonic_ns()):
                self._broadcast(packet)

    def end(self) -> None:
        """The end of the session; said again with each heartbeat."""
        with self._lock:
            self._broadcast(self.publisher.end(time.monotonic_ns()))

    def _broadcast(self, packet: bytes) -> None:
        now_ns = time.monotonic_ns()
        for line, faults in enumerate(self._faults):
            for _ in range(1 + (self._chance.random() < faults.doubled)):
                if self._chance.random() < faults.loss:
                    self.dropped[line] += 1
                    continue
                late = faults.late_ns if self._chance.random() < faults.late else 0
                self._number += 1
                heapq.heappush(self._queue, (now_ns + faults.delay_ns + late, self._number, line, packet))
        self._send_due(now_ns)

    def _send_due(self, now_ns: int) -> None:
        while self._queue and self._queue[0][0] <= now_ns:
            _, _, line, packet = heapq.heappop(self._queue)
            self._out.sendto(packet, self.targets[line])
            self.sent[line] += 1

    def _run(self) -> None:
        while not self._stopped.is_set():
            select.select([self._requests], [], [], self._pause_s())
            with self._lock:
                now_ns = time.monotonic_ns()
                for packet in self.publisher.tick(now_ns):
                    self._broadcast(packet)
                self._send_due(now_ns)
            self._serve()

    def _pause_s(self) -> float:
        with self._lock:
            due = self._queue[0][0] - time.monotonic_ns() if self._queue else int(LINGER_S * 1e9)
        return min(max(due, 0) / 1e9, LINGER_S)

    def _serve(self) -> None:
        while True:
            try:
                request, client = self._requests.recvfrom(64)
            except BlockingIOError:
                return
            with self._lock:
                answer = self.server.answer(request)
            if answer is not None and self._chance.random() < self._answers:
                self._requests.sendto(answer, client)
