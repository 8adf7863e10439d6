"""The judges' side of the disk: the shim, its trace, and what a power loss may leave of a file."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from meltica.journal.reader import SqliteReader, entries
from meltica.journal.verify import verify
from tests.chaos.journal_victim import payload_of

REPOSITORY = Path(__file__).parents[2]
SECTOR_BYTES = 512
_RECORD = struct.Struct("<cBHqI")


class Event(NamedTuple):
    """``kind``: w(rite), t(runcate), s(ync), u(nlink), a(cknowledgement)."""

    kind: str
    failed: bool
    path: str
    offset: int
    data: bytes


def build_shim(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "the disk faults need a C compiler, as the extensions do: apt-get install gcc"
    library, source = folder / "journal_shim.so", Path(__file__).with_name("journal_shim.c")
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror"]
    subprocess.run([compiler, *flags, "-o", str(library), str(source), "-ldl", "-pthread"], check=True)
    return library


@dataclass
class Victim:
    """One journal and the process that writes it."""

    journal: Path
    acks: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, entries: int, in_flight: int, *extra: str, **popen: object) -> subprocess.Popen[bytes]:
        arguments = [str(self.journal), str(self.acks), str(entries), str(in_flight), *extra]
        command = [sys.executable, "-W", "error", "-m", "tests.chaos.journal_victim", *arguments]
        environment = os.environ | self.environment
        return subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, **popen)

    def run(self, entries: int, in_flight: int, *extra: str, **popen: object) -> tuple[int, str]:
        with self.start(entries, in_flight, *extra, **popen) as process:
            _, errors = process.communicate(timeout=120)
        return process.returncode, errors.decode()

    def promised(self) -> tuple[set[int], int]:
        """The seqs that were acknowledged, and how often a failure was told."""
        lines = self.acks.read_bytes().split(b"\n") if self.acks.exists() else []
        return {int(line) for line in lines if line.isdigit()}, lines.count(b"failed")


def broken_promises(journal: Path, promised: set[int]) -> list[int]:
    """Seqs that were acknowledged and are not there, or not as written; and the chain must verify."""
    report = verify(journal)
    assert report.ok, [str(problem) for problem in report.problems]
    with SqliteReader(journal) as source:
        there = {entry.seq for entry in entries(source) if entry.payload == payload_of(entry.seq)}
    return sorted(promised - there)


def read_trace(path: Path) -> list[Event]:
    text, events, at = path.read_bytes(), [], 0
    while at < len(text):
        kind, failed, path_bytes, offset, data_bytes = _RECORD.unpack_from(text, at)
        at += _RECORD.size
        name = text[at : at + path_bytes].decode()
        data = text[at + path_bytes : at + path_bytes + data_bytes]
        at += path_bytes + data_bytes
        events.append(Event(kind.decode(), bool(failed), name, offset, data))
    return events


@dataclass
class DiskFile:
    """A file as the disk has it (flushed), and what was written since and may be lost, torn or kept, in any mixture."""

    flushed: bytearray
    unflushed: list[Event] = field(default_factory=list)

    def take(self, event: Event) -> None:
        if event.kind == "u":  # At once: losing an unlink is losing nothing of a journal
            self.flushed, self.unflushed = bytearray(), []
        elif event.kind == "s":
            for waiting in self.unflushed:
                _apply(self.flushed, waiting.kind, waiting.offset, waiting.data)
            self.unflushed = []
        else:
            self.unflushed.append(event)

    def after_power_loss(self, dice: random.Random) -> bytes:
        image, keep = bytearray(self.flushed), dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        for event in self.unflushed:
            if event.kind == "t":
                if dice.random() < keep:
                    _apply(image, "t", event.offset, b"")
                continue
            for offset, piece in _sectors(event):
                if dice.random() < keep:
                    _apply(image, "w", offset, piece)
                elif dice.random() < 0.1:
                    _apply(image, "w", offset, dice.randbytes(len(piece)))  # Torn inside the sector
        return bytes(image)


def _sectors(event: Event) -> list[tuple[int, bytes]]:
    pieces, start = [], event.offset
    end = event.offset + len(event.data)
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        pieces.append((start, event.data[start - event.offset : stop - event.offset]))
        start = stop
    return pieces


def _apply(image: bytearray, kind: str, offset: int, data: bytes) -> None:
    if kind == "t":
        del image[offset:]
        return
    image.extend(bytes(max(0, offset - len(image))))
    image[offset : offset + len(data)] = data
