#!/usr/bin/env python3
"""meltica-kill: stops every gate of this machine, with nothing but this file and a Python interpreter.

It writes the kill words in the run folder (cython_ext/kill_word.pxd has their layout) and waits until each gate has
said that it read them. No gRPC, no database, no network, nothing of Meltica or of site-packages is imported:
`python3 -I -S kill.py` does it too. It only ever engages; to release takes the control plane and two persons.

Exit code 0: every word is engaged and every living gate has seen it. 1: not all, the lines say which. 2: no kill word.
"""

from __future__ import annotations

import argparse
import mmap
import os
import pwd
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MAGIC, WORD_MAGIC = b"MELTICAS", b"MELTKILL"
LAYOUT_VERSION, KIND, BYTES = 1, 5, 4096
LINE, ENGAGED, RELEASED, BY, REASON = 128, 136, 144, 152, 192
GATES, MAX_GATES, GATE_BYTES = 512, 32, 64
WHO_BYTES, REASON_BYTES, NAME_BYTES = 32, 128, 40
PID_BITS = 22
NAMESPACE = 72
REASON_CODE = 2  # KillReason.KILL_PROGRAM
POLL_S = 0.0002
NAME, ENDING = "kill", ".kill"


class DamagedError(Exception):
    """A file that is no kill word. A gate that reads it is engaged, but nobody can ask it."""


