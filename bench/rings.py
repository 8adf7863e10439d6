"""What shared memory costs: rings between two processes, the kill word, the broadcast, the top-of-book table.

Both processes spin, each on its own core. Floors: a bare ring in Cython (floors/bare_ring.pyx), the same hop in C
(floors/ring_hop.c), a bare word in shared memory. Peer: pyzmq over ipc, a PAIR that echoes; it blocks, as it is used.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter_ns
from typing import Final

import numpy as np
import zmq

from bench.measure import Row, Series, in_turn, row
from bench.ring_echo import BARE_RING_BYTES, ENGAGED, PLAIN_BYTES, RELEASED, ROUND, STAMP, bare_ring, mapped
from meltica.app import kill
from meltica.hot.layout_gen import TopOfBookRecord
from meltica.hot.shared import (
    BroadcastReader,
    BroadcastWriter,
    KillReason,
    KillWord,
    SpscRing,
    TopOfBookReader,
    TopOfBookWriter,
)

ROUND_TRIPS: Final = 20_000
ZMQ_ROUND_TRIPS: Final = 3_000
KILLS: Final = 300
COMMANDS: Final = 5
RECORD: Final = bytes(64)
BATCH: Final = 4_096
BATCHES: Final = 200
LOCATES: Final = 65_536
FLOORS: Final = Path(__file__).parent / "floors"
SEED: Final = 5


def rows(runs: int) -> list[Row]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name, _two_cores() as core:
        bench = RingBench(Path(name), core)
        trips = in_turn({"ours": bench.ours, "bare": bench.bare, "zmq": bench.zmq}, runs)
        hops = in_turn({"ours": lambda: bench.hop("hop_ours"), "bare": lambda: bench.hop("hop_bare")}, runs)
        kills = in_turn({"ours": bench.kill, "bare": bench.bare_kill}, runs)
        commands = in_turn({"ours": bench.command, "bare": bench.interpreter}, runs)
        casts = in_turn({"ours": bench.broadcast, "bare": bench.copy}, runs)
        tops = in_turn({"ours": bench.tops, "bare": bench.gather}, runs)
    floor = "the same in bare C"
    return [
        row(
            "rings: round trip from Python, p50",
            "µs",
            trips["ours"],
            floor=Series("a bare Cython ring", trips["bare"]),
            peer=Series("pyzmq ipc, PAIR", trips["zmq"]),
        ),
        row("rings: round trip in C, p50", "µs", hops["ours"], floor=Series(floor, hops["bare"])),
        row("kill word: engage() to seen by a gate", "µs", kills["ours"], floor=Series("a bare store", kills["bare"])),
        row(
            "kill word: meltica-kill, start to end",
            "ms",
            commands["ours"],
            floor=Series("an interpreter that does nothing", commands["bare"]),
        ),
        row("rings: broadcast, write and read", "ns/record", casts["ours"], floor=Series("two copies", casts["bare"])),
        row("top of book: read", "ns/row", tops["ours"], floor=Series("numpy's take", tops["bare"])),
    ]


class RingBench:
    """Each contender starts its other process anew: two that spin at once would share a core."""

    def __init__(self, folder: Path, other_core: int) -> None:
        self.folder, self.chance, self.other_core = folder, Random(SEED), other_core
        _build(folder)
        self.hop_library = ctypes.CDLL(str(folder / "ring_hop.so"))
        self.writer = BroadcastWriter.create(folder / "cast", slots=2 * BATCH)
        self.reader = BroadcastReader.attach(folder / "cast", start="next")
        self.table = TopOfBookWriter.create(folder / "tops")
        for locate in range(LOCATES):
            self.table.put(locate, TopOfBookRecord(locate, 84, 0, locate, 1, locate + 1, 1, 0, 0, 0).to_bytes())
        self.tops_reader = TopOfBookReader.attach(folder / "tops")
        self.locates = np.array(self.chance.sample(range(LOCATES), LOCATES), np.uint16)
        self.plain_rows = self.tops_reader.read_rows(np.arange(LOCATES, dtype=np.uint16))

    # --- there and back ---

    def ours(self) -> float:
        there = SpscRing.create(self.folder / "there", slots=1024, role="producer", exist_ok=True)
        back = SpscRing.create(self.folder / "back", slots=1024, role="consumer", exist_ok=True)
        with self.other("ours", ROUND_TRIPS):
            found = self._ask(there.push, back.pop)
        there.detach()
        back.detach()
        return found

    def bare(self) -> float:
        memory = mapped(self.folder / "bare", 2 * BARE_RING_BYTES)
        there = bare_ring(self.folder, memory, 0, producer=True)
        back = bare_ring(self.folder, memory, 1, producer=False)
        with self.other("bare", ROUND_TRIPS):
            return self._ask(there.push, back.pop)

    def _ask(self, push: Callable[[bytes], object], pop: Callable[[], bytes | None]) -> float:
        took = []
        for _ in range(ROUND_TRIPS):
            begin = perf_counter_ns()
            push(RECORD)
            while pop() is None:
                pass
            took.append(perf_counter_ns() - begin)
        return median(took) / 1000

    def zmq(self) -> float:
        took = []
        with zmq.Context() as context, context.socket(zmq.PAIR) as pair:
            pair.linger = 0
            pair.bind(f"ipc://{self.folder}/zmq")
            with self.other("zmq", ZMQ_ROUND_TRIPS):
                for _ in range(ZMQ_ROUND_TRIPS):
                    begin = perf_counter_ns()
                    pair.send(RECORD)
                    pair.recv()
                    took.append(perf_counter_ns() - begin)
        return median(took) / 1000

    def hop(self, name: str) -> float:
        memory = mapped(self.folder / "hop", self.hop_library.hop_bytes())
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        took = np.zeros(ROUND_TRIPS, np.int64)
        with self.other(name, ROUND_TRIPS):
            getattr(self.hop_library, name)(
                ctypes.c_void_p(address), 0, ctypes.c_long(ROUND_TRIPS), ctypes.c_void_p(took.ctypes.data)
            )
        return float(np.median(took)) / 1000

    # --- the kill word ---

    def kill(self) -> float:
        """The whole call, from Python: who and why are written before the word."""
        word = KillWord.create(self.folder / "word.kill")
        word.release(word.status()["epoch"])
        plain = np.frombuffer(mapped(self.folder / "plain", PLAIN_BYTES), np.int64)
        with self.other("gate", KILLS):
            return self._kills(plain, lambda: word.engage(KillReason.OPERATOR, "bench", "a drill"), word.release)

    def bare_kill(self) -> float:
        memory = mapped(self.folder / "plain", PLAIN_BYTES)
        plain, words = np.frombuffer(memory, np.int64), memoryview(memory).cast("q")
        epochs = iter(range(1, KILLS + 1))

        def engage() -> int:
            epoch = next(epochs)
            words[ENGAGED] = epoch
            return epoch

        def release(epoch: int) -> None:
            words[RELEASED] = epoch

        with self.other("plain gate", KILLS):
            return self._kills(plain, engage, release)

    def _kills(self, plain: np.ndarray, engage: Callable[[], int], release: Callable[[int], object]) -> float:
        took = []
        for number in range(KILLS):
            wait = perf_counter_ns() + self.chance.randrange(20_000, 200_000)
            # A gate that was not scheduled while the word was released would wait for that, and we for it
            while perf_counter_ns() < wait or plain[ROUND] != number:
                pass
            plain[STAMP] = 0
            begin = perf_counter_ns()
            epoch = engage()
            while (seen := int(plain[STAMP])) == 0:
                pass
            took.append(seen - begin)
            release(epoch)
        return median(took) / 1000

    def command(self) -> float:
        KillWord.create(self.folder / "word.kill")
        return self._commands([str(Path(kill.__file__)), "--folder", str(self.folder)])

    def interpreter(self) -> float:
        return self._commands(["-c", ""])

    def _commands(self, arguments: list[str]) -> float:
        took = []
        for _ in range(COMMANDS):
            begin = perf_counter_ns()
            subprocess.run([sys.executable, "-I", "-S", *arguments], check=True, capture_output=True)
            took.append(perf_counter_ns() - begin)
        return median(took) / 1_000_000

    # --- one writer, many readers ---

    def broadcast(self) -> float:
        batch = RECORD * BATCH
        begin = perf_counter_ns()
        for _ in range(BATCHES):
            self.writer.push_many(batch)
            found = self.reader.pop_many(BATCH)
        spent = perf_counter_ns() - begin
        if len(found) != len(batch) or self.reader.lost:
            raise RuntimeError(f"{len(found)} bytes read, {self.reader.lost} records lost")
        return spent / (BATCH * BATCHES)

    def copy(self) -> float:
        batch, to = np.frombuffer(RECORD * BATCH, np.uint8), np.empty(len(RECORD) * BATCH, np.uint8)
        begin = perf_counter_ns()
        for _ in range(BATCHES):
            np.copyto(to, batch)
            to.tobytes()
        return (perf_counter_ns() - begin) / (BATCH * BATCHES)

    def tops(self) -> float:
        begin = perf_counter_ns()
        found = self.tops_reader.read_rows(self.locates)
        spent = perf_counter_ns() - begin
        if not np.array_equal(found[:, :56], self.plain_rows[self.locates][:, :56]):
            raise RuntimeError("the table's rows are not those that were stored")
        return spent / LOCATES

    def gather(self) -> float:
        begin = perf_counter_ns()
        np.take(self.plain_rows, self.locates, axis=0)
        return (perf_counter_ns() - begin) / LOCATES

    @contextmanager
    def other(self, what: str, rounds: int) -> Iterator[None]:
        """The other process, past its start."""
        command = [sys.executable, "-m", "bench.ring_echo", what, str(self.folder), str(rounds), str(self.other_core)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                if process.stdout.readline() != b"ready\n":
                    raise RuntimeError(f"the other process ({what}) did not start")
                yield
            finally:
                process.kill()


@contextmanager
def _two_cores() -> Iterator[int]:
    """We keep the first, the other process gets the last, which is yielded."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield max(before)
    finally:
        os.sched_setaffinity(0, before)


def _build(folder: Path) -> None:
    flags = ["-O3", "-fno-math-errno", "-shared", "-fPIC"]  # As our own extensions
    subprocess.run(["gcc", *flags, "-o", folder / "ring_hop.so", FLOORS / "ring_hop.c"], check=True)
    source = folder / "bare_ring.c"
    subprocess.run(
        [sys.executable, "-m", "cython", "-3", FLOORS / "bare_ring.pyx", "-o", source], check=True, capture_output=True
    )
    include = f"-I{sysconfig.get_paths()['include']}"
    subprocess.run(["gcc", *flags, include, "-o", folder / "bare_ring.so", source], check=True)
