"""The packet receiver in plain Python: the same packets, times and counts, one system call each."""

import errno
import os
import select
import socket
import time
from struct import Struct
from typing import Final

_STAMPS: Final = Struct("=6q")
_DROPS: Final = Struct("=I")
_ANCILLARY: Final = 128
SO_TIMESTAMPING: Final = 37
SO_RXQ_OVFL: Final = 40
MAX_BATCH: Final = 1024
MIN_FRAME, MAX_FRAME = 64, 65536


class UdpReceiver:
    """See cython_ext.udp_receiver."""

    lines: Final = 1

    def __init__(self, fd: int, batch: int = 64, frame_bytes: int = 2048) -> None:
        if not 1 <= batch <= MAX_BATCH:
            raise ValueError(f"batch {batch} is not within 1..{MAX_BATCH}")
        if not MIN_FRAME <= frame_bytes <= MAX_FRAME:
            raise ValueError(f"frame_bytes {frame_bytes} is not within {MIN_FRAME}..{MAX_FRAME}")
        self.batch, self.frame_bytes = batch, frame_bytes
        self._socket = socket.socket(fileno=os.dup(fd))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._packets: list[tuple[bytes, int, bool]] = []
        self._drops_seen = 0
        self._counts = dict.fromkeys(
            ("packets", "bytes", "cut", "kernel_drops", "stamped_by_hardware", "stamped_by_kernel", "stamped_by_clock"),
            0,
        )

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self._socket.close()

    @property
    def received(self) -> int:
        return len(self._packets)

    def receive(self, timeout_ns: int = 0, spin: bool = False) -> int:
        end = time.monotonic_ns() + timeout_ns
        while True:
            self._take()
            left = end - time.monotonic_ns()
            if self._packets or timeout_ns == 0 or (timeout_ns > 0 and left <= 0):
                return len(self._packets)
            if not spin:
                self._poll.poll(100 if timeout_ns < 0 else min(100, left / 1e6))

    def packet(self, number: int) -> bytes:
        return self._packets[self._within(number)][0]

    def time_ns(self, number: int) -> int:
        return self._packets[self._within(number)][1]

    def is_cut(self, number: int) -> bool:
        return self._packets[self._within(number)][2]

    def line(self, number: int) -> int:
        self._within(number)
        return 0

    def counters(self) -> dict[str, int]:
        return dict(self._counts)

    def _within(self, number: int) -> int:
        if not 0 <= number < len(self._packets):
            raise IndexError(number)
        return number

    def _take(self) -> None:
        self._packets = []
        while len(self._packets) < self.batch:
            try:
                data, ancillary, flags, _ = self._socket.recvmsg(self.frame_bytes, _ANCILLARY, socket.MSG_DONTWAIT)
            except OSError as error:
                # A refused send of ours (a request to nobody) is no fault of receiving.
                if error.errno in (errno.EAGAIN, errno.ECONNREFUSED):
                    return
                raise
            stamp = self._stamp(ancillary)
            cut = bool(flags & socket.MSG_TRUNC)
            self._packets.append((data, stamp, cut))
            self._counts["packets"] += 1
            self._counts["bytes"] += len(data)
            self._counts["cut"] += cut

    def _stamp(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        stamp, by = 0, "clock"
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                seconds, nanos, _, _, card_seconds, card_nanos = _STAMPS.unpack_from(data)
                if card_seconds:
                    stamp, by = card_seconds * 10**9 + card_nanos, "hardware"
                elif seconds:
                    stamp, by = seconds * 10**9 + nanos, "kernel"
            elif level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL:
                (drops,) = _DROPS.unpack_from(data)
                self._counts["kernel_drops"] += (drops - self._drops_seen) % (1 << 32)
                self._drops_seen = drops
        self._counts[f"stamped_by_{by}"] += 1
        return stamp or time.time_ns()