class Word:
    """One kill word, mapped."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        flags = os.O_RDWR if writable else os.O_RDONLY
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            size = os.fstat(fd).st_size
            if size < BYTES:
                raise DamagedError(f"it has {size} bytes, a kill word has {BYTES}")
            self.memory = mmap.mmap(fd, BYTES, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
        finally:
            os.close(fd)
        version, kind = struct.unpack_from("=II", self.memory, 8)
        if self.memory[: len(MAGIC)] != MAGIC or self.memory[LINE : LINE + len(WORD_MAGIC)] != WORD_MAGIC:
            raise DamagedError("its first bytes are not those of a kill word")
        if (version, kind) != (LAYOUT_VERSION, KIND):
            raise DamagedError(f"it is of kind {kind}, layout version {version}, not {KIND} and {LAYOUT_VERSION}")
        # Words are read and written as wholes: one load or store each, not a byte at a time.
        self.words = memoryview(self.memory).cast("Q")

    @property
    def epoch(self) -> int:
        return self.words[ENGAGED // 8]

    @property
    def engaged(self) -> bool:
        return self.words[ENGAGED // 8] != self.words[RELEASED // 8]

    def engage(self, who: str, reason: str) -> int:
        """One store of a number that was never there: wins over a release that is under way, waits for nobody."""
        while True:
            epoch = max(time.time_ns(), self.epoch + 1, self.words[RELEASED // 8] + 1)
            struct.pack_into(f"=II{WHO_BYTES}s", self.memory, BY, REASON_CODE, os.getpid(), cut(who, WHO_BYTES))
            self.memory[REASON : REASON + REASON_BYTES] = cut(reason, REASON_BYTES).ljust(REASON_BYTES, b"\0")
            self.words[ENGAGED // 8] = epoch
            # Equal only if another engaged in the same nanosecond and was released before our store: once more.
            if self.words[RELEASED // 8] != epoch:
                return epoch

    def by(self) -> str:
        code, pid, who = struct.unpack_from(f"=II{WHO_BYTES}s", self.memory, BY)
        reason = text(self.memory[REASON : REASON + REASON_BYTES]) or "no reason given"
        return f"{text(who)} (process {pid}, code {code}): {reason}"

    def gates(self) -> Iterator[Gate]:
        same = self.words[NAMESPACE // 8] == os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - is no file of ours
        for number in range(MAX_GATES):
            gate = Gate(self, GATES + number * GATE_BYTES, same_namespace=same)
            if gate.owner:
                yield gate


class Gate:
    """A gate that is attached to a word."""

    def __init__(self, word: Word, at: int, *, same_namespace: bool) -> None:
        self.word, self.at = word, at
        self.owner = word.words[at // 8 + 1]
        self.pid = self.owner & (1 << PID_BITS) - 1
        self.name = text(word.memory[at + 24 : at + 24 + NAME_BYTES])
        self.same_namespace = same_namespace

    def took(self, epoch: int) -> bool:
        """It has read the word since: nothing that it judges later goes out. The dead send nothing either."""
        return self.word.words[self.at // 8] >= epoch or self.state() == "gone"

    def state(self) -> str:
        """running, stopped (SIGSTOP, a debugger), gone, or unknown."""
        if not self.same_namespace:
            return "in another pid namespace"
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return "gone"
        if int(fields[19]) != self.owner >> PID_BITS or (fields[0] in b"ZX" and int(fields[17]) <= 1):
            return "gone"
        return "stopped" if fields[0] in b"Tt" else "running"

    def line(self, epoch: int) -> str:
        state = self.state()
        seen = self.word.words[self.at // 8] >= epoch
        answer = "has seen it" if seen else "sends nothing" if state == "gone" else "DID NOT ANSWER"
        return f"  gate {self.name} (process {self.pid}, {state}): {answer}"


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    paths, complaints = found(options)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if not paths:
        print("meltica-kill: no kill word, so nothing was stopped; gates without one let nothing out", file=sys.stderr)
        return 2
    fine = not complaints
    words: list[tuple[Word, int]] = []
    # All words first, then the waiting: the last gate is stopped as soon as the first.
    for path in paths:
        try:
            word = Word(path, writable=not options.status)
            words.append((word, word.epoch if options.status else word.engage(options.who, options.reason)))
        except (DamagedError, OSError, ValueError) as error:
            print(f"{path}: NOT ENGAGED: {error}", file=sys.stderr)
            fine = False
    deadline = time.monotonic() + (0 if options.status else options.wait)
    for word, epoch in words:
        fine &= wait_for_gates(word, epoch, deadline)
        fine &= report(word, epoch, status=options.status)
    return 0 if fine else 1


def wait_for_gates(word: Word, epoch: int, deadline: float) -> bool:
    while not all(gate.took(epoch) for gate in word.gates()):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def report(word: Word, epoch: int, *, status: bool) -> bool:
    """False when the word is not engaged after all, or its name leads to another file by now."""
    try:
        replaced = word.path.stat().st_size < BYTES or Word(word.path, writable=False).epoch < epoch
    except (DamagedError, OSError):
        replaced = True
    verb = "is" if status else "was"
    state = f"{verb} engaged" if word.engaged else "IS RELEASED"
    if replaced:
        state += ", BUT THE FILE WAS REPLACED OR REMOVED"
    print(f"{word.path}: {state}, epoch {epoch}, by {word.by()}")
    gates = list(word.gates())
    for gate in gates:
        print(gate.line(epoch))
    if not gates:
        print("  no gate is attached to it")
    return word.engaged and not replaced


def found(options: argparse.Namespace) -> tuple[list[Path], list[str]]:
    """The words that are meant, and what could not be looked into."""
    if options.word:
        return options.word, []
    paths: list[Path] = []
    complaints: list[str] = []
    for root in [options.folder] if options.folder else default_folders():
        try:
            # The folder and those in it: a run folder of several hot processes has one for each
            below = [one for one in root.iterdir() if one.is_dir() and not one.is_symlink() and not is_word(one)]
            for folder in [root, *sorted(below)]:
                paths += sorted(filter(is_word, folder.iterdir()))
        except OSError as error:
            complaints.append(f"{error.filename}: {error.strerror}")
    return paths, complaints


def is_word(path: Path) -> bool:
    return path.name == NAME or path.name.endswith(ENDING)


def default_folders() -> list[Path]:
    """Where run folders are: /dev/shm/meltica, and /dev/shm/meltica-<user id> with or without a name after it."""
    mine = f"meltica-{os.geteuid()}"
    return [
        one
        for one in sorted(Path("/dev/shm").glob("meltica*"))  # noqa: S108 - looked into, not written to
        if one.name in ("meltica", mine) or one.name.startswith(f"{mine}-")
    ]


def parser() -> argparse.ArgumentParser:
    kill = argparse.ArgumentParser(prog="meltica-kill", description="Stops every gate of this machine. Never releases.")
    kill.add_argument(
        "--folder",
        type=Path,
        help="run folder, searched with the folders in it (default: /dev/shm/meltica, /dev/shm/meltica-<user id>*)",
    )
    kill.add_argument("--word", type=Path, action="append", help="one kill word, by its file; may be given again")
    kill.add_argument("--reason", default="", help="why; goes into the word, for those who come to release it")
    kill.add_argument("--who", default=user(), help="who; default: the user that runs this")
    kill.add_argument("--wait", type=float, default=1.0, help="seconds to wait for the gates' answers (1)")
    kill.add_argument("--status", action="store_true", help="engage nothing; exit code 0 if all is engaged and seen")
    return kill


def user() -> str:
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def cut(words: str, size: int) -> bytes:
    """UTF-8, cut at a character."""
    return words.encode(errors="replace")[:size].decode(errors="ignore").encode()


def text(data: bytes) -> str:
    return bytes(data).rstrip(b"\0").decode(errors="replace")


if __name__ == "__main__":
    raise SystemExit(main())
