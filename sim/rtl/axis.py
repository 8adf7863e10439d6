"""Words of the card's streams (axis_word_t): frames to words and back, and a source and a sink with stalls."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

WORD_BYTES = 8
KEEP_AT, LAST_AT, ERROR_AT = 64, 72, 73


def word(data: int, *, keep: int = 0xFF, last: bool = False, error: bool = False) -> int:
    """The bits of axis_word_t: error, last, keep, data, from the top."""
    return error << ERROR_AT | last << LAST_AT | keep << KEEP_AT | data


def words(frame: bytes, *, error: bool = False) -> list[int]:
    """A frame as words, its first byte in bits 7:0 of the first; `error` goes with the last word."""
    if not frame:
        raise ValueError("a frame of no bytes has no last word")
    chunks = [frame[at : at + WORD_BYTES] for at in range(0, len(frame), WORD_BYTES)]
    packed = [word(int.from_bytes(chunk, "little"), keep=(1 << len(chunk)) - 1) for chunk in chunks]
    packed[-1] |= 1 << LAST_AT | error << ERROR_AT
    return packed


def is_last(packed: int) -> bool:
    return bool(packed >> LAST_AT & 1)


def is_error(packed: int) -> bool:
    return bool(packed >> ERROR_AT & 1)


def frame(packed: Iterable[int]) -> bytes:
    """The bytes of one frame; raises on a keep with holes, on a short word before the last, and on a missing last."""
    parts, ended = [], False
    for each in packed:
        if ended:
            raise ValueError("words after the last word of a frame")
        ended, keep = is_last(each), each >> KEEP_AT & 0xFF
        count = keep.bit_length()
        if keep != (1 << count) - 1 or not count or (count < WORD_BYTES and not ended):
            raise ValueError(f"keep {keep:#04x} in {'the last' if ended else 'a middle'} word")
        parts.append((each & (1 << KEEP_AT) - 1).to_bytes(WORD_BYTES, "little")[:count])
    if not ended:
        raise ValueError("a frame without a last word")
    return b"".join(parts)


class WordSource:
    """Drives valid and word, obeys ready if there is one. `idle` yields True for each cycle to leave empty."""

    def __init__(
        self, clk: Any, valid: Any, signal: Any, ready: Any = None, idle: Iterator[bool] | None = None
    ) -> None:
        self.clk, self.valid, self.signal, self.ready, self.idle = clk, valid, signal, ready, idle
        self.queue: deque[int] = deque()
        self.valid.value = 0
        self.signal.value = 0
        cocotb.start_soon(self._run())

    def send(self, content: bytes, *, error: bool = False) -> None:
        self.queue.extend(words(content, error=error))

    async def drained(self) -> None:
        """Until the last word has been taken."""
        while self.queue:
            await RisingEdge(self.clk)

    async def _run(self) -> None:
        offered = False
        while True:
            await RisingEdge(self.clk)
            if offered and (self.ready is None or int(self.ready.value)):
                self.queue.popleft()
                offered = False
            if not offered and self.queue and not (self.idle is not None and next(self.idle)):
                offered = True
                self.signal.value = self.queue[0]
            self.valid.value = int(offered)


class WordSink:
    """Takes words; `stall` yields True for each cycle in which it isn't ready. Whole frames wait in `frames`.

    Raises in the simulation when valid is withdrawn, or the word changed, before it was taken. While `reset` (rst_ni)
    is 0 it sees nothing: registers begin with random bits.
    """

    def __init__(
        self,
        clk: Any,
        valid: Any,
        signal: Any,
        ready: Any = None,
        stall: Iterator[bool] | None = None,
        *,
        reset: Any,
    ) -> None:
        self.clk, self.valid, self.signal, self.ready, self.stall = clk, valid, signal, ready, stall
        self.reset = reset
        self.frames: deque[bytes] = deque()
        self.errors: deque[bool] = deque()
        self.words_taken = 0
        if ready is not None:
            ready.value = 0
        cocotb.start_soon(self._run())

    async def receive(self) -> bytes:
        while not self.frames:
            await RisingEdge(self.clk)
        self.errors.popleft()
        return self.frames.popleft()

    async def _run(self) -> None:
        ready, held = self.ready is None, -1
        gathered: list[int] = []
        while True:
            await RisingEdge(self.clk)
            if not int(self.reset.value):
                held = -1
                continue
            valid = int(self.valid.value)
            now = int(self.signal.value) if valid else -1
            assert held in (-1, now), "a word that was offered was withdrawn or changed before it was taken"
            held = -1 if ready else now
            if valid and ready:
                self.words_taken += 1
                gathered.append(now)
                if is_last(now):
                    self.errors.append(is_error(now))
                    self.frames.append(frame(gathered))
                    gathered = []
            if self.ready is not None:
                ready = not (self.stall is not None and next(self.stall))
                self.ready.value = int(ready)
