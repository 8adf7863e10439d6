"""The kill word of the Python backend, over the same memory. Compiled: cython_ext/kill_word.pyx.

Engaged means that `engaged_epoch` and `released_epoch` differ; a release names the engagement that it releases.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any, Final, Self

from meltica.hot.shared_segment_twin import (
    KILL_WORD,
    WORD,
    Segment,
    SegmentError,
    Shape,
    alive,
    open_segment,
    pid_of,
)

KILL_MAGIC: Final = int.from_bytes(b"MELTKILL", "little")
MAX_GATES: Final = 32
LINE: Final = 128
REASON, RELEASE, GATES, BYTES = 192, 320, 512, 4_096
WHO_BYTES, REASON_BYTES, NAME_BYTES, GATE_BYTES = 32, 128, 40, 64
REASON_STARTUP: Final = 1
SHAPE: Final = Shape(KILL_WORD, 64, 1, MAX_GATES, BYTES)
MAGIC, ENGAGED, RELEASED = (LINE // WORD + at for at in range(3))
BY: Final = LINE + 3 * WORD
"""Reason code and pid as two u32, then who."""


class KillWord:
    segment: Segment | None
    broken: str | None
    _gate = 0
    """Index of the word that it echoes to."""
    _mine = 0
    _echoed = 0

    @classmethod
    def create(cls, path: str | Path, *, gate: str | None = None, lock: bool = False) -> Self:
        """The word that is there, as it is; a new one is engaged. SegmentError when what is there is no kill word."""
        return cls(open_segment(path, SHAPE, exist_ok=True, fill=_engage_from_birth, lock=lock), gate)

    @classmethod
    def attach(cls, path: str | Path, *, gate: str | None = None, lock: bool = False) -> Self:
        return cls(Segment.attach(path, KILL_WORD, lock=lock), gate)

    @classmethod
    def missing(cls, why: str) -> Self:
        """The word of a gate that could not attach to one: engaged for good."""
        word = cls.__new__(cls)
        word.segment, word.broken = None, why
        return word

    def __init__(self, segment: Segment, gate: str | None = None) -> None:
        self.broken = None
        if segment.data_size < BYTES or segment.lanes != MAX_GATES:
            raise SegmentError(f"{segment.path} has {segment.data_size} bytes, a kill word has {BYTES}")
        self.segment = segment
        if gate is not None:
            self._take_gate(segment, gate)

    def __del__(self) -> None:
        self.detach()

    def detach(self) -> None:
        """A gate's leave: it reads on, but is no longer waited for."""
        if self._mine and self.segment is not None:
            self.segment.leave_place(self._gate + 1, self._mine)
            self._mine = 0

    def is_engaged(self) -> bool:
        """A gate echoes what it has read."""
        if self.segment is None:
            return True
        words = self.segment.words
        released, epoch = words[RELEASED], words[ENGAGED]
        if epoch != self._echoed:
            self._echoed = epoch
            if self._mine:
                words[self._gate] = epoch
        return released != epoch or words[MAGIC] != KILL_MAGIC or self.broken is not None

    def verify(self) -> bool:
        """False, and engaged for good, once the file was removed, replaced or cut short."""
        if self.broken is None and self.segment is not None and not self.segment.is_current():
            self.broken = f"{self.segment.path} was removed, replaced or cut short"
        return self.broken is None

    def engage(self, reason_code: int, who: str = "", reason: str = "") -> int:
        """Returns the epoch, which a release must name. Engaging an engaged word gives it a new epoch."""
        segment = self._there()
        words = segment.words
        while True:
            epoch = max(time.time_ns(), words[ENGAGED] + 1, words[RELEASED] + 1)
            _say_who(segment, reason_code, who, reason)
            words[ENGAGED] = epoch
            if words[RELEASED] != epoch:  # Equal only if another had the same epoch and was released before our store
                break
        if not self.verify():
            raise SegmentError(f"engaged, but who attaches from now on does not see it: {self.broken}")
        return epoch

    def release(self, epoch: int, who: str = "") -> bool:
        """Of the engagement ``epoch`` alone. False when there has been another since: the word stays engaged."""
        segment = self._there()
        if not self.verify():
            raise SegmentError(f"not released: {self.broken}")
        if segment.words[ENGAGED] != epoch:
            return False
        segment.memory[RELEASE : RELEASE + WORD + WHO_BYTES] = epoch.to_bytes(WORD, "little") + _text(who, WHO_BYTES)
        segment.words[RELEASED] = epoch
        return bool(segment.words[ENGAGED] == epoch)

    def status(self) -> dict[str, Any]:
        """What the word says, and of each gate whether it lives and has seen it."""
        if self.segment is None:
            return {"engaged": True, "epoch": 0, "reason": self.broken, "gates": []}
        words, memory = self.segment.words, self.segment.memory
        released, epoch = words[RELEASED], words[ENGAGED]
        code, pid, who = struct.unpack_from(f"=II{WHO_BYTES}s", memory, BY)
        return {
            "engaged": released != epoch or words[MAGIC] != KILL_MAGIC or self.broken is not None,
            "epoch": epoch,
            "released_epoch": released,
            "reason_code": code,
            "pid": pid,
            "who": _read(who),
            "reason": _read(bytes(memory[REASON : REASON + REASON_BYTES])),
            "gates": [one for number in range(MAX_GATES) if (one := _gate_status(self.segment, number))],
        }

    def _there(self) -> Segment:
        if self.segment is None:
            raise SegmentError(f"there is no kill word: {self.broken}")
        return self.segment

    def _take_gate(self, segment: Segment, name: str) -> None:
        if not 1 <= len(name.encode()) <= NAME_BYTES:
            raise SegmentError(f"a gate's name has 1..{NAME_BYTES} bytes, not {name!r}")
        for one in filter(None, (_gate_status(segment, number) for number in range(MAX_GATES))):
            if one["alive"] and one["name"] == name:
                raise SegmentError(f"{segment.path} has a gate {name!r} already: process {one['pid']}, which lives")
        for number in range(MAX_GATES):
            at = GATES + number * GATE_BYTES
            if alive(segment.words[at // WORD + 1]):
                continue
            segment.take_place(at // WORD + 1, "gate")
            segment.words[at // WORD] = 0
            segment.memory[at + 3 * WORD : at + GATE_BYTES] = _text(name, NAME_BYTES)
            self._gate, self._mine = at // WORD, segment.words[at // WORD + 1]
            return
        raise SegmentError(f"{segment.path} has {MAX_GATES} living gates, there is no room for {name!r}")


def _gate_status(segment: Segment, number: int) -> dict[str, Any] | None:
    at = GATES + number * GATE_BYTES
    held, seen = segment.words[at // WORD + 1], segment.words[at // WORD]
    if not held:
        return None
    name = _read(bytes(segment.memory[at + 3 * WORD : at + GATE_BYTES]))
    return {"name": name, "pid": pid_of(held), "alive": alive(held), "epoch": seen}


def _engage_from_birth(segment: Segment) -> None:
    segment.words[ENGAGED] = time.time_ns()
    _say_who(segment, REASON_STARTUP, "system:startup", "a new kill word is engaged until it is released")
    segment.words[MAGIC] = KILL_MAGIC


def _say_who(segment: Segment, code: int, who: str, reason: str) -> None:
    struct.pack_into(f"=II{WHO_BYTES}s", segment.memory, BY, code, os.getpid(), _text(who, WHO_BYTES))
    segment.memory[REASON : REASON + REASON_BYTES] = _text(reason, REASON_BYTES)


def _text(text: str, size: int) -> bytes:
    """UTF-8, cut at a character, filled up with zeros."""
    return text.encode()[:size].decode(errors="ignore").encode().ljust(size, b"\0")


def _read(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")
