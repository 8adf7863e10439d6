"""The MoldUDP64 gate in plain Python."""

from struct import Struct
from typing import Final

from meltica.hot.mold import (
    DUPLICATE,
    END_OF_SESSION,
    HEADER_BYTES,
    HEARTBEAT,
    IN_ORDER,
    LAST_SEQUENCE,
    LEAD_BUCKETS,
    LEAD_SLOTS,
    LINES,
    SESSION_BYTES,
    SLOW,
)
from meltica.hot.packets import Receiver

_HEADER: Final = Struct(">10sQH")
_COUNTERS: Final = (
    "packets",
    "wins",
    "messages",
    "duplicates",
    "last_ns",
    "leads",
    "lead_sum_ns",
    "lead_max_ns",
)


class MoldGate:
    """See meltica.hot.mold.MoldGate."""

    def __init__(self) -> None:
        self.session = bytes(SESSION_BYTES)
        self.expected = 0
        self.pending = False
        self.last_line = 0
        self._counts: dict[str, list[int]] = {name: [0] * LINES for name in _COUNTERS}
        self._histogram = [[0] * LEAD_BUCKETS for _ in range(LINES)]
        self._firsts: dict[int, tuple[int, int, int]] = {}

    def open(self, session: bytes, expected: int) -> None:
        if len(session) != SESSION_BYTES:
            raise ValueError(f"a session has {SESSION_BYTES} bytes, not {session!r}")
        if not 0 <= expected <= LAST_SEQUENCE:
            raise ValueError(f"{expected} is no sequence number")
        self.session, self.expected = bytes(session), expected

    def take(self, payload: bytes, line: int, time_ns: int) -> int:
        if not 0 <= line < LINES:
            raise ValueError(f"line {line}: there are {LINES}")
        counts = self._counts
        counts["packets"][line] += 1
        counts["last_ns"][line] = time_ns
        if len(payload) < HEADER_BYTES or not self.expected:
            return SLOW
        session, sequence, count = _HEADER.unpack_from(payload)
        if session != self.session or count in (HEARTBEAT, END_OF_SESSION) or not 0 < sequence <= LAST_SEQUENCE:
            return SLOW
        if sequence + count <= self.expected:
            self._duplicate(sequence, line, time_ns)
            return DUPLICATE
        if sequence != self.expected or self.pending or not _well_formed(payload, count):
            return SLOW
        self.expected += count
        self.credit(sequence, count, line, time_ns)
        return IN_ORDER

    def credit(self, sequence: int, count: int, line: int, time_ns: int) -> None:
        self.last_line = line
        self._counts["wins"][line] += 1
        self._counts["messages"][line] += count
        self._firsts[sequence % LEAD_SLOTS] = (sequence, line, time_ns)

    def gather(self, receiver: Receiver, first: int, line: int) -> tuple[int, bytes, int, int]:
        if not 0 <= line <= LINES - receiver.lines or first < 0:
            raise ValueError(f"line {line}, packet {first}: out of range")
        number, messages, time_ns, blocks = first, 0, 0, []
        while number < receiver.received and not receiver.is_cut(number):
            payload = receiver.packet(number)
            its = line + receiver.line(number)
            verdict = self.take(payload, its, receiver.time_ns(number))
            if verdict == SLOW:
                self._counts["packets"][its] -= 1  # The session will judge it once more: it is one packet, not two
                break
            if verdict == IN_ORDER:
                blocks.append(payload[HEADER_BYTES:])
                messages += int.from_bytes(payload[18:20], "big")
                time_ns = receiver.time_ns(number)
            number += 1
        return number, b"".join(blocks), messages, time_ns

    def counters(self) -> dict[str, list[int]]:
        return {name: list(values) for name, values in self._counts.items()}

    def last_ns(self, line: int) -> int:
        return self._counts["last_ns"][line]

    def lead_histogram(self, line: int) -> list[int]:
        return list(self._histogram[line])

    def _duplicate(self, sequence: int, line: int, time_ns: int) -> None:
        counts = self._counts
        counts["duplicates"][line] += 1
        first, winner, won_ns = self._firsts.get(sequence % LEAD_SLOTS, (0, 0, 0))
        if first != sequence or winner == line or time_ns < won_ns:
            return
        lead = time_ns - won_ns
        counts["leads"][winner] += 1
        counts["lead_sum_ns"][winner] += lead
        counts["lead_max_ns"][winner] = max(counts["lead_max_ns"][winner], lead)
        self._histogram[winner][min(lead.bit_length(), LEAD_BUCKETS - 1)] += 1


def _well_formed(payload: bytes, count: int) -> bool:
    """As many messages as it says, none empty, and nothing behind them."""
    at = HEADER_BYTES
    for _ in range(count):
        length = int.from_bytes(payload[at : at + 2], "big")
        at += 2 + length
        if at > len(payload) or not length:
            return False
    return at == len(payload)
